/* exchange.c - what an app thread does with its request (see exchange_api.h). */
#include "engine/exchange_api.h"

#include <assert.h>
#include <stdio.h>

#include "codec/http1.h"
#include "conn/receive.h"
#include "engine/impl.h"
#include "engine/suspend.h"

/* For all that may set a time of the connection. */
static void exchange_lock(struct pd_exchange *x)
{
    pd_engine_tick(pd_engine_of(x->conn->host));
    pthread_mutex_lock(&x->conn->lock);
}

static void exchange_unlock(struct pd_exchange *x)
{
    pthread_mutex_unlock(&x->conn->lock);
}

bool pd_exchange_is_http(const struct pd_exchange *x)
{
    return x->conn->codec == &pd_codec_http1;
}

const char *pd_exchange_protocol(const struct pd_exchange *x)
{
    const struct pd_codec *codec = x->conn->codec;
    return codec->gateway ? codec->name : "http";
}

const char *pd_exchange_peer(const struct pd_exchange *x)
{
    return x->conn->peer_addr;
}

void pd_exchange_describe(const struct pd_exchange *x, char *dst, size_t n)
{
    char request[PD_LOG_REQUEST_SIZE];
    pd_log_request(request, &x->request);
    const char *peer = x->conn->peer_addr;
    char id[PD_EXCHANGE_ID_SIZE];
    pd_exchange_id_put(x, id);
    snprintf(dst, n, "%s%s%s, id %s", request, peer[0] ? " from " : "", peer, id);
}

/* After output: what the peer does not take, and what was missed meanwhile, is the loop's now. conn.lock is held. */
static void exchange_sent(struct pd_thread *t, struct pd_conn *c)
{
    bool missed = c->missed;
    if (missed) {
        pd_conn_output(c);
        if (pd_conn_has_work(c))
            pd_attend(pd_client_of(c), true);
    }
    if (c->hung_up)
        pd_conn_settle(c);
    if (missed || c->want_write || c->hung_up || c->job != PD_JOB_NONE || pd_client_of(c)->holding)
        pd_client_settle(pd_client_of(c), t);
}

/* --- threads of the application ----------------------------------------------------------------------------------- */

void pd_exchange_enter(struct pd_exchange *x)
{
    exchange_lock(x);
    x->guests++;
    exchange_unlock(x);
}

void pd_exchange_leave(struct pd_exchange *x)
{
    struct pd_conn *c = x->conn;
    pthread_mutex_lock(&c->lock);
    assert(x->guests);
    x->guests--;
    if (!x->guests && x->ending)
        pthread_cond_broadcast(&x->cond);
    pthread_mutex_unlock(&c->lock); /* the exchange may be gone by now */
}

/*
 * Before the exchange ends: waits until the app's other threads have left it. A reader is woken at once; a writer goes
 * on until the peer has taken or lost its block, for a block must not vanish in a response that looks complete.
 * conn.lock is held. False: it would have to wait.
 */
static bool exchange_see_off(struct pd_exchange *x, bool may_wait)
{
    if (!x->guests)
        return true;
    if (!may_wait)
        return false;
    x->ending = true;
    pthread_cond_broadcast(&x->cond);
    while (x->guests)
        pthread_cond_wait(&x->cond, &x->conn->lock);
    return true;
}

/* --- the request body --------------------------------------------------------------------------------------------- */

bool pd_exchange_body_is_collected(struct pd_exchange *x)
{
    return !x->streaming;
}

bool pd_exchange_body_is_in_memory(struct pd_exchange *x)
{
    return !x->streaming && pd_body_is_in_memory(&x->body);
}

uint64_t pd_exchange_body_received(struct pd_exchange *x)
{
    exchange_lock(x);
    uint64_t n = x->body.received;
    exchange_unlock(x);
    return n;
}

const char *pd_exchange_body_error(struct pd_exchange *x)
{
    exchange_lock(x);
    enum pd_body_error error = x->body.error;
    bool ending = x->ending;
    bool overdue = x->overdue;
    exchange_unlock(x);
    if (overdue)
        return "the request has been answered, as it took longer than request-timeout";
    if (ending && error == PD_BODY_OK)
        return "the request has ended";
    switch (error) {
    case PD_BODY_OK:
        return "the spill file of the request body cannot be read";
    case PD_BODY_CUT:
        return "the client left before the end of the request body";
    case PD_BODY_BROKEN:
        return "the request body is malformed or over the limit";
    case PD_BODY_TIMEOUT:
        return "the client stopped sending the request body";
    case PD_BODY_DISK:
        return "the temporary file for the request body cannot be written";
    }
    return "the request body is broken";
}

/* Waits for more of a streamed body; conn.lock is held. */
static void exchange_await_body(struct pd_thread *t, struct pd_exchange *x)
{
    struct pd_conn *c = x->conn;
    pd_respond_continue(x);
    if (pd_conn_has_work(c)) {
        pd_conn_input(c, &t->io);
        pd_client_settle(pd_client_of(c), t);
        return;
    }
    pd_receive_await(x, &x->is_read, true);
    pd_conn_settle(c);
    pd_client_settle(pd_client_of(c), t);
    if (!x->body.error) /* else the connection is lost, and nobody wakes us */
        pthread_cond_wait(&x->cond, &c->lock);
    pd_receive_await(x, &x->is_read, false);
    pd_respond_progress(x);
}

/* Takes what is there of a streamed body. What was spilled is read without the lock: nobody else waits for the disk. */
static ssize_t exchange_take(struct pd_thread *t, struct pd_exchange *x, char *dst, size_t n)
{
    struct pd_conn *c = x->conn;
    if (pd_body_is_in_memory(&x->body))
        return pd_body_take(&x->body, dst, n);
    c->lent = true;
    pthread_mutex_unlock(&c->lock);
    ssize_t r = pd_body_take(&x->body, dst, n);
    pthread_mutex_lock(&c->lock);
    pd_conn_return(c);
    exchange_sent(t, c);
    return r;
}

enum pd_read pd_exchange_read(struct pd_thread *t, struct pd_exchange *x, char *dst, size_t n, size_t *got)
{
    struct pd_body *b = &x->body;
    ssize_t r = 0;
    if (!x->streaming) /* complete, and nobody else touches it */
        r = pd_body_take(b, dst, n);
    else {
        exchange_lock(x);
        for (;;) {
            pd_conn_reclaim(x->conn, x);
            if (x->overdue)
                break;
            r = exchange_take(t, x, dst, n);
            if (r || !n || b->complete || b->error || x->ending)
                break;
            exchange_await_body(t, x);
        }
        if (x->overdue || (r == 0 && n && (b->error || (x->ending && !b->complete))))
            r = -1;
        exchange_unlock(x);
    }
    *got = r > 0 ? (size_t)r : 0;
    return r < 0 ? PD_READ_ERROR : PD_READ_OK;
}

/* --- the response ------------------------------------------------------------------------------------------------- */

enum pd_send pd_exchange_write(struct pd_exchange *x, struct pd_slice data, bool may_wait)
{
    struct pd_conn *c = x->conn;
    pd_engine_look_at_clock(
        pd_engine_of(c->host)); /* also while the loop runs: this is when the app gave output last */
    pthread_mutex_lock(&c->lock);
    enum pd_send r = pd_respond_write(x, data, may_wait);
    exchange_sent(NULL, c);
    exchange_unlock(x);
    return r;
}

/* The exchange has ended: its connection goes on to the next request, waits or closes. */
static void exchange_leave(struct pd_thread *t, struct pd_exchange *x)
{
    struct pd_conn *c = x->conn;
    struct pd_host *host = c->host;
    if (c->missed)
        pd_conn_output(c);
    pd_conn_settle(c);
    if (pd_conn_has_work(c))
        pd_conn_input(c, &t->io);
    pd_client_settle(pd_client_of(c), t);
    pthread_mutex_unlock(&c->lock);
    pd_pool_give(host, x);
}

enum pd_send pd_exchange_last(struct pd_thread *t, struct pd_exchange *x, struct pd_slice data, bool may_wait)
{
    exchange_lock(x);
    enum pd_send r = exchange_see_off(x, may_wait) ? pd_respond_last(x, data, may_wait) : PD_SEND_AGAIN;
    if (x->state == PD_X_ENDED)
        exchange_leave(t, x);
    else
        exchange_unlock(x);
    return r;
}

enum pd_send pd_exchange_file(struct pd_thread *t, struct pd_exchange *x, int fd, uint64_t offset, uint64_t n)
{
    struct pd_conn *c = x->conn;
    exchange_lock(x);
    enum pd_send r = pd_respond_file(x, fd, offset, n);
    if (r == PD_SEND_OK && !c->lent && !pd_out_is_empty(&c->out)) {
        c->job = PD_JOB_FLUSH;
        pd_conn_run_job(c, &t->io);
    }
    exchange_sent(t, c);
    exchange_unlock(x);
    return r;
}

bool pd_exchange_early_hints(struct pd_exchange *x, struct pd_slice fields)
{
    struct pd_conn *c = x->conn;
    struct pd_buf encoded;
    if (c->codec != &pd_codec_http1 || x->request.http_minor < 1)
        return false;
    pd_buf_init(&encoded, c->host->sys, c->host->config.response_head + 64);
    bool ok = pd_http1_put_informational(103, fields, &encoded) == PD_R_NONE;
    if (ok) {
        exchange_lock(x);
        ok = pd_respond_early(x, pd_buf_view(&encoded)) == PD_SEND_OK;
        exchange_sent(NULL, c);
        exchange_unlock(x);
    }
    pd_buf_fini(&encoded);
    return ok;
}

void pd_exchange_fail(struct pd_thread *t, struct pd_exchange *x)
{
    exchange_lock(x);
    exchange_see_off(x, true);
    pd_conn_reclaim(x->conn, x);
    if (x->head_sent || !pd_respond_plain_error(x))
        pd_respond_break(x);
    exchange_leave(t, x);
}

bool pd_exchange_refuse_body(struct pd_thread *t, struct pd_exchange *x)
{
    exchange_lock(x);
    if (!x->failure || x->overdue) {
        exchange_unlock(x);
        return false;
    }
    exchange_see_off(x, true);
    pd_conn_reclaim(x->conn, x);
    x->body_sent = 0;
    pd_respond_refuse(x, x->failure);
    exchange_leave(t, x);
    return true;
}

void pd_exchange_overload(struct pd_thread *t, struct pd_exchange *x)
{
    exchange_lock(x);
    exchange_see_off(x, true);
    pd_conn_reclaim(x->conn, x);
    x->body_sent = 0;
    if (x->overdue)
        pd_respond_break(x);
    else
        pd_respond_refuse(x, PD_R_SUSPENDED_FULL);
    exchange_leave(t, x);
}

bool pd_exchange_client_gone(struct pd_exchange *x)
{
    exchange_lock(x);
    bool gone = x->overdue || pd_conn_is_gone(x->conn, x);
    exchange_unlock(x);
    return gone;
}

/* --- requests that wait without a thread ------------------------------------------------------------------------- */

void pd_exchange_park(struct pd_exchange *x)
{
    struct pd_engine *e = pd_engine_of(x->conn->host);
    pthread_mutex_lock(&x->conn->lock);
    pd_exchange_move(x, PD_X_PARKED);
    x->was_parked = true;
    pthread_mutex_lock(&e->lock);
    if (x->wait)
        x->wait->home = NULL;
    pd_call_park(x);
    pthread_mutex_unlock(&e->lock);
    pthread_mutex_unlock(&x->conn->lock);
}

void pd_exchange_resume(struct pd_exchange *x)
{
    struct pd_engine *e = pd_engine_of(x->conn->host);
    pthread_mutex_lock(&x->conn->lock);
    pd_exchange_move(x, PD_X_READY);
    x->ready_ms = e->host.now_ms;
    pthread_mutex_unlock(&x->conn->lock);
    pthread_mutex_lock(&e->lock);
    bool wake = pd_ready_put_back(e, x);
    pthread_mutex_unlock(&e->lock);
    if (wake)
        pd_wakeup_fire(&e->wakeup);
}
