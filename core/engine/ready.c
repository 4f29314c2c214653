/*
 * ready.c - the ready queue: complete requests that wait for an app thread (DESIGN section 3).
 *
 * Each waits in two lists: by arrival, and by the time at which it has waited too long; for the front end may say that
 * it has waited before it came here. A request that is not run leaves the queue at once, not when a thread gets round
 * to it: one that has waited too long by a timer, one whose peer leaves by the event that tells so. To hear of that,
 * the loop watches the connection of whatever waits for 100 ms; most never do.
 */
#include "conn/respond.h"
#include "engine/impl.h"

enum {
    GONE_AFTER_MS = 100, /* a request that waited so long is checked for a peer that left */
    RETRY_LEAST_S = 1,
    RETRY_MOST_S = 120,
};

/* --- in ----------------------------------------------------------------------------------------------------------- */

/* Is there room for one more request? engine.lock is held. */
static bool ready_has_room(const struct pd_engine *e)
{
    size_t free_threads = e->app_threads - e->running; /* what they will take at once does not count as waiting */
    return e->nready < e->host.config.ready_max + free_threads;
}

bool pd_ready_has_room(struct pd_host *h)
{
    struct pd_engine *e = pd_engine_of(h);
    pthread_mutex_lock(&e->lock);
    bool room = ready_has_room(e);
    pthread_mutex_unlock(&e->lock);
    return room;
}

static struct pd_exchange *ready_of(struct pd_list *node)
{
    return PD_LIST_ENTRY(node, struct pd_exchange, queue);
}

static struct pd_exchange *late_of(struct pd_list *node)
{
    return PD_LIST_ENTRY(node, struct pd_exchange, late);
}

/* Sorts it in by the time at which it is too late: mostly the last, as all have the same limit. */
static void late_add(struct pd_engine *e, struct pd_exchange *x)
{
    struct pd_list *at = &e->late;
    while (at->prev != &e->late && late_of(at->prev)->late_ms > x->late_ms)
        at = at->prev;
    pd_list_insert_before(at, &x->late);
}

static void ready_add(struct pd_engine *e, struct pd_exchange *x)
{
    uint64_t limit = e->host.config.timeouts.queue;
    x->late_ms = limit ? x->ready_ms + (limit > x->lead_ms ? limit - x->lead_ms : 0) : 0;
    if (x->late_ms)
        late_add(e, x);
    pd_list_push(&e->ready, &x->queue);
    if (!e->unwatched)
        e->unwatched = x;
    e->nready++;
}

/* Takes it out, wherever it waits; engine.lock is held. */
static void ready_remove(struct pd_engine *e, struct pd_exchange *x)
{
    if (e->unwatched == x)
        e->unwatched = x->queue.next == &e->ready ? NULL : ready_of(x->queue.next);
    pd_list_remove(&x->queue);
    pd_list_remove(&x->late);
    if (!x->doomed)
        e->nready--;
    x->doomed = false;
}

/* The one that has waited longest makes way; it is refused by the end of the loop's turn. False: there is none. */
static bool ready_make_way(struct pd_engine *e)
{
    if (!e->host.config.newest_first || pd_list_is_empty(&e->ready))
        return false;
    struct pd_exchange *oldest = ready_of(e->ready.next);
    ready_remove(e, oldest);
    oldest->doomed = true;
    pd_list_push(&e->doomed, &oldest->queue);
    return true;
}

bool pd_ready_put(struct pd_host *h, struct pd_exchange *x)
{
    struct pd_engine *e = pd_engine_of(h);
    pthread_mutex_lock(&e->lock);
    bool room = ready_has_room(e) || ready_make_way(e);
    if (room)
        ready_add(e, x);
    else
        e->stats.refused++;
    bool wake = room && pd_loop_is_asleep(e); /* this thread may be busy for long before it asks for a request */
    pthread_mutex_unlock(&e->lock);
    if (wake)
        pd_wakeup_fire(&e->wakeup);
    return room;
}

bool pd_ready_put_back(struct pd_engine *e, struct pd_exchange *x)
{
    struct pd_thread *home = x->wait ? x->wait->home : NULL;
    x->late_ms = 0;
    pd_list_remove(&x->parked);
    bool wake = !home && pd_loop_is_asleep(e);
    if (home) {
        pd_list_push(&home->resumed, &x->queue);
        e->nresumed++;
        pd_thread_rouse(home); /* the role's holder is the one who is here */
    } else {
        pd_list_push(&e->resumed, &x->queue);
        e->nready++;
    }
    return wake;
}

/* --- out ---------------------------------------------------------------------------------------------------------- */

/* Those of the thread itself and all others take turns, so that neither kind waits for the end of the other. */
struct pd_exchange *pd_ready_take(struct pd_engine *e, struct pd_thread *t)
{
    bool own = !pd_list_is_empty(&t->resumed) && (!t->was_resumed || !e->nready);
    t->was_resumed = own;
    if (own) {
        e->nresumed--;
        return ready_of(pd_list_take(&t->resumed));
    }
    struct pd_list *from = pd_list_is_empty(&e->resumed) ? &e->ready : &e->resumed;
    if (pd_list_is_empty(from))
        return NULL;
    bool last = e->host.config.newest_first && from == &e->ready;
    struct pd_exchange *x = ready_of(last ? from->prev : from->next);
    ready_remove(e, x);
    return x;
}

struct pd_exchange *pd_ready_take_unstarted(struct pd_engine *e)
{
    if (pd_list_is_empty(&e->ready))
        return NULL;
    struct pd_exchange *x = ready_of(e->ready.next);
    ready_remove(e, x);
    e->stats.refused++;
    return x;
}

/* Ends a request that is not run; conn.lock is held. */
static void ready_refuse(struct pd_thread *t, struct pd_exchange *x, enum pd_reason why)
{
    struct pd_conn *c = x->conn;
    if (why != PD_R_NONE)
        pd_respond_refuse(x, why);
    else if (x->aborted && !c->hung_up)
        pd_respond_abandon(x);
    else
        pd_respond_break(x);
    pd_conn_settle(c);
    if (pd_conn_has_work(c)) /* input that waited for this request; no edge will tell of it again */
        pd_attend(pd_client_of(c), true);
    pd_client_settle(pd_client_of(c), t);
    pd_pool_give(c->host, x);
}

/* Has its peer left? The kernel is asked only after the request has waited for a while. */
static bool ready_is_gone(struct pd_exchange *x)
{
    struct pd_conn *c = x->conn;
    uint64_t waited = pd_time_since(c->host->now_ms, x->ready_ms);
    return c->hung_up || x->aborted || (waited >= GONE_AFTER_MS && pd_conn_is_gone(c, x));
}

/* Has it waited too long? */
static bool ready_is_late(const struct pd_engine *e, const struct pd_exchange *x)
{
    return x->late_ms && x->late_ms <= e->host.now_ms;
}

/* Most have hardly waited, and nobody is at their connection: its lock is tried against the order, not waited for. */
bool pd_ready_begins(struct pd_engine *e, struct pd_exchange *x)
{
    struct pd_conn *c = x->conn;
    if (pthread_mutex_trylock(&c->lock) != 0)
        return false;
    bool begins = !c->hung_up && !x->aborted && !ready_is_late(e, x) &&
                  pd_time_since(e->host.now_ms, x->ready_ms) < GONE_AFTER_MS;
    if (begins)
        pd_exchange_move(x, PD_X_RUNNING);
    pthread_mutex_unlock(&c->lock);
    return begins;
}

bool pd_ready_is_stale(struct pd_engine *e, struct pd_thread *t, struct pd_exchange *x)
{
    struct pd_conn *c = x->conn;
    pthread_mutex_lock(&c->lock);
    bool gone = ready_is_gone(x);
    bool late = ready_is_late(e, x);
    bool stale = !x->was_parked && (gone || late);
    if (stale) {
        pd_conn_reclaim(c, x); /* its body may be on its way to disk */
        ready_refuse(t, x, gone ? PD_R_NONE : PD_R_QUEUE_TIMEOUT);
    } else
        pd_exchange_move(x, PD_X_RUNNING);
    pthread_mutex_unlock(&c->lock);
    return stale;
}

/* --- what leaves without a thread --------------------------------------------------------------------------------- */

uint64_t pd_ready_deadline(const struct pd_engine *e)
{
    uint64_t late = pd_list_is_empty(&e->late) ? 0 : late_of(e->late.next)->late_ms;
    uint64_t look = e->unwatched ? e->unwatched->ready_ms + GONE_AFTER_MS : 0;
    if (!pd_list_is_empty(&e->doomed))
        return e->host.now_ms;
    return look && (!late || look < late) ? look : late;
}

/* The next one that is refused now, out of the queue, and why; NULL: there is none. */
static struct pd_exchange *ready_take_refused(struct pd_engine *e, enum pd_reason *why)
{
    struct pd_exchange *x = NULL;
    if (!pd_list_is_empty(&e->doomed)) {
        x = ready_of(e->doomed.next);
        *why = PD_R_OVERLOADED;
    } else if (!pd_list_is_empty(&e->late) && late_of(e->late.next)->late_ms <= e->host.now_ms) {
        x = late_of(e->late.next);
        *why = PD_R_QUEUE_TIMEOUT;
    }
    if (x)
        ready_remove(e, x);
    return x;
}

/* Answers it, if nobody works on its body: else once more a little later, as the loop waits for no disk. */
static void ready_try_refuse(struct pd_engine *e, struct pd_thread *t, struct pd_exchange *x, enum pd_reason why)
{
    struct pd_conn *c = x->conn;
    pthread_mutex_unlock(&e->lock);
    pthread_mutex_lock(&c->lock);
    bool lent = c->lent;
    if (!lent)
        ready_refuse(t, x, c->hung_up ? PD_R_NONE : why);
    pthread_mutex_unlock(&c->lock);
    pthread_mutex_lock(&e->lock);
    if (lent) {
        x->late_ms = e->host.now_ms + GONE_AFTER_MS;
        late_add(e, x);
        pd_list_push_front(&e->ready, &x->queue);
        e->nready++;
    } else
        e->stats.refused++;
}

/* Has the loop look for the end of connections whose requests begin to wait for long. */
static void ready_watch(struct pd_engine *e, struct pd_thread *t)
{
    struct pd_exchange *x;
    while ((x = e->unwatched) != NULL && x->ready_ms + GONE_AFTER_MS <= e->host.now_ms) {
        struct pd_client *cl = pd_client_of(x->conn); /* it is freed by the role's holder only */
        e->unwatched = x->queue.next == &e->ready ? NULL : ready_of(x->queue.next);
        pthread_mutex_unlock(&e->lock);
        pd_client_mind(cl, t);
        pthread_mutex_lock(&e->lock);
    }
}

void pd_ready_tend(struct pd_engine *e, struct pd_thread *t)
{
    struct pd_exchange *x;
    enum pd_reason why = PD_R_NONE;
    while ((x = ready_take_refused(e, &why)) != NULL)
        ready_try_refuse(e, t, x, why);
    ready_watch(e, t);
}

void pd_ready_expire(struct pd_engine *e)
{
    for (struct pd_list *l = e->ready.next; l != &e->ready; l = l->next) {
        struct pd_exchange *x = ready_of(l);
        pd_list_remove(&x->late);
        x->late_ms = e->host.now_ms;
        late_add(e, x);
    }
}

/* Takes a request out whose peer has gone. False: a thread was quicker. */
static bool ready_withdraw(struct pd_engine *e, struct pd_exchange *x)
{
    pthread_mutex_lock(&e->lock);
    bool waits = !pd_list_is_empty(&x->queue);
    if (waits) {
        ready_remove(e, x);
        e->stats.dropped++;
    }
    pthread_mutex_unlock(&e->lock);
    return waits;
}

/* The first request of a peer that has gone, out of the queue; NULL: none waits. */
static struct pd_exchange *ready_withdraw_next(struct pd_client *cl)
{
    struct pd_conn *c = &cl->conn;
    for (struct pd_list *l = c->exchanges.next; l != &c->exchanges; l = l->next) {
        struct pd_exchange *x = pd_exchange_of(l);
        if (x->state == PD_X_READY && !x->was_parked && ready_is_gone(x) && ready_withdraw(cl->engine, x))
            return x;
    }
    return NULL;
}

void pd_ready_forget(struct pd_client *cl, struct pd_thread *t)
{
    struct pd_exchange *x;
    while (!cl->conn.lent && (x = ready_withdraw_next(cl)) != NULL)
        ready_refuse(t, x, PD_R_NONE); /* the list may have changed */
}

unsigned pd_ready_retry_after(struct pd_host *h)
{
    struct pd_engine *e = pd_engine_of(h);
    if (h->config.retry_ms)
        return (unsigned)((h->config.retry_ms + 999) / 1000);
    pthread_mutex_lock(&e->lock);
    uint64_t ns = e->app_threads ? e->nready * e->cost.call_ns / e->app_threads : 0;
    pthread_mutex_unlock(&e->lock);
    uint64_t seconds = (ns + 999999999) / 1000000000;
    return (unsigned)(seconds < RETRY_LEAST_S ? RETRY_LEAST_S : seconds > RETRY_MOST_S ? RETRY_MOST_S : seconds);
}
