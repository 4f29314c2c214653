/*
 * role.c - who waits for events: the loop role (DESIGN section 3; docs/adr/0001).
 *
 * States of the role: held by a thread, or vacant. A vacancy is short: the
 * thread that left it comes back after its app call, another app thread passes
 * by, or the relief thread finds that it lasted longer than a timer tick.
 */
#include <errno.h>
#include <limits.h>

#include "engine/exchange_api.h"
#include "engine/impl.h"

enum {
    READY_BATCH = 64,              /* events taken by one wait */
    RELIEF_TICK_NS = 1000000,      /* after so long the relief thread looks whether a vacancy lasts */
    RELIEF_TICK_MOST_NS = 4000000, /* ... and, as long as none does, in turn after twice the time up to this */
    RELIEF_LOOK_NS = 2000000,      /* ... and after so long where one does, while the call computes */
    CALLS_LOOKED_AT = 4,           /* by the relief thread, of those that go on */
    TRY_EACH = 16,                 /* looks at a call that computes: then another thread is tried all the same */
    LOOK_NS = 500000,    /* a vacancy that an app thread ends when it passes by, before the relief thread has to */
    WAIT_FAILED_MS = 10, /* pause after a wait that failed */
};

/* --- waking ------------------------------------------------------------------------------------------------------- */

static void thread_wake(struct pd_thread *t)
{
    t->woken = true;
    pthread_cond_signal(&t->cond);
}

void pd_thread_rouse(struct pd_thread *t)
{
    if (pd_list_is_empty(&t->idle))
        return; /* it looks before it sleeps */
    pd_list_remove(&t->idle);
    thread_wake(t);
}

void pd_wake_all(struct pd_engine *e)
{
    struct pd_list *node;
    while ((node = pd_list_take(&e->idle)) != NULL)
        thread_wake(PD_LIST_ENTRY(node, struct pd_thread, idle));
    pd_wakeup_fire(&e->wakeup);
    struct itimerspec soon = { .it_value = { .tv_nsec = 1 } };
    PD_SYS(e->sys, timerfd_settime, e->relief_timer, 0, &soon, NULL);
}

bool pd_loop_is_asleep(const struct pd_engine *e)
{
    return atomic_load_explicit(&e->sleeping, memory_order_relaxed) && !pthread_equal(e->sleeper, pthread_self());
}

void pd_attend(struct pd_client *cl, bool urgent)
{
    struct pd_engine *e = cl->engine;
    pthread_mutex_lock(&e->lock);
    if (!cl->attending) {
        cl->attending = true;
        pd_list_push(&e->attend, &cl->attend);
        e->nattend++;
    }
    bool wake = urgent && pd_loop_is_asleep(e);
    pthread_mutex_unlock(&e->lock);
    if (wake)
        pd_wakeup_fire(&e->wakeup);
}

bool pd_is_attending(struct pd_client *cl)
{
    pthread_mutex_lock(&cl->engine->lock);
    bool attending = cl->attending;
    pthread_mutex_unlock(&cl->engine->lock);
    return attending;
}

/* --- taking and leaving the role; engine.lock is held ------------------------------------------------------------- */

/* Has the relief thread's timer tick each `ns`; 0: not at all. */
static void relief_set(struct pd_engine *e, uint64_t ns)
{
    struct itimerspec tick = { .it_value = { .tv_nsec = (long)ns }, .it_interval = { .tv_nsec = (long)ns } };
    if (e->relief_ns != ns && PD_SYS(e->sys, timerfd_settime, e->relief_timer, 0, &tick, NULL) == 0)
        e->relief_ns = ns; /* else: at the next vacancy, or tick */
}

static void role_take(struct pd_thread *t)
{
    t->engine->role_held = true;
    t->has_role = true;
}

static void role_vacate(struct pd_thread *t, uint64_t now)
{
    struct pd_engine *e = t->engine;
    e->role_held = false;
    t->has_role = false;
    e->vacant_ns = now;
    if (!e->relief_ns)
        relief_set(e, RELIEF_TICK_NS);
}

/* Gives the role to the app thread that has been idle for the shortest time. False: none is idle. */
static bool role_hand_over(struct pd_thread *t)
{
    struct pd_engine *e = t->engine;
    struct pd_list *node = pd_list_take(&e->idle);
    if (!node)
        return false;
    struct pd_thread *next = PD_LIST_ENTRY(node, struct pd_thread, idle);
    t->has_role = false;
    role_take(next);
    thread_wake(next);
    return true;
}

/* Before an app call: the role must not sleep with it. */
static void role_leave_for_call(struct pd_thread *t)
{
    if (!t->has_role)
        return;
    if (pd_cost_is_quick(&t->engine->cost) || !role_hand_over(t))
        role_vacate(t, t->started_ns);
}

/* --- one turn of the loop ----------------------------------------------------------------------------------------- */

/* Never back: another thread may have looked at the clock later than this one, and stored what it saw earlier. */
static void time_raise(_Atomic uint64_t *time, uint64_t now)
{
    uint64_t seen = atomic_load_explicit(time, memory_order_relaxed);
    while (seen < now && !atomic_compare_exchange_weak(time, &seen, now))
        continue;
}

static uint64_t engine_tick(struct pd_engine *e)
{
    uint64_t ns = PD_SYS0(e->sys, monotonic_ns);
    time_raise(&e->host.now_ms, ns / 1000000);
    time_raise(&e->host.now_ns, ns);
    return ns;
}

void pd_engine_tick(struct pd_engine *e)
{
    if (atomic_load_explicit(&e->sleeping, memory_order_relaxed))
        engine_tick(e);
}

void pd_engine_look_at_clock(struct pd_engine *e)
{
    engine_tick(e);
}

static void loop_dispatch(struct pd_engine *e, struct pd_thread *t, const struct pd_ready *ready, int n)
{
    for (int i = 0; i < n; i++) {
        switch (*(enum pd_owner *)ready[i].owner) {
        case PD_OWNER_CLIENT:
            pd_client_ready(ready[i].owner, t, ready[i].events);
            break;
        case PD_OWNER_LISTENER:
            pd_door_ready(e, t, ready[i].owner);
            break;
        case PD_OWNER_WAKEUP:
            pd_wakeup_clear(&e->wakeup);
            break;
        case PD_OWNER_BEAT:
            pd_beat_missed(e);
            break;
        case PD_OWNER_SPREAD:
            pd_spread_woken(e);
            break;
        case PD_OWNER_HANDOVER:
            pd_handover_ready(e, t, READY_BATCH);
            break;
        case PD_OWNER_WAITS:
            pd_waits_ready(e, ready[i].tag, ready[i].events);
            break;
        }
    }
}

static void loop_timers(struct pd_engine *e, struct pd_thread *t, bool has_waits)
{
    struct pd_list expired;
    struct pd_list *node;
    pd_list_init(&expired);
    pd_wheel_expire(&e->wheel, e->host.now_ms, &expired);
    while ((node = pd_list_take(&expired)) != NULL)
        pd_client_expired(PD_CONTAINER_OF(node, struct pd_client, timer.node), t);
    if (has_waits)
        pd_waits_expire(e);
    if (e->accept_after_ms && e->host.now_ms >= e->accept_after_ms)
        pd_doors_watch(e);
    uint64_t repeats_ms = e->repeats_ms;
    if (repeats_ms && e->host.now_ms >= repeats_ms)
        pd_log_count_repeats(e, false);
}

/* Puts the client's job, which may wait for a disk, on the list. False: it has none. */
static bool attend_job(struct pd_client *cl, struct pd_list *jobs)
{
    const struct pd_conn *c = &cl->conn;
    pthread_mutex_lock(&cl->conn.lock);
    bool job = c->job != PD_JOB_NONE && !c->lent && !cl->on_job && c->state == PD_CONN_OPEN;
    cl->on_job |= job;
    pthread_mutex_unlock(&cl->conn.lock);
    if (job)
        pd_list_push(jobs, &cl->job);
    return job;
}

/*
 * Looks after the clients that asked for it. engine.lock is held at both ends. True: the role was left vacant, because
 * there was work that may wait for a disk.
 */
static bool loop_attend(struct pd_engine *e, struct pd_thread *t)
{
    struct pd_list jobs;
    struct pd_list *node;
    pd_list_init(&jobs);
    for (size_t left = e->nattend; left && (node = pd_list_take(&e->attend)) != NULL; left--) {
        struct pd_client *cl = PD_LIST_ENTRY(node, struct pd_client, attend);
        cl->attending = false;
        e->nattend--;
        pthread_mutex_unlock(&e->lock);
        if (!attend_job(cl, &jobs))
            pd_client_attend(cl, t);
        pthread_mutex_lock(&e->lock);
    }
    if (pd_list_is_empty(&jobs))
        return false;
    role_vacate(t, e->host.now_ns);
    t->has_jobs = true;
    pthread_mutex_unlock(&e->lock);
    while ((node = pd_list_take(&jobs)) != NULL)
        pd_client_run_job(PD_LIST_ENTRY(node, struct pd_client, job), t);
    pthread_mutex_lock(&e->lock);
    t->has_jobs = false;
    return true;
}

/* How long to wait, at most `ms`, for a time that may be 0: never. */
static int until(uint64_t time, uint64_t now, int ms)
{
    uint64_t wait = pd_time_since(time, now);
    if (!time || wait > INT_MAX)
        return ms;
    return ms < 0 || (int)wait < ms ? (int)wait : ms;
}

static int loop_timeout(struct pd_engine *e)
{
    uint64_t now = e->host.now_ms; /* once: other threads move it */
    int ms = pd_wheel_next_ms(&e->wheel, now);
    if (e->accept_after_ms) {
        int pause = (int)pd_time_since(e->accept_after_ms, now);
        ms = ms < 0 || pause < ms ? pause : ms;
    }
    ms = until(e->repeats_ms, now, ms);
    int scan = (int)pd_handover_scan_ms(e);
    if (e->stop_ms && (ms < 0 || ms > scan))
        ms = scan;
    ms = pd_waits_next_ms(e, now, ms);
    ms = until(pd_ready_deadline(e), now, ms);
    return until(pd_calls_deadline(e), now, ms);
}

/* The drain is over when nothing is left, or when its time is. engine.lock is held. */
static void loop_check_stop(struct pd_engine *e, struct pd_thread *t)
{
    if (!e->stop_ms || e->stopped)
        return;
    bool looked = e->scan_ms || !e->spread.retiring; /* what is idle is passed on, however short the time is */
    bool cut = e->host.now_ms >= e->stop_ms && looked;
    pthread_mutex_unlock(&e->lock);
    if (cut) {
        pd_clients_cut(e, t);
        pd_waits_cut(e);
    } else
        pd_clients_drain(e, t);
    pthread_mutex_lock(&e->lock);
    bool waiting = e->nready || e->nresumed || pd_waits_count(e);
    if (cut || (e->doors_closed && e->nclients == 0 && !waiting && e->running == e->calls.noverdue)) {
        e->stopped = true;
        pd_wake_all(e);
    }
}

/* Waits once, if it may, and deals with what came. engine.lock is held at both ends, the role by `t`. */
static void loop_turn(struct pd_engine *e, struct pd_thread *t, bool may_wait)
{
    struct pd_ready ready[READY_BATCH];
    loop_check_stop(e, t);
    if (!pd_list_is_empty(&e->attend) && loop_attend(e, t))
        return;
    pd_waits_turn(e, t);
    pd_spread_turn(e);
    /* Requests that came this moment, or that another thread can take; else they wait for a thread, not for us. */
    bool can_serve = e->nready && (t != e->keeper || !pd_list_is_empty(&e->idle));
    can_serve |= !pd_list_is_empty(&t->resumed);
    bool has_waits = e->waits != NULL;
    bool at_once = !pd_list_is_empty(&e->attend) || can_serve || e->stopped || !may_wait;
    int timeout = at_once ? 0 : loop_timeout(e);
    atomic_store_explicit(&e->sleeping, timeout != 0, memory_order_relaxed);
    e->sleeper = pthread_self();
    pthread_mutex_unlock(&e->lock);
    int n = pd_loop_wait(&e->loop, ready, READY_BATCH, timeout);
    if (n < 0) /* no memory to wait with: what can be done without goes on, but not in a spin */
        PD_SYS(e->sys, poll, NULL, 0, timeout < 0 || timeout > WAIT_FAILED_MS ? WAIT_FAILED_MS : timeout);
    engine_tick(e);
    loop_dispatch(e, t, ready, n);
    loop_timers(e, t, has_waits);
    pthread_mutex_lock(&e->lock);
    atomic_store_explicit(&e->sleeping, false, memory_order_relaxed);
    pd_ready_tend(e, t);
    pd_calls_expire(e, t);
}

/* --- app threads -------------------------------------------------------------------------------------------------- */

/* The next request that is worth running, or NULL; `now` is 0 or the time. engine.lock is held at both ends. */
static struct pd_exchange *ready_next(struct pd_engine *e, struct pd_thread *t, uint64_t now)
{
    struct pd_exchange *x;
    while ((x = pd_ready_take(e, t)) != NULL) {
        e->running++;
        t->started_ns = now ? now : PD_SYS0(e->sys, monotonic_ns);
        now = 0;
        pd_cost_begin(t);
        pd_call_begin(t, x); /* who gets the role goes to sleep until its limit */
        role_leave_for_call(t);
        if (pd_ready_begins(e, x))
            break;
        pthread_mutex_unlock(&e->lock);
        bool stale = pd_ready_is_stale(e, t, x);
        pthread_mutex_lock(&e->lock);
        if (!stale)
            break;
        pd_call_end(t);
        e->running--;
        e->stats.dropped++;
    }
    return x;
}

/* Gives the time. */
static uint64_t call_ended(struct pd_engine *e, struct pd_thread *t)
{
    uint64_t now = engine_tick(e);
    pd_cost_add(t, now);
    e->running--;
    pd_call_end(t);
    t->is_running = false;
    return now;
}

/*
 * Between two calls, while more requests are ready: has nobody looked after the connections for so long that the relief
 * thread would be woken for it, now and for each request that comes as long as the queue is not empty? Where calls wait
 * it may be woken: then threads are what there is too little of, and it uses the time in which they all wait.
 */
static bool loop_is_behind(const struct pd_engine *e, uint64_t now)
{
    return now && !e->role_held && e->nready && now - e->vacant_ns >= LOOK_NS && !pd_cost_is_waiting(&e->cost);
}

static void thread_sleep(struct pd_engine *e, struct pd_thread *t)
{
    t->woken = false;
    pd_list_push_front(&e->idle, &t->idle);
    while (!t->woken)
        pthread_cond_wait(&t->cond, &e->lock);
}

/* The thread whose call began last, or gave output last; NULL: none goes on. */
static const struct pd_thread *call_latest(const struct pd_engine *e)
{
    struct pd_list *node = e->calls.running.prev;
    return node == &e->calls.running ? NULL : PD_LIST_ENTRY(node, struct pd_thread, call.node);
}

/*
 * Is another thread in a call from which it is soon back? This one would only wait for the interpreter's lock, or for
 * events that the other looks for then; and two that are awake change places with each call. Should the other be
 * longer, the relief thread sees it, if it is free to.
 */
static bool other_is_soon_back(const struct pd_engine *e, const struct pd_thread *t)
{
    bool is_free = !e->role_held || t->has_role;
    const struct pd_thread *last = call_latest(e);
    if (!is_free || e->stopped || e->keeper->has_jobs || !last || !pd_list_is_empty(&t->resumed) ||
        !pd_cost_is_quick(&e->cost))
        return false;
    uint64_t turn_ns = atomic_load_explicit(&last->cost.turn_ns, memory_order_relaxed);
    bool is_soon = pd_cost_is_slow(&e->cost) ? !turn_ns || e->host.now_ns < turn_ns + PD_TURN_NS
                                             : e->host.now_ns < last->started_ns + LOOK_NS;
    return is_soon && atomic_load_explicit(&last->cost.takes_turns, memory_order_relaxed);
}

/* Leaves role and requests to others; one who is woken is wanted. */
static void thread_rest(struct pd_engine *e, struct pd_thread *t)
{
    if (t->has_role)
        role_vacate(t, e->host.now_ns);
    pd_spread_rest(e);
    thread_sleep(e, t);
}

static void thread_introduce(struct pd_engine *e, struct pd_thread *t)
{
    t->id = PD_SYS0(e->sys, thread_id);
    t->is_known = true;
    e->app_threads++;
}

struct pd_exchange *pd_engine_next(struct pd_thread *t)
{
    struct pd_engine *e = t->engine;
    struct pd_exchange *x;
    pthread_mutex_lock(&e->lock);
    uint64_t now = t->is_running ? call_ended(e, t) : 0;
    if (!t->is_known)
        thread_introduce(e, t);
    if (loop_is_behind(e, now)) {
        role_take(t);
        loop_turn(e, t, true);
        now = 0;
    }
    if (other_is_soon_back(e, t)) {
        thread_rest(e, t);
        now = 0;
    }
    while ((x = ready_next(e, t, now)) == NULL && !e->stopped) {
        now = 0; /* it is past */
        bool takes_role = !e->role_held || t->has_role;
        if (takes_role) {
            role_take(t);
            loop_turn(e, t, true);
        }
        if (!takes_role || other_is_soon_back(e, t))
            thread_rest(e, t);
    }
    if (x) {
        t->is_running = true;
        e->stats.requests += !x->was_parked;
        pd_spread_call(e, pd_cost_is_slow(&e->cost));
    } else {
        if (t->has_role)
            role_vacate(t, e->host.now_ns);
        e->app_threads--;
        t->is_known = false;
    }
    pthread_mutex_unlock(&e->lock);
    return x;
}

/* --- the relief thread -------------------------------------------------------------------------------------------- */

enum relief { RELIEF_NONE, RELIEF_LOOKS, RELIEF_SERVES };

/* Sleeps until the timer ticks; engine.lock is free. */
static void relief_wait(struct pd_engine *e)
{
    uint64_t ticks;
    while (PD_SYS(e->sys, read, e->relief_timer, &ticks, sizeof ticks) < 0 && errno == EINTR)
        ;
}

/* Does any of the latest calls compute at this moment? Lets go of engine.lock meanwhile. */
static bool calls_compute(struct pd_engine *e)
{
    int ids[CALLS_LOOKED_AT];
    size_t n = 0;
    bool computes = false;
    for (struct pd_list *l = e->calls.running.prev; l != &e->calls.running && n < CALLS_LOOKED_AT; l = l->prev) {
        const struct pd_thread *t = PD_LIST_ENTRY(l, struct pd_thread, call.node);
        if (atomic_load_explicit(&t->cost.takes_turns, memory_order_relaxed))
            ids[n++] = t->id;
    }
    pthread_mutex_unlock(&e->lock);
    while (n && !computes)
        computes = PD_SYS(e->sys, thread_runs, ids[--n]);
    pthread_mutex_lock(&e->lock);
    return computes;
}

/*
 * Is a vacancy so old that the relief thread must step in? The timer goes slower as long as none is, for each tick
 * takes the processor from calls; and it stops when one is, or nobody has left the role since the last tick. While a
 * call computes it is enough to look, for another thread would have to wait for its turn; but at times one is tried,
 * for only that shows whether it would.
 */
static enum relief relief_is_needed(struct pd_engine *e)
{
    uint64_t age = PD_SYS0(e->sys, monotonic_ns) - e->vacant_ns;
    uint64_t slower = e->relief_ns < RELIEF_TICK_MOST_NS ? 2 * e->relief_ns : RELIEF_TICK_MOST_NS;
    if (e->role_held || age < RELIEF_TICK_NS) {
        relief_set(e, e->role_held && age >= e->relief_ns ? 0 : slower);
        return RELIEF_NONE;
    }
    bool may_look = age < PD_TURN_NS && pd_cost_is_quick(&e->cost);
    bool computes = may_look && calls_compute(e);
    if (e->role_held || e->stopped || e->calls.stuck)
        return RELIEF_NONE;
    if (may_look && !computes && e->nready && !pd_list_is_empty(&e->calls.running))
        pd_cost_waits(e);
    bool tries = computes && e->nready && !pd_list_is_empty(&e->idle) && ++e->relief_looks % TRY_EACH == 0;
    if (tries)
        PD_LIST_ENTRY(e->idle.next, struct pd_thread, idle)->cost.is_trial = true; /* it is the one that is woken */
    if (!computes || tries) {
        relief_set(e, 0);
        return RELIEF_SERVES;
    }
    uint64_t left = PD_TURN_NS - age;
    relief_set(e, left < RELIEF_LOOK_NS ? left : RELIEF_LOOK_NS);
    return RELIEF_LOOKS;
}

/* Holds the role until an idle app thread can take it together with a request. */
static void relief_serve(struct pd_engine *e, struct pd_thread *t)
{
    role_take(t);
    while (!e->stopped && !e->calls.stuck) {
        if (e->role_held && !t->has_role)
            return; /* a job was run meanwhile, and another thread took the role: it is not ours to give */
        if (e->nready && role_hand_over(t))
            return;
        role_take(t);
        loop_turn(e, t, true);
        if (e->nready && pd_list_is_empty(&e->idle) && pd_cost_is_quick(&e->cost))
            break; /* a thread will soon pass by: each event would take the processor from it */
    }
    if (t->has_role)
        role_vacate(t, e->host.now_ns);
}

/* Deals with what came, and leaves the requests to the thread whose call computes. */
static void relief_look(struct pd_engine *e, struct pd_thread *t)
{
    role_take(t);
    loop_turn(e, t, false);
    const struct pd_thread *last = call_latest(e);
    if (!last && (t->has_role || !e->role_held))
        relief_serve(e, t); /* the call is over: its thread found the role taken, and sleeps */
    else if (t->has_role)
        role_vacate(t, last->started_ns); /* so old is the vacancy still */
}

bool pd_engine_relief(struct pd_engine *e)
{
    struct pd_thread *t = e->keeper;
    pthread_mutex_lock(&e->lock);
    while (!e->stopped && !e->calls.stuck) {
        pthread_mutex_unlock(&e->lock);
        relief_wait(e);
        pthread_mutex_lock(&e->lock);
        if (e->stopped || e->calls.stuck)
            break;
        enum relief relief = relief_is_needed(e);
        if (relief == RELIEF_LOOKS)
            relief_look(e, t);
        else if (relief == RELIEF_SERVES)
            relief_serve(e, t);
    }
    bool stuck = e->calls.stuck && !e->stopped;
    pthread_mutex_unlock(&e->lock);
    return stuck;
}
