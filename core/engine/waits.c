/*
 * waits.c - requests that are suspended (see waits.h).
 *
 * A thread that suspends a request puts it on a list and has nothing more to do with it. All else happens in the hands
 * of whoever holds the loop role: descriptors are given to the loop and taken from it, times run in a wheel of their
 * own, and what has come about goes back to the ready queue.
 */
#include "engine/waits.h"

#include <errno.h>

#include "conn/receive.h"
#include "conn/respond.h"
#include "engine/impl.h"

enum {
    NS_PER_MS = 1000000,
    SWEEP_MS = 2000,   /* within such a time each descriptor is looked after */
    SWEEP_BATCH = 256, /* ... so many at once */
    SWEEP_LEAST_MS = 10,
    TABLE_LEAST = 64,
};

/* A descriptor that somebody waits for. Only the role's holder touches it. */
struct pd_watch {
    struct pd_list node; /* pd_waits.watches */
    struct pd_list waits;
    int fd;
    uint32_t events; /* what the loop was asked for */
    uint64_t tag;    /* ... and with what */
};

static struct pd_wait *wait_of_peer(struct pd_list *node)
{
    return PD_LIST_ENTRY(node, struct pd_wait, peers);
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static struct pd_waits *waits_new(struct pd_engine *e)
{
    struct pd_waits *ws = pd_alloc(e->sys, sizeof *ws);
    if (!ws)
        return NULL;
    memset(ws, 0, sizeof *ws);
    ws->owner = PD_OWNER_WAITS;
    pd_list_init(&ws->all);
    pd_list_init(&ws->fresh);
    pd_list_init(&ws->ending);
    pd_list_init(&ws->watches);
    pd_wheel_init_fine(&ws->wheel, e->host.now_ms);
    return ws;
}

/* What the first suspension of all needs, and the first one of a request. False: no memory. */
static bool waits_prepare(struct pd_engine *e, struct pd_exchange *x)
{
    pthread_mutex_lock(&e->lock);
    bool there = e->waits != NULL;
    pthread_mutex_unlock(&e->lock);
    if (!there) {
        struct pd_waits *ws = waits_new(e);
        if (!ws)
            return false;
        pthread_mutex_lock(&e->lock);
        if (!e->waits) {
            e->waits = ws;
            ws = NULL;
        }
        pthread_mutex_unlock(&e->lock);
        pd_release(e->sys, ws);
    }
    if (x->wait)
        return true;
    struct pd_wait *w = pd_alloc(e->sys, sizeof *w);
    if (!w)
        return false;
    memset(w, 0, sizeof *w);
    pd_list_init(&w->all);
    pd_list_init(&w->node);
    pd_list_init(&w->peers);
    pd_timer_init(&w->timer);
    w->exchange = x;
    x->wait = w;
    return true;
}

void pd_waits_free(struct pd_engine *e)
{
    struct pd_waits *ws = e->waits;
    if (!ws)
        return;
    pd_release(e->sys, ws->by_fd);
    pd_release(e->sys, ws);
    e->waits = NULL;
}

size_t pd_waits_count(const struct pd_engine *e)
{
    return e->waits ? e->waits->n : 0;
}

/* --- going to wait: the application's thread ---------------------------------------------------------------------- */

/* Nobody wants its response, as far as is known; conn.lock is held. */
static bool is_unwanted(const struct pd_exchange *x)
{
    return x->overdue || x->conn->state != PD_CONN_OPEN || pd_conn_has_left(x->conn, x);
}

/* Rounded up: no wait ends early. */
static uint64_t wait_end(const struct pd_engine *e, int64_t timeout_ns)
{
    if (timeout_ns < 0)
        return 0;
    return (e->host.now_ns + (uint64_t)timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
}

enum pd_suspend pd_exchange_suspend(struct pd_thread *t, struct pd_exchange *x, const struct pd_wait_for *what)
{
    struct pd_engine *e = t->engine;
    struct pd_conn *c = x->conn;
    enum pd_suspend r = PD_SUSPEND_FULL;
    bool wake = false;
    if (!waits_prepare(e, x))
        return r;
    pd_engine_tick(e);
    pthread_mutex_lock(&c->lock);
    pthread_mutex_lock(&e->lock);
    struct pd_waits *ws = e->waits;
    struct pd_wait *w = x->wait;
    if (is_unwanted(x) || ws->closed)
        r = PD_SUSPEND_OVER;
    else if (ws->n < e->host.config.suspended_max) {
        r = PD_SUSPEND_OK;
        w->body = what->body;
        w->fd = what->fd;
        w->events = what->events;
        w->until_ms = wait_end(e, what->timeout_ns);
        w->only_looks = what->timeout_ns == 0 && !what->body;
        w->cancelled = w->held = false;
        w->end = PD_WAIT_READY;
        w->tag = what->tag;
        w->home = e->host.config.resume_anywhere ? NULL : t;
        pd_exchange_move(x, PD_X_PARKED);
        x->was_parked = true;
        pd_call_park(x);
        pd_list_push(&ws->all, &w->all);
        pd_list_push(&ws->fresh, &w->node);
        ws->n++;
        wake = pd_loop_is_asleep(e);
    }
    pthread_mutex_unlock(&e->lock);
    pthread_mutex_unlock(&c->lock); /* from here on another thread may have it */
    if (wake)
        pd_wakeup_fire(&e->wakeup);
    return r;
}

void *pd_exchange_waited(const struct pd_exchange *x, enum pd_wait_end *end)
{
    *end = x->wait->end;
    return x->wait->tag;
}

/* Leaves it to the role's holder to end the wait; engine.lock is held. True: that one must be woken. */
static bool wait_is_over(struct pd_engine *e, struct pd_wait *w)
{
    if (pd_list_is_empty(&w->node)) /* else it has not begun yet, or is ending already */
        pd_list_push(&e->waits->ending, &w->node);
    return pd_loop_is_asleep(e);
}

void pd_waits_cancel(struct pd_engine *e, struct pd_exchange *x)
{
    pthread_mutex_lock(&e->lock);
    struct pd_wait *w = x->wait;
    bool wake = false;
    if (w && !pd_list_is_empty(&w->all) && !w->cancelled) {
        w->cancelled = true;
        wake = wait_is_over(e, w);
    }
    pthread_mutex_unlock(&e->lock);
    if (wake)
        pd_wakeup_fire(&e->wakeup);
}

void pd_waits_forget(struct pd_client *cl)
{
    struct pd_conn *c = &cl->conn;
    for (struct pd_list *l = c->exchanges.next; l != &c->exchanges; l = l->next) {
        struct pd_exchange *x = pd_exchange_of(l);
        if (x->state == PD_X_PARKED && x->wait && pd_conn_is_gone(c, x))
            pd_waits_cancel(cl->engine, x);
    }
}

/*
 * Who does not read what was sent to it holds its requests: they are not resumed, so they cannot give more, fill the
 * response spill file and then keep a thread waiting. The write timeout bounds it.
 */
static bool wait_hold(struct pd_wait *w)
{
    struct pd_conn *c = w->exchange->conn;
    pthread_mutex_lock(&c->lock);
    bool held = w->held = pd_conn_is_behind(c);
    pd_client_of(c)->holding |= held;
    pthread_mutex_unlock(&c->lock);
    return held;
}

void pd_waits_release(struct pd_client *cl)
{
    struct pd_engine *e = cl->engine;
    struct pd_conn *c = &cl->conn;
    bool wake = false;
    cl->holding = false;
    for (struct pd_list *l = c->exchanges.next; l != &c->exchanges; l = l->next) {
        struct pd_exchange *x = pd_exchange_of(l);
        struct pd_wait *w = x->state == PD_X_PARKED ? x->wait : NULL; /* its thread may just make one */
        if (!w || !w->held)
            continue;
        w->held = false;
        pthread_mutex_lock(&e->lock);
        if (!w->cancelled) {
            pd_list_push(&e->waits->fresh, &w->node);
            wake |= pd_loop_is_asleep(e);
        }
        pthread_mutex_unlock(&e->lock);
    }
    if (wake)
        pd_wakeup_fire(&e->wakeup);
}

/* Those that nobody wants are cancelled, though their bodies have ended too: so it is one or the other, always. */
void pd_waits_feed(struct pd_client *cl)
{
    struct pd_conn *c = &cl->conn;
    struct pd_engine *e = cl->engine;
    bool wake = false;
    c->fed = false;
    for (struct pd_list *l = c->exchanges.next; l != &c->exchanges; l = l->next) {
        struct pd_exchange *x = pd_exchange_of(l);
        if (!x->is_awaited)
            continue;
        if (pd_conn_is_gone(c, x))
            pd_waits_cancel(e, x);
        else if (pd_receive_is_readable(x)) {
            pthread_mutex_lock(&e->lock);
            wake |= wait_is_over(e, x->wait);
            pthread_mutex_unlock(&e->lock);
        }
    }
    if (wake)
        pd_wakeup_fire(&e->wakeup);
}

void pd_waits_orphan(struct pd_engine *e, struct pd_thread *t)
{
    struct pd_list *node;
    if (!e->waits)
        return;
    for (struct pd_list *l = e->waits->all.next; l != &e->waits->all; l = l->next)
        if (PD_LIST_ENTRY(l, struct pd_wait, all)->home == t)
            PD_LIST_ENTRY(l, struct pd_wait, all)->home = NULL;
    while ((node = pd_list_take(&t->resumed)) != NULL) {
        pd_list_push(&e->resumed, node);
        e->nresumed--;
        e->nready++;
    }
}

/* --- watches ------------------------------------------------------------------------------------------------------ */

static struct pd_watch *watch_find(const struct pd_waits *ws, int fd)
{
    return (size_t)fd < ws->cap ? ws->by_fd[fd] : NULL;
}

/* Makes room for the descriptor, which is open: so its number is not larger than the process may have. */
static bool table_grow(struct pd_engine *e, int fd)
{
    struct pd_waits *ws = e->waits;
    size_t cap = ws->cap ? ws->cap : TABLE_LEAST;
    while (cap <= (size_t)fd)
        cap *= 2;
    if (cap == ws->cap)
        return true;
    struct pd_watch **table = PD_SYS(e->sys, resize, ws->by_fd, cap * sizeof(struct pd_watch *));
    if (!table)
        return false;
    memset(table + ws->cap, 0, (cap - ws->cap) * sizeof(struct pd_watch *));
    ws->by_fd = table;
    ws->cap = cap;
    return true;
}

static void watch_end(struct pd_engine *e, struct pd_watch *watch)
{
    struct pd_waits *ws = e->waits;
    pd_loop_remove_guest(&e->loop, watch->fd);
    ws->by_fd[watch->fd] = NULL;
    ws->nwatches--;
    pd_list_remove(&watch->node);
    pd_release(e->sys, watch);
}

/* The descriptor, given to the loop. NULL: `error` says why not. */
static struct pd_watch *watch_begin(struct pd_engine *e, int fd, uint32_t events, int *error)
{
    struct pd_waits *ws = e->waits;
    uint64_t tag = (uint64_t)++ws->serial << 32 | (uint32_t)fd;
    e->loop.guest_owner = ws;
    *error = pd_loop_add_guest(&e->loop, fd, events, tag);
    if (*error < 0)
        return NULL;
    struct pd_watch *watch = table_grow(e, fd) ? pd_alloc(e->sys, sizeof *watch) : NULL;
    if (!watch) {
        pd_loop_remove_guest(&e->loop, fd);
        *error = -ENOMEM;
        return NULL;
    }
    *watch = (struct pd_watch){ .fd = fd, .events = events, .tag = tag };
    pd_list_init(&watch->waits);
    pd_list_push(&ws->watches, &watch->node);
    if (ws->nwatches++ == 0)
        ws->sweep_ms = e->host.now_ms + SWEEP_MS;
    ws->by_fd[fd] = watch;
    return watch;
}

/* --- the request's own body --------------------------------------------------------------------------------------- */

/* As a thread that waits for it (exchange.c), so that the same times are kept. */
static void body_begin(struct pd_thread *t, struct pd_exchange *x)
{
    struct pd_conn *c = x->conn;
    pthread_mutex_lock(&c->lock);
    pd_receive_await(x, &x->is_awaited, true);
    c->fed = true; /* some of it may be there: pd_client_settle() sees */
    if (!c->lent)
        pd_respond_continue(x);
    if (pd_conn_has_work(c) || c->lent)
        pd_conn_input(c, &t->io);
    pd_client_settle(pd_client_of(c), t);
    pthread_mutex_unlock(&c->lock);
}

static void body_end(struct pd_exchange *x)
{
    struct pd_conn *c = x->conn;
    pthread_mutex_lock(&c->lock);
    if (x->is_awaited) { /* else it never began */
        pd_receive_await(x, &x->is_awaited, false);
        pd_respond_progress(x);
    }
    pthread_mutex_unlock(&c->lock);
}

/* --- going on ----------------------------------------------------------------------------------------------------- */

/* The watch stays, though nobody may wait for it any more. */
static void wait_resume(struct pd_engine *e, struct pd_wait *w, enum pd_wait_end end)
{
    struct pd_exchange *x = w->exchange;
    struct pd_conn *c = x->conn;
    pd_wheel_remove(&e->waits->wheel, &w->timer);
    pd_list_remove(&w->peers);
    w->watch = NULL;
    if (w->body)
        body_end(x);
    pthread_mutex_lock(&c->lock);
    pd_exchange_move(x, PD_X_READY);
    x->ready_ms = e->host.now_ms;
    pthread_mutex_lock(&e->lock); /* once: a thread that ends finds it in `all` or among its own (pd_waits_orphan) */
    pd_list_remove(&w->all);
    pd_list_remove(&w->node);
    w->end = w->cancelled ? PD_WAIT_OVER : end;
    e->waits->n--;
    bool wake = pd_ready_put_back(e, x);
    pthread_mutex_unlock(&e->lock); /* from here on it is its thread's; its connection is freed by nobody but us */
    pthread_mutex_unlock(&c->lock);
    if (wake)
        pd_wakeup_fire(&e->wakeup);
}

/* Watches the descriptor for those who are left. */
static void watch_settle(struct pd_engine *e, struct pd_watch *watch)
{
    uint32_t events = 0;
    for (struct pd_list *l = watch->waits.next; l != &watch->waits; l = l->next)
        events |= wait_of_peer(l)->events;
    watch->events = events;
    if (events && pd_loop_change_guest(&e->loop, watch->fd, events, watch->tag) == 0)
        return;
    while (!pd_list_is_empty(&watch->waits)) /* it was closed meanwhile */
        wait_resume(e, wait_of_peer(watch->waits.next), PD_WAIT_READY);
    watch_end(e, watch);
}

/* One that waits no longer, whatever the descriptor does. */
static void wait_stop(struct pd_engine *e, struct pd_wait *w, enum pd_wait_end end)
{
    struct pd_watch *watch = w->watch;
    wait_resume(e, w, end);
    if (watch && pd_list_is_empty(&watch->waits))
        watch_settle(e, watch);
}

/* Joins those who wait for the descriptor, or is the first. */
static int wait_watch(struct pd_engine *e, struct pd_wait *w)
{
    int error = 0;
    if (w->fd < 0)
        return -EBADF;
    struct pd_watch *watch = watch_find(e->waits, w->fd);
    if (watch) { /* asked for anew each time: another file may have the number by now, and then they end */
        watch->events |= w->events;
        if (pd_loop_change_guest(&e->loop, w->fd, watch->events, watch->tag) < 0) {
            watch_settle(e, watch);
            watch = watch_find(e->waits, w->fd);
        }
    }
    if (!watch)
        watch = watch_begin(e, w->fd, w->events, &error);
    if (!watch)
        return error;
    w->watch = watch;
    pd_list_push(&watch->waits, &w->peers);
    return 0;
}

/* As it is now. */
static bool is_ready(const struct pd_engine *e, const struct pd_wait *w)
{
    if (w->body) {
        struct pd_conn *c = w->exchange->conn;
        pthread_mutex_lock(&c->lock);
        bool readable = pd_receive_is_readable(w->exchange);
        pthread_mutex_unlock(&c->lock);
        return readable;
    }
    if (w->fd < 0) /* poll() would pass over it; wait_watch() takes it for ready, too */
        return true;
    struct pollfd p = { .fd = w->fd, .events = POLLPRI };
    p.events |= w->events & PD_READABLE ? POLLIN : POLLOUT;
    return PD_SYS(e->sys, poll, &p, 1, 0) > 0;
}

/* What cannot be waited for is ready, as select() has it for files; whatever is wrong, the application will see. */
static void wait_begin(struct pd_engine *e, struct pd_thread *t, struct pd_wait *w)
{
    pd_client_mind(pd_client_of(w->exchange->conn), t);
    if (wait_hold(w))
        return;
    if (w->only_looks) {
        wait_resume(e, w, is_ready(e, w) ? PD_WAIT_READY : PD_WAIT_TIMEOUT);
        return;
    }
    int error = 0;
    if (w->body)
        body_begin(t, w->exchange);
    else
        error = wait_watch(e, w);
    if (error < 0) {
        if (error != -EPERM && error != -EBADF)
            pd_host_note(&e->host, PD_NOTICE_WAIT_FAILED, w->exchange->conn, NULL);
        wait_resume(e, w, PD_WAIT_READY);
    } else if (w->until_ms)
        pd_wheel_add(&e->waits->wheel, &w->timer, w->until_ms);
}

void pd_waits_turn(struct pd_engine *e, struct pd_thread *t)
{
    struct pd_waits *ws = e->waits;
    struct pd_list *node;
    while (ws && (node = pd_list_take(&ws->fresh)) != NULL) {
        struct pd_wait *w = PD_LIST_ENTRY(node, struct pd_wait, node);
        bool cancelled = w->cancelled;
        pthread_mutex_unlock(&e->lock);
        if (cancelled)
            wait_resume(e, w, PD_WAIT_OVER);
        else
            wait_begin(e, t, w);
        pthread_mutex_lock(&e->lock);
    }
    while (ws && (node = pd_list_take(&ws->ending)) != NULL) {
        pthread_mutex_unlock(&e->lock);
        wait_stop(e, PD_LIST_ENTRY(node, struct pd_wait, node), PD_WAIT_READY);
        pthread_mutex_lock(&e->lock);
    }
}

void pd_waits_ready(struct pd_engine *e, uint64_t tag, uint32_t events)
{
    struct pd_watch *watch = watch_find(e->waits, (int)(uint32_t)tag);
    if (!watch || watch->tag != tag) /* ended in this turn, or never taken out by the kernel */
        return;
    struct pd_list *next;
    for (struct pd_list *l = watch->waits.next; l != &watch->waits; l = next) {
        next = l->next;
        if (events & (wait_of_peer(l)->events | PD_HANGUP))
            wait_resume(e, wait_of_peer(l), PD_WAIT_READY);
    }
    watch_settle(e, watch);
}

/* --- time --------------------------------------------------------------------------------------------------------- */

/* Finds descriptors that were closed: the kernel forgets them without a word. */
static void waits_sweep(struct pd_engine *e)
{
    struct pd_waits *ws = e->waits;
    for (size_t left = ws->nwatches < SWEEP_BATCH ? ws->nwatches : SWEEP_BATCH; left && ws->nwatches; left--) {
        struct pd_watch *watch = PD_LIST_ENTRY(pd_list_take(&ws->watches), struct pd_watch, node);
        pd_list_push(&ws->watches, &watch->node);
        watch_settle(e, watch);
    }
    uint64_t pause = ws->nwatches > SWEEP_BATCH ? SWEEP_MS * SWEEP_BATCH / ws->nwatches : SWEEP_MS;
    ws->sweep_ms = e->host.now_ms + (pause < SWEEP_LEAST_MS ? SWEEP_LEAST_MS : pause);
}

void pd_waits_expire(struct pd_engine *e)
{
    struct pd_waits *ws = e->waits;
    struct pd_list expired;
    struct pd_list *node;
    pd_list_init(&expired);
    pd_wheel_expire(&ws->wheel, e->host.now_ms, &expired);
    while ((node = pd_list_take(&expired)) != NULL) {
        struct pd_wait *w = PD_CONTAINER_OF(node, struct pd_wait, timer.node);
        /* It may have become ready while the loop was busy with others: then its time is not up. */
        wait_stop(e, w, is_ready(e, w) ? PD_WAIT_READY : PD_WAIT_TIMEOUT);
    }
    if (ws->nwatches && e->host.now_ms >= ws->sweep_ms)
        waits_sweep(e);
}

int pd_waits_next_ms(struct pd_engine *e, uint64_t now, int ms)
{
    struct pd_waits *ws = e->waits;
    if (!ws)
        return ms;
    int next = pd_wheel_next_ms(&ws->wheel, now);
    if (next >= 0 && (ms < 0 || next < ms))
        ms = next;
    if (!ws->nwatches)
        return ms;
    int sweep = (int)pd_time_since(ws->sweep_ms, now);
    return ms < 0 || sweep < ms ? sweep : ms;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static struct pd_wait *waits_first(struct pd_engine *e)
{
    pthread_mutex_lock(&e->lock);
    e->waits->closed = true;
    struct pd_list *l = e->waits->all.next;
    struct pd_wait *w = l == &e->waits->all ? NULL : PD_LIST_ENTRY(l, struct pd_wait, all);
    pthread_mutex_unlock(&e->lock);
    return w;
}

void pd_waits_cut(struct pd_engine *e)
{
    struct pd_wait *w;
    pthread_mutex_lock(&e->lock);
    bool there = e->waits != NULL;
    pthread_mutex_unlock(&e->lock);
    while (there && (w = waits_first(e)) != NULL)
        wait_stop(e, w, PD_WAIT_OVER);
}
