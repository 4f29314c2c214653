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

#endif
