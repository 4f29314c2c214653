/* test_loop.c - both back ends of the loop by the same tests, and wake-ups. */
#define _GNU_SOURCE
#include "loop/loop.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"
#include "loop/wakeup.h"

enum {
    WATCH_CONN = PD_EDGE | PD_READABLE | PD_HALF_CLOSED,
    LONG_MS = 60000, /* a wait that is expected to end at once; a bug shows as a failed check */
};

/* A system table whose chosen call fails. */
struct faulty {
    struct pd_sys sys;
    int fail_alloc_at; /* the n-th allocation fails, and all later ones with `for_ever` */
    int for_ever;
    int allocs;
    int error; /* of the wait calls, 0: none */
    int live;  /* blocks not yet released */
};

static int must_fail(struct faulty *f)
{
    f->allocs++;
    return f->fail_alloc_at && (f->allocs == f->fail_alloc_at || (f->for_ever && f->allocs > f->fail_alloc_at));
}

static void *faulty_alloc(void *ctx, size_t n)
{
    struct faulty *f = ctx;
    if (must_fail(f))
        return NULL;
    f->live++;
    return pd_sys_default()->alloc(NULL, n);
}

static void *faulty_resize(void *ctx, void *p, size_t n)
{
    struct faulty *f = ctx;
    if (must_fail(f))
        return NULL;
    f->live += p == NULL;
    return pd_sys_default()->resize(NULL, p, n);
}

static void faulty_release(void *ctx, void *p)
{
    ((struct faulty *)ctx)->live--;
    pd_sys_default()->release(NULL, p);
}

static int faulty_epoll_wait(void *ctx, int ep, struct epoll_event *evs, int max, int timeout_ms)
{
    struct faulty *f = ctx;
    errno = f->error;
    return f->error ? -1 : pd_sys_default()->epoll_wait(NULL, ep, evs, max, timeout_ms);
}

static int faulty_poll(void *ctx, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    struct faulty *f = ctx;
    errno = f->error;
    return f->error ? -1 : pd_sys_default()->poll(NULL, fds, n, timeout_ms);
}

static int failing_epoll_create1(void *ctx, int flags)
{
    (void)ctx, (void)flags;
    errno = EMFILE;
    return -1;
}

static int failing_eventfd(void *ctx, unsigned initial, int flags)
{
    (void)ctx, (void)initial, (void)flags;
    errno = ENFILE;
    return -1;
}

static void faulty_init(struct faulty *f)
{
    memset(f, 0, sizeof *f);
    f->sys = *pd_sys_default();
    f->sys.alloc = faulty_alloc;
    f->sys.resize = faulty_resize;
    f->sys.release = faulty_release;
    f->sys.epoll_wait = faulty_epoll_wait;
    f->sys.poll = faulty_poll;
    f->sys.ctx = f;
}

/* One loop that watches one end of a socket pair; `peer` is the other end. */
struct fixture {
    struct pd_loop loop;
    int fd, peer;
};

static void set_up(struct fixture *x, enum pd_loop_backend backend, uint32_t events)
{
    int pair[2] = { -1, -1 };
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    x->fd = pair[0];
    x->peer = pair[1];
    CHECK_INT(pd_loop_init(&x->loop, pd_sys_default(), backend), 0);
    CHECK_INT(pd_loop_add(&x->loop, x->fd, events, x), 0);
}

static void tear_down(struct fixture *x)
{
    pd_loop_fini(&x->loop);
    close(x->fd);
    if (x->peer >= 0)
        close(x->peer);
}

/* The events reported by one wait, 0 when there are none; the owner is checked. */
static uint32_t wait_events(struct fixture *x, int timeout_ms)
{
    struct pd_ready ready[4];
    int n = pd_loop_wait(&x->loop, ready, 4, timeout_ms);
    CHECK(n == 0 || n == 1);
    if (n != 1)
        return 0;
    CHECK(ready[0].owner == x);
    return ready[0].events;
}

/* Reads until EAGAIN, as a connection does, and rearms. */
static size_t drain(struct fixture *x)
{
    char buf[64];
    size_t sum = 0;
    for (ssize_t n; (n = read(x->fd, buf, sizeof buf)) > 0;)
        sum += (size_t)n;
    pd_loop_rearm(&x->loop, x->fd, PD_READABLE);
    return sum;
}

static void test_level_triggered_repeats(enum pd_loop_backend backend)
{
    struct fixture x;
    set_up(&x, backend, PD_READABLE);
    CHECK_INT(wait_events(&x, 0), 0);
    CHECK_INT(write(x.peer, "a", 1), 1);
    CHECK_INT(wait_events(&x, LONG_MS), PD_READABLE);
    CHECK_INT(wait_events(&x, LONG_MS), PD_READABLE);
    CHECK_INT(drain(&x), 1);
    CHECK_INT(wait_events(&x, 0), 0);
    tear_down(&x);
}

static void test_edge_triggered_reports_once_until_used(enum pd_loop_backend backend)
{
    struct fixture x;
    set_up(&x, backend, WATCH_CONN);
    CHECK_INT(wait_events(&x, 0), 0);
    CHECK_INT(write(x.peer, "ab", 2), 2);
    CHECK_INT(wait_events(&x, LONG_MS), PD_READABLE);
    CHECK_INT(wait_events(&x, 0), 0);
    CHECK_INT(drain(&x), 2);
    CHECK_INT(wait_events(&x, 0), 0);
    CHECK_INT(write(x.peer, "c", 1), 1);
    CHECK_INT(wait_events(&x, LONG_MS), PD_READABLE);
    CHECK_INT(drain(&x), 1);
    tear_down(&x);
}

static void test_bytes_between_eagain_and_rearm_are_not_missed(enum pd_loop_backend backend)
{
    struct fixture x;
    char c;
    set_up(&x, backend, WATCH_CONN);
    CHECK_INT(write(x.peer, "a", 1), 1);
    CHECK_INT(wait_events(&x, LONG_MS), PD_READABLE);
    CHECK_INT(read(x.fd, &c, 1), 1);
    CHECK_INT(read(x.fd, &c, 1), -1);
    CHECK_INT(write(x.peer, "b", 1), 1);
    pd_loop_rearm(&x.loop, x.fd, PD_READABLE);
    CHECK_INT(wait_events(&x, LONG_MS), PD_READABLE);
    CHECK_INT(drain(&x), 1);
    tear_down(&x);
}

static void test_half_close_is_seen_without_reading(enum pd_loop_backend backend)
{
    struct fixture x;
    set_up(&x, backend, WATCH_CONN);
    CHECK_INT(write(x.peer, "a", 1), 1);
    CHECK_INT(wait_events(&x, LONG_MS), PD_READABLE);
    CHECK_INT(shutdown(x.peer, SHUT_WR), 0); /* the byte still lies unread */
    CHECK_INT(wait_events(&x, LONG_MS), PD_READABLE | PD_HALF_CLOSED);
    CHECK_INT(wait_events(&x, 0), 0);
    CHECK_INT(pd_loop_change(&x.loop, x.fd, WATCH_CONN | PD_WRITABLE, &x), 0);
    CHECK_INT(wait_events(&x, LONG_MS), PD_READABLE | PD_HALF_CLOSED | PD_WRITABLE);
    tear_down(&x);
}

static void test_hangup_is_reported_once_and_does_not_spin(enum pd_loop_backend backend)
{
    struct fixture x;
    set_up(&x, backend, WATCH_CONN);
    close(x.peer);
    x.peer = -1;
    CHECK_INT(wait_events(&x, LONG_MS), PD_READABLE | PD_HALF_CLOSED | PD_HANGUP);
    CHECK_INT(wait_events(&x, 0), 0);
    CHECK_INT(wait_events(&x, 0), 0);
    tear_down(&x);
}

static void test_hangup_is_reported_when_nothing_was_asked(enum pd_loop_backend backend)
{
    struct fixture x;
    set_up(&x, backend, PD_EDGE);
    CHECK_INT(write(x.peer, "a", 1), 1);
    CHECK_INT(wait_events(&x, 0), 0);
    close(x.peer);
    x.peer = -1;
    CHECK(wait_events(&x, LONG_MS) & PD_HANGUP);
    tear_down(&x);
}

static void test_writable_comes_back_after_the_peer_read(enum pd_loop_backend backend)
{
    struct fixture x;
    static char block[65536];
    set_up(&x, backend, WATCH_CONN | PD_WRITABLE);
    CHECK_INT(wait_events(&x, LONG_MS), PD_WRITABLE);
    while (write(x.fd, block, sizeof block) > 0)
        ;
    CHECK_INT(errno, EAGAIN);
    pd_loop_rearm(&x.loop, x.fd, PD_WRITABLE);
    CHECK_INT(wait_events(&x, 0), 0);
    while (read(x.peer, block, sizeof block) > 0)
        ;
    CHECK_INT(wait_events(&x, LONG_MS), PD_WRITABLE);
    tear_down(&x);
}

static void test_change_replaces_events_and_owner(enum pd_loop_backend backend)
{
    struct fixture x;
    struct pd_ready ready;
    int other;
    set_up(&x, backend, PD_READABLE);
    CHECK_INT(pd_loop_change(&x.loop, x.fd, PD_WRITABLE, &other), 0);
    CHECK_INT(write(x.peer, "a", 1), 1);
    CHECK_INT(pd_loop_wait(&x.loop, &ready, 1, LONG_MS), 1);
    CHECK(ready.owner == &other);
    CHECK_INT(ready.events, PD_WRITABLE);
    CHECK_INT(pd_loop_change(&x.loop, x.peer, PD_READABLE, &x), -ENOENT);
    tear_down(&x);
}

static void test_rearm_adds_no_direction_that_was_not_asked(enum pd_loop_backend backend)
{
    struct fixture x;
    set_up(&x, backend, WATCH_CONN);
    pd_loop_rearm(&x.loop, x.fd, PD_WRITABLE);
    CHECK_INT(wait_events(&x, 0), 0);
    pd_loop_rearm(&x.loop, x.peer, PD_READABLE); /* not watched: nothing happens */
    CHECK_INT(write(x.fd, "a", 1), 1);
    CHECK_INT(wait_events(&x, 0), 0);
    tear_down(&x);
}

static void test_removed_descriptor_is_silent(enum pd_loop_backend backend)
{
    struct fixture x;
    set_up(&x, backend, PD_READABLE);
    CHECK_INT(pd_loop_add(&x.loop, x.fd, PD_READABLE, &x), -EEXIST);
    CHECK_INT(write(x.peer, "a", 1), 1);
    int copy = dup(x.fd); /* as a child process may hold one */
    CHECK_INT(pd_loop_remove(&x.loop, x.fd), 0);
    CHECK_INT(pd_loop_remove(&x.loop, x.fd), -ENOENT);
    CHECK_INT(wait_events(&x, 0), 0);
    CHECK_INT(pd_loop_add(&x.loop, x.fd, PD_READABLE, &x), 0);
    CHECK_INT(wait_events(&x, LONG_MS), PD_READABLE);
    close(copy);
    tear_down(&x);
}

static void test_small_batches_reach_every_descriptor(enum pd_loop_backend backend)
{
    enum { PAIRS = 40 };
    struct pd_loop loop;
    int fds[PAIRS][2];
    int seen[PAIRS] = { 0 };
    CHECK_INT(pd_loop_init(&loop, pd_sys_default(), backend), 0);
    for (int i = 0; i < PAIRS; i++) {
        CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds[i]), 0);
        CHECK_INT(pd_loop_add(&loop, fds[i][0], WATCH_CONN, &seen[i]), 0);
        CHECK_INT(write(fds[i][1], "a", 1), 1);
    }
    for (int got = 0; got < PAIRS;) {
        struct pd_ready ready[3];
        int n = pd_loop_wait(&loop, ready, 3, 0);
        CHECK(n > 0 && n <= 3);
        if (n <= 0)
            break;
        for (int i = 0; i < n; i++)
            ++*(int *)ready[i].owner;
        got += n;
    }
    for (int i = 0; i < PAIRS; i++) {
        CHECK_INT(seen[i], 1);
        /* Removal in an order of its own keeps the others findable. */
        int k = (i * 7) % PAIRS;
        CHECK_INT(pd_loop_remove(&loop, fds[k][0]), 0);
        close(fds[k][0]);
        close(fds[k][1]);
    }
    pd_loop_fini(&loop);
}

/* reliability C13: descriptors above 1 024, and above 65 536 where the limit allows it. */
static void test_high_descriptors(enum pd_loop_backend backend)
{
    static const int wanted[] = { 1500, 70000 };
    struct rlimit old, limit;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = old;
    limit.rlim_cur = limit.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (size_t i = 0; i < 2; i++) {
        struct fixture x;
        set_up(&x, backend, PD_READABLE);
        int high = dup2(x.fd, wanted[i]);
        if (high >= 0) {
            CHECK_INT(pd_loop_remove(&x.loop, x.fd), 0);
            CHECK_INT(pd_loop_add(&x.loop, high, WATCH_CONN, &x), 0);
            CHECK_INT(write(x.peer, "a", 1), 1);
            CHECK_INT(wait_events(&x, LONG_MS), PD_READABLE);
            CHECK_INT(pd_loop_remove(&x.loop, high), 0);
            close(high);
        }
        tear_down(&x);
    }
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* A thread that waits until its own descriptor was reported. */
static void *wait_for_own(void *arg)
{
    struct fixture *x = arg;
    struct pd_ready ready[4];
    for (;;) {
        int n = pd_loop_wait(&x->loop, ready, 4, LONG_MS);
        for (int i = 0; i < n; i++)
            if (ready[i].owner == x)
                return x;
        if (n < 0)
            return NULL;
    }
}

static void test_changes_reach_a_thread_that_waits(enum pd_loop_backend backend)
{
    for (int round = 0; round < 50; round++) {
        struct fixture x;
        pthread_t thread;
        void *result = NULL;
        int other[2];
        int owner;
        set_up(&x, backend, PD_EDGE);
        CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
        CHECK_INT(write(x.peer, "a", 1), 1);
        CHECK_INT(pthread_create(&thread, NULL, wait_for_own, &x), 0);
        /* Whether the thread waits already or not yet: it must see all of this. */
        CHECK_INT(pd_loop_add(&x.loop, other[0], WATCH_CONN, &owner), 0);
        pd_loop_rearm(&x.loop, other[0], PD_READABLE);
        CHECK_INT(pd_loop_remove(&x.loop, other[0]), 0);
        CHECK_INT(pd_loop_change(&x.loop, x.fd, WATCH_CONN, &x), 0);
        CHECK_INT(pthread_join(thread, &result), 0);
        CHECK(result == &x);
        close(other[0]);
        close(other[1]);
        tear_down(&x);
    }
}

/* reliability C7: an interrupted wait is a short one, any other error is told. */
static void test_wait_errors(enum pd_loop_backend backend)
{
    struct faulty f;
    struct pd_loop loop;
    struct pd_ready ready;
    faulty_init(&f);
    CHECK_INT(pd_loop_init(&loop, &f.sys, backend), 0);
    f.error = EINTR;
    CHECK_INT(pd_loop_wait(&loop, &ready, 1, LONG_MS), 0);
    f.error = EINVAL;
    CHECK_INT(pd_loop_wait(&loop, &ready, 1, LONG_MS), -EINVAL);
    f.error = 0;
    CHECK_INT(pd_loop_wait(&loop, &ready, 1, 0), 0);
    pd_loop_fini(&loop);
    CHECK_INT(f.live, 0);
}

/* Runs a short life of a loop; false when a step found no memory. */
static int live_shortly(struct faulty *f, enum pd_loop_backend backend, const int fds[2])
{
    struct pd_loop loop;
    struct pd_ready ready[2];
    if (pd_loop_init(&loop, &f->sys, backend) < 0)
        return 0;
    int rc = pd_loop_add(&loop, fds[0], WATCH_CONN, f);
    int rc2 = pd_loop_add(&loop, fds[1], WATCH_CONN | PD_WRITABLE, f);
    int n = pd_loop_wait(&loop, ready, 2, 0);
    CHECK(rc == 0 || rc == -ENOMEM);
    CHECK(rc2 == 0 || rc2 == -ENOMEM);
    CHECK(n == (rc2 == 0) || n == -ENOMEM);
    CHECK_INT(pd_loop_remove(&loop, fds[0]), rc == 0 ? 0 : -ENOENT);
    CHECK_INT(pd_loop_remove(&loop, fds[1]), rc2 == 0 ? 0 : -ENOENT);
    pd_loop_fini(&loop);
    return rc == 0 && rc2 == 0 && n == 1;
}

/* reliability C6: each allocation fails, once and from then on. */
static void test_memory_failures(enum pd_loop_backend backend)
{
    int fds[2];
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        struct faulty f;
        int good = 0;
        for (int at = 1; !good; at++) {
            faulty_init(&f);
            f.fail_alloc_at = at;
            f.for_ever = for_ever;
            good = live_shortly(&f, backend, fds) && f.allocs < at;
            CHECK_INT(f.live, 0);
        }
    }
    close(fds[0]);
    close(fds[1]);
}

static void test_init_failures(void)
{
    struct faulty f;
    struct pd_loop loop;
    faulty_init(&f);
    f.sys.epoll_create1 = failing_epoll_create1;
    f.sys.eventfd = failing_eventfd;
    CHECK_INT(pd_loop_init(&loop, &f.sys, PD_LOOP_EPOLL), -EMFILE);
    pd_loop_fini(&loop);
    CHECK_INT(pd_loop_init(&loop, &f.sys, PD_LOOP_POLL), -ENFILE);
    pd_loop_fini(&loop);
    CHECK_INT(f.live, 0);
    struct pd_wakeup w;
    CHECK_INT(pd_wakeup_init(&w, &f.sys), -ENFILE);
    pd_wakeup_fini(&w);
}

static void test_wakeup_ends_a_wait(enum pd_loop_backend backend)
{
    struct fixture x;
    struct pd_wakeup w;
    struct pd_ready ready[2];
    set_up(&x, backend, PD_READABLE);
    CHECK_INT(pd_wakeup_init(&w, pd_sys_default()), 0);
    CHECK_INT(pd_loop_add(&x.loop, w.fd, PD_READABLE, &w), 0);
    CHECK_INT(pd_loop_wait(&x.loop, ready, 2, 0), 0);
    errno = EDOM;
    for (int i = 0; i < 3; i++)
        pd_wakeup_fire(&w);
    CHECK_INT(errno, EDOM);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(pd_loop_wait(&x.loop, ready, 2, LONG_MS), 1);
        CHECK(ready[0].owner == &w);
    }
    pd_wakeup_clear(&w);
    CHECK_INT(pd_loop_wait(&x.loop, ready, 2, 0), 0);
    pd_wakeup_clear(&w); /* nothing to clear: does not block */
    CHECK_INT(pd_loop_remove(&x.loop, w.fd), 0);
    pd_wakeup_fini(&w);
    tear_down(&x);
}

static ssize_t interrupted_write(void *ctx, int fd, const void *buf, size_t n)
{
    struct faulty *f = ctx;
    errno = f->error;
    if (f->for_ever || f->allocs++ == 0)
        return -1;
    return pd_sys_default()->write(NULL, fd, buf, n);
}

static void test_wakeup_survives_interruption(void)
{
    struct faulty f;
    struct pd_wakeup w;
    uint64_t count = 0;
    faulty_init(&f);
    f.sys.write = interrupted_write;
    f.error = EINTR;
    CHECK_INT(pd_wakeup_init(&w, &f.sys), 0);
    pd_wakeup_fire(&w);
    CHECK_INT(read(w.fd, &count, sizeof count), sizeof count);
    CHECK_INT(count, 1);
    f.for_ever = 1;
    pd_wakeup_fire(&w); /* comes back */
    f.error = EAGAIN;
    pd_wakeup_fire(&w);
    CHECK_INT(read(w.fd, &count, sizeof count), -1);
    pd_wakeup_fini(&w);
}

int main(void)
{
    static const enum pd_loop_backend backends[] = { PD_LOOP_EPOLL, PD_LOOP_POLL };
    static void (*const tests[])(enum pd_loop_backend) = {
        test_level_triggered_repeats,
        test_edge_triggered_reports_once_until_used,
        test_bytes_between_eagain_and_rearm_are_not_missed,
        test_half_close_is_seen_without_reading,
        test_hangup_is_reported_once_and_does_not_spin,
        test_hangup_is_reported_when_nothing_was_asked,
        test_writable_comes_back_after_the_peer_read,
        test_change_replaces_events_and_owner,
        test_rearm_adds_no_direction_that_was_not_asked,
        test_removed_descriptor_is_silent,
        test_small_batches_reach_every_descriptor,
        test_high_descriptors,
        test_changes_reach_a_thread_that_waits,
        test_wait_errors,
        test_memory_failures,
        test_wakeup_ends_a_wait,
    };
    for (size_t b = 0; b < 2; b++)
        for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
            tests[i](backends[b]);
    test_init_failures();
    test_wakeup_survives_interruption();
    return check_result();
}
