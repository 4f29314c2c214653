/*
 * test_health.c - health checks are answered without an application, one in a turn of the loop, so that a client that
 * sends nothing else neither keeps the others waiting nor fills the memory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "engine/exchange_api.h"
#include "engine/impl.h"
#include "engine_peer.h"
#include "fastcgi_text.h"

enum { CHECKS = 1000, HANG_S = 60 };

struct scene {
    struct pd_sys sys; /* first: its address is the context of the table */
    struct pd_config config;
    struct pd_engine *engine;
    struct pd_thread *thread;
    struct sockaddr_in door;
    int peer;
    struct text got;
    bool no_files;
    size_t sent;   /* calls that put bytes on their way */
    size_t queued; /* most bytes in the out queue of the first connection, when the loop sleeps */
};

/* --- system calls ------------------------------------------------------------------------------------------------- */

/* The peer reads only when the engine has nothing to do. */
static int scene_epoll_wait(void *ctx, int ep, struct epoll_event *evs, int max, int timeout_ms)
{
    struct scene *s = ctx;
    char buf[4096];
    ssize_t n;
    struct pd_list *first = s->engine->clients.next;
    if (timeout_ms && first != &s->engine->clients) {
        const struct pd_conn *c = &PD_LIST_ENTRY(first, struct pd_client, all)->conn;
        s->queued = c->out.memory > s->queued ? c->out.memory : s->queued;
    }
    if (timeout_ms && (n = recv(s->peer, buf, sizeof buf, MSG_DONTWAIT)) > 0)
        text_put(&s->got, pd_slice(buf, (size_t)n));
    return pd_sys_default()->epoll_wait(NULL, ep, evs, max, timeout_ms);
}

static int scene_accept4(void *ctx, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    int size = 1; /* the kernel makes it its least */
    int got = accept4(fd, addr, len, flags);
    (void)ctx;
    if (got >= 0)
        setsockopt(got, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return got;
}

static ssize_t scene_send(void *ctx, int fd, const void *buf, size_t n, int flags)
{
    ((struct scene *)ctx)->sent++;
    return send(fd, buf, n, flags);
}

static int scene_open_file(void *ctx, const char *path, int flags, mode_t mode)
{
    if (!((struct scene *)ctx)->no_files)
        return pd_sys_default()->open(NULL, path, flags, mode);
    errno = EACCES;
    return -1;
}

/* --- the scene ---------------------------------------------------------------------------------------------------- */

static void scene_init(struct scene *s)
{
    *s = (struct scene){ .sys = *pd_sys_default(), .config = PD_CONFIG_DEFAULT };
    s->sys.ctx = s;
    s->sys.epoll_wait = scene_epoll_wait;
    s->sys.accept4 = scene_accept4;
    s->sys.send = scene_send;
    s->sys.open = scene_open_file;
    memcpy(s->config.health_path, "/up", sizeof "/up");
}

static void scene_open(struct scene *s, const struct pd_codec *codec)
{
    s->engine = pd_engine_new(&s->config, "/tmp", PD_LOOP_EPOLL, &s->sys);
    s->door = peer_door(s->engine, (struct pd_port){ .codec = codec });
    s->thread = pd_thread_new(s->engine);
    s->peer = peer_dial(&s->door);
}

static void listen_to(struct scene *s)
{
    char buf[4096];
    ssize_t n;
    while ((n = recv(s->peer, buf, sizeof buf, MSG_DONTWAIT)) > 0)
        text_put(&s->got, pd_slice(buf, (size_t)n));
}

/* The engine sends what it has for the peer, and ends. */
static void finish(struct scene *s)
{
    pd_engine_stop(s->engine, HANG_S * 1000);
    CHECK(pd_engine_next(s->thread) == NULL);
    listen_to(s);
}

static void scene_fini(struct scene *s)
{
    pd_engine_stop(s->engine, 0);
    CHECK(pd_engine_next(s->thread) == NULL);
    pd_thread_free(s->thread);
    pd_engine_free(s->engine);
    close(s->peer);
    text_fini(&s->got);
}

/* The application gets the next request, which must be for this path, and answers it. */
static void serve(struct scene *s, struct pd_slice path)
{
    struct pd_exchange *x = pd_engine_next(s->thread);
    if (!x)
        abort();
    CHECK_SLICE(pd_exchange_request(x)->path, path);
    CHECK_INT(pd_response_start(pd_exchange_response(x), PD_SLICE("204 No Content")), PD_R_NONE);
    CHECK_INT(pd_exchange_last(s->thread, x, PD_SLICE(""), false), PD_SEND_OK);
}

static size_t count(const struct scene *s, const char *what)
{
    size_t n = 0;
    const char *at = s->got.p;
    const char *end = at + s->got.n;
    while (at && (at = memmem(at, (size_t)(end - at), what, strlen(what))) != NULL) {
        at += strlen(what);
        n++;
    }
    return n;
}

/* --- the tests ---------------------------------------------------------------------------------------------------- */

static void test_one_is_answered_in_a_turn_and_none_is_queued_for_a_peer_that_does_not_read(void)
{
    struct scene s;
    struct text t = { 0 };
    struct pd_stats stats;
    scene_init(&s);
    scene_open(&s, &pd_codec_http1);
    for (size_t i = 0; i < CHECKS; i++)
        text_printf(&t, "GET /up HTTP/1.1\r\nHost: x\r\n\r\n");
    text_printf(&t, "GET /first HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_say(s.peer, text_view(&t));
    int other = peer_dial(&s.door);
    peer_say(other, PD_SLICE("GET /second HTTP/1.1\r\nHost: x\r\n\r\n"));
    serve(&s, PD_SLICE("/second"));
    CHECK(s.sent <= 3); /* its own and that of a turn or two */
    serve(&s, PD_SLICE("/first"));
    pd_engine_stats(s.engine, &stats);
    finish(&s);
    CHECK(s.queued > 0 && s.queued <= 16384); /* an answer that did not fit, in one block */
    CHECK(s.sent >= CHECKS);
    CHECK_INT(count(&s, "HTTP/1.1 200 OK\r\n"), CHECKS);
    CHECK_INT(count(&s, "\r\n\r\nok\n"), CHECKS);
    CHECK_INT(stats.requests, 2);
    CHECK_INT(stats.begun, 2);
    CHECK_INT(stats.refused, 0);
    close(other);
    text_fini(&t);
    scene_fini(&s);
}

/* Without a directory for temporary files a large body is not collected, but it is not taken for a request either. */
static void test_a_body_that_cannot_be_collected_is_thrown_away(void)
{
    struct scene s;
    struct text body = { 0 };
    struct text t = { 0 };
    scene_init(&s);
    s.config.body_memory = 100;
    s.no_files = true;
    scene_open(&s, &pd_codec_http1);
    for (size_t i = 0; i < 100; i++)
        text_printf(&body, "GET /wrong HTTP/1.1\r\nHost: x\r\n\r\n");
    text_printf(&t, "POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", body.n);
    text_put(&t, text_view(&body));
    text_printf(&t, "GET /right HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_say(s.peer, text_view(&t));
    serve(&s, PD_SLICE("/right"));
    finish(&s);
    CHECK_INT(count(&s, "HTTP/1.1 405 Method Not Allowed\r\n"), 1);
    text_fini(&body);
    text_fini(&t);
    scene_fini(&s);
}

/* "May this request pass?" is another question than "are you well?". */
static void test_an_authorizer_is_the_applications(void)
{
    const char begin[8] = { 0, FCGI_AUTHORIZER, FCGI_KEEP_CONN };
    struct scene s;
    struct text t = { 0 };
    struct text params = { 0 };
    scene_init(&s);
    scene_open(&s, &pd_codec_fastcgi);
    fastcgi_put_record(&t, FCGI_BEGIN_REQUEST, 1, pd_slice(begin, sizeof begin));
    fastcgi_put_pair(&params, "REQUEST_METHOD", "GET");
    fastcgi_put_pair(&params, "REQUEST_URI", "/up");
    fastcgi_put_record(&t, FCGI_PARAMS, 1, text_view(&params));
    fastcgi_put_record(&t, FCGI_PARAMS, 1, PD_SLICE_NONE);
    peer_say(s.peer, text_view(&t));
    serve(&s, PD_SLICE("/up"));
    text_fini(&params);
    text_fini(&t);
    scene_fini(&s);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    alarm(HANG_S);
    test_one_is_answered_in_a_turn_and_none_is_queued_for_a_peer_that_does_not_read();
    test_a_body_that_cannot_be_collected_is_thrown_away();
    test_an_authorizer_is_the_applications();
    return check_result();
}
