/* test_buf.c - the growable buffer: three marks in order, a limit that holds, content that survives. */
#define _GNU_SOURCE
#include "base/buf.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "faulty_sys.h"

enum { LIMIT = 1000 };

static void check_marks(const struct pd_buf *b, size_t done, size_t end)
{
    CHECK_INT(b->done, done);
    CHECK_INT(b->end, end);
    CHECK(b->end <= b->cap);
    CHECK(b->cap <= b->limit);
}

static void test_bytes_come_out_as_they_went_in(void)
{
    struct pd_buf b;
    pd_buf_init(&b, pd_sys_default(), LIMIT);
    CHECK(pd_buf_is_empty(&b));
    CHECK_STR(pd_buf_view(&b), "");
    CHECK_INT(pd_buf_put(&b, PD_SLICE("one ")), PD_BUF_OK);
    CHECK_INT(pd_buf_put(&b, PD_SLICE("")), PD_BUF_OK);
    CHECK_INT(pd_buf_put(&b, PD_SLICE("two")), PD_BUF_OK);
    CHECK_STR(pd_buf_view(&b), "one two");
    check_marks(&b, 0, 7);
    pd_buf_skip(&b, 4);
    CHECK_STR(pd_buf_view(&b), "two");
    check_marks(&b, 4, 7);
    pd_buf_skip(&b, 3);
    CHECK(pd_buf_is_empty(&b));
    check_marks(&b, 0, 0); /* what is consumed whole begins again at the front */
    pd_buf_fini(&b);
}

/* What was received into reserved room is put without a copy. */
static void test_bytes_that_lie_behind_the_end_are_put_where_they_are(void)
{
    struct pd_buf b;
    pd_buf_init(&b, pd_sys_default(), LIMIT);
    CHECK_INT(pd_buf_put(&b, PD_SLICE("one ")), PD_BUF_OK);
    CHECK_INT(pd_buf_reserve(&b, 3), PD_BUF_OK);
    char *room = b.data + b.end;
    memcpy(room, "two", 3);
    CHECK_INT(pd_buf_put(&b, pd_slice(room, 3)), PD_BUF_OK);
    CHECK(b.data + b.end == room + 3);
    CHECK_STR(pd_buf_view(&b), "one two");
    pd_buf_fini(&b);
}

/* Room behind the content is made of what was consumed before more memory is taken. */
static void test_consumed_room_is_used_again(void)
{
    struct faulty_sys f;
    struct pd_buf b;
    faulty_init(&f);
    pd_buf_init(&b, &f.sys, LIMIT);
    CHECK_INT(pd_buf_reserve(&b, 1), PD_BUF_OK);
    size_t cap = b.cap;
    for (size_t i = 0; i < cap; i++)
        CHECK_INT(pd_buf_put(&b, PD_SLICE("x")), PD_BUF_OK);
    pd_buf_skip(&b, cap - 3);
    CHECK_INT(pd_buf_put(&b, PD_SLICE("behind")), PD_BUF_OK);
    CHECK_STR(pd_buf_view(&b), "xxxbehind");
    check_marks(&b, 0, 9);
    CHECK_INT(b.cap, cap);
    CHECK_INT(f.calls[FAULTY_MEMORY], 1);
    pd_buf_fini(&b);
    CHECK_INT(f.blocks, 0);
}

static void test_the_limit_holds(void)
{
    static const char bytes[LIMIT + 1];
    struct pd_buf b;
    pd_buf_init(&b, pd_sys_default(), LIMIT);
    CHECK_INT(pd_buf_put(&b, pd_slice(bytes, LIMIT + 1)), PD_BUF_FULL);
    CHECK(pd_buf_is_empty(&b)); /* all of them or none */
    CHECK_INT(pd_buf_put(&b, pd_slice(bytes, LIMIT)), PD_BUF_OK);
    CHECK_INT(b.cap, LIMIT);
    CHECK_INT(pd_buf_put(&b, PD_SLICE("x")), PD_BUF_FULL);
    CHECK_INT(pd_buf_reserve(&b, SIZE_MAX), PD_BUF_FULL);
    check_marks(&b, 0, LIMIT);
    pd_buf_skip(&b, 10);
    CHECK_INT(pd_buf_put(&b, pd_slice(bytes, 11)), PD_BUF_FULL);
    CHECK_INT(pd_buf_put(&b, PD_SLICE("0123456789")), PD_BUF_OK); /* the limit is one of unconsumed bytes */
    CHECK_INT(pd_buf_view(&b).n, LIMIT);
    CHECK_STR(pd_slice_from(pd_buf_view(&b), LIMIT - 10), "0123456789");
    pd_buf_fini(&b);

    pd_buf_init(&b, pd_sys_default(), 0);
    CHECK_INT(pd_buf_put(&b, PD_SLICE("")), PD_BUF_OK);
    CHECK_INT(pd_buf_put(&b, PD_SLICE("x")), PD_BUF_FULL);
    pd_buf_fini(&b);
}

/* Never more than twice what is needed, nor more than the limit. */
static void test_it_grows_by_doubling(void)
{
    struct pd_buf b;
    pd_buf_init(&b, pd_sys_default(), LIMIT);
    for (size_t n = 1; n <= LIMIT; n++) {
        CHECK_INT(pd_buf_put(&b, PD_SLICE("x")), PD_BUF_OK);
        CHECK(b.cap <= 256 || b.cap < 2 * n + 2);
        check_marks(&b, 0, n);
    }
    pd_buf_fini(&b);
}

static void test_without_memory_nothing_is_lost(void)
{
    static const char bytes[500];
    struct faulty_sys f;
    struct pd_buf b;
    faulty_init(&f);
    pd_buf_init(&b, &f.sys, LIMIT);
    CHECK_INT(pd_buf_put(&b, PD_SLICE("gone kept")), PD_BUF_OK);
    pd_buf_skip(&b, 5);
    faulty_set(&f, (struct faulty_plan){ .call = FAULTY_MEMORY, .at = 1, .error = ENOMEM });
    CHECK_INT(pd_buf_put(&b, pd_slice(bytes, sizeof bytes)), PD_BUF_NOMEM);
    CHECK_STR(pd_buf_view(&b), "kept");
    CHECK_INT(pd_buf_put(&b, pd_slice(bytes, sizeof bytes)), PD_BUF_OK);
    CHECK_INT(pd_buf_view(&b).n, 504);
    pd_buf_fini(&b);
    CHECK_INT(f.blocks, 0);
}

static void test_rewind_keeps_the_memory_and_clear_gives_it_back(void)
{
    struct faulty_sys f;
    struct pd_buf b;
    faulty_init(&f);
    pd_buf_init(&b, &f.sys, LIMIT);
    CHECK_INT(f.blocks, 0); /* an empty buffer owns nothing */
    CHECK_INT(pd_buf_put(&b, PD_SLICE("abc")), PD_BUF_OK);
    pd_buf_skip(&b, 1);
    pd_buf_rewind(&b);
    check_marks(&b, 0, 0);
    CHECK_INT(f.blocks, 1);
    CHECK_INT(pd_buf_put(&b, PD_SLICE("def")), PD_BUF_OK);
    CHECK_STR(pd_buf_view(&b), "def");
    pd_buf_clear(&b);
    CHECK_INT(f.blocks, 0);
    CHECK_INT(b.limit, LIMIT);
    CHECK_INT(b.cap, 0);
    CHECK_INT(pd_buf_put(&b, PD_SLICE("ghi")), PD_BUF_OK);
    CHECK_STR(pd_buf_view(&b), "ghi");
    pd_buf_fini(&b);
    CHECK_INT(f.blocks, 0);
}

#ifndef NDEBUG
enum harm { DONE_BEHIND_END, END_BEHIND_CAP, CAP_BEHIND_LIMIT, CAP_WITHOUT_DATA, SKIP_TOO_FAR, HARM_N };

/* In a child process, which must be ended by the assertion. */
static bool harm_is_found(enum harm harm)
{
    pid_t pid = fork();
    if (!pid) {
        struct pd_buf b;
        pd_buf_init(&b, pd_sys_default(), LIMIT);
        if (pd_buf_put(&b, PD_SLICE("0123456789")) != PD_BUF_OK || !freopen("/dev/null", "w", stderr))
            _exit(1);
        b.done = harm == DONE_BEHIND_END ? b.end + 1 : b.done;
        b.end = harm == END_BEHIND_CAP ? b.cap + 1 : b.end;
        b.limit = harm == CAP_BEHIND_LIMIT ? b.cap - 1 : b.limit;
        b.data = harm == CAP_WITHOUT_DATA ? NULL : b.data;
        signal(SIGABRT, SIG_DFL);
        if (harm == SKIP_TOO_FAR)
            pd_buf_skip(&b, 11);
        else
            (void)!pd_buf_reserve(&b, 0);
        _exit(0);
    }
    int status = 0;
    return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_marks_out_of_order_are_found(void)
{
    for (int harm = 0; harm < HARM_N; harm++)
        CHECK(harm_is_found((enum harm)harm));
}
#endif

int main(void)
{
    test_bytes_come_out_as_they_went_in();
    test_bytes_that_lie_behind_the_end_are_put_where_they_are();
    test_consumed_room_is_used_again();
    test_the_limit_holds();
    test_it_grows_by_doubling();
    test_without_memory_nothing_is_lost();
    test_rewind_keeps_the_memory_and_clear_gives_it_back();
#ifndef NDEBUG
    test_marks_out_of_order_are_found();
#endif
    return check_result();
}
