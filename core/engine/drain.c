/*
 * drain.c - the end of an engine: nothing new comes in, what was accepted is served, what takes too long is cut.
 *
 * The holder of the loop role comes by at each turn; engine.lock is free.
 */
#include <stdio.h>

#include "conn/respond.h"
#include "engine/impl.h"

enum {
    SILENT_MS = 1000, /* a connection that never sent a byte is closed this long after its accept */
    KEPT_MS = 200,    /* ... and a kept one this long after its last response: one in use is told in its next one */
    NAMED_MAX = 20,   /* lines about single requests that are cut */
};

/* --- who is still there ------------------------------------------------------------------------------------------- */

/* A door closes when its backlog is empty. While connections or descriptors run out, some may have to wait there. */
static void doors_drain(struct pd_engine *e, struct pd_thread *t)
{
    bool closed = true;
    if (e->spread.retiring) { /* what waits is the others' */
        pd_doors_close(e);
        e->doors_closed = true;
        return;
    }
    pd_spread_leave(e);
    pd_handover_ready(e, t, SIZE_MAX);
    for (struct pd_list *l = e->doors.next; l != &e->doors; l = l->next)
        closed &= pd_door_drain(e, t, PD_LIST_ENTRY(l, struct pd_door, node));
    e->doors_closed = closed;
}

void pd_clients_drain(struct pd_engine *e, struct pd_thread *t)
{
    if (!e->doors_closed)
        doors_drain(e, t);
    if (e->scan_ms && pd_time_since(e->host.now_ms, e->scan_ms) < pd_handover_scan_ms(e))
        return;
    e->scan_ms = e->host.now_ms;
    pd_handover_scan(e);
    for (struct pd_list *l = e->clients.next; l != &e->clients; l = l->next) {
        struct pd_client *cl = PD_LIST_ENTRY(l, struct pd_client, all);
        pthread_mutex_lock(&cl->conn.lock);
        if (cl->conn.state != PD_CONN_CLOSED) {
            if (pd_handover_is_on(e))
                pd_handover_pass(cl);
            else
                pd_client_end_silent(cl, t, cl->conn.served ? KEPT_MS : SILENT_MS);
            pd_client_settle(cl, t);
        }
        pthread_mutex_unlock(&cl->conn.lock);
    }
}

/* --- what is cut -------------------------------------------------------------------------------------------------- */

enum cut { CUT_RUNNING, CUT_QUEUED, CUT_ARRIVING, CUT_LEAVING, CUT_SUSPENDED, CUT_KINDS };

struct tally {
    size_t n[CUT_KINDS];
    size_t named;
};

static void tally_add(struct tally *sum, enum cut kind, const struct pd_conn *c, const struct pd_exchange *x)
{
    static const char *const texts[CUT_KINDS] = {
        "a request is cut off in the application, as the server stops",
        "a request that waited for a thread is turned away, as the server stops",
        "a request is cut off while it arrives, as the server stops",
        "a response is cut off on its way to the peer, as the server stops",
        "a request that waits without a thread is turned away, as the server stops",
    };
    sum->n[kind]++;
    if (sum->named++ < NAMED_MAX)
        c->host->log(c->host, PD_NOTICE_REQUEST_CUT, texts[kind], c, x);
}

static void tally_tell(const struct tally *sum, struct pd_engine *e)
{
    char text[240];
    char suspended[40] = "";
    size_t all = 0;
    for (size_t i = 0; i < CUT_KINDS; i++)
        all += sum->n[i];
    if (sum->n[CUT_SUSPENDED])
        snprintf(suspended, sizeof suspended, ", %zu suspended", sum->n[CUT_SUSPENDED]);
    snprintf(text, sizeof text,
             "the server stops and cuts %zu requests: %zu in the application, %zu queued, %zu arriving, %zu with a "
             "response on its way%s",
             all, sum->n[CUT_RUNNING], sum->n[CUT_QUEUED], sum->n[CUT_ARRIVING], sum->n[CUT_LEAVING], suspended);
    if (all)
        e->host.log(&e->host, PD_NOTICE_STOP_CUT, text, NULL, NULL);
}

static struct pd_exchange *queue_take(struct pd_engine *e)
{
    pthread_mutex_lock(&e->lock);
    struct pd_exchange *x = pd_ready_take_unstarted(e);
    pthread_mutex_unlock(&e->lock);
    return x;
}

/* Answers the requests of the ready queue, for nobody will run them. */
static void queue_cut(struct pd_engine *e, struct pd_thread *t, struct tally *sum)
{
    struct pd_exchange *x;
    while ((x = queue_take(e)) != NULL) {
        struct pd_conn *c = x->conn;
        struct pd_host *h = c->host;
        pthread_mutex_lock(&c->lock);
        pd_conn_reclaim(c, x); /* its body may be on its way to disk */
        if (c->hung_up || x->aborted)
            pd_respond_break(x);
        else {
            tally_add(sum, CUT_QUEUED, c, x);
            pd_respond_turn_away(x, PD_R_STOPPING);
        }
        pd_conn_settle(c);
        pd_client_settle(pd_client_of(c), t);
        pthread_mutex_unlock(&c->lock);
        pd_pool_give(h, x);
    }
}

/* Answers what waits without a thread, as far as nothing was sent; its wait is ended by pd_waits_cut(). */
static void suspended_cut(struct pd_engine *e, struct pd_thread *t, struct tally *sum)
{
    for (struct pd_list *l = e->clients.next; l != &e->clients; l = l->next) {
        struct pd_client *cl = PD_LIST_ENTRY(l, struct pd_client, all);
        struct pd_conn *c = &cl->conn;
        struct pd_list *next;
        pthread_mutex_lock(&c->lock);
        bool open = c->state == PD_CONN_OPEN && !c->hung_up && !c->lent;
        for (struct pd_list *at = c->exchanges.next; open && at != &c->exchanges; at = next) {
            struct pd_exchange *x = pd_exchange_of(at);
            next = at->next;
            if (x->state != PD_X_PARKED || x->head_sent)
                continue;
            tally_add(sum, CUT_SUSPENDED, c, x);
            pd_respond_instead(x, PD_R_STOPPING);
        }
        pd_conn_settle(c);
        pd_client_settle(cl, t);
        pthread_mutex_unlock(&c->lock);
    }
}

/* conn.lock is held. */
static void conn_tally(const struct pd_conn *c, struct tally *sum)
{
    if (c->state != PD_CONN_OPEN || c->hung_up)
        return;
    for (struct pd_list *l = c->exchanges.next; l != &c->exchanges; l = l->next) {
        const struct pd_exchange *x = pd_exchange_of(l);
        bool early = x->state == PD_X_HEAD || x->state == PD_X_BODY;
        bool queued = x->state == PD_X_READY && !x->was_parked; /* it came this moment */
        tally_add(sum, early ? CUT_ARRIVING : queued ? CUT_QUEUED : CUT_RUNNING, c, x);
    }
    if (!c->nexchanges && !c->lent && c->served && !pd_out_is_empty(&c->out))
        tally_add(sum, CUT_LEAVING, c, NULL);
}

static void clients_cut(struct pd_engine *e, struct pd_thread *t, struct tally *sum)
{
    for (struct pd_list *l = e->clients.next; l != &e->clients; l = l->next) {
        struct pd_client *cl = PD_LIST_ENTRY(l, struct pd_client, all);
        struct pd_conn *c = &cl->conn;
        pthread_mutex_lock(&c->lock);
        if (sum)
            conn_tally(c, sum);
        bool broken = c->nexchanges || c->lent || !pd_out_is_empty(&c->out);
        if (c->state != PD_CONN_CLOSED) {
            pd_conn_close(c, broken);
            pd_client_settle(cl, t);
        }
        pthread_mutex_unlock(&c->lock);
    }
}

void pd_clients_close(struct pd_engine *e, struct pd_thread *t)
{
    pd_doors_close(e);
    e->doors_closed = true;
    clients_cut(e, t, NULL);
}

void pd_clients_cut(struct pd_engine *e, struct pd_thread *t)
{
    struct tally sum = { .named = 0 };
    pd_doors_close(e);
    e->doors_closed = true;
    suspended_cut(e, t, &sum);
    queue_cut(e, t, &sum);
    clients_cut(e, t, &sum);
    tally_tell(&sum, e);
}
