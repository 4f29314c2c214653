/*
 * test_scgi.c - what the corpus cannot say of the SCGI codec: that it looks at
 * no byte twice, where the input may end, and the response side.
 */
#include <stdlib.h>

#include "check.h"
#include "codec/codec.h"
#include "codec/response.h"

static const struct pd_codec *const codec = &pd_codec_scgi;

#define HELLO                                                                                                          \
    "24:CONTENT_LENGTH\0"                                                                                              \
    "0\0SCGI\0"                                                                                                        \
    "1\0,"
#define UPLOAD                                                                                                         \
    "24:CONTENT_LENGTH\0"                                                                                              \
    "5\0SCGI\0"                                                                                                        \
    "1\0,"

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
    struct pd_slice all = PD_SLICE("39:CONTENT_LENGTH\0"
                                   "3\0SCGI\0"
                                   "1\0PATH_INFO\0/a b\0,xyz");
    struct pd_slice in = all;
    struct pd_event ev = next(p, &in);
    CHECK_INT(ev.kind, PD_EV_OPEN);
    CHECK_INT(ev.stream, 1);
    ev = next(p, &in);
    CHECK_INT(ev.kind, PD_EV_HEAD);
    CHECK_INT(in.n, 3);
    CHECK(ev.head->form == PD_HEAD_CGI && ev.head->nfields == 3 && ev.head->content_length == 3);
    CHECK(!ev.head->keep_alive && !ev.head->chunked && !ev.head->authorizer && !ev.head->expect_continue);
    CHECK_STR(ev.head->fields[0].name, "CONTENT_LENGTH");
    CHECK(ev.head->fields[0].name.p == all.p + 3);
    CHECK_STR(ev.head->fields[2].name, "PATH_INFO");
    CHECK_STR(ev.head->fields[2].value, "/a b");
    ev = next(p, &in);
    CHECK_INT(ev.kind, PD_EV_BODY);
    CHECK(ev.data.p == all.p + all.n - 3 && ev.data.n == 3);
    CHECK_INT(next(p, &in).kind, PD_EV_BODY_END);
    CHECK_INT(next(p, &in).kind, PD_EV_MORE);
    free(p);
}

/*
 * The netstring arrives byte by byte in front of bytes that change their mind:
 * what was seen of the length is kept, so turning seen digits into others must
 * not matter. A codec that rescans would notice.
 */
static void test_seen_digits_are_not_read_again(void)
{
    struct peer *p = peer_new();
    char bytes[] = HELLO;
    for (size_t n = 1; n < sizeof bytes - 1; n++) {
        struct pd_slice in = pd_slice(bytes, n);
        CHECK_INT(next(p, &in).kind, PD_EV_MORE);
        CHECK_INT(in.n, n); /* nothing is consumed before the whole is there */
        if (n <= 3)
            bytes[n - 1] = 'x';
    }
    struct pd_slice in = pd_slice(bytes, sizeof bytes - 1);
    CHECK_INT(next(p, &in).kind, PD_EV_OPEN);
    CHECK_INT(next(p, &in).kind, PD_EV_HEAD);
    CHECK_INT(in.n, 0);
    free(p);
}

static void test_length_is_limited_before_the_colon(void)
{
    struct peer *p = peer_new();
    struct pd_slice in = PD_SLICE("65536");
    CHECK_INT(next(p, &in).kind, PD_EV_MORE);
    codec->init(p->state, &p->limits, PD_OPTIONS_NONE);
    in = PD_SLICE("65537");
    CHECK_INT(next(p, &in).reason, PD_R_SCGI_TOO_LARGE);
    p->limits.head = SIZE_MAX; /* even then eight digits are all that is read */
    codec->init(p->state, &p->limits, PD_OPTIONS_NONE);
    in = PD_SLICE("99999999");
    CHECK_INT(next(p, &in).kind, PD_EV_MORE);
    in = PD_SLICE("999999999");
    CHECK_INT(next(p, &in).reason, PD_R_SCGI_TOO_LARGE);
    free(p);
}

static void test_errors_are_fatal_and_repeat_themselves(void)
{
    struct peer *p = peer_new();
    struct pd_slice in = PD_SLICE("x");
    for (int i = 0; i < 2; i++) {
        struct pd_event ev = next(p, &in);
        CHECK(ev.kind == PD_EV_BAD && ev.fatal);
        CHECK_INT(ev.reason, PD_R_SCGI_BAD_LENGTH);
        CHECK_INT(in.n, 1);
    }
    codec->init(p->state, &p->limits, PD_OPTIONS_NONE);
    in = PD_SLICE("24:CONTENT_LENGTH\0"
                  "x\0SCGI\0"
                  "1\0,");
    CHECK_INT(next(p, &in).kind, PD_EV_OPEN);
    for (int i = 0; i < 2; i++) {
        struct pd_event ev = next(p, &in);
        CHECK(ev.kind == PD_EV_BAD && ev.fatal);
        CHECK_INT(ev.reason, PD_R_BAD_CONTENT_LENGTH);
    }
    codec->init(p->state, &p->limits, PD_OPTIONS_NONE);
    in = PD_SLICE("1:a;");
    for (int i = 0; i < 2; i++)
        CHECK_INT(next(p, &in).reason, PD_R_SCGI_NO_COMMA);
    free(p);
}

static void test_fields_are_limited_to_the_scratch(void)
{
    struct peer *p = peer_new();
    char bytes[4096];
    const size_t fixed_n = 24;
    for (size_t extra = PD_FIELDS_MAX - 2; extra <= PD_FIELDS_MAX - 1; extra++) {
        int start = snprintf(bytes, sizeof bytes, "%zu:", fixed_n + 4 * extra);
        char *b = bytes + start;
        memcpy(b, &HELLO[3], fixed_n);
        b += fixed_n;
        for (size_t i = 0; i < extra; i++, b += 4)
            memcpy(b, "N\0v", 4);
        *b++ = ',';
        p->limits.fields = 1; /* the limit is on header fields, which the policy layer counts */
        codec->init(p->state, &p->limits, PD_OPTIONS_NONE);
        struct pd_slice in = pd_slice(bytes, (size_t)(b - bytes));
        CHECK_INT(next(p, &in).kind, PD_EV_OPEN);
        struct pd_event ev = next(p, &in);
        if (extra == PD_FIELDS_MAX - 2)
            CHECK(ev.kind == PD_EV_HEAD && ev.head->nfields == PD_FIELDS_MAX);
        else
            CHECK_INT(ev.reason, PD_R_TOO_MANY_FIELDS);
    }
    free(p);
}

static void test_boundary_is_before_the_first_byte_and_behind_the_body(void)
{
    struct peer *p = peer_new();
    const struct pd_slice all = PD_SLICE(UPLOAD "hello");
    for (size_t n = 0; n <= all.n; n++) {
        codec->init(p->state, &p->limits, PD_OPTIONS_NONE);
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
        CHECK_INT(next(p, &in).kind, PD_EV_MORE);
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
    test_seen_digits_are_not_read_again();
    test_length_is_limited_before_the_colon();
    test_errors_are_fatal_and_repeat_themselves();
    test_fields_are_limited_to_the_scratch();
    test_boundary_is_before_the_first_byte_and_behind_the_body();
    test_bytes_behind_the_request_are_swallowed();
    test_end_of_the_response_ends_the_request();
    test_response_is_unframed_and_closes();
    return check_result();
}
