/*
 * test_uwsgi.c - what the corpus cannot say of the uwsgi codec: that nothing is
 * copied; and that it does what all of its kind do (single_checks.h).
 */
#include "single_checks.h"

static const struct pd_codec *const codec = &pd_codec_uwsgi;

#define HELLO  "\0\023\0\0\016\0CONTENT_LENGTH\001\0000"
#define UPLOAD "\0\023\0\0\016\0CONTENT_LENGTH\001\0005"

static void test_head_holds_slices_of_the_input(void)
{
    struct peer *p = peer_new(codec);
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
    static const struct refused cases[] = {
        { { "x", 1 }, false, PD_R_UWSGI_BAD_MODIFIER },
        { { "\0\4\0\0\5\0xx", 8 }, true, PD_R_UWSGI_BAD_PAIRS },
        { { "\0\026\0\0\026\0HTTP_TRANSFER_ENCODING", 28 }, true, PD_R_UWSGI_BAD_PAIRS },
    };
    check_refused(codec, cases, sizeof cases / sizeof cases[0]);
}

static void test_what_is_alike(void)
{
    check_single(&(struct sample){ codec, PD_SLICE(HELLO), PD_SLICE(UPLOAD), PD_SLICE("HTTP/1.1 ") });
}

int main(void)
{
    test_head_holds_slices_of_the_input();
    test_errors_are_fatal_and_repeat_themselves();
    test_what_is_alike();
    return check_result();
}
