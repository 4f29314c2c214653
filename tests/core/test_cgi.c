/*
 * test_cgi.c - what the corpus cannot say of the CGI codec: that it looks at no
 * byte twice; and that it does what all of its kind do (single_checks.h).
 */
#include "single_checks.h"

static const struct pd_codec *const codec = &pd_codec_cgi;

#define HELLO  "REQUEST_METHOD=GET\0\0"
#define UPLOAD "CONTENT_LENGTH=5\0\0"

static void test_head_holds_slices_of_the_input(void)
{
    struct peer *p = peer_new(codec);
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
    struct peer *p = peer_new(codec);
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
    struct peer *p = peer_new(codec);
    struct pd_slice in = PD_SLICE("CONTENT_LENGTH=x\0\0");
    CHECK_INT(next(p, &in).kind, PD_EV_OPEN);
    for (int i = 0; i < 2; i++) {
        struct pd_event ev = next(p, &in);
        CHECK(ev.kind == PD_EV_BAD && ev.fatal && ev.head != NULL);
        CHECK_INT(ev.reason, PD_R_BAD_CONTENT_LENGTH);
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
    test_seen_bytes_are_not_read_again();
    test_errors_are_fatal_and_repeat_themselves();
    test_what_is_alike();
    return check_result();
}
