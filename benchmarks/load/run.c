/* run.c - the load: schedule, loop and count (see run.h). */
#define _GNU_SOURCE
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "conn.h"
#include "fail.h"

enum { EVENTS = 256, RETRY_NS = 10000000, LOOK_NS = 250000000 };

uint64_t load_clock(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

/* SIGINT and SIGTERM end the load in good order: what was measured is printed. */
static void watch_signals(struct load_run *r)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    r->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    if (r->signals < 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->signals, &event) < 0)
        load_fail(LOAD_CANNOT, "cannot watch for signals: %s", strerror(errno));
}

void load_run_init(struct load_run *r, const struct load_options *o, struct load_request *requests, size_t n)
{
    r->options = o;
    r->requests = requests;
    r->nrequests = n;
    r->nasks = (size_t)o->connections * o->streams;
    r->conns = load_alloc(o->connections, sizeof *r->conns);
    r->idle = load_alloc(r->nasks, sizeof(struct load_ask *));
    r->timers.heap = load_alloc(r->nasks + 1, sizeof(struct load_timer *));
    struct load_ask *asks = load_alloc(r->nasks, sizeof *asks);
    for (size_t i = 0; i < r->nasks; i++) {
        asks[i].conn = &r->conns[i / o->streams];
        asks[i].id = (uint16_t)(i % o->streams + 1);
    }
    for (size_t i = 0; i < o->connections; i++) {
        r->conns[i].fd = -1;
        r->conns[i].asks = &asks[i * o->streams];
        pd_buf_init(&r->conns[i].out, pd_sys_default(), (size_t)1 << 30);
    }
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (r->epoll < 0)
        load_fail(LOAD_CANNOT, "epoll_create1: %s", strerror(errno));
    watch_signals(r);
    prctl(PR_SET_TIMERSLACK, 1000uL, 0uL, 0uL, 0uL); /* else each wait may last 50 us too long */
}

void load_run_fini(struct load_run *r)
{
    for (size_t i = 0; i < r->options->connections; i++) {
        load_conn_drop(r, &r->conns[i]);
        pd_buf_fini(&r->conns[i].out);
    }
    close(r->epoll);
    close(r->signals);
    free(r->conns[0].asks);
    free(r->conns);
    free(r->idle);
    free(r->timers.heap);
}

/* --- who asks when ------------------------------------------------------------------------------------------------ */

static bool is_over(const struct load_run *r)
{
    return r->stopped || r->issued >= r->most || r->now >= r->end_ns;
}

/* When request number `n` of an open loop is due. */
static uint64_t due(const struct load_run *r, uint64_t n)
{
    return r->begin_ns + (uint64_t)((double)n * 1e9 / r->rate);
}

static void start(struct load_run *r, struct load_ask *ask, uint64_t due_ns)
{
    ask->request = &r->requests[r->next_request];
    r->next_request = r->next_request + 1 == r->nrequests ? 0 : r->next_request + 1;
    ask->due_ns = due_ns;
    r->issued++;
    load_conn_start(r, ask);
}

void load_run_wait(struct load_run *r, struct load_ask *ask, uint64_t due_ns)
{
    load_timers_set(&r->timers, &ask->timer, due_ns);
}

void load_run_next(struct load_run *r, struct load_ask *ask, bool failed)
{
    uint64_t pause = failed ? RETRY_NS : r->rate > 0 ? 0 : r->options->think_ns;
    if (pause)
        load_run_wait(r, ask, r->now + pause);
    else if (r->rate > 0)
        r->idle[r->nidle++] = ask;
    else if (!is_over(r))
        start(r, ask, r->now);
}

/* Open loop: sends what is due, as long as somebody is free to send it. */
static void send_due(struct load_run *r)
{
    while (r->rate > 0 && r->nidle && !r->stopped && r->issued < r->most) {
        uint64_t when = due(r, r->issued);
        if (when > r->now || when >= r->end_ns)
            return;
        start(r, r->idle[--r->nidle], when);
    }
}

static void run_timers(struct load_run *r)
{
    for (struct load_timer *t; (t = load_timers_take(&r->timers, r->now));) {
        struct load_ask *ask = PD_CONTAINER_OF(t, struct load_ask, timer);
        if (ask->request)
            load_conn_resume(r, ask);
        else if (r->rate > 0)
            r->idle[r->nidle++] = ask;
        else if (!is_over(r))
            start(r, ask, r->now);
    }
}

/* Gives up what has waited too long. Looked at now and then, so that no request pays for it. */
static void end_overdue(struct load_run *r)
{
    if (r->now < r->overdue_ns)
        return;
    uint64_t timeout = r->options->timeout_ns;
    r->overdue_ns = r->now + (timeout / 4 < LOOK_NS ? timeout / 4 : LOOK_NS);
    for (size_t i = 0; i < r->nasks; i++) {
        struct load_ask *ask = &r->conns[0].asks[i];
        if (ask->request && r->now - ask->sent_ns >= timeout)
            load_conn_fail(r, ask->conn, LOAD_TIMEOUT,
                           ask->begun || ask->got ? "no end of the response in time" : "no response in time");
    }
}

/* --- what came of it ---------------------------------------------------------------------------------------------- */

static bool judge(struct load_run *r, const struct load_ask *ask)
{
    const struct load_request *q = ask->request;
    const struct load_right *right = &q->right;
    if (right->status && ask->status != right->status) {
        load_deviate(&r->deviations, LOAD_STATUS, q->name, "status %u instead of %u", ask->status, right->status);
        return false;
    }
    if (r->options->check == LOAD_CHECK_STATUS)
        return true;
    if (right->length >= 0 && ask->got != (uint64_t)right->length) {
        load_deviate(&r->deviations, LOAD_LENGTH, q->name, "a body of %llu bytes instead of %llu",
                     (unsigned long long)ask->got, (unsigned long long)right->length);
        return false;
    }
    if (ask->wrong_body) {
        load_deviate(&r->deviations, LOAD_BODY, q->name, "the body is not that of the first response");
        return false;
    }
    return true;
}

bool load_run_done(struct load_run *r, struct load_ask *ask)
{
    r->now = load_clock();
    struct load_tally *t = r->tally;
    t->statuses[ask->status < LOAD_STATUS_MAX ? ask->status : 0]++;
    if (!judge(r, ask))
        return false;
    struct load_right *right = &ask->request->right;
    if (!right->known) {
        right->known = true;
        right->length = (int64_t)ask->got;
    }
    load_histogram_add(&t->latency, r->now - ask->due_ns);
    t->requests++;
    t->in_time += r->now < r->end_ns;
    return true;
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

/* The next time at which something is to be done without an event. */
static uint64_t next_time(const struct load_run *r, uint64_t until)
{
    uint64_t next = load_timers_next(&r->timers);
    next = r->overdue_ns < next ? r->overdue_ns : next;
    next = until < next ? until : next;
    if (r->rate > 0 && r->nidle && !is_over(r) && due(r, r->issued) < next)
        next = due(r, r->issued);
    return next;
}

static void take_signal(struct load_run *r)
{
    struct signalfd_siginfo info;
    if (read(r->signals, &info, sizeof info) > 0)
        r->stopped++;
}

static void turn(struct load_run *r, uint64_t until)
{
    struct epoll_event events[EVENTS];
    uint64_t next = next_time(r, until);
    uint64_t wait = next > r->now ? next - r->now : 0;
    struct timespec timeout = { .tv_sec = (time_t)(wait / 1000000000u), .tv_nsec = (long)(wait % 1000000000u) };
    int n = epoll_pwait2(r->epoll, events, EVENTS, &timeout, NULL);
    if (n < 0 && errno != EINTR)
        load_fail(LOAD_CANNOT, "epoll_pwait2: %s (Linux 5.11 or newer is needed)", strerror(errno));
    r->now = load_clock();
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr)
            load_conn_event(r, events[i].data.ptr, events[i].events);
        else
            take_signal(r);
    }
    run_timers(r);
    send_due(r);
    end_overdue(r);
}

/* Those that were not answered, or could not even be sent, count with the time for which they have waited. */
static void count_unanswered(struct load_run *r, uint64_t last)
{
    for (size_t i = 0; i < r->nasks; i++) {
        struct load_ask *ask = &r->conns[0].asks[i];
        if (!ask->request)
            continue;
        r->tally->unanswered++;
        load_histogram_add(&r->tally->latency, r->now - ask->due_ns);
    }
    for (size_t i = 0; r->active; i++)
        load_conn_drop(r, &r->conns[i]);
    if (!(r->rate > 0))
        return;
    for (uint64_t n = r->issued; n < r->most && due(r, n) < last; n++) {
        r->tally->unsent++;
        load_histogram_add(&r->tally->latency, last - due(r, n));
    }
}

static void begin(struct load_run *r, struct load_limit limit, struct load_tally *tally)
{
    load_histogram_init(&tally->latency);
    r->tally = tally;
    r->now = r->begin_ns = load_clock();
    r->end_ns = limit.duration_ns ? r->begin_ns + limit.duration_ns : UINT64_MAX;
    r->most = limit.count ? limit.count : UINT64_MAX;
    r->rate = limit.rate;
    r->issued = 0;
    r->overdue_ns = r->now;
    r->nidle = 0;
    r->timers.n = 0; /* pauses of the phase before */
    for (size_t i = 0; i < r->nasks; i++)
        r->conns[0].asks[i].timer.place = 0;
}

/* Nobody is under way, and nobody waits for a second try. */
static bool is_quiet(const struct load_run *r)
{
    return !r->active && is_over(r);
}

void load_run_phase(struct load_run *r, struct load_limit limit, struct load_tally *tally)
{
    begin(r, limit, tally);
    for (size_t i = 0; i < limit.asks && !is_over(r); i++) {
        if (r->rate > 0)
            r->idle[r->nidle++] = &r->conns[0].asks[limit.asks - 1 - i];
        else
            start(r, &r->conns[0].asks[i], r->now);
    }
    send_due(r);
    while (!is_over(r))
        turn(r, r->end_ns);
    uint64_t last = r->now < r->end_ns ? r->now : r->end_ns;
    if (r->stopped)
        r->end_ns = last;
    bool timed = r->end_ns != UINT64_MAX;
    uint64_t drained = timed ? r->now + r->options->drain_ns : UINT64_MAX; /* the timeout ends a count */
    while (!is_quiet(r) && r->now < drained && r->stopped < 2)
        turn(r, drained);
    tally->elapsed_ns = (timed ? last : r->now) - r->begin_ns;
    count_unanswered(r, last);
}

void load_run_first(struct load_run *r, struct load_tally *tally)
{
    r->next_request = 0;
    struct load_limit all = { .count = r->nrequests, .asks = 1 };
    load_run_phase(r, all, tally);
    r->next_request = 0;
}
