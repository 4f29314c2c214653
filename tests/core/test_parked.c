/*
 * test_parked.c - a request that waits without a thread (DESIGN section 3): others are served meanwhile, by the only
 * application thread there is, and it is answered when it was resumed, also while the server drains.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "engine/exchange_api.h"
#include "engine/impl.h"
#include "engine_peer.h"

enum { PATIENCE_MS = 10000 };

struct scene {
    struct pd_sys sys; /* first: its address is the context of the table */
    struct pd_engine *engine;
    struct pd_thread *thread; /* the only one */
    struct sockaddr_in door;
    int waiting;             /* the connection of the parked request */
    struct pd_exchange *due; /* resumed by another thread as soon as the loop sleeps */
    pthread_t resumer;
    bool resumed;
    uint64_t ahead_ns; /* of the real clock */
};

/* --- the other thread --------------------------------------------------------------------------------------------- */

static void *resume(void *arg)
{
    pd_exchange_resume(arg);
    return NULL;
}

/* The engine's only thread goes to sleep: from now on somebody else must wake it. */
static int epoll_wait_then_resume(void *ctx, int ep, struct epoll_event *evs, int max, int timeout_ms)
{
    struct scene *s = ctx;
    if (timeout_ms && s->due) {
        if (pthread_create(&s->resumer, NULL, resume, s->due) != 0)
            abort();
        s->due = NULL;
        s->resumed = true;
        int n = pd_sys_default()->epoll_wait(NULL, ep, evs, max, PATIENCE_MS);
        CHECK(n > 0);
        return n;
    }
    return pd_sys_default()->epoll_wait(NULL, ep, evs, max, timeout_ms);
}

static uint64_t clock_ahead(void *ctx)
{
    return pd_sys_default()->monotonic_ns(NULL) + ((struct scene *)ctx)->ahead_ns;
}

/* --- the scene ---------------------------------------------------------------------------------------------------- */

static int ask(const struct scene *s, struct pd_slice text)
{
    int fd = peer_dial(&s->door);
    peer_say(fd, text);
    return fd;
}

static bool is_silent(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, 0) == 0;
}

static bool was_answered(int fd)
{
    char buf[1000];
    struct pollfd p = { .fd = fd, .events = POLLIN };
    ssize_t n = poll(&p, 1, PATIENCE_MS) == 1 ? recv(fd, buf, sizeof buf, 0) : 0;
    return n > 0 && pd_slice_has_prefix(pd_slice(buf, (size_t)n), PD_SLICE("HTTP/1.1 200 OK\r\n"));
}

static void answer(struct scene *s, struct pd_exchange *x)
{
    CHECK_INT(pd_response_start(pd_exchange_response(x), PD_SLICE("200 OK")), PD_R_NONE);
    CHECK_INT(pd_exchange_last(s->thread, x, PD_SLICE("done"), false), PD_SEND_OK);
}

/* An engine whose thread has parked a request. */
static struct pd_exchange *scene_init(struct scene *s)
{
    struct pd_config config = PD_CONFIG_DEFAULT;
    *s = (struct scene){ .sys = *pd_sys_default() };
    s->sys.ctx = s;
    s->sys.epoll_wait = epoll_wait_then_resume;
    s->sys.monotonic_ns = clock_ahead;
    s->engine = pd_engine_new(&config, NULL, PD_LOOP_EPOLL, &s->sys);
    s->door = peer_door(s->engine, (struct pd_port){ .codec = &pd_codec_http1 });
    s->thread = pd_thread_new(s->engine);
    s->waiting = ask(s, PD_SLICE("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"));
    struct pd_exchange *x = s->thread ? pd_engine_next(s->thread) : NULL;
    if (!x)
        abort();
    pd_exchange_park(x);
    return x;
}

static void scene_fini(struct scene *s)
{
    pd_engine_stop(s->engine, 0);
    CHECK(pd_engine_next(s->thread) == NULL);
    if (s->resumed)
        pthread_join(s->resumer, NULL);
    pd_thread_free(s->thread);
    pd_engine_free(s->engine);
    if (s->waiting >= 0)
        close(s->waiting);
}

/* --- the tests ---------------------------------------------------------------------------------------------------- */

static void test_others_are_served_and_then_the_parked_one(void)
{
    struct scene s;
    struct pd_exchange *parked = scene_init(&s);
    for (int i = 0; i < 3; i++) {
        int other = ask(&s, PD_SLICE("GET /other HTTP/1.1\r\nHost: x\r\n\r\n"));
        struct pd_exchange *x = pd_engine_next(s.thread);
        CHECK(x && x != parked && pd_slice_eq(pd_exchange_request(x)->path, PD_SLICE("/other")));
        answer(&s, x);
        CHECK(was_answered(other));
        CHECK(is_silent(s.waiting));
        close(other);
    }
    s.due = parked;
    CHECK(pd_engine_next(s.thread) == parked);
    CHECK_STR(pd_exchange_request(parked)->path, "/wait");
    answer(&s, parked);
    CHECK(was_answered(s.waiting));
    scene_fini(&s);
}

static void test_a_parked_request_counts_with_no_thread(void)
{
    struct scene s;
    struct pd_stats stats;
    struct pd_exchange *parked = scene_init(&s);
    int other = ask(&s, PD_SLICE("GET /other HTTP/1.1\r\nHost: x\r\n\r\n"));
    struct pd_exchange *x = pd_engine_next(s.thread);
    pd_engine_stats(s.engine, &stats);
    CHECK_INT(stats.running, 1); /* this one alone */
    CHECK_INT(stats.ready, 0);
    CHECK_INT(stats.begun, 2);
    CHECK_INT(stats.busy, 2); /* neither connection is idle */
    answer(&s, x);
    pd_exchange_resume(parked); /* by the same thread, which finds it when it asks */
    CHECK(pd_engine_next(s.thread) == parked);
    answer(&s, parked);
    pd_engine_stats(s.engine, &stats);
    CHECK_INT(stats.begun, 2);
    CHECK_INT(stats.busy, 0); /* both are kept open */
    CHECK_INT(stats.connections, 2);
    CHECK(was_answered(s.waiting));
    close(other);
    scene_fini(&s);
}

/* Its client has asked before the stop, so it gets its answer. */
static void test_a_drain_waits_for_it(void)
{
    struct scene s;
    struct pd_exchange *parked = scene_init(&s);
    pd_engine_stop(s.engine, PATIENCE_MS);
    s.due = parked;
    CHECK(pd_engine_next(s.thread) == parked);
    answer(&s, parked);
    CHECK(was_answered(s.waiting));
    CHECK(pd_engine_next(s.thread) == NULL);
    scene_fini(&s);
}

/* The application has begun, so it is told rather than passed over, however late it is. */
static void test_neither_its_age_nor_a_client_that_left_ends_it(void)
{
    struct scene s;
    struct linger at_once = { .l_onoff = 1 };
    struct pd_exchange *parked = scene_init(&s);
    CHECK(!pd_exchange_client_gone(parked));
    setsockopt(s.waiting, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(s.waiting);
    s.waiting = -1;
    pd_exchange_resume(parked);
    s.ahead_ns = UINT64_C(3600000000000);
    CHECK(pd_engine_next(s.thread) == parked);
    CHECK(pd_exchange_client_gone(parked));
    pd_exchange_fail(s.thread, parked);
    scene_fini(&s);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    alarm(60); /* a wake-up that is lost ends here, and fails */
    test_others_are_served_and_then_the_parked_one();
    test_a_parked_request_counts_with_no_thread();
    test_a_drain_waits_for_it();
    test_neither_its_age_nor_a_client_that_left_ends_it();
    return check_result();
}
