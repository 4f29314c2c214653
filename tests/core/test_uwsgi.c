/*
 * test_uwsgi.c - what the corpus cannot say of the uwsgi codec: that nothing is
 * copied, where the input may end, and the response side.
 */
#include <stdlib.h>

#include "check.h"
#include "codec/codec.h"
#include "codec/response.h"

static const struct pd_codec *const codec = &pd_codec_uwsgi;

#define HELLO  "\0\023\0\0\016\0CONTENT_LENGTH\001\0000"
#define UPLOAD "\0\023\0\0\016\0CONTENT_LENGTH\001\0005"

struct peer {
    _Alignas(16) char state[PD_CODEC_STATE_MAX];
    struct pd_limits limits;
    struct pd_codec_options options;
    struct pd_scratch scratch;
};

static void peer_init(struct peer *p)
{
    memset(p->state, 0x5a, sizeof p->state); /* init may not rely on zeroes */
    codec->init(p->state, &p->limits, &p->options);
}

static struct peer *peer_new(void)
{
    struct peer *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->limits = PD_LIMITS_DEFAULT;
    peer_init(p);
    return p;
}

/* One event from the unconsumed bytes, which are cut off `in` as far as they were used. */
static struct pd_event next(struct peer *p, struct pd_slice *in)
{
    struct pd_event ev;
    size_t used = SIZE_MAX;
    codec->next(p->state, *in, &used, &p->scratch, &ev);
    CHECK(used <= in->n);
    *in = pd_slice_from(*in, used);
    return ev;
}

static void test_head_holds_slices_of_the_input(void)
{
    struct peer *p = peer_new();
    struct pd_slice all = PD_SLICE("\0\043\0\0\016\0CONTENT_LENGTH\001\0003\011\0PATH_INFO\003\0/abxyz");
    struct pd_slice in = all;
    CHECK_INT(next(p, &in).kind, PD_EV_OPEN);
    CHECK_INT(in.n, all.n); /* nothing is consumed before the head */
    struct pd_event ev = next(p, &in);
    CHECK_INT(ev.kind, PD_EV_HEAD);
    CHECK_INT(in.n, 3);
    CHECK(ev.head->form == PD_HEAD_CGI && ev.head->nfields == 2 && ev.head->content_length == 3);
    CHECK(!ev.head->keep_alive && !ev.head->chunked && !ev.head->authorizer && !ev.head->expect_continue);
    CHECK(ev.head->fields[0].name.p == all.p + 6);
    CHECK_STR(ev.head->fields[1].name, "PATH_INFO");
    CHECK_STR(ev.head->fields[1].value, "/ab");
    ev = next(p, &in);
    CHECK_INT(ev.kind, PD_EV_BODY);
    CHECK(ev.data.p == all.p + all.n - 3 && ev.data.n == 3);
    CHECK_INT(next(p, &in).kind, PD_EV_BODY_END);
    CHECK_INT(next(p, &in).kind, PD_EV_MORE);
    free(p);
}

static void test_errors_are_fatal_and_repeat_themselves(void)
{
    static const struct {
        struct pd_slice in;
        bool opened;
        enum pd_reason reason;
    } cases[] = {
        { { "x", 1 }, false, PD_R_UWSGI_BAD_MODIFIER },
        { { "\0\4\0\0\5\0xx", 8 }, true, PD_R_UWSGI_BAD_PAIRS },
        { { "\0\026\0\0\026\0HTTP_TRANSFER_ENCODING", 28 }, true, PD_R_UWSGI_BAD_PAIRS },
    };
    struct peer *p = peer_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
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

static void test_boundary_is_before_the_first_byte_and_behind_the_body(void)
{
    struct peer *p = peer_new();
    const struct pd_slice all = PD_SLICE(UPLOAD "hello");
    for (size_t n = 0; n <= all.n; n++) {
        peer_init(p);
        struct pd_slice in = pd_slice(all.p, n);
        while (next(p, &in).kind != PD_EV_MORE)
            continue;
        if (codec->at_boundary(p->state) != (n == 0 || n == all.n))
            CHECK_INT(n, -1);
    }
    free(p);
}

static void test_bytes_behind_the_request_are_swallowed(void)
{
    struct peer *p = peer_new();
    struct pd_slice in = PD_SLICE(HELLO HELLO);
    CHECK_INT(next(p, &in).kind, PD_EV_OPEN);
    CHECK_INT(next(p, &in).kind, PD_EV_HEAD);
    CHECK_INT(next(p, &in).kind, PD_EV_BODY_END);
    for (int i = 0; i < 2; i++) {
        struct pd_event ev = next(p, &in);
        CHECK(ev.kind == PD_EV_MORE && ev.surplus);
        CHECK_INT(in.n, 0);
        in = PD_SLICE(HELLO);
    }
    free(p);
}

static void test_end_of_the_response_ends_the_request(void)
{
    char dst[PD_END_MAX];
    for (int dropped = 0; dropped < 2; dropped++) {
        struct peer *p = peer_new();
        struct pd_slice in = PD_SLICE(UPLOAD "he");
        while (next(p, &in).kind != PD_EV_BODY)
            continue;
        if (dropped)
            codec->drop(p->state, 1);
        else
            CHECK_INT(codec->put_end(p->state, 1, NULL, dst), 0);
        in = PD_SLICE("llo" HELLO); /* the rest of the body, and a request in its clothes */
        CHECK_INT(next(p, &in).kind, PD_EV_MORE);
        CHECK_INT(in.n, 0);
        CHECK(codec->at_boundary(p->state));
        free(p);
    }
}

/* Its first line comes with all the others in one buffer (CVE-2026-42946: nginx misread a split one). */
static void test_response_is_http_unframed_and_closes(void)
{
    struct peer *p = peer_new();
    struct pd_response r;
    struct pd_buf out;
    char prefix[PD_FRAME_PREFIX_MAX], suffix[PD_FRAME_SUFFIX_MAX];
    size_t prefix_n = 1, suffix_n = 1;
    pd_response_init(&r, pd_sys_default(), 1000);
    pd_buf_init(&out, pd_sys_default(), 1000);
    CHECK_INT(pd_response_start(&r, PD_SLICE("404 Own Words")), PD_R_NONE);
    CHECK_INT(pd_response_add(&r, PD_SLICE("X-A"), PD_SLICE("b")), PD_R_NONE);
    r.keep_alive = true;
    CHECK_INT(codec->put_head(p->state, 1, &r, &out), PD_R_NONE);
    CHECK(r.close && !r.chunked && !r.bodiless);
    CHECK_STR(pd_buf_view(&out), "HTTP/1.1 404 Own Words\r\nX-A: b\r\n\r\n");
    codec->put_frame(p->state, 1, &r, 5, prefix, &prefix_n, suffix, &suffix_n);
    CHECK(prefix_n == 0 && suffix_n == 0);
    CHECK(codec->frame_max == SIZE_MAX && !codec->head_is_data && !codec->multiplexed && codec->gateway);
    CHECK(codec->state_size <= PD_CODEC_STATE_MAX);
    pd_response_fini(&r);
    pd_buf_fini(&out);
    free(p);
}

int main(void)
{
    test_head_holds_slices_of_the_input();
    test_errors_are_fatal_and_repeat_themselves();
    test_boundary_is_before_the_first_byte_and_behind_the_body();
    test_bytes_behind_the_request_are_swallowed();
    test_end_of_the_response_ends_the_request();
    test_response_is_http_unframed_and_closes();
    return check_result();
}
