/*
 * test_scgi.c - what the corpus cannot say of the SCGI codec: that it looks at
 * no byte twice; and that it does what all of its kind do (single_checks.h).
 */
#include "single_checks.h"

static const struct pd_codec *const codec = &pd_codec_scgi;

#define HELLO                                                                                                          \
    "24:CONTENT_LENGTH\0"                                                                                              \
    "0\0SCGI\0"                                                                                                        \
    "1\0,"
#define UPLOAD                                                                                                         \
    "24:CONTENT_LENGTH\0"                                                                                              \
    "5\0SCGI\0"                                                                                                        \
    "1\0,"

static void test_head_holds_slices_of_the_input(void)
{
    struct peer *p = peer_new(codec);
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
    struct peer *p = peer_new(codec);
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
    struct peer *p = peer_new(codec);
    struct pd_slice in = PD_SLICE("65536");
    CHECK_INT(next(p, &in).kind, PD_EV_MORE);
    peer_init(p);
    in = PD_SLICE("65537");
    CHECK_INT(next(p, &in).reason, PD_R_SCGI_TOO_LARGE);
    p->limits.head = SIZE_MAX; /* even then eight digits are all that is read */
    peer_init(p);
    in = PD_SLICE("99999999");
    CHECK_INT(next(p, &in).kind, PD_EV_MORE);
    in = PD_SLICE("999999999");
    CHECK_INT(next(p, &in).reason, PD_R_SCGI_TOO_LARGE);
    free(p);
}

static void test_errors_are_fatal_and_repeat_themselves(void)
{
    struct peer *p = peer_new(codec);
    struct pd_slice in = PD_SLICE("x");
    for (int i = 0; i < 2; i++) {
        struct pd_event ev = next(p, &in);
        CHECK(ev.kind == PD_EV_BAD && ev.fatal);
        CHECK_INT(ev.reason, PD_R_SCGI_BAD_LENGTH);
        CHECK_INT(in.n, 1);
    }
    peer_init(p);
    in = PD_SLICE("24:CONTENT_LENGTH\0"
                  "x\0SCGI\0"
                  "1\0,");
    CHECK_INT(next(p, &in).kind, PD_EV_OPEN);
    for (int i = 0; i < 2; i++) {
        struct pd_event ev = next(p, &in);
        CHECK(ev.kind == PD_EV_BAD && ev.fatal);
        CHECK_INT(ev.reason, PD_R_BAD_CONTENT_LENGTH);
    }
    peer_init(p);
    in = PD_SLICE("1:a;");
    for (int i = 0; i < 2; i++)
        CHECK_INT(next(p, &in).reason, PD_R_SCGI_NO_COMMA);
    free(p);
}

static void test_fields_are_limited_to_the_scratch(void)
{
    struct peer *p = peer_new(codec);
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
        peer_init(p);
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

static void test_what_is_alike(void)
{
    check_single(&(struct sample){ codec, PD_SLICE(HELLO), PD_SLICE(UPLOAD), PD_SLICE("Status: ") });
}

int main(void)
{
    test_head_holds_slices_of_the_input();
    test_seen_digits_are_not_read_again();
    test_length_is_limited_before_the_colon();
    test_errors_are_fatal_and_repeat_themselves();
    test_fields_are_limited_to_the_scratch();
    test_what_is_alike();
    return check_result();
}
