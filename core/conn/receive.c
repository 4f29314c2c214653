/* receive.c - codec events become requests (see receive.h). */
#include "conn/receive.h"

#include "codec/detect.h"
#include "codec/profiles.h"
#include "codec/proxy.h"
#include "conn/health.h"
#include "conn/respond.h"

static const uint64_t STAMP_OLDEST_US = 3600u * 1000000ull; /* a front end that says more has another clock */

/* The newest exchange of this stream (protocols without streams have one at a time); the list is short. */
static struct pd_exchange *receive_find(const struct pd_conn *c, uint32_t stream)
{
    for (struct pd_list *l = c->exchanges.prev; l != &c->exchanges; l = l->prev)
        if (!c->codec->multiplexed || pd_exchange_of(l)->stream == stream)
            return pd_exchange_of(l);
    return NULL;
}

static void receive_wake(struct pd_exchange *x)
{
    if (x->waiters)
        pthread_cond_broadcast(&x->cond);
    if (x->is_awaited)
        x->conn->fed = true;
}

static bool shares_connection(const struct pd_exchange *x)
{
    return x->conn->nexchanges > 1;
}

/* How much of the body is collected in memory before it is written. */
static size_t spill_at(const struct pd_exchange *x)
{
    return x->body.fd < 0 ? x->conn->host->config.body_memory + 1 : pd_body_step(&x->body);
}

bool pd_receive_must_spill(const struct pd_exchange *x)
{
    const struct pd_conn *c = x->conn;
    const struct pd_body *b = &x->body;
    size_t held = pd_buf_view(&b->mem).n;
    if (!pd_spill_dir_works(&c->host->spill_dir) || b->error || x->state == PD_X_HEAD)
        return false;
    if (x->streaming)
        return shares_connection(x) && held >= c->host->config.stream_window;
    return !b->complete && held >= spill_at(x);
}

uint64_t pd_receive_deadline(const struct pd_exchange *x)
{
    uint64_t grace = x->conn->host->config.timeouts.body;
    bool waits = x->state == PD_X_BODY || (x->waiters && pd_receive_is_open(x));
    return waits && grace ? x->input_ms + grace + x->body.received * 1000 / PD_BODY_MIN_RATE : 0;
}

bool pd_receive_is_readable(const struct pd_exchange *x)
{
    const struct pd_body *b = &x->body;
    if (x->conn->lent) /* it may be in other hands; what was missed is looked at when they give it back */
        return false;
    return b->complete || b->error || pd_buf_view(&b->mem).n || !pd_body_is_in_memory(b);
}

/* The time of all waits counts, that between them does not. */
void pd_receive_await(struct pd_exchange *x, bool *way, bool on)
{
    bool waited = x->is_read || x->is_awaited;
    *way = on;
    if (on)
        x->waiters++;
    else
        x->waiters--;
    if (waited != (x->is_read || x->is_awaited))
        x->input_ms = x->conn->host->now_ms - x->input_ms;
}

bool pd_receive_is_full(const struct pd_exchange *x)
{
    return x->streaming && !x->body.complete && !shares_connection(x) &&
           pd_buf_view(&x->body.mem).n >= x->conn->host->config.stream_window;
}

/* --- failure ------------------------------------------------------------------------------------------------------ */

static enum pd_body_error body_error(enum pd_reason reason)
{
    switch (reason) {
    case PD_R_BODY_TRUNCATED:
        return PD_BODY_CUT;
    case PD_R_BODY_TIMEOUT:
        return PD_BODY_TIMEOUT;
    case PD_R_SPILL_FAILED:
        return PD_BODY_DISK;
    default:
        return PD_BODY_BROKEN;
    }
}

void pd_receive_failed(struct pd_exchange *x, enum pd_reason reason)
{
    struct pd_host *host = x->conn->host;
    if (x->state == PD_X_HEAD || x->state == PD_X_BODY) {
        pd_respond_refuse(x, reason);
        host->exchange_free(host, x);
        return;
    }
    if (!x->body.complete && !x->body.error) {
        x->body.error = body_error(reason);
        x->failure = reason;
    }
    if (!x->conn->codec->multiplexed) /* the head may have promised to keep the connection */
        x->conn->input_bad = x->conn->closing = true;
    receive_wake(x);
}

static void receive_drop(struct pd_exchange *x)
{
    struct pd_host *host = x->conn->host;
    pd_respond_drop(x);
    host->exchange_free(host, x);
}

/* --- the request head --------------------------------------------------------------------------------------------- */

static struct pd_exchange *receive_open(struct pd_conn *c, uint32_t stream)
{
    struct pd_exchange *x = c->host->exchange_new(c->host);
    if (!x) {
        c->input_bad = true;
        c->closing = true;
        return NULL;
    }
    bool alone = true; /* with its head; other requests may have run for long */
    for (struct pd_list *l = c->exchanges.next; l != &c->exchanges; l = l->next)
        alone &= pd_exchange_of(l)->state != PD_X_HEAD;
    if (alone)
        c->since_ms = c->host->now_ms;
    x->conn = c;
    x->stream = stream;
    pd_exchange_move(x, PD_X_HEAD);
    x->begin_ns = atomic_load_explicit(&c->host->now_ns, memory_order_relaxed);
    pd_list_push(&c->exchanges, &x->node);
    c->nexchanges++;
    return x;
}

/* Nobody's work stands between a peer and these answers, so one is given in a turn: see pd_conn.yielded. */
static void receive_answer_health(struct pd_exchange *x)
{
    struct pd_conn *c = x->conn;
    pd_health_answer(x);
    c->host->exchange_free(c->host, x);
    c->yielded = true;
}

static void receive_enqueue(struct pd_exchange *x)
{
    struct pd_host *host = x->conn->host;
    if (x->is_health) {
        receive_answer_health(x);
        return;
    }
    pd_exchange_move(x, PD_X_READY);
    x->ready_ms = host->now_ms;
    x->ready_ns = atomic_load_explicit(&host->now_ns, memory_order_relaxed);
    if (host->ready(host, x))
        return;
    pd_exchange_move(x, PD_X_BODY);
    pd_receive_failed(x, PD_R_OVERLOADED);
}

static void receive_begin_body(struct pd_exchange *x)
{
    struct pd_conn *c = x->conn;
    const struct pd_request *q = &x->request;
    /* The others say BODY_END themselves. So does the CGI stub, which asks again what was not read to its end. */
    if (q->content_length == 0 || (q->content_length < 0 && !q->chunked))
        x->body.complete = c->codec->multiplexed && !c->port->site.program;
    x->is_health = pd_health_is_asked(x);
    x->streaming = c->port->stream && !x->is_health; /* ours is answered when nothing of it can come any more */
    x->input_ms = x->streaming ? 0 : c->host->now_ms;
    x->want_continue = q->expect_continue && q->content_length != 0;
    pd_exchange_move(x, PD_X_BODY);
    if (x->streaming || x->body.complete)
        receive_enqueue(x);
}

/* What of a request decides about the form of its response. */
static void receive_shape_response(struct pd_exchange *x)
{
    x->response.http_minor = x->request.http_minor;
    x->response.is_head = x->request.is_head;
    x->response.may_send_file = x->conn->port->send_file;
    x->response.status_last = pd_profile_fixes(x->conn->port->site.profile) & PD_FIX_STATUS_LAST;
}

/* A head that can be read, but that its codec refuses. */
static void receive_refused_head(struct pd_exchange *x, const struct pd_head *head)
{
    pd_request_refused(head, &x->request);
    receive_shape_response(x);
}

/* How long the front end says it has had the request. What cannot be true, as clocks differ, does not count. */
static void receive_stamp(struct pd_exchange *x)
{
    uint64_t now_us = PD_SYS0(x->conn->host->sys, wall_ns) / 1000;
    uint64_t stamp = x->request.stamp_us;
    if (stamp < now_us && now_us - stamp <= STAMP_OLDEST_US)
        x->lead_ms = (now_us - stamp) / 1000;
}

static void receive_head(struct pd_exchange *x, const struct pd_event *ev, struct pd_io *io)
{
    struct pd_conn *c = x->conn;
    const struct pd_limits *limits = &c->host->config.limits;
    struct pd_peer peer = { pd_slice(c->peer_addr, strlen(c->peer_addr)),
                            pd_slice(c->peer_port, strlen(c->peer_port)) };
    struct pd_head parsed;
    const struct pd_head *head = ev->head;
    enum pd_reason r = PD_R_NONE;
    if (!head) {
        r = c->codec->parse_head(c->codec_state, x->stream, pd_buf_view(&x->head), &io->scratch, &parsed);
        head = &parsed;
    }
    if (r == PD_R_NONE) {
        r = pd_request_build(head, &c->port->site, &peer, limits, &x->arena, &x->request);
        receive_shape_response(x);
        if (x->request.stamp_us)
            receive_stamp(x);
    } else {
        receive_refused_head(x, head);
    }
    if (r != PD_R_NONE) {
        pd_receive_failed(x, r); /* its log line may still show bytes of the head */
        return;
    }
    pd_buf_clear(&x->head);
    receive_begin_body(x);
}

/* --- the request body --------------------------------------------------------------------------------------------- */

/* A body that is too large for memory, without a spill directory: the app reads it as it arrives. */
static void receive_stream_instead(struct pd_exchange *x)
{
    x->streaming = true;
    x->input_ms = 0;
    receive_enqueue(x);
}

/* FastCGI: what was not announced is cut off, as behind every other gateway, but not without a word. */
static void receive_surplus(struct pd_exchange *x)
{
    if (x->input_ended || x->has_surplus)
        return;
    x->has_surplus = true;
    pd_host_note(x->conn->host, PD_NOTICE_BODY_CUT, x->conn, x);
}

static void receive_body(struct pd_exchange *x, struct pd_slice data)
{
    struct pd_conn *c = x->conn;
    const struct pd_config *cfg = &c->host->config;
    struct pd_body *b = &x->body;
    int64_t announced = x->request.content_length;
    if (b->complete)
        receive_surplus(x);
    if (b->complete || b->error)
        return;
    if (announced >= 0 && data.n > (uint64_t)announced - b->received) {
        receive_surplus(x);
        data.n = (size_t)((uint64_t)announced - b->received);
    }
    if (b->received + data.n > cfg->limits.body) {
        pd_receive_failed(x, PD_R_BODY_TOO_LARGE);
        return;
    }
    if (!pd_body_put(b, data)) {
        pd_receive_failed(x, PD_R_NO_MEMORY);
        return;
    }
    receive_wake(x);
    if (pd_receive_must_spill(x))
        c->job = PD_JOB_SPILL;
    else if (x->state == PD_X_BODY && pd_buf_view(&b->mem).n > cfg->body_memory && b->fd < 0)
        receive_stream_instead(x);
}

static void receive_body_end(struct pd_exchange *x)
{
    struct pd_body *b = &x->body;
    int64_t announced = x->request.content_length;
    x->input_ended = true;
    if (b->complete || b->error)
        return;
    if (announced >= 0 && b->received < (uint64_t)announced) {
        pd_receive_failed(x, PD_R_BODY_TRUNCATED);
        return;
    }
    b->complete = true;
    x->want_continue = false;
    receive_wake(x);
    if (x->state == PD_X_BODY)
        receive_enqueue(x);
}

static void receive_abort(struct pd_exchange *x)
{
    x->aborted = true;
    if (x->state == PD_X_HEAD || x->state == PD_X_BODY) {
        struct pd_host *host = x->conn->host;
        pd_respond_abandon(x);
        host->exchange_free(host, x);
        return;
    }
    x->conn->left = true;
    pd_receive_failed(x, PD_R_BODY_TRUNCATED);
}

static void receive_bad(struct pd_conn *c, struct pd_exchange *x, const struct pd_event *ev)
{
    c->input_bad |= ev->fatal;
    if (!x && pd_reason_status(ev->reason) && !c->codec->multiplexed)
        x = receive_open(c, ev->stream);
    bool answered = x != NULL;
    if (x && ev->head && x->state == PD_X_HEAD)
        receive_refused_head(x, ev->head);
    if (x)
        pd_receive_failed(x, ev->reason);
    else
        pd_host_refused(c->host, ev->reason, c, NULL);
    c->closing |= ev->fatal;
    if (ev->fatal && (c->codec->multiplexed || !answered))
        pd_conn_close(c, c->nexchanges > 0); /* nobody there who would understand an answer */
}

/* Replies that the peer does not read must not fill the memory. */
static void receive_flood(struct pd_conn *c)
{
    const struct pd_event flood = { .kind = PD_EV_BAD, .reason = PD_R_FCGI_FLOOD, .fatal = true };
    if (c->codec->multiplexed && c->unread > PD_UNREAD_BYTES) /* the others read nothing while output waits */
        receive_bad(c, NULL, &flood);
}

/* What comes is one event, so nobody looks at it any more when that has ended the exchange, and its memory. */
struct pd_room pd_receive_room(struct pd_conn *c, struct pd_room usual)
{
    struct pd_exchange *x = pd_list_is_empty(&c->exchanges) ? NULL : pd_exchange_of(c->exchanges.prev);
    if (!x || x->state != PD_X_BODY || x->body.fd < 0 || !pd_buf_is_empty(&c->in) || !c->codec->body_ahead)
        return usual;
    uint64_t ahead = c->codec->body_ahead(c->codec_state);
    size_t held = pd_buf_view(&x->body.mem).n;
    if (ahead < PD_RECV_BYTES || held >= spill_at(x))
        return usual;
    size_t n = spill_at(x) - held;
    if (ahead < n)
        n = (size_t)ahead;
    char *p = pd_body_room(&x->body, n);
    return p ? (struct pd_room){ p, n } : usual;
}

/* --- feeding ------------------------------------------------------------------------------------------------------ */

/* Handles one event. False: nothing more may be parsed now. */
static bool receive_event(struct pd_conn *c, struct pd_io *io, const struct pd_event *ev)
{
    struct pd_exchange *x = ev->kind == PD_EV_OPEN || ev->kind == PD_EV_MORE ? NULL : receive_find(c, ev->stream);
    switch (ev->kind) {
    case PD_EV_MORE:
        c->surplus |= ev->surplus;
        return false;
    case PD_EV_OPEN:
        return receive_open(c, ev->stream) != NULL;
    case PD_EV_REPLY:
        pd_respond_raw(c, ev->data);
        c->input_bad |= ev->fatal;
        c->closing |= ev->fatal;
        receive_flood(c);
        break;
    case PD_EV_BAD:
        receive_bad(c, x, ev);
        return !c->input_bad;
    case PD_EV_HEAD_BYTES:
        if (x && x->state == PD_X_HEAD && pd_buf_put(&x->head, ev->data) != PD_BUF_OK)
            pd_receive_failed(x, PD_R_HEAD_TOO_LARGE);
        break;
    case PD_EV_HEAD:
        if (x && x->state == PD_X_HEAD)
            receive_head(x, ev, io);
        break;
    case PD_EV_BODY:
        if (x)
            receive_body(x, ev->data);
        else
            c->discarded += ev->data.n;
        c->closing |= !c->codec->multiplexed && c->discarded > PD_DISCARD_BYTES;
        x = receive_find(c, ev->stream); /* it may have been refused, and be another's by now */
        if (x && pd_receive_is_full(x))
            return false;
        break;
    case PD_EV_BODY_END:
        if (x)
            receive_body_end(x);
        break;
    case PD_EV_ABORT:
        if (x)
            receive_abort(x);
        receive_flood(c);
        break;
    }
    return !c->input_bad && !c->hung_up && !c->yielded;
}

/* The header that must come before everything else. False: it is not there yet, or the connection is closed. */
static bool receive_proxy(struct pd_conn *c, struct pd_slice in, size_t *used)
{
    struct pd_proxied client;
    enum pd_reason reason;
    enum pd_proxy_step step = pd_proxy_parse(in, &client, used, &reason);
    if (step == PD_PROXY_BAD) {
        pd_host_refused(c->host, reason, c, NULL);
        pd_conn_close(c, false);
    }
    if (step != PD_PROXY_DONE)
        return false;
    c->proxied = false;
    if (client.named) {
        memcpy(c->peer_addr, client.addr, sizeof c->peer_addr);
        memcpy(c->peer_port, client.port, sizeof c->peer_port);
        c->listed = c->undecided && c->host->lists(c);
    }
    return true;
}

/* The first byte says which protocol it is. False: it has not come yet, or the connection is closed. */
static bool receive_detect(struct pd_conn *c, struct pd_slice in)
{
    enum pd_reason reason;
    if (!in.n)
        return false;
    const struct pd_codec *codec = pd_detect(in.p[0], &c->port->options, &reason);
    if (codec && codec->gateway && !c->listed)
        reason = PD_R_GATEWAY_NOT_LISTED;
    if (reason) {
        pd_host_refused(c->host, reason, c, NULL);
        pd_conn_close(c, false);
        return false;
    }
    c->undecided = false;
    c->codec = codec;
    codec->init(c->codec_state, &c->host->config.limits, &c->port->options);
    return true;
}

size_t pd_receive_feed(struct pd_conn *c, struct pd_io *io, struct pd_slice in)
{
    size_t consumed = 0;
    if (c->proxied && !receive_proxy(c, in, &consumed))
        return 0;
    if (c->undecided && !receive_detect(c, pd_slice_from(in, consumed)))
        return consumed;
    bool go_on = true;
    struct pd_event ev = { .kind = PD_EV_MORE };
    while (go_on && c->state == PD_CONN_OPEN) {
        size_t used = 0;
        c->codec->next(c->codec_state, pd_slice_from(in, consumed), &used, &io->scratch, &ev);
        go_on = receive_event(c, io, &ev);
        consumed += used;
    }
    c->unasked = ev.kind == PD_EV_BODY;
    struct pd_exchange *x = pd_list_is_empty(&c->exchanges) ? NULL : pd_exchange_of(c->exchanges.next);
    if (x && x->state == PD_X_BODY)
        pd_respond_continue(x);
    return consumed;
}

/* --- the end of input --------------------------------------------------------------------------------------------- */

void pd_receive_end(struct pd_conn *c)
{
    struct pd_list *next;
    if (c->lent)
        return; /* a thread works on a body or the out queue; pd_conn_return() comes back to this */
    for (struct pd_list *l = c->exchanges.next; l != &c->exchanges; l = next) {
        struct pd_exchange *x = pd_exchange_of(l);
        next = l->next;
        bool early = x->state == PD_X_HEAD || x->state == PD_X_BODY;
        if (early && (c->hung_up || x->state == PD_X_HEAD))
            receive_drop(x);
        else if (pd_receive_is_open(x))
            pd_receive_failed(x, PD_R_BODY_TRUNCATED);
        else
            receive_wake(x);
    }
}

void pd_receive_late(struct pd_conn *c, enum pd_reason reason)
{
    bool silent = c->nexchanges == 0; /* nothing came, or less than a codec could name a request */
    struct pd_list *next;
    for (struct pd_list *l = c->exchanges.next; l != &c->exchanges; l = next) {
        struct pd_exchange *x = pd_exchange_of(l);
        next = l->next;
        uint64_t deadline = pd_receive_deadline(x);
        bool late = reason == PD_R_BODY_TIMEOUT ? deadline && deadline <= c->host->now_ms : x->state == PD_X_HEAD;
        if (late)
            pd_receive_failed(x, reason);
    }
    if (c->codec->multiplexed && !silent && reason == PD_R_BODY_TIMEOUT)
        return; /* the other streams go on */
    c->closing = true;
    if (silent)
        c->readable = false; /* nothing was sent that the end could destroy, so there is nothing to linger for */
    else
        c->input_bad = true;
}
