/* receive.c - responses on their way in (see conn.h). */
#define _GNU_SOURCE
#include "conn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { SLICES_PER_SECOND = 100 };

/* Whether the server leaves the connection open, as its head says (RFC 9112 section 9.3). */
static bool stays_open(const struct pd_answer_head *h)
{
    for (size_t i = 0; i < h->nfields; i++) {
        if (!pd_slice_eq_nocase(h->fields[i].name, PD_SLICE("connection")))
            continue;
        if (pd_slice_eq_nocase(h->fields[i].value, PD_SLICE("close")))
            return false;
        if (pd_slice_eq_nocase(h->fields[i].value, PD_SLICE("keep-alive")))
            return true;
    }
    return h->http_minor > 0;
}

static void take_body(struct load_run *r, struct load_ask *ask, struct pd_slice data)
{
    struct load_right *right = &ask->request->right;
    uint64_t at = ask->got;
    ask->got += data.n;
    if (!right->known) {
        size_t room = LOAD_KEPT_MAX - pd_buf_view(&right->body).n;
        if (pd_buf_put(&right->body, pd_slice(data.p, data.n < room ? data.n : room)) != PD_BUF_OK)
            ask->wrong_body = true;
        return;
    }
    struct pd_slice kept = pd_buf_view(&right->body);
    if (r->options->check != LOAD_CHECK_BODY || at >= kept.n)
        return;
    size_t n = kept.n - (size_t)at < data.n ? kept.n - (size_t)at : data.n;
    ask->wrong_body = ask->wrong_body || memcmp(kept.p + at, data.p, n) != 0;
}

/* An answer that is none: from here on nothing on the connection can be believed. */
static void refuse(struct load_run *r, struct load_conn *c, enum pd_reason reason)
{
    enum load_deviation kind = reason == PD_R_ANSWER_EMPTY     ? LOAD_CLOSED
                               : reason == PD_R_ANSWER_NO_HEAD ? LOAD_CUT
                                                               : LOAD_MALFORMED;
    load_conn_fail(r, c, kind, pd_reason_text(reason));
}

/* One answer of a codec; false: the ask is over. */
static bool take_answer(struct load_run *r, struct load_ask *ask, const struct pd_answer *a, bool surplus)
{
    struct load_conn *c = ask->conn;
    switch (a->kind) {
    case PD_ANSWER_HEAD:
        ask->status = a->head->status;
        if (r->options->target.codec == &pd_client_http1)
            ask->again = ask->again && stays_open(a->head);
        return true;
    case PD_ANSWER_BODY:
        take_body(r, ask, a->data);
        return true;
    case PD_ANSWER_DEMAND:
        c->sender.demand = a->wanted;
        c->sender.demanded = true; /* it is sent when these bytes are read */
        return true;
    case PD_ANSWER_END:
        if (a->ended == PD_ENDED_CUT) {
            char what[100];
            snprintf(what, sizeof what, "broken off behind %llu bytes of the body", (unsigned long long)ask->got);
            load_conn_fail(r, c, LOAD_CUT, what);
            return false;
        }
        if (r->options->target.codec == &pd_client_ajp13)
            ask->again = ask->again && a->reuse;
        load_conn_answered(r, ask, a, surplus);
        return false;
    case PD_ANSWER_BAD:
        refuse(r, c, a->reason);
        return false;
    default: /* an interim response, or what the application wrote to its standard error */
        return true;
    }
}

bool load_conn_take(struct load_run *r, struct load_ask *ask, struct pd_slice in)
{
    const struct pd_client_codec *codec = r->options->target.codec;
    struct pd_answer a;
    do {
        size_t used;
        codec->next(ask->state, in, &used, &r->scratch, &a);
        in = pd_slice_from(in, used);
        if (a.kind == PD_ANSWER_MORE)
            return true;
    } while (take_answer(r, ask, &a, in.n > 0 || a.surplus));
    return false;
}

/* The server has closed, or (not `clean`) reset the connection. */
static void take_end(struct load_run *r, struct load_conn *c, bool clean)
{
    if (!c->active) {
        load_conn_drop(r, c);
        return;
    }
    if (r->options->streams > 1) {
        load_conn_fail(r, c, LOAD_CLOSED, "the server closed the connection with requests under way");
        return;
    }
    struct pd_answer a;
    r->options->target.codec->eof(c->asks->state, clean, &a);
    c->half_closed = true;
    (void)take_answer(r, c->asks, &a, false);
}

/* Bytes that a slow client may take now; 0: it waits for a timer. */
static size_t allowance(struct load_run *r, struct load_conn *c)
{
    uint64_t rate = r->options->read_rate;
    if (!rate || !c->active)
        return LOAD_INPUT;
    if (!c->in_since_ns)
        c->in_since_ns = r->now;
    double allowed = (double)rate * (double)(r->now - c->in_since_ns) / 1e9 + 1;
    if (allowed >= (double)c->in_n + 1)
        return allowed - (double)c->in_n < LOAD_INPUT ? (size_t)(allowed - (double)c->in_n) : LOAD_INPUT;
    uint64_t slice = rate / SLICES_PER_SECOND ? rate / SLICES_PER_SECOND : 1;
    double wait = (double)(c->in_n + slice) * 1e9 / (double)rate;
    load_timers_set(&r->timers, &c->asks->timer, c->in_since_ns + (uint64_t)wait + 1);
    return 0;
}

/* Takes bytes; false: there is nothing more to be done with this connection. */
static bool took(struct load_run *r, struct load_conn *c, size_t n)
{
    r->tally->received += n;
    c->in_n += n;
    if (r->options->streams > 1)
        return load_mux_take(r, c, pd_slice(r->input, n));
    if (c->active)
        return load_conn_take(r, c->asks, pd_slice(r->input, n));
    load_deviate(&r->deviations, LOAD_SURPLUS, NULL, "%zu bytes came although nothing was asked", n);
    load_conn_drop(r, c);
    return false;
}

/* The loop reports edges: this goes on until a read was not filled, which empties the socket. */
void load_conn_read(struct load_run *r, struct load_conn *c)
{
    for (;;) {
        size_t most = allowance(r, c);
        if (!most)
            return;
        ssize_t n = recv(c->fd, r->input, most, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            take_end(r, c, n == 0);
            return;
        }
        if (!took(r, c, (size_t)n))
            return;
        if (c->active && c->sender.demanded)
            load_conn_flush(r, c);
        if (c->fd < 0 || ((size_t)n < most && !c->half_closed))
            return;
    }
}
