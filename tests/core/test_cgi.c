/*
 * test_cgi.c - what the corpus cannot say of the CGI codec: that it looks at no
 * byte twice, where the input may end, and the response side.
 */
#include <stdlib.h>

#include "check.h"
#include "codec/codec.h"
#include "codec/response.h"

static const struct pd_codec *const codec = &pd_codec_cgi;

#define HELLO  "REQUEST_METHOD=GET\0\0"
#define UPLOAD "CONTENT_LENGTH=5\0\0"

struct peer {
    _Alignas(16) char state[PD_CODEC_STATE_MAX];
    struct pd_limits limits;
    struct pd_scratch scratch;
};

static struct peer *peer_new(void)
{
    struct peer *p = malloc(sizeof *p);
    if (!p)
        abort();
    p->limits = PD_LIMITS_DEFAULT;
    memset(p->state, 0x5a, sizeof p->state); /* init may not rely on zeroes */
    codec->init(p->state, &p->limits, PD_OPTIONS_NONE);
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
    struct pd_slice all = PD_SLICE("CONTENT_LENGTH=3\0PATH_INFO=/a b\0\0xyz");
    struct pd_slice in = all;
    struct pd_event ev = next(p, &in);
    CHECK_INT(ev.kind, PD_EV_OPEN);
    CHECK_INT(ev.stream, 1);
    CHECK_INT(in.n, all.n);
    ev = next(p, &in);
    CHECK_INT(ev.kind, PD_EV_HEAD);
    CHECK_INT(in.n, 3);
    CHECK(ev.head->form == PD_HEAD_CGI && ev.head->process && ev.head->nfields == 2 && ev.head->content_length == 3);
    CHECK(!ev.head->keep_alive && !ev.head->chunked && !ev.head->authorizer && !ev.head->expect_continue);
    CHECK(ev.head->fields[0].name.p == all.p);
    CHECK_STR(ev.head->fields[1].name, "PATH_INFO");
    CHECK_STR(ev.head->fields[1].value, "/a b");
    ev = next(p, &in);
    CHECK_INT(ev.kind, PD_EV_BODY);
    CHECK(ev.data.p == all.p + all.n - 3 && ev.data.n == 3);
    CHECK_INT(next(p, &in).kind, PD_EV_BODY_END);
    CHECK_INT(next(p, &in).kind, PD_EV_MORE);
    free(p);
}

/* Bytes that were seen change into an end of the environment: a codec that looks again would find it there. */
static void test_seen_bytes_are_not_read_again(void)
{
    struct peer *p = peer_new();
    char bytes[] = "A=1\0B=2\0\0";
    struct pd_slice in = pd_slice(bytes, 7);
    CHECK_INT(next(p, &in).kind, PD_EV_MORE);
    CHECK_INT(in.n, 7);
    bytes[4] = '\0';
    CHECK_INT(next(p, &in).kind, PD_EV_MORE);
    bytes[4] = 'B';
    in = pd_slice(bytes, sizeof bytes - 1);
    CHECK_INT(next(p, &in).kind, PD_EV_OPEN);
    CHECK_INT(next(p, &in).head->nfields, 2);
    free(p);
}

static void test_errors_are_fatal_and_repeat_themselves(void)
{
    struct peer *p = peer_new();
    struct pd_slice in = PD_SLICE("CONTENT_LENGTH=x\0\0");
    CHECK_INT(next(p, &in).kind, PD_EV_OPEN);
    for (int i = 0; i < 2; i++) {
        struct pd_event ev = next(p, &in);
        CHECK(ev.kind == PD_EV_BAD && ev.fatal && ev.head != NULL);
        CHECK_INT(ev.reason, PD_R_BAD_CONTENT_LENGTH);
    }
    free(p);
}

static void test_boundary_is_before_the_first_byte_and_behind_the_body(void)
{
    struct peer *p = peer_new();
    struct pd_slice in = PD_SLICE(UPLOAD);
    CHECK(codec->at_boundary(p->state));
    CHECK_INT(next(p, &in).kind, PD_EV_OPEN);
    CHECK(!codec->at_boundary(p->state));
    CHECK_INT(next(p, &in).kind, PD_EV_HEAD);
    CHECK(!codec->at_boundary(p->state));
    in = PD_SLICE("hello");
    CHECK_INT(next(p, &in).kind, PD_EV_BODY);
    CHECK_INT(next(p, &in).kind, PD_EV_BODY_END);
    CHECK(codec->at_boundary(p->state));
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
        in = PD_SLICE("llo" HELLO);
        CHECK_INT(next(p, &in).kind, PD_EV_MORE);
        CHECK_INT(in.n, 0);
        CHECK(codec->at_boundary(p->state));
        free(p);
    }
}

static void test_response_is_unframed_and_closes(void)
{
    struct peer *p = peer_new();
    struct pd_response r;
    struct pd_buf out;
    char prefix[PD_FRAME_PREFIX_MAX], suffix[PD_FRAME_SUFFIX_MAX];
    size_t prefix_n = 1, suffix_n = 1;
    pd_response_init(&r, pd_sys_default(), 1000);
    pd_buf_init(&out, pd_sys_default(), 1000);
    CHECK_INT(pd_response_start(&r, PD_SLICE("204 No Content")), PD_R_NONE);
    r.keep_alive = true;
    CHECK_INT(codec->put_head(p->state, 1, &r, &out), PD_R_NONE);
    CHECK(r.close && !r.chunked);
    CHECK(pd_slice_has_prefix(pd_buf_view(&out), PD_SLICE("Status: 204 No Content\r\n")));
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
    test_seen_bytes_are_not_read_again();
    test_errors_are_fatal_and_repeat_themselves();
    test_boundary_is_before_the_first_byte_and_behind_the_body();
    test_bytes_behind_the_request_are_swallowed();
    test_end_of_the_response_ends_the_request();
    test_response_is_unframed_and_closes();
    return check_result();
}
