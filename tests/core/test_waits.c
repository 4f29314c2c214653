/*
 * test_waits.c - requests that are suspended: what ends their waits, who goes on with them, and what becomes of
 * descriptors that are closed meanwhile. All of it on both back ends of the loop.
 *
 * The only thread suspends requests and asks for the next one, which turns the loop. Time is moved by hand.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "engine/impl.h"
#include "engine_peer.h"

enum { PATIENCE_MS = 10000, MANY = 300, TIMEOUT_MS = 5000, SWEEP_MS = 3000 };

struct scene {
    struct pd_sys sys; /* first: its address is the context of the table */
    enum pd_loop_backend backend;
    struct pd_engine *engine;
    struct pd_thread *thread;
    struct sockaddr_in door;
    int pair[2]; /* to be waited for; -1: closed */
    _Atomic uint64_t now_ns;
    uint64_t step_ns;  /* by which the clock goes on when the loop would sleep, 0: it may sleep */
    int refuse_add;    /* errno of each epoll_ctl() that adds, 0: none */
    unsigned long ctl; /* calls of epoll_ctl() */
};

/* --- the world as the engine sees it ------------------------------------------------------------------------------ */

static uint64_t clock_by_hand(void *ctx)
{
    return ((struct scene *)ctx)->now_ns;
}

static int sleep_is_over(struct scene *s, int timeout_ms)
{
    if (timeout_ms == 0 || !s->step_ns)
        return timeout_ms;
    s->now_ns += s->step_ns;
    return 0;
}

static int wait_epoll(void *ctx, int ep, struct epoll_event *evs, int max, int timeout_ms)
{
    return pd_sys_default()->epoll_wait(NULL, ep, evs, max, sleep_is_over(ctx, timeout_ms));
}

static int wait_poll(void *ctx, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    return pd_sys_default()->poll(NULL, fds, n, sleep_is_over(ctx, timeout_ms));
}

static int control(void *ctx, int ep, int op, int fd, struct epoll_event *ev)
{
    struct scene *s = ctx;
    s->ctl++;
    if (s->refuse_add && op == EPOLL_CTL_ADD && ev->events & EPOLLONESHOT) {
        errno = s->refuse_add;
        return -1;
    }
    return pd_sys_default()->epoll_ctl(NULL, ep, op, fd, ev);
}

static void make_pair(int pair[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
        abort();
}

static void scene_init_with(struct scene *s, enum pd_loop_backend backend, size_t max, uint64_t limit_ms)
{
    struct pd_config config = PD_CONFIG_DEFAULT;
    *s = (struct scene){ .sys = *pd_sys_default(), .backend = backend, .now_ns = 1000000000000 };
    s->sys.ctx = s;
    s->sys.monotonic_ns = clock_by_hand;
    s->sys.epoll_wait = wait_epoll;
    s->sys.poll = wait_poll;
    s->sys.epoll_ctl = control;
    config.suspended_max = max;
    config.timeouts = (struct pd_timeouts){ .request = limit_ms };
    s->engine = pd_engine_new(&config, NULL, backend, &s->sys);
    s->door = peer_door(s->engine, (struct pd_port){ .codec = &pd_codec_http1 });
    s->thread = pd_thread_new(s->engine);
    if (!s->thread)
        abort();
    make_pair(s->pair);
}

static void scene_init(struct scene *s, enum pd_loop_backend backend)
{
    scene_init_with(s, backend, 1000, 0);
}

static void close_end(struct scene *s, int end)
{
    close(s->pair[end]);
    s->pair[end] = -1;
}

static void scene_fini(struct scene *s)
{
    for (int end = 0; end < 2; end++)
        if (s->pair[end] >= 0)
            close_end(s, end);
    pd_engine_stop(s->engine, 0);
    CHECK(pd_engine_next(s->thread) == NULL);
    pd_thread_free(s->thread);
    pd_engine_free(s->engine);
}

static struct pd_exchange *next(struct scene *s)
{
    struct pd_exchange *x = pd_engine_next(s->thread);
    if (!x)
        abort();
    return x;
}

/* A request, as the thread gets it. */
static struct pd_exchange *ask(struct scene *s, int *fd)
{
    *fd = peer_dial(&s->door);
    peer_say(*fd, PD_SLICE("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    return next(s);
}

static enum pd_suspend suspend(struct scene *s, struct pd_exchange *x, int fd, uint32_t events, int64_t timeout_ms)
{
    struct pd_wait_for what = { fd, events, timeout_ms < 0 ? -1 : timeout_ms * 1000000, x, false };
    return pd_exchange_suspend(s->thread, x, &what);
}

static void wait_for(struct scene *s, struct pd_exchange *x, int fd, uint32_t events, int64_t timeout_ms)
{
    CHECK_INT(suspend(s, x, fd, events, timeout_ms), PD_SUSPEND_OK);
}

static void answer(struct scene *s, struct pd_exchange *x, int client)
{
    char buf[1000];
    struct pollfd p = { .fd = client, .events = POLLIN };
    CHECK_INT(pd_response_start(pd_exchange_response(x), PD_SLICE("200 OK")), PD_R_NONE);
    CHECK_INT(pd_exchange_last(s->thread, x, PD_SLICE("done"), false), PD_SEND_OK);
    CHECK(poll(&p, 1, PATIENCE_MS) == 1 && recv(client, buf, sizeof buf, 0) > 0);
    close(client);
}

static enum pd_wait_end end_of(const struct pd_exchange *x)
{
    enum pd_wait_end end;
    CHECK(pd_exchange_waited(x, &end) == x);
    return end;
}

/* The next one is this request, and that is what became of its wait. */
static void goes_on(struct scene *s, const struct pd_exchange *x, enum pd_wait_end end)
{
    CHECK(next(s) == x);
    CHECK_INT(end_of(x), end);
}

static size_t suspended(struct scene *s)
{
    struct pd_stats stats;
    pd_engine_stats(s->engine, &stats);
    return stats.suspended;
}

/* --- what ends a wait --------------------------------------------------------------------------------------------- */

static void test_each_direction(enum pd_loop_backend backend)
{
    struct scene s;
    int client;
    scene_init(&s, backend);
    struct pd_exchange *x = ask(&s, &client);
    wait_for(&s, x, s.pair[0], PD_WRITABLE, -1);
    CHECK_INT(suspended(&s), 1);
    goes_on(&s, x, PD_WAIT_READY);
    CHECK_INT(suspended(&s), 0);
    CHECK_INT(write(s.pair[1], "x", 1), 1);
    wait_for(&s, x, s.pair[0], PD_READABLE, TIMEOUT_MS);
    goes_on(&s, x, PD_WAIT_READY);
    close_end(&s, 1); /* its end is ready for everything */
    wait_for(&s, x, s.pair[0], PD_READABLE, 0);
    goes_on(&s, x, PD_WAIT_READY);
    wait_for(&s, x, s.pair[0], PD_WRITABLE, 0);
    goes_on(&s, x, PD_WAIT_READY);
    answer(&s, x, client);
    scene_fini(&s);
}

static void test_its_time(enum pd_loop_backend backend)
{
    struct scene s;
    int client;
    scene_init(&s, backend);
    struct pd_exchange *x = ask(&s, &client);
    s.step_ns = 1000000;
    uint64_t since = s.now_ns;
    wait_for(&s, x, s.pair[0], PD_READABLE, TIMEOUT_MS);
    goes_on(&s, x, PD_WAIT_TIMEOUT);
    uint64_t took = s.now_ns - since;
    CHECK(took >= TIMEOUT_MS * UINT64_C(1000000) && took < (TIMEOUT_MS + 20) * UINT64_C(1000000));
    answer(&s, x, client);
    scene_fini(&s);
}

/* As with select() a time of 0 is a look, and takes none: neither a tick nor a place in the loop. */
static void test_no_time_is_a_look(enum pd_loop_backend backend)
{
    struct scene s;
    int client;
    scene_init(&s, backend);
    struct pd_exchange *x = ask(&s, &client);
    s.step_ns = 1000000;
    uint64_t since = s.now_ns;
    unsigned long ctl = s.ctl;
    for (int i = 0; i < 3; i++) {
        wait_for(&s, x, s.pair[0], PD_READABLE, 0);
        goes_on(&s, x, PD_WAIT_TIMEOUT);
        wait_for(&s, x, s.pair[0], PD_WRITABLE, 0);
        goes_on(&s, x, PD_WAIT_READY);
    }
    CHECK_INT(write(s.pair[1], "x", 1), 1);
    wait_for(&s, x, s.pair[0], PD_READABLE, 0);
    goes_on(&s, x, PD_WAIT_READY);
    wait_for(&s, x, 1 << 30, PD_READABLE, 0);
    goes_on(&s, x, PD_WAIT_READY);
    CHECK_INT(s.now_ns - since, 0);
    CHECK(s.ctl <= ctl + 1); /* the connection's own, at the first wait */
    answer(&s, x, client);
    scene_fini(&s);
}

static void test_files_and_numbers_of_nothing_are_ready(enum pd_loop_backend backend)
{
    struct scene s;
    int client;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    scene_init(&s, backend);
    struct pd_exchange *x = ask(&s, &client);
    const int fds[] = { file, 1 << 20, 1 << 30, -1 };
    for (int i = 0; i < 4; i++) {
        wait_for(&s, x, fds[i], i % 2 ? PD_READABLE : PD_WRITABLE, -1);
        goes_on(&s, x, PD_WAIT_READY);
    }
    answer(&s, x, client);
    close(file);
    scene_fini(&s);
}

static void test_what_cannot_be_watched_goes_on_and_is_told(void)
{
    struct scene s;
    int client;
    char text[500];
    scene_init(&s, PD_LOOP_EPOLL);
    struct pd_exchange *x = ask(&s, &client);
    s.refuse_add = ENOSPC;
    wait_for(&s, x, s.pair[0], PD_READABLE, -1);
    goes_on(&s, x, PD_WAIT_READY);
    size_t n = pd_engine_take_log(s.engine, text, sizeof text);
    CHECK(memmem(text, n, "PD0414", 6) != NULL);
    answer(&s, x, client);
    scene_fini(&s);
}

/* --- the request's own body --------------------------------------------------------------------------------------- */

static struct pd_exchange *ask_streaming(struct scene *s, int *fd)
{
    s->door = peer_door(s->engine, (struct pd_port){ .codec = &pd_codec_http1, .stream = true });
    *fd = peer_dial(&s->door);
    peer_say(*fd, PD_SLICE("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n"));
    return next(s);
}

static void wait_for_body(struct scene *s, struct pd_exchange *x, int64_t timeout_ms)
{
    struct pd_wait_for what = { -1, PD_READABLE, timeout_ms < 0 ? -1 : timeout_ms * 1000000, x, true };
    CHECK_INT(pd_exchange_suspend(s->thread, x, &what), PD_SUSPEND_OK);
}

static size_t read_some(struct scene *s, struct pd_exchange *x)
{
    char buf[100];
    size_t got;
    return pd_exchange_read(s->thread, x, buf, sizeof buf, &got) == PD_READ_OK ? got : SIZE_MAX;
}

static void test_a_body_as_it_comes(enum pd_loop_backend backend)
{
    struct scene s;
    int client;
    scene_init(&s, backend);
    struct pd_exchange *x = ask_streaming(&s, &client);
    s.step_ns = 1000000;
    wait_for_body(&s, x, TIMEOUT_MS);
    goes_on(&s, x, PD_WAIT_TIMEOUT);
    s.step_ns = 0;
    wait_for_body(&s, x, -1);
    peer_say(client, PD_SLICE("some"));
    goes_on(&s, x, PD_WAIT_READY);
    wait_for_body(&s, x, 0); /* it is still there */
    goes_on(&s, x, PD_WAIT_READY);
    CHECK_INT(read_some(&s, x), 4);
    peer_say(client, PD_SLICE("more"));
    wait_for_body(&s, x, -1);
    goes_on(&s, x, PD_WAIT_READY);
    CHECK_INT(read_some(&s, x), 4);
    wait_for_body(&s, x, -1); /* its end */
    goes_on(&s, x, PD_WAIT_READY);
    CHECK_INT(read_some(&s, x), 0);
    CHECK_INT(x->waiters, 0);
    answer(&s, x, client);
    scene_fini(&s);
}

static void test_a_body_that_nobody_sends(enum pd_loop_backend backend)
{
    struct scene s;
    int client;
    scene_init(&s, backend);
    struct pd_exchange *x = ask_streaming(&s, &client);
    wait_for_body(&s, x, -1);
    close(client);
    goes_on(&s, x, PD_WAIT_OVER);
    CHECK_INT(x->waiters, 0);
    pd_exchange_fail(s.thread, x);
    scene_fini(&s);
}

/* --- many on one descriptor --------------------------------------------------------------------------------------- */

static void test_many_wait_in_both_directions(enum pd_loop_backend backend)
{
    struct scene s;
    struct pd_exchange *xs[MANY];
    int clients[MANY];
    char block[4096] = { 0 };
    scene_init(&s, backend);
    while (write(s.pair[0], block, sizeof block) > 0)
        continue;
    for (int i = 0; i < MANY; i++) {
        xs[i] = ask(&s, &clients[i]);
        wait_for(&s, xs[i], s.pair[0], i % 2 ? PD_READABLE : PD_WRITABLE, -1);
    }
    CHECK_INT(suspended(&s), MANY);
    CHECK_INT(write(s.pair[1], "x", 1), 1);
    for (int i = 1; i < MANY; i += 2) {
        struct pd_exchange *x = next(&s);
        CHECK_INT(end_of(x), PD_WAIT_READY);
        CHECK_INT(x->wait->events, PD_READABLE);
    }
    CHECK_INT(suspended(&s), MANY / 2);
    while (read(s.pair[1], block, sizeof block) > 0)
        continue;
    for (int i = 0; i < MANY; i += 2)
        CHECK_INT(next(&s)->wait->events, PD_WRITABLE);
    CHECK_INT(suspended(&s), 0);
    CHECK_INT(s.engine->waits->nwatches, 0);
    for (int i = 0; i < MANY; i++)
        answer(&s, xs[i], clients[i]);
    scene_fini(&s);
}

/* Requests that begin are not kept waiting by those that go on, nor these by them. */
static void test_those_that_begin_and_those_that_go_on_take_turns(void)
{
    enum { EACH = 4 };
    struct scene s;
    struct pd_exchange *xs[2 * EACH];
    int clients[2 * EACH];
    scene_init(&s, PD_LOOP_EPOLL);
    for (int i = 0; i < EACH; i++) {
        xs[i] = ask(&s, &clients[i]);
        wait_for(&s, xs[i], s.pair[0], PD_READABLE, -1);
    }
    struct pd_exchange *first = ask(&s, &clients[EACH]);
    CHECK_INT(write(s.pair[1], "x", 1), 1);
    for (int i = EACH + 1; i < 2 * EACH; i++) {
        clients[i] = peer_dial(&s.door);
        peer_say(clients[i], PD_SLICE("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    }
    answer(&s, first, clients[EACH]);
    int began = 0;
    for (int i = 0; i < 2 * EACH - 1; i++) {
        struct pd_exchange *x = next(&s);
        began += !x->was_parked;
        CHECK(i < 2 || began > (i - 2) / 2 - 1);
        CHECK(began <= i / 2 + 1);
        CHECK_INT(pd_response_start(pd_exchange_response(x), PD_SLICE("200 OK")), PD_R_NONE);
        CHECK_INT(pd_exchange_last(s.thread, x, PD_SLICE("done"), false), PD_SEND_OK);
    }
    CHECK_INT(began, EACH - 1);
    for (int i = 0; i < 2 * EACH; i++)
        if (i != EACH)
            close(clients[i]);
    scene_fini(&s);
}

/* --- descriptors that go away ------------------------------------------------------------------------------------- */

static void test_a_closed_descriptor_is_found(enum pd_loop_backend backend)
{
    struct scene s;
    int client;
    scene_init(&s, backend);
    struct pd_exchange *x = ask(&s, &client);
    wait_for(&s, x, s.pair[0], PD_READABLE, -1);
    int other;
    struct pd_exchange *y = ask(&s, &other); /* the loop has turned */
    close_end(&s, 0);
    s.step_ns = 100000000;
    uint64_t since = s.now_ns;
    answer(&s, y, other);
    goes_on(&s, x, PD_WAIT_READY);
    CHECK(s.now_ns - since <= SWEEP_MS * UINT64_C(1000000));
    answer(&s, x, client);
    scene_fini(&s);
}

/*
 * The descriptor is closed, a copy keeps its file open, and the number is another file's: the kernel still reports the
 * old one, and cannot be told to stop. Nobody is resumed by that.
 */
static void test_a_number_that_names_another_file(void)
{
    struct scene s;
    int new[2];
    int client;
    scene_init(&s, PD_LOOP_EPOLL);
    make_pair(new);
    struct pd_exchange *x = ask(&s, &client);
    wait_for(&s, x, s.pair[0], PD_READABLE, -1);
    int other;
    struct pd_exchange *y = ask(&s, &other);
    int copy = dup(s.pair[0]);
    CHECK_INT(dup2(new[0], s.pair[0]), s.pair[0]);
    wait_for(&s, y, s.pair[0], PD_READABLE, -1); /* finds it at once, and ends the wait of the first */
    goes_on(&s, x, PD_WAIT_READY);
    CHECK_INT(suspended(&s), 1);
    CHECK_INT(write(s.pair[1], "x", 1), 1); /* who waited for this has gone on */
    s.step_ns = 500000000;
    uint64_t since = s.now_ns;
    wait_for(&s, x, copy, PD_WRITABLE, 0);
    goes_on(&s, x, PD_WAIT_READY);
    wait_for(&s, x, new[1], PD_READABLE, 10000);
    goes_on(&s, x, PD_WAIT_TIMEOUT); /* many turns and sweeps later */
    CHECK(s.now_ns - since >= 10000 * UINT64_C(1000000));
    CHECK_INT(suspended(&s), 1);
    CHECK_INT(write(new[1], "x", 1), 1);
    goes_on(&s, y, PD_WAIT_READY);
    answer(&s, x, client);
    answer(&s, y, other);
    close(new[0]);
    close(new[1]);
    close(copy);
    scene_fini(&s);
}

/* A connection that gets the number of a closed descriptor is served, and stays, whatever becomes of the wait. */
static void test_a_connection_gets_the_number(enum pd_loop_backend backend)
{
    struct scene s;
    int client;
    scene_init(&s, backend);
    struct pd_exchange *x = ask(&s, &client);
    wait_for(&s, x, s.pair[0], PD_READABLE, TIMEOUT_MS);
    int other;
    struct pd_exchange *y = ask(&s, &other);
    answer(&s, y, other);
    int kept = peer_dial(&s.door); /* its number is taken before that of the pair is free */
    close_end(&s, 0);
    peer_say(kept, PD_SLICE("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"));
    struct pd_exchange *first = next(&s);
    if (first == x) { /* the poll back end has found it already */
        CHECK_INT(end_of(x), PD_WAIT_READY);
        first = next(&s);
    } else {
        s.step_ns = 100000000;
        CHECK_INT(pd_response_start(pd_exchange_response(first), PD_SLICE("200 OK")), PD_R_NONE);
        CHECK_INT(pd_exchange_last(s.thread, first, PD_SLICE("done"), false), PD_SEND_OK);
        goes_on(&s, x, PD_WAIT_READY);
        s.step_ns = 0;
        peer_say(kept, PD_SLICE("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n"));
        first = next(&s);
        CHECK_STR(pd_exchange_request(first)->path, "/2");
    }
    answer(&s, first, kept);
    answer(&s, x, client);
    scene_fini(&s);
}

/* --- nobody wants it ---------------------------------------------------------------------------------------------- */

static void test_a_client_that_leaves(enum pd_loop_backend backend)
{
    struct scene s;
    int client;
    scene_init(&s, backend);
    struct pd_exchange *x = ask(&s, &client);
    wait_for(&s, x, s.pair[0], PD_READABLE, -1);
    int other;
    struct pd_exchange *y = ask(&s, &other);
    close(client);
    answer(&s, y, other);
    goes_on(&s, x, PD_WAIT_OVER);
    CHECK_INT(suspend(&s, x, s.pair[0], PD_READABLE, -1), PD_SUSPEND_OVER);
    pd_exchange_fail(s.thread, x);
    CHECK_INT(s.engine->waits->nwatches, 0);
    scene_fini(&s);
}

static void test_the_time_limit_of_the_request(void)
{
    struct scene s;
    int client;
    char buf[1000];
    scene_init_with(&s, PD_LOOP_EPOLL, 10, 10000);
    struct pd_exchange *x = ask(&s, &client);
    s.step_ns = 100000000;
    uint64_t since = s.now_ns;
    for (int i = 0; i < 3; i++) { /* each wait is shorter than the limit */
        wait_for(&s, x, s.pair[0], PD_READABLE, 4000);
        goes_on(&s, x, i < 2 ? PD_WAIT_TIMEOUT : PD_WAIT_OVER);
    }
    CHECK(s.now_ns - since < 11000 * UINT64_C(1000000));
    CHECK(s.thread->call.since_ns == s.thread->started_ns); /* close() is not late from the beginning */
    ssize_t n = recv(client, buf, sizeof buf, 0);
    CHECK(n > 0 && pd_slice_has_prefix(pd_slice(buf, (size_t)n), PD_SLICE("HTTP/1.1 504 ")));
    CHECK_INT(suspend(&s, x, s.pair[0], PD_READABLE, -1), PD_SUSPEND_OVER);
    pd_exchange_fail(s.thread, x);
    close(client);
    scene_fini(&s);
}

static void test_only_so_many(void)
{
    struct scene s;
    int clients[3];
    struct pd_exchange *xs[3];
    char text[500];
    char buf[1000];
    scene_init_with(&s, PD_LOOP_EPOLL, 2, 0);
    for (int i = 0; i < 3; i++) {
        xs[i] = ask(&s, &clients[i]);
        CHECK_INT(suspend(&s, xs[i], s.pair[0], PD_READABLE, -1), i < 2 ? PD_SUSPEND_OK : PD_SUSPEND_FULL);
    }
    pd_exchange_overload(s.thread, xs[2]);
    ssize_t n = recv(clients[2], buf, sizeof buf, 0);
    CHECK(n > 0 && pd_slice_has_prefix(pd_slice(buf, (size_t)n), PD_SLICE("HTTP/1.1 503 ")));
    n = (ssize_t)pd_engine_take_log(s.engine, text, sizeof text);
    CHECK(memmem(text, (size_t)n, "PD0556", 6) != NULL);
    CHECK_INT(write(s.pair[1], "x", 1), 1);
    for (int i = 0; i < 2; i++)
        answer(&s, next(&s), clients[i]);
    close(clients[2]);
    scene_fini(&s);
}

/* A drain waits for them; when its time is up they come out once more, to be ended, and nothing is suspended again. */
static void test_the_end_of_the_engine(enum pd_loop_backend backend)
{
    struct scene s;
    int clients[2];
    struct pd_exchange *xs[2];
    scene_init(&s, backend);
    for (int i = 0; i < 2; i++)
        xs[i] = ask(&s, &clients[i]);
    for (int i = 0; i < 2; i++)
        wait_for(&s, xs[i], s.pair[0], i ? PD_READABLE : PD_WRITABLE, -1);
    pd_engine_stop(s.engine, TIMEOUT_MS);
    goes_on(&s, xs[0], PD_WAIT_READY);
    answer(&s, xs[0], clients[0]);
    s.step_ns = 500000000;
    goes_on(&s, xs[1], PD_WAIT_OVER);
    CHECK_INT(suspend(&s, xs[1], s.pair[0], PD_READABLE, -1), PD_SUSPEND_OVER);
    pd_exchange_fail(s.thread, xs[1]);
    CHECK(pd_engine_next(s.thread) == NULL);
    close(clients[1]);
    scene_fini(&s);
}

/* --- who does not read -------------------------------------------------------------------------------------------- */

/* Reads all that has come. */
static void read_all(int client)
{
    char buf[65536];
    while (recv(client, buf, sizeof buf, MSG_DONTWAIT) > 0)
        ;
}

/* Begins its response, and writes until its client should read. */
static void write_much(struct pd_exchange *x)
{
    static const char block[8000];
    CHECK_INT(pd_response_start(pd_exchange_response(x), PD_SLICE("200 OK")), PD_R_NONE);
    while (!pd_conn_is_behind(x->conn))
        CHECK_INT(pd_exchange_write(x, pd_slice(block, sizeof block), false), PD_SEND_OK);
}

/* A request whose client does not take what it gave goes on when it has, whatever it waits for; others go on before. */
static void test_a_client_that_does_not_read(enum pd_loop_backend backend)
{
    struct scene s;
    int clients[2];
    scene_init(&s, backend);
    struct pd_exchange *x = ask(&s, &clients[0]);
    write_much(x);
    wait_for(&s, x, s.pair[0], PD_WRITABLE, -1);
    for (int i = 0; i < 3; i++) {
        struct pd_exchange *other = ask(&s, &clients[1]);
        CHECK(other != x);
        wait_for(&s, other, s.pair[0], PD_WRITABLE, -1);
        goes_on(&s, other, PD_WAIT_READY);
        answer(&s, other, clients[1]);
    }
    CHECK_INT(suspended(&s), 1);
    read_all(clients[0]);
    goes_on(&s, x, PD_WAIT_READY);
    CHECK(!pd_conn_is_behind(x->conn));
    read_all(clients[0]);
    answer(&s, x, clients[0]);
    scene_fini(&s);
}

/* It leaves, or the engine stops: the request goes on to its end. */
static void test_a_client_that_does_not_read_and_leaves(bool stops)
{
    struct scene s;
    int clients[2];
    scene_init(&s, PD_LOOP_EPOLL);
    struct pd_exchange *x = ask(&s, &clients[0]);
    write_much(x);
    wait_for(&s, x, s.pair[0], PD_WRITABLE, -1);
    struct pd_exchange *other = ask(&s, &clients[1]); /* by now it is held */
    CHECK(other != x);
    answer(&s, other, clients[1]);
    if (stops)
        pd_engine_stop(s.engine, 0);
    else
        close(clients[0]);
    goes_on(&s, x, PD_WAIT_OVER);
    pd_exchange_fail(s.thread, x);
    if (stops)
        close(clients[0]);
    scene_fini(&s);
}

/* --- whose it is -------------------------------------------------------------------------------------------------- */

/* A thread that ends leaves its requests to the others. */
static void test_a_thread_that_ends(void)
{
    enum { ALL = 3 };
    struct scene s;
    int clients[ALL];
    struct pd_exchange *xs[ALL];
    scene_init(&s, PD_LOOP_EPOLL);
    for (int i = 0; i < ALL; i++)
        xs[i] = ask(&s, &clients[i]);
    for (int i = 0; i < ALL; i++)
        wait_for(&s, xs[i], s.pair[0], i < 2 ? PD_WRITABLE : PD_READABLE, -1);
    goes_on(&s, xs[0], PD_WAIT_READY); /* so does the second one, but the thread does not ask for it */
    answer(&s, xs[0], clients[0]);
    struct pd_thread *old = s.thread;
    s.thread = pd_thread_new(s.engine);
    pd_thread_free(old);
    CHECK_INT(write(s.pair[1], "x", 1), 1);
    for (int i = 1; i < ALL; i++)
        goes_on(&s, xs[i], PD_WAIT_READY);
    for (int i = 1; i < ALL; i++)
        answer(&s, xs[i], clients[i]);
    scene_fini(&s);
}

/* While no lock is held another thread may do what it likes; here it ends, at the moment that is counted off. */
static struct ending {
    int locks, moments;
    struct pd_thread *who;
} ending;

int pthread_mutex_lock(pthread_mutex_t *m)
{
    int (*real)(pthread_mutex_t *);
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    ending.locks++;
    return real(m);
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
    int (*real)(pthread_mutex_t *);
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    int r = real(m);
    if (--ending.locks || !ending.who || ending.moments-- != 0)
        return r;
    struct pd_thread *who = ending.who;
    ending.who = NULL;
    pd_thread_free(who);
    return r;
}

static void test_a_thread_that_ends_at_any_moment(void)
{
    for (int moments = 0; moments < 30; moments++) {
        struct scene s;
        int client;
        scene_init(&s, PD_LOOP_EPOLL);
        struct pd_exchange *x = ask(&s, &client);
        wait_for(&s, x, client, PD_WRITABLE, -1);
        s.step_ns = 1000000; /* it never sleeps: there are ever more moments */
        ending = (struct ending){ 0, moments, s.thread };
        s.thread = pd_thread_new(s.engine);
        goes_on(&s, x, PD_WAIT_READY);
        answer(&s, x, client);
        scene_fini(&s);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    alarm(60); /* a wake-up that is lost ends here, and fails */
    for (enum pd_loop_backend backend = PD_LOOP_EPOLL; backend <= PD_LOOP_POLL; backend++) {
        test_each_direction(backend);
        test_its_time(backend);
        test_no_time_is_a_look(backend);
        test_files_and_numbers_of_nothing_are_ready(backend);
        test_a_body_as_it_comes(backend);
        test_a_body_that_nobody_sends(backend);
        test_many_wait_in_both_directions(backend);
        test_a_closed_descriptor_is_found(backend);
        test_a_connection_gets_the_number(backend);
        test_a_client_that_leaves(backend);
        test_the_end_of_the_engine(backend);
        test_a_client_that_does_not_read(backend);
    }
    test_what_cannot_be_watched_goes_on_and_is_told();
    test_those_that_begin_and_those_that_go_on_take_turns();
    test_a_number_that_names_another_file();
    test_the_time_limit_of_the_request();
    test_only_so_many();
    test_a_thread_that_ends();
    test_a_thread_that_ends_at_any_moment();
    test_a_client_that_does_not_read_and_leaves(false);
    test_a_client_that_does_not_read_and_leaves(true);
    return check_result();
}
