/* spread.c - several workers share one listening socket (see spread.h). */
#include "engine/spread.h"

#include <assert.h>
#include <unistd.h>

#include "engine/impl.h"

enum { BALANCE_MS = 100 }; /* how often a worker looks whether it has too many connections */

/* --- what the others see ------------------------------------------------------------------------------------------ */

static void put(_Atomic uint32_t *p, size_t value)
{
    atomic_store_explicit(p, (uint32_t)value, memory_order_relaxed);
}

static void put64(_Atomic uint64_t *p, uint64_t value)
{
    atomic_store_explicit(p, value, memory_order_relaxed);
}

/* How many calls can go on at once: where long ones only compute, one, whatever threads there are. */
static size_t spread_width(const struct pd_engine *e)
{
    bool in_turn = pd_cost_is_quick(&e->cost) && pd_cost_is_slow(&e->cost);
    return in_turn && e->app_threads ? 1 : e->app_threads;
}

/* Plain stores to a line that nobody else writes. engine.lock is held. */
static void spread_publish(const struct pd_engine *e)
{
    size_t width = spread_width(e);
    struct pd_slot *s = e->spread.slot;
    size_t clients = e->nclients;
    size_t ended = e->nended;
    size_t taken = e->running + e->nready + e->nresumed;
    const struct pd_list *oldest = e->ready.next;
    put(&s->threads, e->app_threads);
    put(&s->idle, width > taken ? width - taken : 0);
    put(&s->soon, (e->nready + 1) * e->cost.call_ns < width * PD_BOARD_SOON_MS * UINT64_C(1000000));
    put(&s->running, e->running);
    put(&s->suspended, pd_waits_count(e));
    put(&s->ready, e->nready);
    put(&s->connections, clients > ended ? clients - ended : 0);
    put(&s->busy, e->nbusy);
    put64(&s->requests, e->stats.requests);
    put64(&s->begun, e->id_last - e->host.health_checks);
    put64(&s->refused, e->stats.refused);
    put64(&s->dropped, e->stats.dropped);
    put64(&s->oldest_ms, oldest == &e->ready ? 0 : PD_LIST_ENTRY(oldest, struct pd_exchange, queue)->ready_ms);
}

/* --- whose turn it is --------------------------------------------------------------------------------------------- */

static void spread_wake(const struct pd_engine *e, uint32_t slot)
{
    struct pd_wakeup other = { e->sys, e->spread.wake_fds[slot] };
    pd_wakeup_fire(&other);
}

/*
 * Whether this worker is to watch. Whose turn it is passes it on here, when another one should have it, and so does
 * anyone else when that one does not accept, or is silent. Whoever gets it is woken after it was written down, so a
 * worker that looks when it is woken cannot miss it.
 */
static bool spread_decide(struct pd_engine *e)
{
    struct pd_board *b = e->spread.board;
    uint32_t self = e->spread.self;
    uint32_t watcher = atomic_load(&b->watcher);
    for (;;) {
        if (watcher != self && pd_board_is_there(b, watcher))
            return false;
        uint32_t next = pd_board_choose(b, watcher, e->host.now_ms);
        if (next == watcher || next == PD_BOARD_NOBODY)
            return next == self;
        if (atomic_compare_exchange_strong(&b->watcher, &watcher, next)) {
            if (next != self)
                spread_wake(e, next);
            return next == self;
        }
    }
}

bool pd_spread_open(struct pd_engine *e)
{
    struct pd_spread *s = &e->spread;
    if (!s->board)
        return true;
    if (!s->started || s->left)
        return false;
    atomic_store(&s->slot->state, PD_SLOT_ACCEPTS);
    return spread_decide(e);
}

static void spread_shut(struct pd_engine *e, enum pd_slot_state state)
{
    if (!e->spread.board)
        return;
    atomic_store(&e->spread.slot->state, state);
    spread_decide(e);
}

void pd_spread_pause(struct pd_engine *e)
{
    if (e->spread.started && !e->spread.left)
        spread_shut(e, PD_SLOT_PAUSED);
}

void pd_spread_leave(struct pd_engine *e)
{
    if (e->spread.left)
        return;
    e->spread.left = true;
    spread_shut(e, PD_SLOT_AWAY);
}

static bool spread_look(struct pd_engine *e)
{
    pthread_mutex_lock(&e->lock);
    spread_publish(e);
    pthread_mutex_unlock(&e->lock);
    return spread_decide(e);
}

bool pd_spread_may_accept(struct pd_engine *e)
{
    return !e->spread.board || e->spread.left || spread_look(e);
}

void pd_spread_woken(struct pd_engine *e)
{
    struct pd_wakeup own = { e->sys, e->spread.wake_fds[e->spread.self] };
    pd_wakeup_clear(&own);
    if (spread_look(e))
        pd_doors_watch(e);
}

void pd_spread_missed(struct pd_engine *e)
{
    const struct pd_spread *s = &e->spread;
    if (s->board && s->started && !s->left && pd_board_silence(s->board, s->self) && spread_decide(e))
        pd_doors_watch(e);
}

void pd_spread_heard(struct pd_engine *e)
{
    const struct pd_spread *s = &e->spread;
    if (s->board && pd_board_unsilence(s->board, s->self))
        spread_wake(e, s->self);
}

bool pd_spread_has_others(const struct pd_engine *e)
{
    const struct pd_spread *s = &e->spread;
    return s->board && s->handover.send_fd >= 0 && pd_board_others(s->board, s->self) > 0;
}

/* --- the engine's turns ------------------------------------------------------------------------------------------- */

void pd_spread_rest(struct pd_engine *e)
{
    if (e->spread.board)
        spread_publish(e);
}

/*
 * Kept connections stay where they were accepted, and that may have been the only worker that was there, or was not
 * busy for a moment. Of those in use, half of what is too much is passed on.
 */
static void spread_balance(struct pd_engine *e)
{
    struct pd_spread *s = &e->spread;
    uint64_t now = e->host.now_ms;
    if (s->handover.send_fd < 0 || pd_time_since(now, s->balanced_ms) < BALANCE_MS)
        return;
    s->balanced_ms = now;
    uint32_t ours = s->slot->connections;
    uint32_t next = pd_board_choose(s->board, s->self, now);
    uint32_t theirs = next == PD_BOARD_NOBODY ? ours : s->board->slot[next].connections;
    s->spare = ours > theirs + 1 ? (ours - theirs) / 2 : 0;
    if (!s->spare)
        return;
    s->handover.full = false;
    spread_decide(e); /* whose turn it is receives */
}

/*
 * Whose turn it is began a call that computes when nobody was idle, and does not look for connections meanwhile. Who is
 * idle now takes the turn, rather than that they wait for the end of that call.
 */
static void spread_claim(struct pd_engine *e)
{
    const struct pd_spread *s = &e->spread;
    uint32_t watcher = atomic_load(&s->board->watcher);
    if (watcher == s->self || !pd_board_is_there(s->board, watcher) || !s->slot->idle || s->board->slot[watcher].idle ||
        !pd_cost_is_slow(&e->cost))
        return;
    bool is_ours = pd_board_choose(s->board, watcher, e->host.now_ms) == s->self;
    if (is_ours && atomic_compare_exchange_strong(&s->board->watcher, &watcher, s->self))
        pd_doors_watch(e);
}

void pd_spread_turn(struct pd_engine *e)
{
    struct pd_spread *s = &e->spread;
    if (!s->board)
        return;
    spread_publish(e);
    if (e->stop_ms) {
        s->spare = 0;
        return;
    }
    spread_balance(e);
    if (s->started) {
        if (!s->left)
            spread_claim(e);
        return;
    }
    s->started = true;
    pd_doors_watch(e);
}

/*
 * A slow call that takes the last thread: the turn goes to a worker that has one, if there is any. After a quick call
 * the thread is back sooner than another worker could be woken. The listeners stay in the loop: until the thread is
 * back nobody waits there, and then the turn may be its own again.
 */
void pd_spread_call(struct pd_engine *e, bool is_slow)
{
    struct pd_spread *s = &e->spread;
    if (!s->board)
        return;
    spread_publish(e);
    put64(&s->slot->last_ms, e->host.now_ms);
    bool is_ours = atomic_load_explicit(&s->board->watcher, memory_order_relaxed) == s->self;
    if (is_slow && is_ours && !s->slot->idle)
        spread_decide(e);
}

/* --- birth and end ------------------------------------------------------------------------------------------------ */

bool pd_engine_join(struct pd_engine *e, const struct pd_join *join)
{
    struct pd_spread *s = &e->spread;
    assert(!s->board && join->slot < join->board->slots);
    size_t size = join->board->slots * sizeof *s->wake_fds;
    s->wake_fds = pd_alloc(e->sys, size);
    if (!s->wake_fds)
        return false;
    memcpy(s->wake_fds, join->wake_fds, size);
    s->owner = PD_OWNER_SPREAD;
    if (pd_loop_add(&e->loop, s->wake_fds[join->slot], PD_READABLE, &s->owner) < 0)
        return false;
    s->board = join->board;
    s->slot = &join->board->slot[join->slot];
    s->self = join->slot;
    pd_handover_init(&s->handover, join->receive_fd, join->send_fd);
    pd_board_clear(s->board, s->self);
    s->slot->worker = join->worker;
    s->slot->pid = (uint32_t)getpid();
    pd_doors_unwatch(e);
    return true;
}

void pd_spread_fini(struct pd_engine *e)
{
    pd_release(e->sys, e->spread.wake_fds);
}

void pd_engine_retire(struct pd_engine *e, uint64_t drain_ms)
{
    pthread_mutex_lock(&e->lock);
    e->spread.retiring = true;
    e->stop_ms = PD_SYS0(e->sys, monotonic_ns) / 1000000 + drain_ms;
    pthread_mutex_unlock(&e->lock);
    pd_wakeup_fire(&e->wakeup);
}
