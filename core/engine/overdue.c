/*
 * overdue.c - the time limit of a request, and the beat of the embedder (see overdue.h; docs/adr/0007).
 *
 * The limit begins anew with each block of output, and does not run while the application waits for its peer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>

#include "conn/respond.h"
#include "engine/exchange_api.h"
#include "engine/impl.h"

enum {
    NS_PER_MS = 1000000,
    LENT_MS = 20,     /* a thread is at work on the connection: look again then */
    WAITING_MS = 500, /* ... waits for the peer */
    BEAT_MS = 1000,   /* how often pd_engine_beat() is called */
    LATE_MS = 500,    /* a beat that is so late may not come: others accept meanwhile */
    BEATS_LEAST = 2,  /* missed, before something is wrong */
};

/* --- which calls there are; engine.lock is held ------------------------------------------------------------------- */

/* By time; most belong near the end. */
static void calls_insert(struct pd_engine *e, struct pd_thread *t)
{
    struct pd_list *head = &e->calls.running;
    struct pd_list *at = head;
    while (at->prev != head && PD_LIST_ENTRY(at->prev, struct pd_thread, call.node)->call.since_ns > t->call.since_ns)
        at = at->prev;
    pd_list_insert_before(at, &t->call.node);
}

static void parked_insert(struct pd_engine *e, struct pd_exchange *x)
{
    struct pd_list *head = &e->calls.parked;
    struct pd_list *at = head;
    while (at->prev != head && PD_LIST_ENTRY(at->prev, struct pd_exchange, parked)->since_ns > x->since_ns)
        at = at->prev;
    pd_list_insert_before(at, &x->parked);
}

void pd_call_begin(struct pd_thread *t, struct pd_exchange *x)
{
    t->call.exchange = x;
    t->call.exchange_id = x->id;
    t->call.since_ns = t->started_ns;
    if (!x->started_ns) /* now: as soon as others know of the call they may end it, and write that down */
        x->started_ns = t->started_ns;
    bool closes = x->wait && x->wait->end == PD_WAIT_OVER; /* which has its own time */
    if (x->was_parked && !closes)                          /* the time that it waited counts */
        t->call.since_ns = x->since_ns > x->progress_ns ? x->since_ns : x->progress_ns;
    x->thread = t;
    calls_insert(t->engine, t);
}

void pd_call_end(struct pd_thread *t)
{
    if (t->call.exchange)
        t->call.exchange->thread = NULL;
    t->call.exchange = NULL;
    pd_list_remove(&t->call.node);
    t->engine->calls.noverdue -= t->call.overdue;
    t->call.overdue = false;
}

void pd_call_forget(struct pd_exchange *x)
{
    if (x->thread)
        x->thread->call.exchange = NULL;
    x->thread = NULL;
}

void pd_calls_leave(struct pd_engine *e, const struct pd_conn *c)
{
    pthread_mutex_lock(&e->lock);
    for (struct pd_list *l = e->calls.running.next; l != &e->calls.running; l = l->next) {
        struct pd_exchange *x = PD_LIST_ENTRY(l, struct pd_thread, call.node)->call.exchange;
        if (x && x->conn == c)
            pd_call_forget(x);
    }
    pthread_mutex_unlock(&e->lock);
}

void pd_call_park(struct pd_exchange *x)
{
    struct pd_engine *e = pd_engine_of(x->conn->host);
    uint64_t since = x->thread ? x->thread->call.since_ns : e->host.now_ns;
    pd_call_forget(x);
    x->since_ns = since > x->progress_ns ? since : x->progress_ns;
    if (!x->overdue)
        parked_insert(e, x);
}

static uint64_t limit_ns(const struct pd_engine *e)
{
    return e->calls.stuck ? 0 : e->host.config.timeouts.request * NS_PER_MS;
}

/* A call of which nothing has come since then is past its limit; 0: none is. */
static uint64_t calls_horizon(const struct pd_engine *e)
{
    uint64_t limit = limit_ns(e);
    uint64_t now = e->host.now_ns;
    return (limit || e->calls.stuck) && now > limit ? now - limit : 0;
}

static struct pd_thread *calls_oldest(const struct pd_engine *e)
{
    struct pd_list *first = e->calls.running.next;
    return first == &e->calls.running ? NULL : PD_LIST_ENTRY(first, struct pd_thread, call.node);
}

static struct pd_exchange *parked_oldest(const struct pd_engine *e)
{
    struct pd_list *first = e->calls.parked.next;
    return first == &e->calls.parked ? NULL : PD_LIST_ENTRY(first, struct pd_exchange, parked);
}

uint64_t pd_calls_deadline(const struct pd_engine *e)
{
    const struct pd_thread *t = calls_oldest(e);
    const struct pd_exchange *x = parked_oldest(e);
    uint64_t since = t ? t->call.since_ns : UINT64_MAX;
    if (x && x->since_ns < since)
        since = x->since_ns;
    if (since == UINT64_MAX || !e->host.config.timeouts.request)
        return 0;
    return (since + limit_ns(e)) / NS_PER_MS + 1;
}

/* --- judging one; the role is held -------------------------------------------------------------------------------- */

/* What is looked at: an exchange that may end at any moment. Its connection stays: the role's holder alone frees it. */
struct suspect {
    struct pd_exchange *x;
    struct pd_conn *conn;
    uint64_t id;
    uint64_t horizon;
    uint64_t since; /* found: when its limit began */
    bool overdue;   /* found: it has passed */
    char text[PD_OVERDUE_TEXT];
};

/* Only then may it be looked at. conn.lock is held. */
static bool suspect_is_there(const struct suspect *s)
{
    for (const struct pd_list *l = s->conn->exchanges.next; l != &s->conn->exchanges; l = l->next)
        if (l == &s->x->node)
            return s->x->id == s->id && (s->x->state == PD_X_RUNNING || s->x->state == PD_X_PARKED);
    return false;
}

/* Finds since when nothing has come of it. False: for too long. conn.lock is held. */
static bool suspect_is_fine(struct suspect *s, bool stuck)
{
    if (s->conn->lent)
        s->since = s->horizon + LENT_MS * (uint64_t)NS_PER_MS;
    else if (s->x->waiters && !stuck)
        s->since = s->horizon + WAITING_MS * (uint64_t)NS_PER_MS;
    else if (s->x->progress_ns > s->horizon && !stuck)
        s->since = s->x->progress_ns;
    else
        return false;
    return true;
}

/* Answers in the place of the application. conn.lock is held. */
static void suspect_answer(struct suspect *s, struct pd_thread *t)
{
    struct pd_conn *c = s->conn;
    s->overdue = true;
    pd_exchange_describe(s->x, s->text, sizeof s->text);
    pd_respond_overdue(s->x);
    if (s->x->state == PD_X_PARKED) /* else its thread may be about to suspend it, and will find it overdue */
        pd_waits_cancel(t->engine, s->x);
    pd_conn_settle(c);
    if (pd_conn_has_work(c)) /* no edge will tell of it again */
        pd_attend(pd_client_of(c), true);
    pd_client_settle(pd_client_of(c), t);
}

/* Looks at it under its connection's lock. engine.lock is held at both ends. */
static void suspect_judge(struct suspect *s, struct pd_engine *e, struct pd_thread *t)
{
    bool stuck = e->calls.stuck;
    struct pd_conn *c = s->conn = s->x->conn;
    s->id = s->x->id;
    pthread_mutex_unlock(&e->lock);
    pthread_mutex_lock(&c->lock);
    bool there = suspect_is_there(s);
    bool fine = !there || suspect_is_fine(s, stuck);
    if (!there) /* it ended this moment; its thread may still be in close() */
        s->since = s->horizon + LENT_MS * (uint64_t)NS_PER_MS;
    else if (!fine)
        suspect_answer(s, t);
    bool parked = there && fine && s->x->state == PD_X_PARKED;
    pthread_mutex_lock(&e->lock);
    if (parked) {
        s->x->since_ns = s->since;
        parked_insert(e, s->x);
    }
    pthread_mutex_unlock(&c->lock);
}

/* The thread goes to its new place in the list, or among those that are overdue. engine.lock is held. */
static void calls_move(struct pd_engine *e, struct pd_thread *t, const struct suspect *s)
{
    pd_list_remove(&t->call.node);
    if (!s->overdue) {
        t->call.since_ns = s->since;
        calls_insert(e, t);
        return;
    }
    t->call.overdue = true;
    e->calls.noverdue++;
    memcpy(t->call.text, s->text, sizeof t->call.text);
    pd_list_push(&e->calls.overdue, &t->call.node);
    pd_wakeup_fire(&e->calls.wakeup);
}

static void calls_judge(struct pd_engine *e, struct pd_thread *t, struct pd_thread *late, uint64_t horizon)
{
    struct suspect s = { .x = late->call.exchange, .id = late->call.exchange_id, .horizon = horizon };
    char id[PD_EXCHANGE_ID_SIZE];
    if (s.x)
        suspect_judge(&s, e, t);
    else {
        s.overdue = true;
        pd_exchange_id_text(s.id, id);
        snprintf(s.text, sizeof s.text, "behind its response, id %s", id);
    }
    /* Meanwhile the call may have ended, and its thread, too. */
    for (struct pd_list *l = e->calls.running.next; l != &e->calls.running; l = l->next)
        if (l == &late->call.node) {
            if (late->call.exchange_id == s.id)
                calls_move(e, late, &s);
            return;
        }
}

void pd_calls_expire(struct pd_engine *e, struct pd_thread *t)
{
    uint64_t horizon = calls_horizon(e);
    struct pd_thread *late;
    struct pd_exchange *x;
    while ((late = calls_oldest(e)) != NULL && late->call.since_ns <= horizon)
        calls_judge(e, t, late, horizon);
    while ((x = parked_oldest(e)) != NULL && x->since_ns <= horizon) {
        struct suspect s = { .x = x, .horizon = horizon };
        pd_list_remove(&x->parked);
        suspect_judge(&s, e, t);
    }
    struct itimerspec soon = { .it_value = { .tv_nsec = 1 } };
    if (e->calls.stuck)
        PD_SYS(e->sys, timerfd_settime, e->relief_timer, 0, &soon, NULL);
}

/* --- what the embedder asks --------------------------------------------------------------------------------------- */

void pd_thread_set_tag(struct pd_thread *t, void *tag)
{
    t->call.tag = tag;
}

int pd_engine_overdue_fd(const struct pd_engine *e)
{
    return e->calls.wakeup.fd;
}

bool pd_engine_overdue(struct pd_engine *e, size_t i, struct pd_overdue *out)
{
    if (i == 0)
        pd_wakeup_clear(&e->calls.wakeup);
    pthread_mutex_lock(&e->lock);
    const struct pd_list *l = e->calls.overdue.next;
    while (i-- && l != &e->calls.overdue)
        l = l->next;
    bool found = l != &e->calls.overdue;
    if (found) {
        const struct pd_call *call = PD_LIST_ENTRY(l, struct pd_call, node);
        out->tag = call->tag;
        out->exchange_id = call->exchange_id;
        memcpy(out->text, call->text, sizeof out->text);
    }
    pthread_mutex_unlock(&e->lock);
    return found;
}

/* --- the beat ----------------------------------------------------------------------------------------------------- */

static int beat_init(struct pd_engine *e)
{
    e->calls.beat_owner = PD_OWNER_BEAT;
    if (!e->host.config.timeouts.gil)
        return 0;
    e->calls.beat_timer = PD_SYS(e->sys, timerfd_create, CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return e->calls.beat_timer < 0 ? -errno
                                   : pd_loop_add(&e->loop, e->calls.beat_timer, PD_READABLE, &e->calls.beat_owner);
}

int pd_calls_init(struct pd_engine *e)
{
    int r = pd_wakeup_init(&e->calls.wakeup, e->sys);
    return r < 0 ? r : beat_init(e);
}

void pd_calls_fini(struct pd_engine *e)
{
    if (e->calls.wakeup.fd >= 0)
        pd_wakeup_fini(&e->calls.wakeup);
    if (e->calls.beat_timer >= 0)
        PD_SYS(e->sys, close, e->calls.beat_timer);
}

/* The next tick comes then. */
static void beat_await(struct pd_engine *e, unsigned ms)
{
    struct itimerspec next = { .it_value = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * (long)NS_PER_MS } };
    PD_SYS(e->sys, timerfd_settime, e->calls.beat_timer, 0, &next, NULL);
}

void pd_engine_beat(struct pd_engine *e)
{
    pd_spread_heard(e);
    if (e->calls.beat_timer < 0)
        return;
    e->calls.beats_missed = 0;
    e->calls.is_late = false;
    beat_await(e, BEAT_MS + LATE_MS);
}

/*
 * Ticks are counted, not seconds, and each is awaited anew: when a process that was stopped, or a machine that slept,
 * goes on, that is one tick, and before the next one comes the embedder has had its second, too. So one is not enough.
 */
void pd_beat_missed(struct pd_engine *e)
{
    uint64_t ticks;
    if (PD_SYS(e->sys, read, e->calls.beat_timer, &ticks, sizeof ticks) != (ssize_t)sizeof ticks)
        return;
    if (!e->calls.is_late) {
        e->calls.is_late = true;
        pd_spread_missed(e);
        beat_await(e, BEAT_MS - LATE_MS);
        return;
    }
    unsigned missed = ++e->calls.beats_missed;
    if (missed < BEATS_LEAST || (missed + 1) * (uint64_t)BEAT_MS < e->host.config.timeouts.gil) {
        beat_await(e, BEAT_MS);
        return;
    }
    pthread_mutex_lock(&e->lock);
    if (!e->calls.stuck)
        pd_ready_expire(e);
    e->calls.stuck = true; /* the answers follow in this turn of the loop, and then the relief thread is woken */
    pthread_mutex_unlock(&e->lock);
}
