/*
 * test_harness.c - the test machinery itself: a check that cannot fail shows nothing.
 *
 * Small wrong codecs are replayed; each must be found out.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "faulty_sys.h"
#include "guard.h"
#include "replay.h"

/* --- wrong codecs; the state is one byte, the step that the codec is in --- */

static void any_init(void *state, const struct pd_limits *limits, const struct pd_codec_options *options)
{
    (void)limits, (void)options;
    *(char *)state = 0;
}

static bool any_at_boundary(const void *state)
{
    (void)state;
    return true;
}

static void greedy_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    (void)state, (void)scratch;
    *used = in.n + 1;
    *ev = (struct pd_event){ .kind = PD_EV_MORE };
}

static void endless_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    (void)state, (void)in;
    *used = 0;
    *ev = (struct pd_event){ .kind = PD_EV_REPLY, .data = pd_slice(scratch->reply, 1) };
}

static void early_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    (void)in, (void)scratch;
    char *step = state;
    *used = 0;
    *ev = (struct pd_event){ .kind = *step ? PD_EV_BODY_END : PD_EV_OPEN, .stream = 1 };
    *step = 1;
}

static void forgetful_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch,
                           struct pd_event *ev)
{
    (void)in, (void)scratch;
    char *step = state;
    *used = 0;
    *ev = (struct pd_event){ .kind = PD_EV_MORE };
    if (!*step)
        *ev = (struct pd_event){ .kind = PD_EV_BAD, .reason = PD_R_BAD_METHOD, .fatal = true };
    *step = 1;
}

static void foreign_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    (void)state, (void)scratch, (void)in;
    *used = 0;
    *ev = (struct pd_event){ .kind = PD_EV_REPLY, .data = PD_SLICE("not in the scratch") };
}

static void curious_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    (void)scratch;
    *used = in.n;
    *ev = (struct pd_event){ .kind = PD_EV_MORE };
    *(volatile char *)state = *(const volatile char *)(in.p + in.n); /* one byte too far */
}

typedef void (*next_fn)(void *, struct pd_slice, size_t *, struct pd_scratch *, struct pd_event *);

/* What the trace of a wrong codec looks like. The caller frees the trace. */
static struct text trace_of(next_fn next)
{
    const struct pd_codec codec = {
        .name = "wrong", .state_size = 1, .init = any_init, .next = next, .at_boundary = any_at_boundary
    };
    const struct pd_limits limits = PD_LIMITS_DEFAULT;
    const struct pd_site site = replay_site();
    struct guard guard;
    struct replay r;
    struct text copy = { 0 };
    guard_init(&guard, 100);
    replay_init(&r, &codec, &limits, PD_OPTIONS_NONE, &site, pd_sys_default(), &guard);
    replay_feed(&r, PD_SLICE("some bytes"));
    replay_eof(&r);
    text_put(&copy, text_view(&r.events));
    replay_fini(&r);
    guard_fini(&guard);
    return copy;
}

#define TRACE(lit) { lit, sizeof(lit) - 1 }

static void test_wrong_codecs_are_found_out(void)
{
    static const struct {
        next_fn next;
        struct pd_slice trace;
    } rows[] = {
        { greedy_next, TRACE("INVALID more bytes consumed than given\n") },
        { early_next, TRACE("OPEN 1\nINVALID an event out of order\n") },
        { forgetful_next, TRACE("BAD BAD_METHOD 400 fatal\nINVALID after a fatal BAD the codec went on\n") },
        { foreign_next, TRACE("INVALID event data is empty or lies elsewhere\n") },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text t = trace_of(rows[i].next);
        CHECK_SLICE(text_view(&t), rows[i].trace);
        text_fini(&t);
    }
    struct text t = trace_of(endless_next);
    const struct pd_slice last = PD_SLICE("INVALID events without end and without consumed bytes\n");
    CHECK(t.n > last.n && memcmp(t.p + t.n - last.n, last.p, last.n) == 0);
    text_fini(&t);
}

/* In a child, because it must die. */
static void test_a_read_past_the_end_dies(void)
{
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        if (null >= 0)
            dup2(null, STDERR_FILENO);
        struct text t = trace_of(curious_next);
        text_fini(&t);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) != 0));
}

static void test_guard_keeps_what_lies_in_it(void)
{
    struct guard g;
    guard_init(&g, 10000);
    struct pd_slice s = guard_place(&g, PD_SLICE_NONE, PD_SLICE("abcdef"));
    CHECK(s.p + s.n == g.wall);
    s = guard_place(&g, pd_slice_from(s, 2), PD_SLICE("ghi"));
    CHECK_STR(s, "cdefghi");
    CHECK(s.p + s.n == g.wall);
    guard_fini(&g);
}

/* --- faulty_sys --- */

static void test_the_planned_allocation_fails(void)
{
    struct faulty_sys f;
    faulty_init(&f);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        faulty_set(&f, (struct faulty_plan){ FAULTY_MEMORY, 2, for_ever, ENOMEM });
        void *p[3];
        for (size_t i = 0; i < 3; i++)
            p[i] = pd_alloc(&f.sys, 8);
        CHECK(p[0] && !p[1] && (p[2] == NULL) == (for_ever == 1));
        CHECK_INT(f.faults, for_ever ? 2 : 1);
        CHECK_INT(f.blocks, for_ever ? 1 : 2);
        for (size_t i = 0; i < 3; i++)
            pd_release(&f.sys, p[i]);
        CHECK_INT(f.blocks, 0);
    }
}

static void test_calls_fail_or_fall_short(void)
{
    struct faulty_sys f;
    char buf[8];
    int pair[2];
    faulty_init(&f);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    struct iovec iov[2] = { { "", 0 }, { "abcd", 4 } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
    faulty_set(&f, (struct faulty_plan){ FAULTY_SENDMSG, 1, false, FAULTY_SHORT });
    CHECK_INT(PD_SYS(&f.sys, sendmsg, pair[0], &msg, 0), 1);
    CHECK_INT(PD_SYS(&f.sys, sendmsg, pair[0], &msg, 0), 4);
    faulty_set(&f, (struct faulty_plan){ FAULTY_RECV, 2, false, EINTR });
    CHECK_INT(PD_SYS(&f.sys, recv, pair[1], buf, 1, 0), 1);
    errno = 0;
    CHECK_INT(PD_SYS(&f.sys, recv, pair[1], buf, 8, 0), -1);
    CHECK_INT(errno, EINTR);
    CHECK_INT(PD_SYS(&f.sys, recv, pair[1], buf, 8, 0), 4);
    f.descriptors = 2;
    faulty_set(&f, (struct faulty_plan){ FAULTY_CLOSE, 1, true, EINTR });
    CHECK_INT(PD_SYS(&f.sys, close, pair[0]), -1);
    CHECK_INT(PD_SYS(&f.sys, close, pair[1]), -1);
    CHECK_INT(f.descriptors, 0);
    CHECK(fcntl(pair[0], F_GETFD) == -1); /* closed all the same, as on Linux */
}

static void test_every_call_has_errors(void)
{
    size_t n;
    for (int call = 0; call < FAULTY_CALLS_N; call++) {
        const int *errors = faulty_errors((enum faulty_call)call, &n);
        CHECK(n > 0 && errors[0] > 0);
    }
    const int *errors = faulty_errors(FAULTY_PWRITE, &n);
    CHECK_INT(errors[n - 1], FAULTY_SHORT);
    errors = faulty_errors(FAULTY_CLOSE, &n);
    CHECK(errors[n - 1] != FAULTY_SHORT);
}

int main(void)
{
    test_wrong_codecs_are_found_out();
    test_a_read_past_the_end_dies();
    test_guard_keeps_what_lies_in_it();
    test_the_planned_allocation_fails();
    test_calls_fail_or_fall_short();
    test_every_call_has_errors();
    return check_result();
}
