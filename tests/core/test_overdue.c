/*
 * test_overdue.c - the time limit of a request: what its peer gets, and what its thread may still do.
 *
 * The loop runs on the relief thread; the tests are the application's threads and the peers. Time is moved by hand.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "engine/exchange_api.h"
#include "engine/impl.h"
#include "engine_peer.h"
#include "fastcgi_text.h"

enum { PATIENCE_MS = 10000, LIMIT_MS = 1000000, THREADS = 2, TEXT = 4096, BURST = 40 };
static const uint64_t VACANCY_NS = 1000000; /* after so long the relief thread takes the role */

struct scene {
    struct pd_sys sys; /* first: its address is the context of the table */
    struct pd_engine *engine;
    struct pd_thread *threads[THREADS];
    struct sockaddr_in door;
    pthread_t relief;
    _Atomic uint64_t now_ns;
    uint64_t deadline_ms; /* what the loop would wait for while a thread looks whether a peer is still there */
};

static uint64_t clock_by_hand(void *ctx)
{
    return ((struct scene *)ctx)->now_ns;
}

static void *run_relief(void *arg)
{
    CHECK(!pd_engine_relief(((struct scene *)arg)->engine));
    return NULL;
}

static void scene_init(struct scene *s, const struct pd_codec *codec, bool stream)
{
    struct pd_config config = PD_CONFIG_DEFAULT;
    *s = (struct scene){ .sys = *pd_sys_default(), .now_ns = 1000000000000 };
    s->sys.ctx = s;
    s->sys.monotonic_ns = clock_by_hand;
    config.timeouts = (struct pd_timeouts){ .request = LIMIT_MS };
    s->engine = pd_engine_new(&config, NULL, PD_LOOP_EPOLL, &s->sys);
    s->door = peer_door(s->engine, (struct pd_port){ .codec = codec, .stream = stream });
    for (int i = 0; i < THREADS; i++) {
        s->threads[i] = pd_thread_new(s->engine);
        if (!s->threads[i])
            abort();
        pd_thread_set_tag(s->threads[i], &s->threads[i]);
    }
    if (pthread_create(&s->relief, NULL, run_relief, s) != 0)
        abort();
}

static void scene_fini(struct scene *s)
{
    pd_engine_stop(s->engine, 0);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pd_engine_next(s->threads[i]) == NULL);
        pd_thread_free(s->threads[i]);
    }
    pthread_join(s->relief, NULL);
    pd_engine_free(s->engine);
}

static struct pd_exchange *next(struct scene *s, int i)
{
    struct pd_exchange *x = pd_engine_next(s->threads[i]);
    if (!x)
        abort();
    return x;
}

static int ask(const struct scene *s, struct pd_slice text)
{
    int fd = peer_dial(&s->door);
    peer_say(fd, text);
    return fd;
}

static struct pd_slice hear(int fd, char text[TEXT])
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    ssize_t n = poll(&p, 1, PATIENCE_MS) == 1 ? recv(fd, text, TEXT, 0) : -2;
    return pd_slice(text, n > 0 ? (size_t)n : 0);
}

static bool holds(struct pd_slice text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

/*
 * The loop has turned since: it has refused more connections than it accepts in two turns, and what it does about time
 * comes behind them. Two, for the turn that is under way has asked for the time before. Some time passes, else the
 * relief thread would not come back.
 */
static void turn(struct scene *s)
{
    for (int i = 0; i < BURST; i++) {
        int fd = ask(s, PD_SLICE("\377\377\377\377\377\377\377\377\r\n\r\n"));
        struct pollfd p = { .fd = fd, .events = POLLIN };
        while (poll(&p, 1, 1) == 0)
            s->now_ns += VACANCY_NS;
        close(fd);
    }
}

static void pass(struct scene *s, uint64_t ms)
{
    s->now_ns += ms * 1000000;
    turn(s);
}

static size_t overdue(const struct scene *s)
{
    struct pd_overdue out;
    size_t n = 0;
    while (pd_engine_overdue(s->engine, n, &out))
        n++;
    return n;
}

static void start(struct pd_exchange *x)
{
    CHECK_INT(pd_response_start(pd_exchange_response(x), PD_SLICE("200 OK")), PD_R_NONE);
}

/* --- the tests ---------------------------------------------------------------------------------------------------- */

#define GET "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"

static void test_page(void)
{
    struct scene s;
    char text[TEXT];
    struct pd_overdue out;
    scene_init(&s, &pd_codec_http1, false);
    int fd = ask(&s, PD_SLICE(GET GET));
    struct pd_exchange *x = next(&s, 0);
    start(x);
    pass(&s, LIMIT_MS / 2);
    CHECK_INT(overdue(&s), 0);
    CHECK(!pd_exchange_client_gone(x));
    pass(&s, LIMIT_MS / 2);
    struct pd_slice got = hear(fd, text);
    CHECK(pd_slice_has_prefix(got, PD_SLICE("HTTP/1.1 504 Gateway Timeout\r\n")));
    CHECK(holds(got, "Connection: close\r\n") && !holds(got, "200 OK"));
    CHECK_INT(hear(fd, text).n, 0); /* the second request is not served */
    CHECK(pd_engine_overdue(s.engine, 0, &out) && out.tag == &s.threads[0] && out.exchange_id == x->id);
    CHECK(strncmp(out.text, "GET /slow from 127.0.0.1, id ", 29) == 0);
    CHECK(pd_exchange_client_gone(x));
    CHECK_INT(pd_exchange_write(x, PD_SLICE("late"), false), PD_SEND_GONE);
    CHECK_INT(pd_exchange_last(s.threads[0], x, PD_SLICE("late"), false), PD_SEND_GONE);
    int other = ask(&s, PD_SLICE(GET));
    x = next(&s, 0);
    CHECK_INT(overdue(&s), 0);
    start(x);
    CHECK_INT(pd_exchange_last(s.threads[0], x, PD_SLICE("done"), false), PD_SEND_OK);
    CHECK(pd_slice_has_prefix(hear(other, text), PD_SLICE("HTTP/1.1 200 OK\r\n")));
    close(other);
    close(fd);
    scene_fini(&s);
}

/* A response that goes on is not late; one that has begun cannot become a 504. */
static void test_progress(void)
{
    struct scene s;
    char text[TEXT];
    scene_init(&s, &pd_codec_http1, false);
    int fd = ask(&s, PD_SLICE(GET));
    struct pd_exchange *x = next(&s, 0);
    start(x);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(pd_exchange_write(x, PD_SLICE("block"), false), PD_SEND_OK);
        CHECK(holds(hear(fd, text), "block"));
        pass(&s, LIMIT_MS / 2);
        CHECK_INT(overdue(&s), 0);
    }
    pass(&s, LIMIT_MS / 2);
    CHECK_INT(overdue(&s), 1);
    CHECK_INT(hear(fd, text).n, 0); /* without the last chunk */
    CHECK_INT(pd_exchange_write(x, PD_SLICE("late"), true), PD_SEND_GONE);
    pd_exchange_fail(s.threads[0], x);
    close(fd);
    scene_fini(&s);
}

static void test_parked(void)
{
    struct scene s;
    char text[TEXT];
    scene_init(&s, &pd_codec_http1, false);
    int fd = ask(&s, PD_SLICE(GET));
    struct pd_exchange *x = next(&s, 0);
    pd_exchange_park(x);
    int other = ask(&s, PD_SLICE(GET));
    struct pd_exchange *y = next(&s, 0);
    pass(&s, LIMIT_MS / 2);
    start(y);
    CHECK_INT(pd_exchange_write(y, PD_SLICE("block"), false), PD_SEND_OK);
    pass(&s, LIMIT_MS / 2);
    CHECK(pd_slice_has_prefix(hear(fd, text), PD_SLICE("HTTP/1.1 504 Gateway Timeout\r\n")));
    CHECK_INT(overdue(&s), 0); /* no thread is */
    CHECK_INT(pd_exchange_last(s.threads[0], y, PD_SLICE("done"), false), PD_SEND_OK);
    pd_exchange_resume(x);
    CHECK(next(&s, 0) == x);
    start(x);
    CHECK_INT(pd_exchange_last(s.threads[0], x, PD_SLICE("late"), false), PD_SEND_GONE);
    close(fd);
    close(other);
    scene_fini(&s);
}

static void put_request(struct text *t, int id)
{
    fastcgi_put_head(t, id, "/slow", "", false);
    fastcgi_put_record(t, FCGI_STDIN, id, PD_SLICE_NONE);
}

static void say_request(int fd, int id)
{
    struct text t = { 0 };
    put_request(&t, id);
    peer_say(fd, pd_slice(t.p, t.n));
    text_fini(&t);
}

/* The connection of several requests goes on, and with it the id of the one that was late. */
static void test_shared(void)
{
    struct scene s;
    char text[TEXT];
    struct text t = { 0 };
    scene_init(&s, &pd_codec_fastcgi, false);
    put_request(&t, 1);
    int fd = ask(&s, pd_slice(t.p, t.n));
    text_fini(&t);
    struct pd_exchange *late = next(&s, 0);
    pass(&s, LIMIT_MS / 2);
    say_request(fd, 2);
    struct pd_exchange *x = next(&s, 1);
    pass(&s, LIMIT_MS / 2);
    CHECK(holds(hear(fd, text), "Status: 504 Gateway Timeout\r\n"));
    start(x);
    CHECK_INT(pd_exchange_last(s.threads[1], x, PD_SLICE("two"), false), PD_SEND_OK);
    CHECK(holds(hear(fd, text), "two"));
    for (int i = 0; i < 2; i++) { /* once beside the one that was late, once behind it */
        say_request(fd, 1);
        x = next(&s, 1);
        start(x);
        CHECK_INT(pd_exchange_last(s.threads[1], x, PD_SLICE("again"), false), PD_SEND_OK);
        CHECK(holds(hear(fd, text), "again"));
        if (i == 0) {
            start(late);
            CHECK_INT(pd_exchange_last(s.threads[0], late, PD_SLICE("late"), false), PD_SEND_GONE);
        }
    }
    close(fd);
    scene_fini(&s);
}

struct reading {
    struct scene *scene;
    struct pd_exchange *x;
    char body[8];
    size_t got;
};

static void *read_body(void *arg)
{
    struct reading *r = arg;
    CHECK_INT(pd_exchange_read(r->scene->threads[0], r->x, r->body, sizeof r->body, &r->got), PD_READ_OK);
    return NULL;
}

/* While the application waits for its peer, its time stands still; afterwards, it reads no more. */
static void test_reading(void)
{
    struct scene s;
    char text[TEXT];
    size_t got;
    pthread_t thread;
    scene_init(&s, &pd_codec_http1, true);
    int fd = ask(&s, PD_SLICE("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n"));
    struct reading r = { &s, next(&s, 0), "", 0 };
    if (pthread_create(&thread, NULL, read_body, &r) != 0)
        abort();
    for (bool waits = false; !waits;) {
        pthread_mutex_lock(&r.x->conn->lock);
        waits = r.x->waiters > 0;
        pthread_mutex_unlock(&r.x->conn->lock);
    }
    pass(&s, 3 * (uint64_t)LIMIT_MS);
    CHECK_INT(overdue(&s), 0);
    peer_say(fd, PD_SLICE("body"));
    pthread_join(thread, NULL);
    CHECK_INT(r.got, 4);
    pass(&s, LIMIT_MS / 2);
    CHECK_INT(overdue(&s), 0);
    pass(&s, LIMIT_MS / 2 + 1000);
    CHECK(pd_slice_has_prefix(hear(fd, text), PD_SLICE("HTTP/1.1 504 Gateway Timeout\r\n")));
    CHECK_INT(pd_exchange_read(s.threads[0], r.x, r.body, sizeof r.body, &got), PD_READ_ERROR);
    CHECK(strstr(pd_exchange_body_error(r.x), "request-timeout") != NULL);
    CHECK(!pd_exchange_refuse_body(s.threads[0], r.x));
    pd_exchange_fail(s.threads[0], r.x);
    close(fd);
    scene_fini(&s);
}

static int look_at_deadline(void *ctx, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    struct scene *s = ctx;
    pthread_mutex_lock(&s->engine->lock);
    s->deadline_ms = pd_calls_deadline(s->engine);
    pthread_mutex_unlock(&s->engine->lock);
    return poll(fds, n, timeout_ms);
}

/* Before its call begins a thread lets go of the lock: a loop that goes to sleep then must wake in time. */
static void test_beginning(void)
{
    struct scene s;
    scene_init(&s, &pd_codec_http1, false);
    int fds[] = { ask(&s, PD_SLICE(GET)), -1 };
    for (int i = 0; i < 2; i++) {
        struct pd_exchange *x = next(&s, 0);
        if (i == 0) {
            fds[1] = ask(&s, PD_SLICE(GET));
            turn(&s);
            pass(&s, 200); /* so long that the thread will ask whether its peer has gone */
            s.sys.poll = look_at_deadline;
        }
        start(x);
        CHECK_INT(pd_exchange_last(s.threads[0], x, PD_SLICE(""), true), PD_SEND_OK);
    }
    CHECK_INT(s.deadline_ms, s.now_ns / 1000000 + LIMIT_MS + 1);
    close(fds[0]);
    close(fds[1]);
    scene_fini(&s);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    alarm(60); /* what never comes ends here, and fails */
    test_page();
    test_progress();
    test_parked();
    test_shared();
    test_reading();
    test_beginning();
    return check_result();
}
