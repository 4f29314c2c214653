/*
 * single_peer.h - a peer of a codec for one request on each connection.
 */
#ifndef PD_TEST_SINGLE_PEER_H
#define PD_TEST_SINGLE_PEER_H

#include <stdlib.h>

#include "check.h"
#include "codec/codec.h"
#include "codec/response.h"

struct peer {
    _Alignas(16) char state[PD_CODEC_STATE_MAX];
    const struct pd_codec *codec;
    struct pd_limits limits;
    struct pd_codec_options options;
    struct pd_scratch scratch;
};

static inline void peer_init(struct peer *p)
{
    memset(p->state, 0x5a, sizeof p->state); /* init may not rely on zeroes */
    p->codec->init(p->state, &p->limits, &p->options);
}

static inline struct peer *peer_new(const struct pd_codec *codec)
{
    struct peer *p = malloc(sizeof *p);
    if (!p)
        abort();
    p->codec = codec;
    p->limits = PD_LIMITS_DEFAULT;
    p->options = (struct pd_codec_options){ .packet = 0 };
    peer_init(p);
    return p;
}

/* One event from the unconsumed bytes, which are cut off `in` as far as they were used. */
static inline struct pd_event next(struct peer *p, struct pd_slice *in)
{
    struct pd_event ev;
    size_t used = SIZE_MAX;
    p->codec->next(p->state, *in, &used, &p->scratch, &ev);
    CHECK(used <= in->n);
    *in = pd_slice_from(*in, used);
    return ev;
}

/* Input that is refused, at once or behind PD_EV_OPEN. */
struct refused {
    struct pd_slice in;
    bool opened;
    enum pd_reason reason;
};

/* A fatal error takes nothing of its input, and is the same when the codec is asked again. */
static inline void check_refused(const struct pd_codec *codec, const struct refused *cases, size_t n)
{
    struct peer *p = peer_new(codec);
    for (size_t i = 0; i < n; i++) {
        struct pd_slice in = cases[i].in;
        peer_init(p);
        if (cases[i].opened)
            CHECK_INT(next(p, &in).kind, PD_EV_OPEN);
        for (int again = 0; again < 2; again++) {
            struct pd_event ev = next(p, &in);
            CHECK(ev.kind == PD_EV_BAD && ev.fatal);
            CHECK_INT(ev.reason, cases[i].reason);
            CHECK_INT(in.n, cases[i].in.n);
        }
    }
    free(p);
}

#endif
