/* conn.c - life of a connection: reading, writing, deadlines, closing (see conn.h). */
#define _GNU_SOURCE
#include "conn/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "conn/receive.h"
#include "conn/respond.h"

enum {
    TURN_READS = 8,  /* of PD_RECV_BYTES each, before the others have their turn; or up to a step of a spill file */
    BEHIND_PART = 4, /* of response_memory: with more unsent a connection is behind */
};

void pd_conn_init(struct pd_conn *c, struct pd_host *host, const struct pd_port *port, int fd, void *codec_state)
{
    *c = (struct pd_conn){
        .codec = port->codec,
        .codec_state = codec_state,
        .host = host,
        .port = port,
        .fd = fd,
        .state = PD_CONN_OPEN,
        .proxied = port->proxied,
        .undecided = port->detect,
        .readable = true,
        .since_ms = host->now_ms,
        .idle_ms = host->now_ms,
    };
    pthread_mutex_init(&c->lock, NULL);
    pd_list_init(&c->exchanges);
    pd_buf_init(&c->in, host->sys, host->config.limits.head + 2 * (size_t)PD_RECV_BYTES);
    pd_out_init(&c->out, host->sys);
    c->codec->init(codec_state, &host->config.limits, &port->options);
}

void pd_conn_fini(struct pd_conn *c)
{
    assert(c->state == PD_CONN_CLOSED && c->nexchanges == 0 && c->noverdue == 0);
    pd_buf_fini(&c->in);
    pd_out_fini(&c->out);
    pthread_mutex_destroy(&c->lock);
}

/* --- input -------------------------------------------------------------------------------------------------------- */

/* Is there an exchange that could take input now? Backpressure is decided here. */
static bool conn_wants_input(const struct pd_conn *c)
{
    if (c->state != PD_CONN_OPEN || c->input_bad || c->lent || c->hung_up || c->job == PD_JOB_SPILL)
        return false;
    if (c->nexchanges == 0) /* a peer that reads no answers gets no further ones: each may cost a spill file */
        return !c->closing && pd_out_is_empty(&c->out);
    for (struct pd_list *l = c->exchanges.next; l != &c->exchanges; l = l->next)
        if (pd_receive_is_full(pd_exchange_of(l)))
            return false;
    return c->codec->multiplexed || pd_receive_is_open(pd_exchange_of(c->exchanges.next));
}

bool pd_conn_expects_input(const struct pd_conn *c)
{
    for (struct pd_list *l = c->exchanges.next; l != &c->exchanges; l = l->next)
        if (pd_receive_is_open(pd_exchange_of(l)))
            return true;
    return c->nexchanges == 0;
}

bool pd_conn_has_work(const struct pd_conn *c)
{
    if (c->state == PD_CONN_LINGER)
        return c->readable;
    return (c->readable || c->unasked || !pd_buf_is_empty(&c->in)) && conn_wants_input(c);
}

/* One read. False: nothing came. */
static bool conn_recv(struct pd_conn *c, struct pd_room room, struct pd_slice *got)
{
    ssize_t n;
    do
        n = PD_SYS(c->host->sys, recv, c->fd, room.p, room.n, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    /* A short read empties the socket, but does not show an end that was reported together with the bytes. */
    c->readable = n == (ssize_t)room.n || (n > 0 && c->half_closed);
    if (n > 0) {
        *got = pd_slice(room.p, (size_t)n);
        return true;
    }
    if (n == 0)
        c->eof = true;
    else if (errno != EAGAIN && errno != EWOULDBLOCK)
        c->hung_up = true;
    return false;
}

/* Gives all unconsumed input to the codec; what it leaves stays in c->in. False: no memory for the rest. */
static bool conn_parse(struct pd_conn *c, struct pd_io *io, struct pd_slice fresh)
{
    if (pd_buf_is_empty(&c->in)) {
        size_t used = pd_receive_feed(c, io, fresh);
        struct pd_slice rest = pd_slice_from(fresh, used);
        return c->state != PD_CONN_OPEN || !rest.n || pd_buf_put(&c->in, rest) == PD_BUF_OK;
    }
    if (pd_buf_put(&c->in, fresh) != PD_BUF_OK)
        return false;
    size_t used = pd_receive_feed(c, io, pd_buf_view(&c->in));
    if (c->state == PD_CONN_OPEN) /* else the buffer is gone already */
        pd_buf_skip(&c->in, used);
    return true;
}

static void conn_discard(struct pd_conn *c, struct pd_io *io)
{
    struct pd_slice got;
    while (conn_recv(c, (struct pd_room){ io->recv, sizeof io->recv }, &got)) {
        c->discarded += got.n;
        if (c->discarded > PD_LINGER_BYTES)
            break;
        c->readable = true;
    }
    if (c->eof || c->hung_up || c->discarded > PD_LINGER_BYTES)
        pd_conn_close(c, false);
}

/*
 * Reads once and parses. The time for a head begins with its first byte, but input that begins no request (FastCGI
 * records that nobody wants) moves no clock: a connection is not kept by it.
 */
static bool conn_read(struct pd_conn *c, struct pd_io *io)
{
    struct pd_slice got;
    bool quiet = !c->nexchanges && pd_buf_is_empty(&c->in);
    struct pd_room usual = { io->recv, sizeof io->recv };
    if (!conn_recv(c, pd_receive_room(c, usual), &got))
        return false;
    if (!conn_parse(c, io, got))
        c->hung_up = true;
    if (quiet && !c->nexchanges && !pd_buf_is_empty(&c->in) && (c->served || !c->codec->multiplexed))
        c->since_ms = c->host->now_ms;
    return true;
}

void pd_conn_input(struct pd_conn *c, struct pd_io *io)
{
    c->missed |= c->lent;
    c->yielded = false;
    if (c->state == PD_CONN_LINGER) {
        if (c->readable)
            conn_discard(c, io);
        return;
    }
    if ((c->unasked || !pd_buf_is_empty(&c->in)) && conn_wants_input(c) && !conn_parse(c, io, PD_SLICE_NONE))
        c->hung_up = true;
    for (int left = TURN_READS; c->readable && !c->yielded && conn_wants_input(c) && conn_read(c, io); left--)
        c->yielded |= left == 1;
    if (c->eof)
        pd_receive_end(c);
    pd_conn_settle(c);
}

/* --- output ------------------------------------------------------------------------------------------------------- */

static void conn_wake(struct pd_conn *c)
{
    for (struct pd_list *l = c->exchanges.next; l != &c->exchanges; l = l->next)
        if (pd_exchange_of(l)->waiters)
            pthread_cond_broadcast(&pd_exchange_of(l)->cond);
}

/* Its exchange is over, as a rule; its id still leads to the line of the access log. */
static void conn_note_shrunk(const struct pd_conn *c)
{
    char text[100];
    char id[PD_EXCHANGE_ID_SIZE];
    pd_exchange_id_text(pd_out_exchange_id(&c->out), id);
    snprintf(text, sizeof text, "%s; id %s", pd_notice_text(PD_NOTICE_FILE_SHRANK), id);
    c->host->log(c->host, PD_NOTICE_FILE_SHRANK, text, c, NULL);
}

/* What a flush came to. */
static void conn_flushed(struct pd_conn *c, enum pd_out_result r)
{
    if (c->out.moved != c->output_moved) {
        c->output_moved = c->out.moved;
        c->output_ms = c->host->now_ms;
    }
    if (r == PD_OUT_EMPTY)
        c->unread = 0;
    if (r == PD_OUT_EMPTY && !c->nexchanges)
        c->since_ms = c->idle_ms = c->host->now_ms; /* only now can the peer send its next request */
    c->want_write = r == PD_OUT_WAIT;
    c->job = r == PD_OUT_FILE ? PD_JOB_FLUSH : c->job == PD_JOB_FLUSH ? PD_JOB_NONE : c->job;
    if (r == PD_OUT_SHORT)
        conn_note_shrunk(c);
    if (r == PD_OUT_GONE || r == PD_OUT_SHORT) {
        c->reset = true; /* a plain end may be taken for that of the response: front ends do, and HTTP/1.0 means it */
        c->hung_up = true;
        pd_out_fini(&c->out);
    }
    conn_wake(c);
}

void pd_conn_output(struct pd_conn *c)
{
    c->missed = c->lent;
    if (c->lent || c->state != PD_CONN_OPEN || c->hung_up)
        return;
    if (!pd_out_is_empty(&c->out))
        conn_flushed(c, pd_out_flush(&c->out, c->fd, false));
    pd_conn_settle(c);
}

bool pd_conn_is_behind(const struct pd_conn *c)
{
    if (c->state != PD_CONN_OPEN || c->hung_up)
        return false;
    /* While it is lent, the out queue may not be looked at. */
    return c->lent || pd_out_is_over(&c->out, c->host->config.response_memory / BEHIND_PART);
}

/* --- work that may wait for a disk -------------------------------------------------------------------------------- */

void pd_conn_return(struct pd_conn *c)
{
    c->lent = false;
    if (c->hung_up)
        pd_receive_end(c); /* the peer left meanwhile */
    conn_wake(c);
}

void pd_conn_reclaim(struct pd_conn *c, struct pd_exchange *x)
{
    while (c->lent && !x->overdue) {
        x->waiters++;
        pthread_cond_wait(&x->cond, &c->lock);
        x->waiters--;
    }
}

static void conn_spill(struct pd_conn *c)
{
    for (struct pd_list *l = c->exchanges.next; l != &c->exchanges; l = l->next) {
        struct pd_exchange *x = pd_exchange_of(l);
        if (!pd_receive_must_spill(x))
            continue;
        c->lent = true;
        pthread_mutex_unlock(&c->lock);
        bool ok = pd_body_spill(&x->body);
        pthread_mutex_lock(&c->lock);
        c->lent = false;
        if (!ok)
            pd_receive_failed(x, PD_R_SPILL_FAILED);
        pd_conn_return(c); /* behind the last use of the exchange, which this may end */
        return;            /* the list may have changed; what else must spill comes with the next job */
    }
}

static void conn_flush_files(struct pd_conn *c)
{
    c->lent = true;
    pthread_mutex_unlock(&c->lock);
    enum pd_out_result r = pd_out_flush(&c->out, c->fd, true);
    pthread_mutex_lock(&c->lock);
    pd_conn_return(c);
    conn_flushed(c, r);
}

void pd_conn_run_job(struct pd_conn *c, struct pd_io *io)
{
    enum pd_conn_job job = c->job;
    if (c->lent || c->state != PD_CONN_OPEN || job == PD_JOB_NONE)
        return;
    c->job = PD_JOB_NONE;
    if (job == PD_JOB_SPILL)
        conn_spill(c);
    bool unsent = !pd_out_is_empty(&c->out) && !c->want_write; /* the spill took the place of this job */
    if ((job == PD_JOB_FLUSH || unsent) && !c->hung_up)
        conn_flush_files(c);
    if (c->missed)
        pd_conn_output(c);
    if (c->state != PD_CONN_CLOSED)
        pd_conn_input(c, io);
}

/* --- time --------------------------------------------------------------------------------------------------------- */

enum phase { PHASE_NONE, PHASE_LINGER, PHASE_WRITE, PHASE_HEAD, PHASE_BODY, PHASE_IDLE };

static enum phase conn_phase(const struct pd_conn *c)
{
    if (c->state != PD_CONN_OPEN)
        return c->state == PD_CONN_LINGER ? PHASE_LINGER : PHASE_NONE;
    if (c->lent) /* who has it sets the deadline when it gives it back; the out queue may not be looked at */
        return PHASE_NONE;
    if (!pd_out_is_empty(&c->out))
        return PHASE_WRITE;
    enum phase p = c->nexchanges ? PHASE_NONE : c->served && pd_buf_is_empty(&c->in) ? PHASE_IDLE : PHASE_HEAD;
    for (struct pd_list *l = c->exchanges.next; l != &c->exchanges; l = l->next) {
        const struct pd_exchange *x = pd_exchange_of(l);
        if (x->state == PD_X_HEAD)
            return PHASE_HEAD;
        if (x->state == PD_X_BODY || (x->waiters && !x->body.complete))
            p = PHASE_BODY;
    }
    return p;
}

static uint64_t after(uint64_t since, uint64_t limit)
{
    return limit ? since + limit : 0;
}

/* The earliest of all bodies that are waited for. */
static uint64_t conn_body_deadline(const struct pd_conn *c)
{
    uint64_t first = 0;
    for (struct pd_list *l = c->exchanges.next; l != &c->exchanges; l = l->next) {
        uint64_t d = pd_receive_deadline(pd_exchange_of(l));
        if (d && (!first || d < first))
            first = d;
    }
    return first;
}

void pd_conn_set_deadline(struct pd_conn *c)
{
    const struct pd_timeouts *t = &c->host->config.timeouts;
    switch (conn_phase(c)) {
    case PHASE_NONE:
        c->deadline_ms = 0;
        break;
    case PHASE_LINGER:
        c->deadline_ms = after(c->since_ms, t->linger);
        break;
    case PHASE_WRITE:
        c->deadline_ms = after(c->output_ms, t->write);
        break;
    case PHASE_HEAD:
        c->deadline_ms = after(c->since_ms, t->head);
        break;
    case PHASE_BODY:
        c->deadline_ms = conn_body_deadline(c);
        break;
    case PHASE_IDLE:
        c->deadline_ms = after(c->idle_ms, t->idle);
        break;
    }
}

void pd_conn_timeout(struct pd_conn *c)
{
    if (c->lent)
        return; /* body and out queue are in use; the timer comes again until they are not */
    switch (conn_phase(c)) {
    case PHASE_NONE:
        return;
    case PHASE_LINGER:
        pd_conn_close(c, false);
        return;
    case PHASE_WRITE:
        pd_host_note(c->host, PD_NOTICE_WRITE_TIMEOUT, c, NULL);
        c->hung_up = true;
        c->reset = true;
        pd_out_fini(&c->out);
        break;
    case PHASE_HEAD:
        pd_receive_late(c, PD_R_HEAD_TIMEOUT);
        break;
    case PHASE_BODY:
        pd_receive_late(c, PD_R_BODY_TIMEOUT);
        break;
    case PHASE_IDLE:
        c->closing = true;
        break;
    }
    pd_conn_settle(c);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void conn_move(struct pd_conn *c, enum pd_conn_state to)
{
    assert(pd_conn_may_move(c->state, to));
    c->state = to;
}

bool pd_conn_is_shared(const struct pd_conn *c)
{
    const _Atomic bool *forked = c->host->config.forked;
    return c->shared || (forked && atomic_load_explicit(forked, memory_order_relaxed));
}

/* What close() would do if no child had a copy. On Linux, connect() to nowhere sends RST over TCP. */
static void conn_end_everywhere(const struct pd_conn *c)
{
    const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
    if (c->reset)
        PD_SYS(c->host->sys, connect, c->fd, &nowhere, sizeof nowhere);
    PD_SYS(c->host->sys, shutdown, c->fd, SHUT_RDWR);
}

void pd_conn_leave(struct pd_conn *c)
{
    c->hung_up = true;
    c->closing = true;
    c->host->unwatch(c->host, c);
    PD_SYS(c->host->sys, close, c->fd);
    c->fd = -1;
    conn_move(c, PD_CONN_CLOSED);
    c->want_write = false;
    c->job = PD_JOB_NONE;
    pd_out_fini(&c->out);
    pd_buf_clear(&c->in);
    pd_receive_end(c);
}

void pd_conn_close(struct pd_conn *c, bool reset)
{
    if (c->state == PD_CONN_CLOSED)
        return;
    c->hung_up = true;
    c->closing = true;
    c->reset |= reset;
    if (c->lent)
        return; /* the thread that has it closes it when it gives it back */
    if (c->reset) {
        c->host->resets++;
        struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
        PD_SYS(c->host->sys, setsockopt, c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    if (pd_conn_is_shared(c))
        conn_end_everywhere(c);
    pd_conn_leave(c);
}

/* Input that was never read makes the kernel send RST on close, which can destroy the answer on its way. */
static bool conn_must_linger(const struct pd_conn *c)
{
    return !c->eof && !c->hung_up && !c->reset &&
           (c->input_bad || c->unfinished || c->surplus || c->readable || !pd_buf_is_empty(&c->in) ||
            !c->codec->at_boundary(c->codec_state));
}

void pd_conn_settle(struct pd_conn *c)
{
    if (c->state != PD_CONN_OPEN || c->lent)
        return;
    if (c->hung_up) /* requests that are not run end here, and who waits for the peer is woken */
        pd_receive_end(c);
    bool idle = c->nexchanges == 0;
    if (idle && c->eof)
        c->closing = true;
    if (c->hung_up && idle)
        pd_conn_close(c, false);
    else if (c->closing && idle && pd_out_is_empty(&c->out)) {
        if (!conn_must_linger(c)) {
            pd_conn_close(c, false);
            return;
        }
        PD_SYS(c->host->sys, shutdown, c->fd, SHUT_WR);
        conn_move(c, PD_CONN_LINGER);
        c->job = PD_JOB_NONE;
        c->since_ms = c->host->now_ms;
        c->discarded = 0;
        pd_buf_clear(&c->in);
    }
}

void pd_conn_hangup(struct pd_conn *c, bool both_ways)
{
    c->half_closed = true;
    c->readable = true;
    c->left = true;
    if (both_ways) {
        c->hung_up = true;
        pd_conn_settle(c);
    }
}

bool pd_conn_has_left(const struct pd_conn *c, const struct pd_exchange *x)
{
    return x->aborted || c->hung_up || (c->half_closed && !c->port->serve_half_closed);
}

bool pd_conn_is_gone(struct pd_conn *c, const struct pd_exchange *x)
{
    if (pd_conn_has_left(c, x) || c->state == PD_CONN_CLOSED)
        return true;
    struct pollfd p = { .fd = c->fd, .events = POLLRDHUP };
    if (PD_SYS(c->host->sys, poll, &p, 1, 0) == 1)
        c->half_closed = true;
    if (p.revents & (POLLERR | POLLHUP | POLLNVAL))
        return true;
    return c->half_closed && !c->port->serve_half_closed;
}
