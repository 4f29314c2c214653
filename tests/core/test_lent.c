/*
 * test_lent.c - a thread works on a connection without its lock, and meanwhile the loop reports something about it.
 *
 * One thread plays both: inside the system call that the worker waits for, the loop's part is called. What the worker
 * uses must stay; the sanitizers tell when it does not.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "engine/exchange_api.h"
#include "engine/impl.h"
#include "engine_peer.h"

enum { PART = 100000, LARGE = 4 << 20 };

struct scene {
    struct pd_sys sys; /* first: its address is the context of the table */
    struct pd_engine *engine;
    int peer;
    bool done;         /* the loop's part was played */
    unsigned calls;    /* of the application */
    pthread_t guest;   /* another thread of the application */
    unsigned at_pause; /* ... when the loop first had to wait for the peer */
    size_t got;        /* bytes that the peer has read */
};

static struct pd_client *only_client(struct scene *s)
{
    return PD_LIST_ENTRY(s->engine->clients.next, struct pd_client, all);
}

/* --- what happens inside of system calls -------------------------------------------------------------------------- */

/* The peer leaves while its upload goes to disk. */
static ssize_t leave_in_pwrite(void *ctx, int fd, const void *buf, size_t n, off_t offset)
{
    struct scene *s = ctx;
    if (!s->done) {
        s->done = true;
        pd_client_ready(only_client(s), s->engine->keeper, PD_READABLE | PD_HALF_CLOSED | PD_HANGUP);
        pd_engine_stop(s->engine, 0);
    }
    CHECK(fcntl(fd, F_GETFD) >= 0); /* a closed number may be another file's the next moment */
    return pwrite(fd, buf, n, offset);
}

/* The write timeout passes while a file is sent that the peer takes gladly. */
static ssize_t expire_in_sendfile(void *ctx, int out, int in, off_t *offset, size_t n)
{
    struct scene *s = ctx;
    if (!s->done) {
        s->done = true;
        s->engine->host.now_ms += s->engine->host.config.timeouts.write + 1;
        pd_client_expired(only_client(s), s->engine->keeper);
        CHECK(!pd_out_is_empty(&only_client(s)->conn.out));
        pd_engine_stop(s->engine, 0);
    }
    return pd_sys_default()->sendfile(NULL, out, in, offset, n);
}

/* The time for the head of one stream passes while what was spilled of another's body is read. */
static ssize_t expire_in_pread(void *ctx, int fd, void *buf, size_t n, off_t offset)
{
    struct scene *s = ctx;
    if (!s->done) {
        s->done = true;
        CHECK(only_client(s)->conn.lent);
        s->engine->host.now_ms += s->engine->host.config.timeouts.head + 1;
        pd_client_expired(only_client(s), s->engine->keeper);
        CHECK_INT(only_client(s)->timer_ms, 0);
    }
    return pread(fd, buf, n, offset);
}

static struct pd_exchange *only_exchange(struct scene *s)
{
    return pd_exchange_of(only_client(s)->conn.exchanges.next);
}

static void *hint(void *arg)
{
    struct scene *s = arg;
    CHECK(!pd_exchange_early_hints(only_exchange(s), PD_SLICE("Link: </a>\r\n")));
    return NULL;
}

/* A file is on its way when a guest gives a hint; before it can, the head goes out. */
static ssize_t hint_in_sendfile(void *ctx, int out, int in, off_t *offset, size_t n)
{
    struct scene *s = ctx;
    struct pd_conn *c = &only_client(s)->conn;
    if (!s->done) {
        struct pd_exchange *x = only_exchange(s);
        s->done = true;
        x->head_sent = false;
        CHECK(pthread_create(&s->guest, NULL, hint, s) == 0);
        for (bool waits = false; !waits; sched_yield()) {
            pthread_mutex_lock(&c->lock);
            waits = x->waiters > 0;
            pthread_mutex_unlock(&c->lock);
        }
        x->head_sent = true;
        pd_engine_stop(s->engine, 0);
    }
    return pd_sys_default()->sendfile(NULL, out, in, offset, n);
}

/* The peer begins to read only when the loop has nothing else to do. */
static int read_in_epoll_wait(void *ctx, int ep, struct epoll_event *evs, int max, int timeout_ms)
{
    struct scene *s = ctx;
    static char buf[65536];
    ssize_t n;
    int ready = pd_sys_default()->epoll_wait(NULL, ep, evs, max, 0);
    if (ready || !timeout_ms)
        return ready;
    if (!s->done)
        s->at_pause = s->calls;
    s->done = true;
    while ((n = recv(s->peer, buf, sizeof buf, MSG_DONTWAIT)) > 0)
        s->got += (size_t)n;
    if (s->got > 3 * (size_t)LARGE)
        pd_engine_stop(s->engine, 0);
    return pd_sys_default()->epoll_wait(NULL, ep, evs, max, 10);
}

/* --- the scene ---------------------------------------------------------------------------------------------------- */

static void scene_init_for(struct scene *s, struct pd_port port)
{
    struct pd_config config = PD_CONFIG_DEFAULT;
    *s = (struct scene){ .sys = *pd_sys_default() };
    s->sys.ctx = s;
    s->engine = pd_engine_new(&config, "/tmp", PD_LOOP_EPOLL, &s->sys);
    struct sockaddr_in door = peer_door(s->engine, port);
    s->peer = peer_dial(&door);
}

static void scene_init(struct scene *s)
{
    scene_init_for(s, (struct pd_port){ .codec = &pd_codec_http1, .serve_half_closed = true });
}

static void answer(struct scene *s, struct pd_thread *t, struct pd_exchange *x)
{
    static char large[LARGE];
    char path[] = "/tmp/polydoor-XXXXXX";
    s->calls++;
    CHECK(pd_response_start(pd_exchange_response(x), PD_SLICE("200 OK")) == PD_R_NONE);
    CHECK(pd_response_set_length(pd_exchange_response(x), LARGE) == PD_R_NONE);
    if (!pd_slice_eq(pd_exchange_request(x)->path, PD_SLICE("/file"))) {
        CHECK(pd_exchange_last(t, x, pd_slice(large, LARGE), true) == PD_SEND_OK);
        return;
    }
    int fd = mkstemp(path);
    CHECK(fd >= 0 && unlink(path) == 0 && ftruncate(fd, LARGE) == 0);
    (void)!pd_exchange_file(t, x, fd, 0, LARGE);
    if (s->guest)
        pthread_join(s->guest, NULL);
    (void)!pd_exchange_last(t, x, PD_SLICE(""), true);
}

/* Serves until the engine is stopped. */
static void scene_run(struct scene *s)
{
    struct pd_thread *t = pd_thread_new(s->engine);
    struct pd_exchange *x;
    while ((x = pd_engine_next(t)) != NULL)
        answer(s, t, x);
    CHECK(s->done);
    pd_thread_free(t);
    pd_engine_free(s->engine);
    close(s->peer);
}

/* --- the tests ---------------------------------------------------------------------------------------------------- */

static void test_the_peer_leaves_while_its_body_is_spilled(void)
{
    static char body[PART];
    struct scene s;
    scene_init(&s);
    s.sys.pwrite = leave_in_pwrite;
    peer_say(s.peer, PD_SLICE("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"));
    peer_say(s.peer, pd_slice(body, PART));
    scene_run(&s);
    CHECK_INT(s.calls, 0);
}

static void test_the_write_timeout_passes_while_a_file_is_sent(void)
{
    struct scene s;
    scene_init(&s);
    s.sys.sendfile = expire_in_sendfile;
    peer_say(s.peer, PD_SLICE("GET /file HTTP/1.1\r\nHost: x\r\n\r\n"));
    scene_run(&s);
    CHECK_INT(s.calls, 1);
}

/* Each further answer could cost a spill file. */
static void test_a_peer_that_does_not_read_gets_one_answer_at_a_time(void)
{
    struct scene s;
    scene_init(&s);
    s.sys.epoll_wait = read_in_epoll_wait;
    for (int i = 0; i < 3; i++)
        peer_say(s.peer, PD_SLICE("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    scene_run(&s);
    CHECK_INT(s.at_pause, 1);
    CHECK_INT(s.calls, 3);
}

/* A record of FastCGI: its header, and content of zeros but for the beginning. */
static void say_record(struct scene *s, int type, int id, struct pd_slice begin, size_t n)
{
    static char record[8 + PART];
    memset(record, 0, sizeof record);
    record[0] = 1;
    record[1] = (char)type;
    record[3] = (char)id;
    record[4] = (char)(n >> 8);
    record[5] = (char)(n & 0xff);
    if (begin.n)
        memcpy(record + 8, begin.p, begin.n);
    peer_say(s->peer, pd_slice(record, 8 + n));
}

/* The loop's part when clients have asked for it. */
static void attend_all(struct scene *s)
{
    struct pd_engine *e = s->engine;
    struct pd_list *node;
    e->keeper->has_role = true;
    while ((node = pd_list_take(&e->attend)) != NULL) {
        struct pd_client *cl = PD_LIST_ENTRY(node, struct pd_client, attend);
        cl->attending = false;
        e->nattend--;
        pd_client_attend(cl, e->keeper);
    }
    e->keeper->has_role = false;
}

/* Nothing but a report of the socket would look at the deadlines again. */
static void test_a_deadline_that_passes_while_a_body_is_read_is_kept(void)
{
    enum { BEGIN = 1, PARAMS = 4, STDIN = 5, RECORD = 60000, RECORDS = 10 };
    static char buf[RECORD * RECORDS];
    const struct pd_slice keep = PD_SLICE("\0\1\1");
    const struct pd_slice get = PD_SLICE("\16\4REQUEST_METHODPOST\13\1REQUEST_URI/\17\10SERVER_PROTOCOLHTTP/1.1"
                                         "\16\6CONTENT_LENGTH600000");
    struct scene s;
    size_t got = 0;
    scene_init_for(&s, (struct pd_port){ .codec = &pd_codec_fastcgi, .stream = true });
    s.sys.pread = expire_in_pread;
    say_record(&s, BEGIN, 2, keep, 8);
    say_record(&s, BEGIN, 1, keep, 8);
    say_record(&s, PARAMS, 1, get, get.n);
    say_record(&s, PARAMS, 1, PD_SLICE_NONE, 0);
    struct pd_thread *t = pd_thread_new(s.engine);
    struct pd_exchange *x = pd_engine_next(t);
    for (int i = 0; i < RECORDS; i++) {
        say_record(&s, STDIN, 1, PD_SLICE_NONE, RECORD);
        pd_client_ready(only_client(&s), s.engine->keeper, PD_READABLE);
        pd_client_run_job(only_client(&s), s.engine->keeper);
    }
    attend_all(&s);
    CHECK(only_client(&s)->timer_ms && !only_client(&s)->attending);
    CHECK(pd_exchange_read(t, x, buf, sizeof buf, &got) == PD_READ_OK && got > 0);
    CHECK(s.done && (only_client(&s)->timer_ms || only_client(&s)->attending));
    pd_exchange_fail(t, x);
    pd_engine_stop(s.engine, 0);
    CHECK(pd_engine_next(t) == NULL);
    pd_thread_free(t);
    pd_engine_free(s.engine);
    close(s.peer);
}

static void test_a_hint_that_had_to_wait_comes_too_late(void)
{
    struct scene s;
    scene_init(&s);
    s.sys.sendfile = hint_in_sendfile;
    peer_say(s.peer, PD_SLICE("GET /file HTTP/1.1\r\nHost: x\r\n\r\n"));
    scene_run(&s);
    CHECK_INT(s.calls, 1);
}

/* Its out queue may look empty the moment before who has it gives it back. */
static void test_a_connection_that_is_lent_is_not_idle(void)
{
    struct pd_config config = PD_CONFIG_DEFAULT;
    struct pd_port port = { .codec = &pd_codec_http1 };
    struct scene s = { .engine = pd_engine_new(&config, NULL, PD_LOOP_EPOLL, NULL) };
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    CHECK(pd_engine_adopt(s.engine, ends[0], &port));
    struct pd_client *cl = only_client(&s);
    pthread_mutex_lock(&cl->conn.lock);
    cl->conn.lent = true;
    CHECK(!pd_client_end_silent(cl, s.engine->keeper, 0));
    CHECK(!cl->conn.closing);
    cl->conn.lent = false;
    CHECK(pd_client_end_silent(cl, s.engine->keeper, 0));
    pd_client_settle(cl, s.engine->keeper);
    pthread_mutex_unlock(&cl->conn.lock);
    pd_engine_free(s.engine);
    close(ends[1]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_the_peer_leaves_while_its_body_is_spilled();
    test_the_write_timeout_passes_while_a_file_is_sent();
    test_a_peer_that_does_not_read_gets_one_answer_at_a_time();
    test_a_deadline_that_passes_while_a_body_is_read_is_kept();
    test_a_hint_that_had_to_wait_comes_too_late();
    test_a_connection_that_is_lent_is_not_idle();
    return check_result();
}
