/* rig.c - a whole engine in one thread (see rig.h). */
#define _GNU_SOURCE
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/impl.h"
#include "engine/suspend.h"

enum {
    IDLE_READ = 2, /* turns without progress before the client reads */
    IDLE_MAX = 12, /* ... before it gives up */
    BLOCK = 4000,
    BIG_BLOCKS = 20,
    FILE_SIZE = 50000,
};

/* --- the client's turns ------------------------------------------------------------------------------------------- */

static void take_turn(struct rig *r, int timeout_ms)
{
    bool moved = client_step(&r->client, r->idle >= IDLE_READ);
    r->idle = moved ? (r->idle >= IDLE_READ ? IDLE_READ : 0) : r->idle + 1;
    if (!moved && r->idle > IDLE_READ && timeout_ms > 0)
        r->faulty.now_ns += (uint64_t)timeout_ms * 1000000u;
    r->faulty.now_ns += 10000;
    bool over = r->client.at == r->client.visits || r->idle > IDLE_MAX || ++r->turns > RIG_TURNS_MAX;
    if (over && !r->stopping) {
        r->stopping = true;
        pd_engine_stop(r->engine, 0);
    }
}

static int turn_epoll_wait(void *ctx, int ep, struct epoll_event *evs, int max, int timeout_ms)
{
    struct rig *r = ctx;
    take_turn(r, timeout_ms);
    return r->plain.epoll_wait(ctx, ep, evs, max, 0);
}

static int turn_poll(void *ctx, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    struct rig *r = ctx;
    if (timeout_ms == 0 && n == 1) /* a question about one descriptor, not the loop */
        return r->plain.poll(ctx, fds, n, 0);
    take_turn(r, timeout_ms);
    return r->plain.poll(ctx, fds, n, 0);
}

/* Unix sockets get a small buffer, so that output has to wait; TCP a large one, as its timers do not obey our clock. */
static int sized_accept4(void *ctx, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    struct rig *r = ctx;
    int got = r->plain.accept4(ctx, fd, addr, len, flags);
    int size = r->client.address.ss_family == AF_UNIX ? 4096 : 1 << 20;
    if (got >= 0)
        setsockopt(got, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return got;
}

/* Every run gives its requests the same ids. */
static ssize_t fixed_getrandom(void *ctx, void *buf, size_t n, unsigned flags)
{
    struct rig *r = ctx;
    ssize_t got = r->plain.getrandom(ctx, buf, n, flags);
    if (got > 0)
        memset(buf, 7, (size_t)got);
    return got;
}

static int64_t fixed_wall_s(void *ctx)
{
    (void)ctx;
    return 784111777;
}

static uint64_t fixed_wall_ns(void *ctx)
{
    return (uint64_t)fixed_wall_s(ctx) * 1000000000u;
}

/* --- the application ---------------------------------------------------------------------------------------------- */

static bool add(struct pd_exchange *x, const char *name, const char *value)
{
    return pd_response_add(pd_exchange_response(x), pd_slice(name, strlen(name)), pd_slice(value, strlen(value))) ==
           PD_R_NONE;
}

/* Reads the whole body; its length, or -1. Without a spill file it may be streamed: see big(). */
static long read_body(struct pd_thread *t, struct pd_exchange *x)
{
    long sum = 0;
    char buf[700];
    size_t got;
    if (!pd_exchange_body_is_collected(x))
        return -1;
    do {
        if (pd_exchange_read(t, x, buf, sizeof buf, &got) != PD_READ_OK)
            return -1;
        sum += (long)got;
    } while (got);
    return sum;
}

static bool echo(struct rig *r, struct pd_thread *t, struct pd_exchange *x)
{
    char text[64];
    (void)r;
    long n = read_body(t, x);
    snprintf(text, sizeof text, "%ld bytes", n);
    char length[24];
    snprintf(length, sizeof length, "%zu", strlen(text));
    return n >= 0 && add(x, "Content-Length", length) &&
           pd_exchange_write(x, pd_slice(text, strlen(text)), true) == PD_SEND_OK;
}

/* Waiting would be for ever here, where one thread is everything; with a spill file there is nothing to wait for. */
static bool big(struct rig *r, struct pd_thread *t, struct pd_exchange *x)
{
    char block[BLOCK];
    bool may_wait = pd_engine_can_spill(r->engine);
    (void)t;
    for (size_t i = 0; i < BIG_BLOCKS; i++) {
        memset(block, 'a' + (int)i, sizeof block);
        if (pd_exchange_write(x, pd_slice(block, sizeof block), may_wait) != PD_SEND_OK)
            return false;
    }
    return true;
}

static bool file(struct rig *r, struct pd_thread *t, struct pd_exchange *x)
{
    char block[1000];
    int fd = memfd_create("torture", MFD_CLOEXEC);
    memset(block, 'f', sizeof block);
    for (size_t at = 0; at < FILE_SIZE; at += sizeof block)
        if (pwrite(fd, block, sizeof block, (off_t)at) != (ssize_t)sizeof block)
            abort();
    r->faulty.descriptors++;
    if (!add(x, "Content-Length", "50000")) {
        close(fd);
        return false;
    }
    return pd_exchange_file(t, x, fd, 0, FILE_SIZE) == PD_SEND_OK;
}

static bool plain(struct rig *r, struct pd_thread *t, struct pd_exchange *x)
{
    (void)r, (void)t;
    return pd_exchange_write(x, PD_SLICE("hello"), true) == PD_SEND_OK;
}

static bool broken(struct rig *r, struct pd_thread *t, struct pd_exchange *x)
{
    (void)r, (void)t, (void)x;
    return false;
}

/* Waits for a descriptor that is ready, once. False: it is in no other hands, and has no answer yet. */
static bool wait_first(struct rig *r, struct pd_thread *t, struct pd_exchange *x)
{
    const struct pd_wait_for what = { r->ready, PD_READABLE, 50000000, r, false };
    if (!pd_slice_eq(pd_exchange_request(x)->path, PD_SLICE("/wait")) || pd_exchange_was_suspended(x))
        return false;
    enum pd_suspend suspended = pd_exchange_suspend(t, x, &what);
    if (suspended == PD_SUSPEND_FULL)
        pd_exchange_overload(t, x);
    return suspended != PD_SUSPEND_OVER;
}

static void serve(struct rig *r, struct pd_thread *t, struct pd_exchange *x)
{
    static const struct {
        struct pd_slice path;
        bool (*run)(struct rig *, struct pd_thread *, struct pd_exchange *);
    } apps[] = {
        { { "/echo", 5 }, echo },
        { { "/big", 4 }, big },
        { { "/file", 5 }, file },
        { { "/broken", 7 }, broken },
    };
    bool (*run)(struct rig *, struct pd_thread *, struct pd_exchange *) = plain;
    struct pd_slice path = pd_exchange_request(x)->path;
    for (size_t i = 0; i < sizeof apps / sizeof apps[0]; i++)
        if (pd_slice_eq(apps[i].path, path))
            run = apps[i].run;
    bool fine = pd_response_start(pd_exchange_response(x), PD_SLICE("200 OK")) == PD_R_NONE && run(r, t, x);
    enum pd_send sent = fine ? pd_exchange_last(t, x, PD_SLICE(""), pd_engine_can_spill(r->engine)) : PD_SEND_AGAIN;
    if (sent == PD_SEND_AGAIN || sent == PD_SEND_BAD_HEAD)
        pd_exchange_fail(t, x);
}

/* --- one run ------------------------------------------------------------------------------------------------------ */

static bool open_door(struct rig *r, const struct rig_scene *s)
{
    struct pd_listener_config door;
    struct pd_port port = { .codec = s->codec,
                            .options = { .secret = s->secret },
                            .proxied = s->door == RIG_PROXIED,
                            .detect = s->door == RIG_DETECTED,
                            .serve_half_closed = true };
    char name[PD_ADDR_TEXT_MAX];
    char error[512];
    pd_listener_config_init(&door);
    door.kind = s->unix_path ? PD_LISTENER_UNIX : PD_LISTENER_TCP;
    door.path = s->unix_path;
    door.host = "127.0.0.1";
    door.port = 0;
    door.is_gateway = s->codec->gateway;
    if (!pd_engine_listen(r->engine, &door, &port, name, sizeof name, error, sizeof error))
        return false;
    struct pd_door *d = PD_CONTAINER_OF(r->engine->doors.next, struct pd_door, node);
    r->client.address_n = sizeof r->client.address;
    return getsockname(d->listener.fd, (struct sockaddr *)&r->client.address, &r->client.address_n) == 0;
}

/* Lines of printable ASCII and nothing else, whatever the client sent. */
static bool log_is_clean(int fd)
{
    static char text[1 << 16];
    ssize_t n = pread(fd, text, sizeof text, 0);
    for (ssize_t i = 0; i < n; i++)
        if ((text[i] < 0x20 || text[i] > 0x7e) && text[i] != '\n')
            return false;
    return true;
}

static void play(struct rig *r, const struct rig_scene *s)
{
    int log_fd = memfd_create("access", MFD_CLOEXEC);
    struct pd_access_config log = { .form = PD_ACCESS_JSON, .fd = log_fd, .buffer = PD_ACCESS_BUFFER_MIN };
    char error[256];
    struct pd_config config = PD_CONFIG_DEFAULT;
    config.body_memory = 1024;
    config.response_memory = 16384;
    memcpy(config.health_path, "/health", sizeof "/health");
    r->engine = pd_engine_new(&config, "/tmp", s->backend, &r->faulty.sys);
    if (!r->engine) {
        close(log_fd);
        return;
    }
    bool open = pd_engine_open_access_log(r->engine, &log, error, sizeof error) && open_door(r, s);
    struct pd_thread *t = open ? pd_thread_new(r->engine) : NULL;
    struct pd_exchange *x;
    while (t && (x = pd_engine_next(t)) != NULL)
        if (!wait_first(r, t, x))
            serve(r, t, x);
    if (t)
        pd_thread_free(t);
    pd_engine_close_access_log(r->engine);
    pd_engine_run_access_log(r->engine);
    pd_engine_free(r->engine);
    if (!log_is_clean(log_fd))
        abort();
    close(log_fd);
}

void rig_run(struct rig *r, const struct rig_scene *s, struct faulty_plan plan)
{
    *r = (struct rig){ 0 };
    faulty_init(&r->faulty);
    faulty_set(&r->faulty, plan);
    r->plain = r->faulty.sys;
    r->faulty.sys.epoll_wait = turn_epoll_wait;
    r->faulty.sys.poll = turn_poll;
    r->faulty.sys.accept4 = sized_accept4;
    r->faulty.sys.wall_s = fixed_wall_s;
    r->faulty.sys.wall_ns = fixed_wall_ns;
    r->faulty.sys.getrandom = fixed_getrandom;
    r->faulty.own_clock = true;
    r->faulty.now_ns = 1000000000;
    client_init(&r->client, s->scripts, s->visits, s->piece);
    r->ready = eventfd(1, EFD_CLOEXEC);
    play(r, s);
    close(r->ready);
}

void rig_fini(struct rig *r)
{
    client_fini(&r->client);
}
