/*
 * single_checks.h - what SCGI, uwsgi and CGI must do alike (codec/single.h): where the input may end, what becomes of
 * bytes behind the request, and how a response is framed.
 */
#ifndef PD_TEST_SINGLE_CHECKS_H
#define PD_TEST_SINGLE_CHECKS_H

#include "single_peer.h"

/* A request as a codec reads it: a head alone, and one that announces five bytes. */
struct sample {
    const struct pd_codec *codec;
    struct pd_slice hello;
    struct pd_slice upload;
    struct pd_slice label; /* what stands before the status of a response */
};

static inline void check_boundary(const struct sample *s)
{
    char bytes[200];
    struct peer *p = peer_new(s->codec);
    size_t all = (size_t)(pd_put(pd_put(bytes, s->upload), PD_SLICE("hello")) - bytes);
    for (size_t n = 0; n <= all; n++) {
        peer_init(p);
        struct pd_slice in = pd_slice(bytes, n);
        while (next(p, &in).kind != PD_EV_MORE)
            continue;
        if (p->codec->at_boundary(p->state) != (n == 0 || n == all))
            CHECK_INT(n, -1);
    }
    free(p);
}

static inline void check_surplus(const struct sample *s)
{
    struct peer *p = peer_new(s->codec);
    struct pd_slice in = s->hello;
    CHECK_INT(next(p, &in).kind, PD_EV_OPEN);
    CHECK_INT(next(p, &in).kind, PD_EV_HEAD);
    CHECK_INT(next(p, &in).kind, PD_EV_BODY_END);
    for (int i = 0; i < 2; i++) {
        in = s->hello;
        struct pd_event ev = next(p, &in);
        CHECK(ev.kind == PD_EV_MORE && ev.surplus);
        CHECK_INT(in.n, 0);
    }
    free(p);
}

static inline void check_end_of_response(const struct sample *s)
{
    char dst[PD_END_MAX];
    char bytes[200];
    for (int dropped = 0; dropped < 2; dropped++) {
        struct peer *p = peer_new(s->codec);
        struct pd_slice in = pd_slice(bytes, (size_t)(pd_put(pd_put(bytes, s->upload), PD_SLICE("he")) - bytes));
        while (next(p, &in).kind != PD_EV_BODY)
            continue;
        if (dropped)
            p->codec->drop(p->state, 1);
        else
            CHECK_INT(p->codec->put_end(p->state, 1, NULL, dst), 0);
        /* the rest of the body, and a request in its clothes */
        in = pd_slice(bytes, (size_t)(pd_put(pd_put(bytes, PD_SLICE("llo")), s->hello) - bytes));
        CHECK_INT(next(p, &in).kind, PD_EV_MORE);
        CHECK_INT(in.n, 0);
        CHECK(p->codec->at_boundary(p->state));
        free(p);
    }
}

/* Its first line comes with all the others in one buffer (CVE-2026-42946: nginx misread a split one). */
static inline void check_response(const struct sample *s)
{
    struct peer *p = peer_new(s->codec);
    struct pd_response r;
    struct pd_buf out;
    char prefix[PD_FRAME_PREFIX_MAX], suffix[PD_FRAME_SUFFIX_MAX];
    size_t prefix_n = 1, suffix_n = 1;
    pd_response_init(&r, pd_sys_default(), 1000);
    pd_buf_init(&out, pd_sys_default(), 1000);
    CHECK_INT(pd_response_start(&r, PD_SLICE("404 Own Words")), PD_R_NONE);
    CHECK_INT(pd_response_add(&r, PD_SLICE("X-A"), PD_SLICE("b")), PD_R_NONE);
    r.keep_alive = true;
    CHECK_INT(p->codec->put_head(p->state, 1, &r, &out), PD_R_NONE);
    CHECK(r.close && !r.chunked && !r.bodiless);
    CHECK(pd_slice_has_prefix(pd_buf_view(&out), s->label));
    CHECK_STR(pd_slice_from(pd_buf_view(&out), s->label.n), "404 Own Words\r\nX-A: b\r\n\r\n");
    p->codec->put_frame(p->state, 1, &r, 5, prefix, &prefix_n, suffix, &suffix_n);
    CHECK(prefix_n == 0 && suffix_n == 0);
    CHECK(p->codec->frame_max == SIZE_MAX && !p->codec->head_is_data && !p->codec->multiplexed && p->codec->gateway);
    CHECK(p->codec->state_size <= PD_CODEC_STATE_MAX);
    pd_response_fini(&r);
    pd_buf_fini(&out);
    free(p);
}

static inline void check_single(const struct sample *s)
{
    check_boundary(s);
    check_surplus(s);
    check_end_of_response(s);
    check_response(s);
}

#endif
