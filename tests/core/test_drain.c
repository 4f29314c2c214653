/*
 * test_drain.c - the end of a listener (engine/drain.c): a peer that believes to be connected is waited for, though the
 * kernel has not given out its connection yet. TCP_DEFER_ACCEPT keeps it back here; on a busy machine that happens
 * without, between two segments of its handshake.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <unistd.h>

#include "check.h"
#include "engine/exchange_api.h"
#include "engine/impl.h"
#include "engine_peer.h"

enum { DRAIN_MS = 60000 };

struct scene {
    struct pd_sys sys; /* first: its address is the context of the table */
    struct pd_engine *engine;
    struct pd_thread *thread; /* the only one */
    int peer;
    bool speaks;       /* it asks as soon as the engine waits */
    bool is_untold;    /* the kernel does not say who is on the way */
    uint64_t ahead_ns; /* of the real clock: the engine's waits take no time, unless for the peer */
};

static int wait_or_skip(void *ctx, int ep, struct epoll_event *evs, int max, int timeout_ms)
{
    struct scene *s = ctx;
    if (timeout_ms > 0 && s->speaks) {
        s->speaks = false;
        peer_say(s->peer, PD_SLICE("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
        return pd_sys_default()->epoll_wait(NULL, ep, evs, max, timeout_ms);
    }
    if (timeout_ms > 0)
        s->ahead_ns += (uint64_t)timeout_ms * 1000000u;
    return pd_sys_default()->epoll_wait(NULL, ep, evs, max, 0);
}

static uint64_t clock_ahead(void *ctx)
{
    return pd_sys_default()->monotonic_ns(NULL) + ((struct scene *)ctx)->ahead_ns;
}

static int socket_but_netlink(void *ctx, int domain, int type, int protocol)
{
    if (((struct scene *)ctx)->is_untold && domain == AF_NETLINK) {
        errno = EAFNOSUPPORT; /* as under systemd's RestrictAddressFamilies= */
        return -1;
    }
    return socket(domain, type, protocol);
}

/* An engine that stops, and a peer that has connected and said nothing. */
static void scene_init(struct scene *s)
{
    struct pd_config config = PD_CONFIG_DEFAULT;
    int on = 1;
    *s = (struct scene){ .sys = *pd_sys_default() };
    s->sys.ctx = s;
    s->sys.epoll_wait = wait_or_skip;
    s->sys.monotonic_ns = clock_ahead;
    s->sys.socket = socket_but_netlink;
    s->engine = pd_engine_new(&config, NULL, PD_LOOP_EPOLL, &s->sys);
    struct sockaddr_in door = peer_door(s->engine, (struct pd_port){ .codec = &pd_codec_http1 });
    s->thread = pd_thread_new(s->engine);
    const struct pd_door *d = PD_LIST_ENTRY(s->engine->doors.next, struct pd_door, node);
    CHECK_INT(setsockopt(d->listener.fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof on), 0);
    s->peer = peer_dial(&door);
    pd_engine_stop(s->engine, DRAIN_MS);
}

static void scene_fini(struct scene *s)
{
    CHECK(pd_engine_next(s->thread) == NULL);
    pd_thread_free(s->thread);
    pd_engine_free(s->engine);
    close(s->peer);
}

/* --- the tests ---------------------------------------------------------------------------------------------------- */

static void test_who_was_on_the_way_is_served(void)
{
    for (int untold = 0; untold < 2; untold++) {
        struct scene s;
        char got[17];
        scene_init(&s);
        s.is_untold = untold;
        s.speaks = true;
        struct pd_exchange *x = pd_engine_next(s.thread);
        CHECK(x != NULL);
        if (x) {
            CHECK_INT(pd_response_start(pd_exchange_response(x), PD_SLICE("200 OK")), PD_R_NONE);
            CHECK_INT(pd_exchange_last(s.thread, x, PD_SLICE("done"), false), PD_SEND_OK);
            CHECK_INT(recv(s.peer, got, sizeof got, MSG_WAITALL), sizeof got);
            CHECK(memcmp(got, "HTTP/1.1 200 OK\r\n", sizeof got) == 0);
        }
        scene_fini(&s);
    }
}

/* Who stays silent delays the end by a second, or where the kernel does not tell by a tenth of one. */
static void test_who_is_silent_is_not_waited_for_long(void)
{
    for (int untold = 0; untold < 2; untold++) {
        struct scene s;
        scene_init(&s);
        s.is_untold = untold;
        scene_fini(&s);
        CHECK(s.ahead_ns >= (untold ? 100u : 900u) * UINT64_C(1000000));
        CHECK(s.ahead_ns <= (untold ? 200u : 1100u) * UINT64_C(1000000));
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    alarm(60); /* an engine that does not end fails here */
    test_who_was_on_the_way_is_served();
    test_who_is_silent_is_not_waited_for_long();
    return check_result();
}
