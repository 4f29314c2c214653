/*
 * torture_conn.c - a whole engine, each of whose system calls and allocations fails in turn.
 *
 * One thread plays the application, the loop and (inside epoll_wait and poll)
 * the client; the clock is ours, so nothing waits and every run is the same.
 * For each kind of call, each number n and each errno that the call documents,
 * once and from then on: nothing may crash, hang or leak. What only delays
 * (EINTR, a short count, EAGAIN) must not change a byte of what the client
 * gets; everything else must end in an error answer or a cut that can be seen.
 *
 * torture_conn [STEP]: only every STEP-th n, for a quick pass.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/exchange_api.h"
#include "engine/impl.h"
#include "faulty_sys.h"
#include "scripted_client.h"
#include "torture_judge.h"

enum {
    IDLE_READ = 2, /* turns without progress before the client reads */
    IDLE_MAX = 12, /* ... before it gives up */
    TURNS_MAX = 5000,
    BLOCK = 4000,
    BIG_BLOCKS = 20,
    FILE_SIZE = 50000,
};

struct scene {
    const char *name;
    const struct pd_codec *codec;
    enum pd_loop_backend backend;
    const char *unix_path; /* NULL: TCP */
    const struct pd_slice *scripts;
    size_t visits;
};

struct rig {
    struct faulty_sys faulty; /* first: its address is the context of the table */
    struct pd_sys plain;      /* the table before we took our turns */
    struct pd_engine *engine;
    struct scripted_client client;
    size_t idle;
    size_t turns;
    bool stopping;
};

/* --- the client's turns ------------------------------------------------------------------------------------------- */

static void take_turn(struct rig *r, int timeout_ms)
{
    bool moved = client_step(&r->client, r->idle >= IDLE_READ);
    r->idle = moved ? (r->idle >= IDLE_READ ? IDLE_READ : 0) : r->idle + 1;
    if (!moved && r->idle > IDLE_READ && timeout_ms > 0)
        r->faulty.now_ns += (uint64_t)timeout_ms * 1000000u;
    r->faulty.now_ns += 10000;
    bool over = r->client.at == r->client.visits || r->idle > IDLE_MAX || ++r->turns > TURNS_MAX;
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

static int64_t fixed_wall_s(void *ctx)
{
    (void)ctx;
    return 784111777;
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

/* --- one run --------------------------------------------------------------------------------------------------------
 */

static bool open_door(struct rig *r, const struct scene *s)
{
    struct pd_listener_config door;
    struct pd_port port = { .codec = s->codec, .serve_half_closed = true };
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

static void play(struct rig *r, const struct scene *s)
{
    struct pd_config config = PD_CONFIG_DEFAULT;
    config.body_memory = 1024;
    config.response_memory = 4096;
    r->engine = pd_engine_new(&config, "/tmp", s->backend, &r->faulty.sys);
    if (!r->engine)
        return;
    struct pd_thread *t = open_door(r, s) ? pd_thread_new(r->engine) : NULL;
    struct pd_exchange *x;
    while (t && (x = pd_engine_next(t)) != NULL)
        serve(r, t, x);
    if (t)
        pd_thread_free(t);
    pd_engine_free(r->engine);
}

static size_t open_descriptors(void)
{
    size_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        abort();
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void run(struct rig *r, const struct scene *s, struct faulty_plan plan)
{
    *r = (struct rig){ 0 };
    faulty_init(&r->faulty);
    faulty_set(&r->faulty, plan);
    r->plain = r->faulty.sys;
    r->faulty.sys.epoll_wait = turn_epoll_wait;
    r->faulty.sys.poll = turn_poll;
    r->faulty.sys.accept4 = sized_accept4;
    r->faulty.sys.wall_s = fixed_wall_s;
    r->faulty.own_clock = true;
    r->faulty.now_ns = 1000000000;
    client_init(&r->client, s->scripts, s->visits);
    play(r, s);
}

/* --- all of them ----------------------------------------------------------------------------------------------------
 */

struct tally {
    size_t runs;
    size_t faults;
    size_t failures;
};

static const char *judge_run(const struct rig *r, const struct scene *s, const struct rig *healthy, bool harmless)
{
    for (size_t i = 0; i < s->visits; i++) {
        struct visit_result got = { text_view(&r->client.got[i]), r->client.reset[i] };
        const char *fault = judge_visit(s->codec, text_view(&healthy->client.got[i]), got, harmless);
        if (fault)
            return fault;
    }
    return r->turns > TURNS_MAX ? "it goes round without end" : NULL;
}

/*
 * Only delays: the bytes must be the same. But an edge-triggered user of epoll(7) takes the kernel at its word: an
 * EAGAIN, or a recv() that gives less than is there, promises a report, so a spurious one may end in a timeout.
 */
static bool is_harmless(const struct faulty_plan *p)
{
    bool level = p->call == FAULTY_ACCEPT4;
    if (p->error == EAGAIN)
        return level && !p->for_ever;
    return p->error == EINTR || (p->error == FAULTY_SHORT && p->call != FAULTY_RECV);
}

static void report(const struct scene *s, const struct faulty_plan *p, const char *fault)
{
    const char *what = p->error == FAULTY_SHORT ? "a short count" : strerrorname_np(p->error);
    printf("%s: %s number %zu with %s %s: %s\n", s->name, faulty_name(p->call), p->at, what,
           p->for_ever ? "for ever" : "once", fault);
}

static void try_plan(const struct scene *s, const struct rig *healthy, struct faulty_plan plan, struct tally *tally)
{
    struct rig r;
    size_t before = open_descriptors();
    run(&r, s, plan);
    const char *fault = judge_run(&r, s, healthy, is_harmless(&plan));
    tally->runs++;
    tally->faults += r.faulty.faults;
    client_fini(&r.client);
    if (!fault && r.faulty.blocks)
        fault = "memory was not given back";
    if (!fault && open_descriptors() != before)
        fault = "a descriptor was not closed";
    if (!fault)
        return;
    tally->failures++;
    report(s, &plan, fault);
}

/*
 * An interruption that never stops is no fault that exists; and a Unix socket with a small buffer holds so few messages
 * of one byte that it would take too many turns.
 */
static bool can_last(const struct scene *s, enum faulty_call call, int error)
{
    return error != EINTR && !(s->unix_path && call == FAULTY_SENDMSG && error == FAULTY_SHORT);
}

static void torture_scene(const struct scene *s, size_t step, struct tally *tally)
{
    struct rig healthy;
    run(&healthy, s, (struct faulty_plan){ .call = FAULTY_MEMORY });
    if (healthy.client.at != s->visits || healthy.faulty.blocks || judge_run(&healthy, s, &healthy, true)) {
        printf("%s: does not even work without faults\n", s->name);
        tally->failures++;
    }
    for (int call = 0; call < FAULTY_CALLS_N; call++) {
        size_t errors_n;
        const int *errors = faulty_errors((enum faulty_call)call, &errors_n);
        for (size_t n = 1; n <= healthy.faulty.calls[call]; n += n < 4 ? 1 : step) {
            for (size_t i = 0; i < errors_n; i++) {
                try_plan(s, &healthy, (struct faulty_plan){ (enum faulty_call)call, n, false, errors[i] }, tally);
                if (can_last(s, (enum faulty_call)call, errors[i]))
                    try_plan(s, &healthy, (struct faulty_plan){ (enum faulty_call)call, n, true, errors[i] }, tally);
            }
        }
    }
    client_fini(&healthy.client);
}

int main(int argc, char **argv)
{
    size_t step = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    struct scripts scripts;
    struct tally tally = { 0 };
    char path[64];
    snprintf(path, sizeof path, "/tmp/torture-%ld.sock", (long)getpid());
    scripts_init(&scripts);
    const struct scene scenes[] = {
        { "http, unix", &pd_codec_http1, PD_LOOP_EPOLL, path, scripts.http, scripts.http_n },
        { "fastcgi, unix", &pd_codec_fastcgi, PD_LOOP_EPOLL, path, scripts.fastcgi, scripts.fastcgi_n },
        { "scgi, tcp", &pd_codec_scgi, PD_LOOP_EPOLL, NULL, scripts.scgi, scripts.scgi_n },
        { "http, unix, poll", &pd_codec_http1, PD_LOOP_POLL, path, scripts.http, scripts.http_n },
        { "fastcgi, tcp, poll", &pd_codec_fastcgi, PD_LOOP_POLL, NULL, scripts.fastcgi, scripts.fastcgi_n },
    };
    alarm(540); /* a run that hangs ends here, and fails */
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++)
        torture_scene(&scenes[i], step ? step : 1, &tally);
    printf("%zu runs, %zu faults, %zu failures\n", tally.runs, tally.faults, tally.failures);
    scripts_fini(&scripts);
    return tally.failures || !tally.faults;
}
