/*
 * test_shared.c - many requests on one connection: what befalls one of them, or the loop, and what the others see.
 *
 * The main thread plays the loop by calling its parts; where an application has to wait, a thread of its own does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "engine/exchange_api.h"
#include "engine/impl.h"
#include "fastcgi_text.h"

enum { APPS = 3, BLOCK = 16000, HANG_S = 60 };

struct scene {
    struct pd_sys sys; /* first: its address is the context of the table */
    struct pd_config config;
    struct pd_engine *engine;
    struct pd_thread *threads[APPS]; /* one for each request that an application has */
    struct pd_exchange *x[APPS];
    struct pd_client *client;
    int peer;
    struct text got; /* what the peer has read */
    bool no_memory;
    bool no_accept;
    unsigned accepts;
    unsigned writes; /* to spill files */
    unsigned reads;  /* of spill files */
    unsigned held;   /* ... while the connection's lock was held */
};

static char block[250000];

/* --- system calls ------------------------------------------------------------------------------------------------- */

static void *scene_alloc(void *ctx, size_t n)
{
    return ((struct scene *)ctx)->no_memory ? NULL : malloc(n);
}

/* The socket takes little, so that output has to wait. */
static int scene_accept4(void *ctx, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    struct scene *s = ctx;
    int size = 4096;
    s->accepts++;
    errno = EINVAL;
    int got = s->no_accept ? -1 : accept4(fd, addr, len, flags);
    if (got >= 0)
        setsockopt(got, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return got;
}

static ssize_t scene_pwrite(void *ctx, int fd, const void *buf, size_t n, off_t offset)
{
    ((struct scene *)ctx)->writes++;
    return pwrite(fd, buf, n, offset);
}

/* More input arrives while the disk is waited for. */
static ssize_t scene_pread(void *ctx, int fd, void *buf, size_t n, off_t offset)
{
    struct scene *s = ctx;
    s->reads++;
    if (pthread_mutex_trylock(&s->client->conn.lock) != 0)
        s->held++;
    else {
        pthread_mutex_unlock(&s->client->conn.lock);
        pd_client_ready(s->client, s->engine->keeper, PD_READABLE);
    }
    return pread(fd, buf, n, offset);
}

static ssize_t refused_send(void *ctx, int fd, const void *buf, size_t n, int flags)
{
    (void)ctx, (void)fd, (void)buf, (void)n, (void)flags;
    errno = EPIPE;
    return -1;
}

/* --- the scene ---------------------------------------------------------------------------------------------------- */

static void scene_init(struct scene *s)
{
    *s = (struct scene){ .sys = *pd_sys_default(), .config = PD_CONFIG_DEFAULT };
    s->sys.ctx = s;
    s->sys.alloc = scene_alloc;
    s->sys.accept4 = scene_accept4;
    s->sys.pwrite = scene_pwrite;
    s->sys.pread = scene_pread;
}

static struct pd_door *scene_listen(struct scene *s, const struct pd_codec *codec, bool stream, const char *path)
{
    struct pd_listener_config door;
    struct pd_port port = { .codec = codec, .stream = stream, .serve_half_closed = true };
    char name[PD_ADDR_TEXT_MAX];
    char error[512];
    pd_listener_config_init(&door);
    door.kind = PD_LISTENER_UNIX;
    door.path = path;
    if (!pd_engine_listen(s->engine, &door, &port, name, sizeof name, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        abort();
    }
    return PD_CONTAINER_OF(s->engine->doors.prev, struct pd_door, node);
}

static void scene_open(struct scene *s, const struct pd_codec *codec, bool stream)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    char path[64];
    s->engine = pd_engine_new(&s->config, "/tmp", PD_LOOP_EPOLL, &s->sys);
    if (!s->engine)
        abort();
    int n = snprintf(path, sizeof path, "@polydoor-shared-%ld", (long)getpid());
    scene_listen(s, codec, stream, path);
    memcpy(to.sun_path + 1, path + 1, (size_t)n - 1);
    s->peer = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(s->peer, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)) != 0)
        abort();
}

/* The peer sends; the loop hears of it once there is a connection. */
static void say(struct scene *s, struct text *t)
{
    CHECK(send(s->peer, t->p, t->n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)t->n);
    text_fini(t);
    *t = (struct text){ 0 };
    if (s->client)
        pd_client_ready(s->client, s->engine->keeper, PD_READABLE);
}

/* Hands the next `n` requests to applications. */
static void take(struct scene *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s->threads[i] = pd_thread_new(s->engine);
        s->x[i] = pd_engine_next(s->threads[i]);
        if (!s->x[i])
            abort();
        CHECK(pd_response_start(pd_exchange_response(s->x[i]), PD_SLICE("200 OK")) == PD_R_NONE);
    }
    s->client = pd_client_of(s->x[0]->conn);
}

/* One request of a FastCGI connection for each of `n` applications. */
static void enter(struct scene *s, size_t n)
{
    struct text t = { 0 };
    scene_open(s, &pd_codec_fastcgi, false);
    for (size_t i = 1; i <= n; i++) {
        fastcgi_put_head(&t, (int)i, "/", "", false);
        fastcgi_put_record(&t, FCGI_STDIN, (int)i, PD_SLICE_NONE);
    }
    say(s, &t);
    take(s, n);
}

static void listen_to(struct scene *s)
{
    char buf[8192];
    ssize_t n;
    while ((n = recv(s->peer, buf, sizeof buf, MSG_DONTWAIT)) > 0)
        text_put(&s->got, pd_slice(buf, (size_t)n));
}

/* The peer reads all that comes. */
static void drain(struct scene *s)
{
    struct pd_conn *c = &s->client->conn;
    for (size_t before = (size_t)-1; before != s->got.n || !pd_out_is_empty(&c->out);) {
        before = s->got.n;
        listen_to(s);
        pd_client_ready(s->client, s->engine->keeper, PD_WRITABLE);
        if (c->state == PD_CONN_CLOSED)
            break;
    }
    listen_to(s);
}

static bool was_told(const struct scene *s, const char *what)
{
    return s->got.n && memmem(s->got.p, s->got.n, what, strlen(what)) != NULL;
}

/* Fills the out queue up to its mark with the response of the first request. */
static void fill(struct scene *s)
{
    for (size_t n = BLOCK; n > 20; n /= 4)
        while (pd_exchange_write(s->x[0], pd_slice(block, n), false) == PD_SEND_OK)
            continue;
    CHECK(s->client->conn.out.memory > s->config.response_memory);
}

static void wait_for_waiter(struct pd_exchange *x)
{
    for (bool waits = false; !waits; usleep(500)) {
        pthread_mutex_lock(&x->conn->lock);
        waits = x->waiters > 0;
        pthread_mutex_unlock(&x->conn->lock);
    }
}

/* Ends the requests that are left, and the engine. */
static void scene_fini(struct scene *s)
{
    for (size_t i = 0; i < APPS; i++)
        if (s->x[i])
            pd_exchange_fail(s->threads[i], s->x[i]);
    pd_engine_stop(s->engine, 0);
    for (size_t i = 0; i < APPS; i++) {
        if (!s->threads[i])
            continue;
        CHECK(pd_engine_next(s->threads[i]) == NULL);
        pd_thread_free(s->threads[i]);
    }
    pd_engine_free(s->engine);
    text_fini(&s->got);
    close(s->peer);
}

/* --- a lost connection -------------------------------------------------------------------------------------------- */

static void *write_much(void *arg)
{
    struct scene *s = arg;
    CHECK_INT(pd_exchange_write(s->x[0], pd_slice(block, sizeof block), true), PD_SEND_GONE);
    return NULL;
}

/* One application waits for room and a body is awaited, when another finds that there is no memory. */
static void test_out_of_memory_ends_all_requests_of_the_connection(void)
{
    struct scene s;
    struct text t = { 0 };
    pthread_t waiter;
    scene_init(&s);
    s.config.response_spill = 0;
    enter(&s, 2);
    fastcgi_put_head(&t, 3, "/", "5", false);
    say(&s, &t);
    CHECK_INT(s.client->conn.nexchanges, 3);
    CHECK_INT(pd_exchange_write(s.x[1], PD_SLICE("a"), true), PD_SEND_OK);
    while (pd_out_is_empty(&s.client->conn.out))
        CHECK_INT(pd_exchange_write(s.x[0], pd_slice(block, BLOCK), true), PD_SEND_OK);
    CHECK(pthread_create(&waiter, NULL, write_much, &s) == 0);
    wait_for_waiter(s.x[0]);
    s.no_memory = true;
    CHECK_INT(pd_exchange_write(s.x[1], pd_slice(block, 2 * BLOCK), true), PD_SEND_GONE);
    s.no_memory = false;
    pthread_join(waiter, NULL);
    CHECK_INT(s.client->conn.nexchanges, 2);
    CHECK(s.client->conn.reset); /* a front end must not take the end for a complete response */
    scene_fini(&s);
}

/* The peer has gone when it is told to send its body: reading must not wait for it. */
static void test_a_reader_does_not_wait_on_a_lost_connection(void)
{
    struct scene s;
    struct text t = { 0 };
    char buf[10];
    size_t got;
    scene_init(&s);
    s.sys.send = refused_send;
    scene_open(&s, &pd_codec_http1, true);
    text_printf(&t, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    say(&s, &t);
    take(&s, 1);
    CHECK_INT(pd_exchange_read(s.threads[0], s.x[0], buf, sizeof buf, &got), PD_READ_ERROR);
    scene_fini(&s);
}

/* --- bodies ------------------------------------------------------------------------------------------------------- */

/* Takes the client off the loop's list. False: it was not there. */
static bool unattend(struct scene *s)
{
    bool was = s->client->attending;
    if (was)
        s->engine->nattend--;
    pd_list_remove(&s->client->attend);
    s->client->attending = false;
    return was;
}

static void test_no_lock_is_held_while_a_spilled_body_is_read(void)
{
    struct scene s;
    struct text t = { 0 };
    size_t got = 0;
    scene_init(&s);
    s.config.stream_window = 4096;
    scene_open(&s, &pd_codec_fastcgi, true);
    fastcgi_put_head(&t, 1, "/", "90000", false);
    fastcgi_put_head(&t, 2, "/", "9", false);
    fastcgi_put_record(&t, FCGI_STDIN, 1, pd_slice(block, 60000));
    say(&s, &t);
    take(&s, 2);
    if (s.client->conn.job == PD_JOB_SPILL)
        pd_client_run_job(s.client, s.engine->keeper);
    CHECK(!pd_body_is_in_memory(&s.x[0]->body));
    unattend(&s);
    fastcgi_put_record(&t, FCGI_STDIN, 2, PD_SLICE("body of 2"));
    CHECK(send(s.peer, t.p, t.n, MSG_NOSIGNAL) == (ssize_t)t.n);
    text_fini(&t);
    CHECK_INT(pd_exchange_read(s.threads[0], s.x[0], block, 5000, &got), PD_READ_OK);
    CHECK_INT(got, 5000);
    CHECK_INT(s.reads, 1);
    CHECK_INT(s.held, 0);
    CHECK(unattend(&s)); /* what arrived meanwhile is not forgotten */
    pd_client_attend(s.client, s.engine->keeper);
    CHECK_INT(pd_exchange_body_received(s.x[1]), 9);
    scene_fini(&s);
}

/* --- answers to a full queue -------------------------------------------------------------------------------------- */

static void *fail_second(void *arg)
{
    struct scene *s = arg;
    pd_exchange_fail(s->threads[1], s->x[1]);
    return NULL;
}

static void test_an_error_of_the_application_waits_for_room(void)
{
    struct scene s;
    pthread_t waiter;
    scene_init(&s);
    s.config.response_spill = 0;
    enter(&s, 2);
    fill(&s);
    CHECK(pthread_create(&waiter, NULL, fail_second, &s) == 0);
    wait_for_waiter(s.x[1]);
    drain(&s);
    pthread_join(waiter, NULL);
    s.x[1] = NULL;
    drain(&s);
    CHECK(was_told(&s, "Status: 500 "));
    CHECK(!s.client->conn.closing);
    scene_fini(&s);
}

/* The loop waits for nobody, so its short answer goes past the mark; but only so many of them. */
static void test_a_refusal_does_not_break_a_full_connection(void)
{
    struct scene s;
    struct text t = { 0 };
    const char begin[8] = { 0, FCGI_RESPONDER, FCGI_KEEP_CONN };
    scene_init(&s);
    s.config.response_spill = 0;
    enter(&s, 1);
    fill(&s);
    for (int i = 0; i < 2000 && !s.client->conn.closing; i++) {
        fastcgi_put_record(&t, FCGI_BEGIN_REQUEST, 2, pd_slice(begin, sizeof begin));
        fastcgi_put_record(&t, FCGI_PARAMS, 2, PD_SLICE_NONE);
        say(&s, &t);
        CHECK(i || !s.client->conn.closing);
    }
    CHECK(s.client->conn.closing);
    CHECK(s.client->conn.out.memory <= s.config.response_memory + 2 * PD_ANSWER_BYTES);
    drain(&s);
    CHECK(was_told(&s, "Status: 400 "));
    CHECK_INT(s.writes, 0);
    scene_fini(&s);
}

/* Its exchange may be another request's the next moment, or no memory at all. */
static void test_a_request_is_forgotten_when_its_body_is_refused(void)
{
    struct scene s;
    struct text t = { 0 };
    struct text params = { 0 };
    const char begin[8] = { 0, FCGI_RESPONDER, FCGI_KEEP_CONN };
    scene_init(&s);
    s.config.limits.body = BLOCK / 2;
    enter(&s, 1);
    s.engine->nfree = 1000; /* so none is kept */
    fastcgi_put_pair(&params, "REQUEST_METHOD", "POST");
    fastcgi_put_pair(&params, "REQUEST_URI", "/");
    fastcgi_put_pair(&params, "SERVER_PROTOCOL", "HTTP/1.1");
    fastcgi_put_pair(&params, "HTTP_TRANSFER_ENCODING", "chunked");
    fastcgi_put_record(&t, FCGI_BEGIN_REQUEST, 2, pd_slice(begin, sizeof begin));
    fastcgi_put_record(&t, FCGI_PARAMS, 2, text_view(&params));
    fastcgi_put_record(&t, FCGI_PARAMS, 2, PD_SLICE_NONE);
    fastcgi_put_record(&t, FCGI_STDIN, 2, pd_slice(block, BLOCK));
    say(&s, &t);
    drain(&s);
    CHECK(was_told(&s, "Status: 413 "));
    CHECK_INT(s.client->conn.nexchanges, 1);
    text_fini(&params);
    scene_fini(&s);
}

/* What is said not to wait must not find out behind its head that it has to. */
static void test_a_large_head_counts_as_much_as_its_block(void)
{
    struct scene s;
    scene_init(&s);
    s.config.response_memory = 40000;
    enter(&s, 2);
    while (s.client->conn.out.memory < 32000)
        CHECK_INT(pd_exchange_write(s.x[0], pd_slice(block, 1000), false), PD_SEND_OK);
    memset(block, 'v', 8000);
    CHECK(pd_response_add(pd_exchange_response(s.x[1]), PD_SLICE("X-Large"), pd_slice(block, 8000)) == PD_R_NONE);
    CHECK_INT(pd_exchange_write(s.x[1], PD_SLICE("x"), false), PD_SEND_AGAIN);
    CHECK_INT(s.writes, 0);
    CHECK_INT(pd_exchange_write(s.x[1], PD_SLICE("x"), true), PD_SEND_OK);
    CHECK(s.writes > 0);
    scene_fini(&s);
}

/* --- records that begin no request -------------------------------------------------------------------------------- */

static void test_a_peer_that_reads_no_replies_is_cut_off(void)
{
    struct scene s;
    struct text t = { 0 };
    char log[1000] = "";
    size_t most = 0;
    scene_init(&s);
    enter(&s, 1);
    for (int i = 0; i < 500 && s.client->conn.state == PD_CONN_OPEN; i++) {
        for (int k = 0; k < 200; k++)
            fastcgi_put_record(&t, 77, 0, PD_SLICE_NONE);
        say(&s, &t);
        most = s.client->conn.out.memory > most ? s.client->conn.out.memory : most;
    }
    CHECK_INT(s.client->conn.state, PD_CONN_CLOSED);
    CHECK(most < 4 * (size_t)PD_UNREAD_BYTES);
    CHECK(pd_engine_take_log(s.engine, log, sizeof log - 1) > 0);
    CHECK(strstr(log, "PD0716: ") != NULL);
    scene_fini(&s);
}

static void test_a_peer_that_reads_its_replies_is_not(void)
{
    struct scene s;
    struct text t = { 0 };
    scene_init(&s);
    enter(&s, 1);
    for (int i = 0; i < 200; i++) {
        for (int k = 0; k < 200; k++)
            fastcgi_put_record(&t, 77, 0, PD_SLICE_NONE);
        say(&s, &t);
        drain(&s);
    }
    CHECK_INT(s.client->conn.state, PD_CONN_OPEN);
    CHECK(s.got.n > 8 * (size_t)PD_UNREAD_BYTES);
    scene_fini(&s);
}

/* Records of requests that nobody knows, in two pieces each. */
static void test_records_that_nobody_wants_keep_no_idle_connection(void)
{
    struct scene s;
    scene_init(&s);
    enter(&s, 1);
    CHECK_INT(pd_exchange_last(s.threads[0], s.x[0], PD_SLICE("a"), true), PD_SEND_OK);
    s.x[0] = NULL;
    uint64_t idle = s.config.timeouts.idle;
    for (int i = 0; i < 10; i++) {
        struct text t = { 0 };
        CHECK(i > 6 || s.client->conn.state == PD_CONN_OPEN);
        s.engine->host.now_ms += idle / 8;
        text_put(&t, i % 2 ? pd_slice("", 1) : pd_slice("\1\5\0\11\0\0\0", 7));
        if (s.client->conn.state == PD_CONN_OPEN)
            say(&s, &t);
        text_fini(&t);
        pd_client_expired(s.client, s.engine->keeper);
    }
    CHECK(s.client->conn.state != PD_CONN_OPEN);
    scene_fini(&s);
}

/* --- listeners ---------------------------------------------------------------------------------------------------- */

static void test_a_broken_listener_is_never_watched_again(void)
{
    struct scene s;
    char path[64];
    char log[1000] = "";
    scene_init(&s);
    scene_open(&s, &pd_codec_http1, false);
    struct pd_door *d = PD_CONTAINER_OF(s.engine->doors.next, struct pd_door, node);
    CHECK(d->watched);
    s.no_accept = true;
    pd_door_ready(s.engine, s.engine->keeper, d);
    CHECK(!d->watched);
    CHECK_INT(s.accepts, 1);
    CHECK(pd_engine_take_log(s.engine, log, sizeof log - 1) > 0);
    CHECK(strstr(log, "PD0222: ") != NULL);
    s.no_accept = false;
    snprintf(path, sizeof path, "@polydoor-second-%ld", (long)getpid());
    CHECK(scene_listen(&s, &pd_codec_http1, false, path)->watched);
    CHECK(!d->watched);
    pd_clients_drain(s.engine, s.engine->keeper);
    CHECK_INT(s.accepts, 2); /* the second one alone */
    scene_fini(&s);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    alarm(HANG_S); /* who is not woken waits for ever */
    test_out_of_memory_ends_all_requests_of_the_connection();
    test_a_reader_does_not_wait_on_a_lost_connection();
    test_no_lock_is_held_while_a_spilled_body_is_read();
    test_an_error_of_the_application_waits_for_room();
    test_a_refusal_does_not_break_a_full_connection();
    test_a_request_is_forgotten_when_its_body_is_refused();
    test_a_large_head_counts_as_much_as_its_block();
    test_a_peer_that_reads_no_replies_is_cut_off();
    test_a_peer_that_reads_its_replies_is_not();
    test_records_that_nobody_wants_keep_no_idle_connection();
    test_a_broken_listener_is_never_watched_again();
    return check_result();
}
