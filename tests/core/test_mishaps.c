/*
 * test_mishaps.c - what a peer, a disk or a clock must not bring about, shown by answering the engine's system calls.
 *
 * One thread is everything: it plays the peer, and the engine's calls end in this file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "engine/exchange_api.h"
#include "engine/impl.h"
#include "engine_peer.h"

enum { LARGE = 8 << 20, UNWANTED = 100, TURN_MAX = 8 /* TURN_READS of core/conn/conn.c */ };

struct scene {
    struct pd_sys sys; /* first: its address is the context of the table */
    struct pd_engine *engine;
    int peer;
    uint64_t now_ns;
    size_t got;     /* bytes that the peer has read */
    int end;        /* what ended them: 0, or an errno */
    unsigned reads; /* from the peer */
    unsigned in_turn;
    unsigned most_in_turn;
};

static void scene_init(struct scene *s, const struct pd_codec *codec)
{
    struct pd_config config = PD_CONFIG_DEFAULT;
    *s = (struct scene){ .sys = *pd_sys_default(), .end = -1 };
    s->sys.ctx = s;
    s->engine = pd_engine_new(&config, "/tmp", PD_LOOP_EPOLL, &s->sys);
    struct sockaddr_in door = peer_door(s->engine, (struct pd_port){ .codec = codec });
    s->peer = peer_dial(&door);
}

static void scene_fini(struct scene *s, struct pd_thread *t)
{
    pd_thread_free(t);
    pd_engine_free(s->engine);
    close(s->peer);
}

static void begin_response(struct pd_exchange *x)
{
    CHECK(x && pd_response_start(pd_exchange_response(x), PD_SLICE("200 OK")) == PD_R_NONE);
}

/* --- a disk that cannot be read ----------------------------------------------------------------------------------- */

static ssize_t fail_in_sendfile(void *ctx, int out, int in, off_t *offset, size_t n)
{
    (void)ctx, (void)out, (void)in, (void)offset, (void)n;
    errno = EIO;
    return -1;
}

/* The peer reads when the loop has nothing else to do. */
static int read_in_epoll_wait(void *ctx, int ep, struct epoll_event *evs, int max, int timeout_ms)
{
    struct scene *s = ctx;
    static char buf[65536];
    ssize_t n;
    int ready = pd_sys_default()->epoll_wait(NULL, ep, evs, max, 0);
    if (ready || !timeout_ms)
        return ready;
    while ((n = recv(s->peer, buf, sizeof buf, MSG_DONTWAIT)) > 0)
        s->got += (size_t)n;
    if (n == 0 || errno != EAGAIN) {
        s->end = n == 0 ? 0 : errno;
        pd_engine_stop(s->engine, 0);
    }
    return pd_sys_default()->epoll_wait(NULL, ep, evs, max, 10);
}

/* Its only end is that of the connection (RFC 9112 section 6.3): one in order would say that this is all. */
static void test_an_http10_response_that_cannot_be_read_back_does_not_end_in_order(void)
{
    static char large[LARGE];
    struct scene s;
    scene_init(&s, &pd_codec_http1);
    s.sys.sendfile = fail_in_sendfile;
    s.sys.epoll_wait = read_in_epoll_wait;
    peer_say(s.peer, PD_SLICE("GET / HTTP/1.0\r\n\r\n"));
    struct pd_thread *t = pd_thread_new(s.engine);
    struct pd_exchange *x = pd_engine_next(t);
    begin_response(x);
    CHECK(pd_exchange_write(x, pd_slice(large, LARGE / 2), true) == PD_SEND_OK);
    CHECK(pd_exchange_last(t, x, pd_slice(large, LARGE / 2), true) == PD_SEND_OK);
    CHECK(pd_engine_next(t) == NULL);
    CHECK(s.got > 0 && s.got < LARGE);
    CHECK_INT(s.end, ECONNRESET);
    scene_fini(&s, t);
}

/* The peer takes nothing at first; when it does, the file has no bytes any more. */
static ssize_t shrink_in_sendfile(void *ctx, int out, int in, off_t *offset, size_t n)
{
    struct scene *s = ctx;
    (void)out, (void)in, (void)offset, (void)n;
    if (s->reads++)
        return 0;
    errno = EAGAIN;
    return -1;
}

static void test_a_file_that_shrinks_is_told_with_the_id_of_its_request(void)
{
    struct scene s;
    char want[200];
    char got[400];
    char id[PD_EXCHANGE_ID_SIZE];
    scene_init(&s, &pd_codec_http1);
    s.sys.sendfile = shrink_in_sendfile;
    s.sys.epoll_wait = read_in_epoll_wait;
    peer_say(s.peer, PD_SLICE("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    struct pd_thread *t = pd_thread_new(s.engine);
    struct pd_exchange *x = pd_engine_next(t);
    begin_response(x);
    pd_exchange_id_put(x, id);
    CHECK(pd_response_set_length(pd_exchange_response(x), 100) == PD_R_NONE);
    CHECK(pd_exchange_file(t, x, memfd_create("file", MFD_CLOEXEC), 0, 100) == PD_SEND_OK);
    CHECK(pd_exchange_last(t, x, PD_SLICE(""), true) == PD_SEND_OK);
    CHECK(pd_engine_next(t) == NULL);
    CHECK_INT(s.end, ECONNRESET);
    snprintf(want, sizeof want, "polydoor: PD0405: a file became shorter while it was sent; id %s; peer 127.0.0.1\n",
             id);
    size_t n = pd_engine_take_log(s.engine, got, sizeof got);
    CHECK_SLICE(pd_slice(got, n), pd_slice(want, strlen(want)));
    scene_fini(&s, t);
}

/* --- a peer that sends what nobody wants -------------------------------------------------------------------------- */

/* Full reads of STDIN records of a request that there is not, as fast as we ask for them. */
static ssize_t unwanted_in_recv(void *ctx, int fd, void *buf, size_t n, int flags)
{
    struct scene *s = ctx;
    char *p = buf;
    (void)fd, (void)flags;
    if (s->reads == UNWANTED) {
        errno = EAGAIN;
        return -1;
    }
    s->reads++;
    if (++s->in_turn > s->most_in_turn)
        s->most_in_turn = s->in_turn;
    memset(p, 0, n);
    memcpy(p, "\1\5\0\11\xff\xf8", 6);
    CHECK_INT(n, 8 + 0xfff8);
    return (ssize_t)n;
}

static int turn_in_epoll_wait(void *ctx, int ep, struct epoll_event *evs, int max, int timeout_ms)
{
    struct scene *s = ctx;
    s->in_turn = 0;
    if (s->reads == UNWANTED)
        pd_engine_stop(s->engine, 0);
    return pd_sys_default()->epoll_wait(NULL, ep, evs, max, timeout_ms);
}

static void test_unwanted_records_leave_the_others_their_turn(void)
{
    struct scene s;
    scene_init(&s, &pd_codec_fastcgi);
    s.sys.recv = unwanted_in_recv;
    s.sys.epoll_wait = turn_in_epoll_wait;
    struct pd_thread *t = pd_thread_new(s.engine);
    CHECK(pd_engine_next(t) == NULL);
    CHECK_INT(s.reads, UNWANTED);
    CHECK_INT(s.most_in_turn, 2 * TURN_MAX); /* when it is accepted, and before the loop waits again */
    scene_fini(&s, t);
}

/* --- a clock that was looked at by two ---------------------------------------------------------------------------- */

static uint64_t our_clock(void *ctx)
{
    return ((struct scene *)ctx)->now_ns;
}

/* The thread that looked first may be the last to store what it saw. */
static void test_engine_time_never_goes_back(void)
{
    struct scene s;
    scene_init(&s, &pd_codec_http1);
    s.sys.monotonic_ns = our_clock;
    s.now_ns = s.engine->host.now_ns + 1000000000;
    uint64_t before_ms = s.now_ns / 1000000;
    peer_say(s.peer, PD_SLICE("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    struct pd_thread *t = pd_thread_new(s.engine);
    struct pd_exchange *x = pd_engine_next(t);
    CHECK_INT(s.engine->host.now_ms, before_ms);
    begin_response(x);
    CHECK(pd_exchange_last(t, x, PD_SLICE("ok"), true) == PD_SEND_OK);
    s.now_ns -= 500000000;
    pd_engine_stop(s.engine, 0);
    CHECK(pd_engine_next(t) == NULL);
    CHECK_INT(s.engine->host.now_ms, before_ms);
    CHECK_INT(s.engine->host.now_ns / 1000000, before_ms);
    scene_fini(&s, t);
}

static void test_time_since_a_later_time_is_none(void)
{
    CHECK_INT(pd_time_since(7, 5), 2);
    CHECK_INT(pd_time_since(5, 7), 0);
    CHECK_INT(pd_time_since(5, 5), 0);
    CHECK_INT(pd_time_since(5, (uint64_t)0 - 3), 8);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    alarm(60); /* what never comes ends here, and fails */
    test_an_http10_response_that_cannot_be_read_back_does_not_end_in_order();
    test_a_file_that_shrinks_is_told_with_the_id_of_its_request();
    test_unwanted_records_leave_the_others_their_turn();
    test_engine_time_never_goes_back();
    test_time_since_a_later_time_is_none();
    return check_result();
}
