/* client.c - connections and listeners in the loop: accept, events, timers, watching. */
#include <stdio.h>

#include "engine/impl.h"

enum {
    ACCEPT_BURST = 16,     /* connections taken for one report of a listener, at most */
    ACCEPT_PROBE = 4,      /* after so many reports of as many as were expected, there may be more */
    ACCEPT_PAUSE_MS = 100, /* after connections, descriptors or memory ran out */
    ACCEPT_SAY_MS = 10000, /* ... of which one line tells in such a time */
    ROOM_SCAN = 128,       /* connections looked at to make room for new ones */
    ROOM_MOST = 32,        /* ... and closed, but no more than the eighth part of all */
    SILENT_MS = 1000,      /* who was silent for so long may be closed: a request is not likely to be under way */
    ASK_MS = 10,           /* how often the kernel is asked for handshakes that a closed listener would cut off */
    UNTOLD_MS = 100,       /* ... and how long they have where it does not say */
};

/* --- the timer of a connection ------------------------------------------------------------------------------------ */

/*
 * The wheel may be set earlier than the deadline: it then fires, finds that, and is set anew. So moving a deadline
 * further away, as each request on a kept connection does, costs nothing. conn.lock is held.
 */
static void client_set_timer(struct pd_client *cl, struct pd_thread *t)
{
    struct pd_conn *c = &cl->conn;
    if (c->lent) { /* its deadline is not known now: who has it sets the timer when it gives it back */
        c->missed = true;
        return;
    }
    pd_conn_set_deadline(c);
    if (!c->deadline_ms || (cl->timer_ms && cl->timer_ms <= c->deadline_ms))
        return;
    if (!t || !t->has_role) {
        pd_attend(cl, true);
        return;
    }
    cl->timer_ms = c->deadline_ms;
    pd_wheel_add(&cl->engine->wheel, &cl->timer, cl->timer_ms);
}

void pd_client_expired(struct pd_client *cl, struct pd_thread *t)
{
    struct pd_conn *c = &cl->conn;
    pthread_mutex_lock(&c->lock);
    cl->timer_ms = 0;
    pd_conn_set_deadline(c);
    if (c->deadline_ms && c->deadline_ms <= c->host->now_ms)
        pd_conn_timeout(c);
    pd_client_settle(cl, t);
    pthread_mutex_unlock(&c->lock);
}

/* --- watching ----------------------------------------------------------------------------------------------------- */

void pd_client_unwatch(struct pd_host *h, struct pd_conn *c)
{
    struct pd_client *cl = pd_client_of(c);
    if (cl->watched)
        pd_loop_remove(&pd_engine_of(h)->loop, c->fd);
    cl->watched = 0;
}

/* A connection is given to the loop only when it must wait for its peer; edge-triggered, and then it stays there. */
static void client_watch(struct pd_client *cl)
{
    struct pd_conn *c = &cl->conn;
    uint32_t want = PD_READABLE | PD_HALF_CLOSED | PD_EDGE | (c->want_write ? PD_WRITABLE : 0u);
    bool waits = c->want_write || c->codec->multiplexed || cl->minded || pd_conn_expects_input(c);
    struct pd_loop *loop = &cl->engine->loop;
    int r = 0;
    if (!cl->watched && waits)
        r = pd_loop_add(loop, c->fd, want, cl);
    else if (cl->watched && cl->watched != want)
        r = pd_loop_change(loop, c->fd, want, cl);
    else {
        if (cl->watched)
            pd_loop_rearm(loop, c->fd, want);
        return;
    }
    if (r < 0)
        pd_conn_close(c, true);
    else
        cl->watched = want;
}

/* A kept connection between requests is idle, and so is one that has sent nothing yet. conn.lock is held. */
static void client_count(struct pd_client *cl)
{
    const struct pd_conn *c = &cl->conn;
    bool busy = c->nexchanges || c->lent; /* while it is lent, its queues are somebody else's */
    if (!busy && c->state != PD_CONN_CLOSED)
        busy = !pd_out_is_empty(&c->out) || !pd_buf_is_empty(&c->in);
    if (busy && !cl->busy)
        cl->engine->nbusy++;
    else if (!busy && cl->busy)
        cl->engine->nbusy--;
    cl->busy = busy;
}

void pd_client_settle(struct pd_client *cl, struct pd_thread *t)
{
    struct pd_conn *c = &cl->conn;
    if (c->left) {
        c->left = false;
        pd_ready_forget(cl, t);
        pd_waits_forget(cl);
    } else if (c->hung_up && c->nexchanges) /* found in another way than by an event */
        pd_waits_forget(cl);
    if (cl->holding && !pd_conn_is_behind(c))
        pd_waits_release(cl);
    if (c->fed && !c->lent)
        pd_waits_feed(cl);
    client_count(cl);
    if (c->state != PD_CONN_CLOSED) {
        client_watch(cl);
        client_set_timer(cl, t);
    }
    if ((c->job != PD_JOB_NONE && !c->lent && !cl->on_job) || (c->yielded && pd_conn_has_work(c)))
        pd_attend(cl, true);
    if (c->state == PD_CONN_CLOSED) {
        cl->engine->nended += !cl->ended && !cl->unlisted;
        cl->ended = true;
        pd_attend(cl, false);
    } else if (pd_handover_is_on(cl->engine) && !cl->engine->spread.handover.full && pd_handover_fits(cl))
        pd_attend(cl, true);
}

void pd_client_mind(struct pd_client *cl, struct pd_thread *t)
{
    pthread_mutex_lock(&cl->conn.lock);
    if (cl->conn.state == PD_CONN_OPEN && !cl->minded) {
        cl->minded = true;
        cl->conn.left = true; /* it may have left before this */
        pd_client_settle(cl, t);
    }
    pthread_mutex_unlock(&cl->conn.lock);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

/* The connection is over: it counts no more, though the application may still have an exchange that was overdue. */
static void client_unlist(struct pd_client *cl)
{
    struct pd_engine *e = cl->engine;
    if (cl->unlisted)
        return;
    cl->unlisted = true;
    pd_wheel_remove(&e->wheel, &cl->timer);
    pd_list_remove(&cl->all);
    e->nended -= cl->ended;
    e->nclients--;
    if (e->accept_after_ms > e->host.now_ms) /* here is room */
        e->accept_after_ms = e->host.now_ms;
}

static void client_free(struct pd_client *cl)
{
    struct pd_engine *e = cl->engine;
    pd_calls_leave(e, &cl->conn);
    client_unlist(cl);
    e->nbusy -= cl->busy;
    pd_conn_fini(&cl->conn);
    pd_release(e->sys, cl);
}

/* The role's holder looks after a client that another thread, or a settle, put on the attend list. */
void pd_client_attend(struct pd_client *cl, struct pd_thread *t)
{
    struct pd_conn *c = &cl->conn;
    pthread_mutex_lock(&c->lock);
    if (c->state == PD_CONN_CLOSED) {
        bool over = c->nexchanges == 0 && !c->lent && !cl->on_job;
        bool last = over && c->noverdue == 0;
        if (over)
            client_unlist(cl);
        pthread_mutex_unlock(&c->lock);
        if (last && !pd_is_attending(cl)) /* else it comes by once more */
            client_free(cl);
        return;
    }
    if (!c->lent && c->hung_up && c->closing)
        pd_conn_settle(c);
    if (c->missed)
        pd_conn_output(c);
    if (pd_conn_has_work(c))
        pd_conn_input(c, &t->io);
    if (pd_handover_is_on(cl->engine))
        pd_handover_pass(cl);
    pd_client_settle(cl, t);
    pthread_mutex_unlock(&c->lock);
}

struct pd_client *pd_client_new(struct pd_engine *e, const struct pd_door *d, int fd)
{
    size_t size = sizeof(struct pd_client) + (d->port.detect ? PD_CODEC_STATE_MAX : d->port.codec->state_size);
    struct pd_client *cl = pd_alloc(e->sys, size);
    if (!cl) {
        PD_SYS(e->sys, close, fd);
        return NULL;
    }
    memset(cl, 0, sizeof *cl);
    cl->owner = PD_OWNER_CLIENT;
    cl->engine = e;
    pd_timer_init(&cl->timer);
    pd_list_init(&cl->attend);
    pd_list_init(&cl->job);
    pd_list_push(&e->clients, &cl->all);
    e->nclients++;
    pd_conn_init(&cl->conn, &e->host, &d->port, fd, cl->codec_state);
    return cl;
}

void pd_client_begin(struct pd_client *cl, struct pd_thread *t)
{
    pthread_mutex_lock(&cl->conn.lock);
    pd_conn_input(&cl->conn, &t->io);
    pd_client_settle(cl, t);
    pthread_mutex_unlock(&cl->conn.lock);
}

void pd_client_run_job(struct pd_client *cl, struct pd_thread *t)
{
    struct pd_conn *c = &cl->conn;
    pthread_mutex_lock(&c->lock);
    pd_conn_run_job(c, &t->io);
    cl->on_job = false;
    pd_client_settle(cl, t);
    pthread_mutex_unlock(&c->lock);
}

void pd_client_ready(struct pd_client *cl, struct pd_thread *t, uint32_t events)
{
    struct pd_conn *c = &cl->conn;
    pthread_mutex_lock(&c->lock);
    if (c->state != PD_CONN_CLOSED) {
        if (events & PD_READABLE)
            c->readable = true;
        if (events & (PD_HANGUP | PD_HALF_CLOSED))
            pd_conn_hangup(c, events & PD_HANGUP);
        if (events & PD_WRITABLE)
            pd_conn_output(c);
        if (c->state != PD_CONN_CLOSED)
            pd_conn_input(c, &t->io);
        pd_client_settle(cl, t);
    }
    pthread_mutex_unlock(&c->lock);
}

/* --- listeners ---------------------------------------------------------------------------------------------------- */

static void client_name_peer(struct pd_conn *c, const struct sockaddr *peer)
{
    pd_addr_text(peer, c->peer_addr, sizeof c->peer_addr);
    char digits[sizeof c->peer_port];
    char *p = digits + sizeof digits;
    for (unsigned port = pd_addr_port(peer); port; port /= 10)
        *--p = (char)('0' + port % 10);
    *pd_put(c->peer_port, pd_slice(p, (size_t)(digits + sizeof digits - p))) = '\0';
}

/* The peers that are believed: those that rules name, or without rules this machine's. */
static bool door_trusts(const struct pd_door *d, const struct pd_accepted *in)
{
    struct pd_ip ip = pd_addr_ip(&in->peer.sa);
    return ip.n ? pd_listener_lists(&d->listener, &ip) : pd_listener_admits(&d->listener, in);
}

/* A PROXY header may name any client. */
static bool door_admits(struct pd_engine *e, const struct pd_door *d, const struct pd_accepted *in, bool trusted)
{
    char peer[46];
    char text[160];
    if (!d->port.proxied || trusted)
        return d->port.detect || pd_listener_admits(&d->listener, in); /* others may speak HTTP to those that detect */
    pd_addr_text(&in->peer.sa, peer, sizeof peer);
    snprintf(text, sizeof text, "%s%s%s", pd_notice_text(PD_NOTICE_PROXY_NOT_LISTED), peer[0] ? "; peer " : "", peer);
    e->host.log(&e->host, PD_NOTICE_PROXY_NOT_LISTED, text, NULL, NULL);
    return false;
}

bool pd_client_is_listed(const struct pd_conn *c)
{
    const struct pd_door *d = PD_CONTAINER_OF(c->port, struct pd_door, port);
    struct pd_ip ip;
    return pd_ip_parse(pd_slice(c->peer_addr, strlen(c->peer_addr)), &ip) && pd_listener_lists(&d->listener, &ip);
}

static void door_admit(struct pd_engine *e, struct pd_thread *t, struct pd_door *d, const struct pd_accepted *in)
{
    bool trusted = (d->port.proxied || d->port.detect) && door_trusts(d, in);
    if (!door_admits(e, d, in, trusted)) {
        PD_SYS(e->sys, close, in->fd);
        return;
    }
    struct pd_client *cl = pd_client_new(e, d, in->fd);
    if (!cl)
        return;
    client_name_peer(&cl->conn, &in->peer.sa);
    cl->conn.listed = trusted;
    pd_client_begin(cl, t);
}

bool pd_door_adopt(struct pd_engine *e, struct pd_door *d, int fd)
{
    struct pd_accepted in = { .fd = fd };
    size_t before = e->nclients;
    in.peer.sa.sa_family = AF_UNIX;
    e->keeper->has_role = true;
    door_admit(e, e->keeper, d, &in);
    e->keeper->has_role = false;
    return e->nclients > before;
}

/* Tells that nobody is accepted, but not all the time; what happened meanwhile is counted. */
static void doors_complain(struct pd_engine *e, enum pd_notice notice, uint64_t *said_ms)
{
    char text[200];
    e->pauses++;
    if (*said_ms && pd_time_since(e->host.now_ms, *said_ms) < ACCEPT_SAY_MS)
        return;
    *said_ms = e->host.now_ms;
    snprintf(text, sizeof text,
             "%s; %zu are open; since the last such line accepting paused %zu times, and %zu idle ones were closed",
             pd_notice_text(notice), (size_t)e->nclients, e->pauses, e->evicted);
    e->host.log(&e->host, (int)notice, text, NULL, NULL);
    e->pauses = e->evicted = 0;
}

bool pd_client_end_silent(struct pd_client *cl, struct pd_thread *t, uint64_t silent_ms)
{
    struct pd_conn *c = &cl->conn;
    if (c->state != PD_CONN_OPEN || c->nexchanges || c->lent)
        return false;
    c->readable = true; /* what was sent until now is still served */
    pd_conn_input(c, &t->io);
    bool silent = c->state == PD_CONN_OPEN && c->nexchanges == 0 && pd_buf_is_empty(&c->in) && pd_out_is_empty(&c->out);
    if (!silent || pd_time_since(c->host->now_ms, c->since_ms) < silent_ms)
        return false;
    c->closing = true;
    pd_conn_settle(c);
    return true;
}

/*
 * Closes idle connections for the sake of those that wait to be accepted. Who was looked at goes to the end of the
 * list, so that everyone is seen in time.
 */
static void doors_make_room(struct pd_engine *e, struct pd_thread *t)
{
    size_t left = e->nclients / 8 < ROOM_MOST ? e->nclients / 8 + 1 : ROOM_MOST;
    size_t looks = e->nclients < ROOM_SCAN ? e->nclients : ROOM_SCAN;
    for (; looks && left; looks--) {
        struct pd_client *cl = PD_LIST_ENTRY(pd_list_take(&e->clients), struct pd_client, all);
        pd_list_push(&e->clients, &cl->all);
        pthread_mutex_lock(&cl->conn.lock);
        bool ended = pd_client_end_silent(cl, t, SILENT_MS);
        pd_client_settle(cl, t);
        pthread_mutex_unlock(&cl->conn.lock);
        left -= ended;
        e->evicted += ended;
    }
}

/* Nobody is accepted for a moment, or until a connection has ended. */
void pd_doors_pause(struct pd_engine *e)
{
    e->accept_after_ms = e->host.now_ms + ACCEPT_PAUSE_MS;
    pd_doors_unwatch(e);
    pd_spread_pause(e);
}

void pd_doors_unwatch(struct pd_engine *e)
{
    for (struct pd_list *l = e->doors.next; l != &e->doors; l = l->next) {
        struct pd_door *d = PD_LIST_ENTRY(l, struct pd_door, node);
        if (d->watched)
            pd_loop_remove(&e->loop, d->listener.fd);
        d->watched = false;
    }
    pd_handover_unwatch(e);
}

void pd_doors_watch(struct pd_engine *e)
{
    e->accept_after_ms = 0;
    if (!pd_spread_open(e))
        return;
    for (struct pd_list *l = e->doors.next; l != &e->doors; l = l->next) {
        struct pd_door *d = PD_LIST_ENTRY(l, struct pd_door, node);
        if (!d->watched && !d->broken && d->listener.fd >= 0)
            d->watched = pd_loop_add(&e->loop, d->listener.fd, PD_READABLE, d) == 0;
    }
    pd_handover_watch(e);
}

static void doors_are_full(struct pd_engine *e, struct pd_thread *t, enum pd_notice notice, uint64_t *said_ms)
{
    doors_make_room(e, t);
    doors_complain(e, notice, said_ms);
    pd_doors_pause(e);
}

/* Takes waiting connections. False: nothing more may be taken now. */
static bool door_accept(struct pd_engine *e, struct pd_thread *t, struct pd_door *d, size_t burst)
{
    for (size_t i = 0; i < burst && !d->broken; i++) {
        struct pd_accepted in;
        if (!pd_spread_may_accept(e)) {
            pd_doors_unwatch(e);
            return false;
        }
        if (e->nclients >= e->host.config.conns_max) {
            doors_are_full(e, t, PD_NOTICE_CONNECTIONS_FULL, &e->full_said_ms);
            return false;
        }
        switch (pd_listener_accept(&d->listener, &in)) {
        case PD_ACCEPT_OK:
            d->taken++;
            door_admit(e, t, d, &in);
            break;
        case PD_ACCEPT_RETRY:
            break;
        case PD_ACCEPT_EMPTY:
            return true;
        case PD_ACCEPT_EXHAUSTED:
            doors_are_full(e, t, PD_NOTICE_ACCEPT_EXHAUSTED, &e->exhausted_said_ms);
            return false;
        case PD_ACCEPT_BROKEN:
            if (!e->spread.board || d->listener.family != AF_UNIX) /* else whoever bound it refuses: all is to stop */
                pd_host_note(&e->host, PD_NOTICE_LISTENER_LOST, NULL, NULL);
            if (d->watched)
                pd_loop_remove(&e->loop, d->listener.fd);
            d->watched = false;
            d->broken = true;
            return false;
        }
    }
    return true;
}

/*
 * Takes as many as waited lately. To find that nobody else waits is a system call, of six for a request where each has
 * a connection; who is left is reported again.
 */
void pd_door_ready(struct pd_engine *e, struct pd_thread *t, struct pd_door *d)
{
    if (!d->watched)
        return;
    size_t burst = d->burst ? d->burst : ACCEPT_BURST;
    d->taken = 0;
    door_accept(e, t, d, burst);
    if (d->taken < burst) {
        d->burst = d->taken ? d->taken : 1;
        d->filled = 0;
    } else if (++d->filled >= ACCEPT_PROBE) {
        d->burst = burst < ACCEPT_BURST / 2 ? burst * 2 : ACCEPT_BURST;
        d->filled = 0;
    }
}

void pd_doors_close(struct pd_engine *e)
{
    pd_spread_leave(e);
    pd_doors_unwatch(e);
    for (struct pd_list *l = e->doors.next; l != &e->doors; l = l->next)
        pd_listener_close(&PD_LIST_ENTRY(l, struct pd_door, node)->listener);
}

/* True when closing the listener, after one more accept, cuts off nobody who may have sent a request. */
static bool door_may_close(struct pd_engine *e, struct pd_door *d)
{
    uint64_t now = e->host.now_ms;
    if (d->asked_ms && pd_time_since(now, d->asked_ms) < ASK_MS)
        return false;
    d->asked_ms = now;
    int awaits = pd_listener_awaits(&d->listener);
    return !awaits || pd_time_since(now, d->refused_ms) >= (awaits < 0 ? UNTOLD_MS : SILENT_MS);
}

bool pd_door_drain(struct pd_engine *e, struct pd_thread *t, struct pd_door *d)
{
    if (d->listener.fd < 0)
        return true;
    if (e->accept_after_ms > e->host.now_ms)
        return false; /* connections or descriptors have run out; some are on their way back */
    if (d->watched)
        pd_loop_remove(&e->loop, d->listener.fd);
    d->watched = false;
    pd_listener_refuse(&d->listener);
    if (!d->refused_ms)
        d->refused_ms = e->host.now_ms;
    bool may_close = door_may_close(e, d); /* before the last accept: who was on the way then is there now */
    if (!door_accept(e, t, d, SIZE_MAX))
        return false;
    if (may_close)
        pd_listener_close(&d->listener);
    else
        d->watched = pd_loop_add(&e->loop, d->listener.fd, PD_READABLE, d) == 0;
    return may_close;
}
