/* respond.c - the response side of an exchange (see respond.h). */
#include "conn/respond.h"

#include "codec/http1.h"
#include "codec/names.h"
#include "conn/late.h"
#include "conn/page.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

enum {
    FRAMES = 16,           /* frames gathered for one system call */
    VECS = FRAMES * 3 + 2, /* prefix, block, suffix of each, head and end */
};

/* What one sendmsg call will send. */
struct gather {
    struct iovec iov[VECS];
    size_t n;
    size_t sum;
    char fix[FRAMES][PD_FRAME_PREFIX_MAX + PD_FRAME_SUFFIX_MAX];
    char end[PD_END_MAX];
};

static void gather_add(struct gather *g, const char *p, size_t n)
{
    if (!n)
        return;
    g->iov[g->n++] = (struct iovec){ (void *)p, n };
    g->sum += n;
}

/* --- getting bytes out, or into the queue, or into the spill file ------------------------------------------------- */

/* The connection cannot go on. Its other requests learn it by pd_conn_settle(), which follows each call. */
static void respond_lost(struct pd_conn *c)
{
    c->hung_up = true;
    c->closing = true;
    c->reset |= c->codec->gateway; /* front ends take a plain end for a complete response */
    pd_out_fini(&c->out);
}

/* Puts what lies behind the first `skip` bytes into the out queue. */
static bool respond_queue(struct pd_conn *c, const struct gather *g, size_t skip)
{
    for (size_t i = 0; i < g->n; i++) {
        size_t n = g->iov[i].iov_len;
        size_t step = skip < n ? skip : n;
        skip -= step;
        if (!pd_out_put(&c->out, pd_slice((char *)g->iov[i].iov_base + step, n - step)))
            return false;
    }
    return true;
}

/* The same into the exchange's spill file. Lets go of the lock while it writes. */
static bool respond_spill(struct pd_exchange *x, const struct gather *g, size_t skip)
{
    struct pd_conn *c = x->conn;
    const struct pd_sys *sys = c->host->sys;
    if (!x->spill) {
        int fd = pd_spill_open(&c->host->spill_dir);
        if (fd < 0)
            return false;
        x->spill = pd_out_file_new(sys, fd, x->id);
        x->spill_end = 0;
        if (!x->spill) {
            PD_SYS(sys, close, fd);
            return false;
        }
    }
    uint64_t begin = x->spill_end;
    bool ok = true;
    c->lent = true;
    pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; i < g->n && ok; i++) {
        size_t n = g->iov[i].iov_len;
        size_t step = skip < n ? skip : n;
        skip -= step;
        ok =
            pd_spill_write(sys, x->spill->fd, pd_slice((char *)g->iov[i].iov_base + step, n - step), x->spill_end) == 0;
        x->spill_end += n - step;
    }
    pthread_mutex_lock(&c->lock);
    pd_conn_return(c);
    struct pd_out_framing none = { 0 };
    return ok && pd_out_put_file(&c->out, x->spill, begin, x->spill_end - begin, none);
}

/*
 * Keeps what the kernel did not take: in memory while it fits, else in the spill file. Our own short answers to a
 * request that no app runs stay in memory: the loop that gives them waits for no disk.
 */
static bool respond_keep(struct pd_exchange *x, const struct gather *g, size_t sent)
{
    struct pd_conn *c = x->conn;
    size_t left = g->sum - sent;
    const struct pd_config *cfg = &c->host->config;
    bool fits = c->out.memory + left <= cfg->response_memory || x->state != PD_X_RUNNING;
    return fits || !pd_spill_dir_works(&c->host->spill_dir) ? respond_queue(c, g, sent) : respond_spill(x, g, sent);
}

static enum pd_send respond_send(struct pd_exchange *x, const struct gather *g)
{
    struct pd_conn *c = x->conn;
    size_t sent = 0;
    if (pd_out_is_empty(&c->out)) {
        ssize_t n = pd_out_send(c->host->sys, c->fd, g->iov, g->n);
        if (n < 0) {
            respond_lost(c);
            return PD_SEND_GONE;
        }
        sent = (size_t)n;
        c->out.moved += sent;
        if (sent == g->sum)
            return PD_SEND_OK;
        c->output_ms = c->host->now_ms;
        c->output_moved = c->out.moved;
    }
    c->want_write = true;
    if (respond_keep(x, g, sent))
        return PD_SEND_OK;
    respond_lost(c);
    return PD_SEND_GONE;
}

/*
 * True when the next block can be taken without waiting for a disk or the peer; its head is encoded already. Our own
 * answers may pass the mark by a little, rather than that a connection with other requests is broken.
 */
static bool respond_has_room(const struct pd_exchange *x, size_t n)
{
    const struct pd_conn *c = x->conn;
    size_t mark = c->host->config.response_memory + (x->state == PD_X_RUNNING ? 0 : PD_ANSWER_BYTES);
    size_t data = n + (x->head_sent ? 0 : pd_buf_view(&x->head_out).n);
    size_t most = pd_codec_frame_max(c->codec, c->codec_state);
    size_t frames = (data < most ? 0 : data / most) + 2; /* a head that is no data, and the last one */
    size_t framed = data + frames * (PD_FRAME_PREFIX_MAX + PD_FRAME_SUFFIX_MAX) + PD_END_MAX;
    return n <= PD_SEND_SMALL && c->out.memory + framed <= mark;
}

static bool respond_is_lost(const struct pd_exchange *x)
{
    return x->broken || x->conn->hung_up || x->conn->state != PD_CONN_OPEN;
}

/* Waits until the peer has taken what is in the way; only past all room that memory and spill file give. */
static void respond_wait(struct pd_exchange *x, size_t n)
{
    struct pd_conn *c = x->conn;
    const struct pd_config *cfg = &c->host->config;
    uint64_t room = pd_spill_dir_works(&c->host->spill_dir) ? cfg->response_spill : 0;
    for (;;) {
        if (x->overdue)
            return;
        if (!c->lent && (respond_is_lost(x) || pd_out_is_empty(&c->out) || c->out.memory + n <= cfg->response_memory ||
                         x->spill_end + n <= room))
            return;
        x->waiters++;
        pthread_cond_wait(&x->cond, &c->lock);
        x->waiters--;
    }
}

/* --- framing ------------------------------------------------------------------------------------------------------ */

static void respond_set_date(struct pd_exchange *x)
{
    int64_t now = PD_SYS0(x->conn->host->sys, wall_s);
    if (now != x->date_s) {
        pd_date_put(now, x->date);
        x->date_s = now;
    }
    x->response.date = pd_slice(x->date, PD_DATE_LEN);
}

/* May the connection be used again when this response is complete? (DESIGN rule 6) */
static bool respond_may_keep(const struct pd_exchange *x)
{
    const struct pd_conn *c = x->conn;
    if (!x->request.keep_alive || c->host->draining || c->input_bad || c->closing)
        return false;
    if (c->codec->multiplexed || x->body.complete)
        return true;
    if (x->want_continue || x->body.error || x->request.content_length < 0)
        return false;
    return (uint64_t)x->request.content_length - x->body.received <= PD_DISCARD_BYTES;
}

/* Encodes the head; what it decides about framing is fixed from here on. */
static enum pd_reason respond_encode_head(struct pd_exchange *x)
{
    struct pd_conn *c = x->conn;
    struct pd_response *r = &x->response;
    if (!r->status)
        return PD_R_BAD_STATUS;
    respond_set_date(x);
    r->keep_alive = respond_may_keep(x);
    pd_buf_rewind(&x->head_out);
    enum pd_reason reason = c->codec->put_head(c->codec_state, x->stream, r, &x->head_out);
    if (reason == PD_R_NONE && c->codec->head_is_data &&
        pd_buf_view(&x->head_out).n > pd_codec_frame_max(c->codec, c->codec_state))
        reason = PD_R_RESPONSE_HEAD_TOO_LARGE;
    return reason;
}

/* Adds one frame that holds `head` and as much of `data` as fits; returns how much of `data` that was. */
static size_t gather_frame(struct gather *g, size_t at, struct pd_exchange *x, struct pd_slice head,
                           struct pd_slice data)
{
    const struct pd_conn *c = x->conn;
    size_t room = pd_codec_frame_max(c->codec, c->codec_state) - head.n;
    size_t n = data.n < room ? data.n : room;
    if (head.n + n == 0)
        return 0;
    char *prefix = g->fix[at];
    char *suffix = prefix + PD_FRAME_PREFIX_MAX;
    size_t prefix_n = 0;
    size_t suffix_n = 0;
    c->codec->put_frame(c->codec_state, x->stream, &x->response, head.n + n, prefix, &prefix_n, suffix, &suffix_n);
    gather_add(g, prefix, prefix_n);
    gather_add(g, head.p, head.n);
    gather_add(g, data.p, n);
    gather_add(g, suffix, suffix_n);
    return n;
}

/* Where the bytes of a block are all that is sent for it, nothing has to be gathered. */
static bool respond_is_bare(const struct pd_exchange *x)
{
    const struct pd_codec *codec = x->conn->codec;
    return x->head_sent && codec->frame_max == SIZE_MAX && !codec->put_flush && !x->response.chunked;
}

static enum pd_send respond_bare(struct pd_exchange *x, struct pd_slice data)
{
    struct gather g;
    g.n = g.sum = 0;
    gather_add(&g, data.p, data.n);
    return g.n ? respond_send(x, &g) : PD_SEND_OK;
}

/* Frames the head (if it is not out yet), the data and the end, and sends them in as few calls as possible. */
static enum pd_send respond_frames(struct pd_exchange *x, struct pd_slice data, bool last)
{
    struct pd_conn *c = x->conn;
    struct pd_slice head = x->head_sent ? PD_SLICE_NONE : pd_buf_view(&x->head_out);
    enum pd_send result;
    bool flush = data.n && !last && c->codec->put_flush;
    x->head_sent = true;
    do {
        struct gather g;
        g.n = g.sum = 0;
        if (head.n && !c->codec->head_is_data) {
            gather_add(&g, head.p, head.n);
            head = PD_SLICE_NONE;
        }
        for (size_t i = 0; i < FRAMES && (data.n || head.n); i++) {
            data = pd_slice_from(data, gather_frame(&g, i, x, head, data));
            head = PD_SLICE_NONE;
        }
        if (last && !data.n)
            gather_add(&g, g.end, c->codec->put_end(c->codec_state, x->stream, &x->response, g.end));
        else if (flush && !data.n)
            gather_add(&g, g.end, c->codec->put_flush(c->codec_state, x->stream, g.end));
        result = g.n ? respond_send(x, &g) : PD_SEND_OK;
    } while (data.n && result == PD_SEND_OK);
    return result;
}

/* --- the exchange's own end --------------------------------------------------------------------------------------- */

/* The connection goes on without the exchange. */
static void respond_unlist(struct pd_exchange *x)
{
    struct pd_conn *c = x->conn;
    if (c->host->ended)
        c->host->ended(c->host, x);
    pd_list_remove(&x->node);
    c->nexchanges--;
    c->served = true;
    c->unfinished = !x->input_ended;
    c->discarded = 0;
    c->since_ms = c->idle_ms = c->host->now_ms;
    if (x->spill)
        pd_out_file_release(c->host->sys, x->spill);
    x->spill = NULL;
}

/* The exchange leaves its connection; the engine puts it back into the free list. */
static void respond_leave(struct pd_exchange *x)
{
    if (x->overdue)
        x->conn->noverdue--;
    else
        respond_unlist(x);
    pd_exchange_move(x, PD_X_ENDED);
}

void pd_respond_drop(struct pd_exchange *x)
{
    x->conn->codec->drop(x->conn->codec_state, x->stream);
    respond_leave(x);
}

void pd_respond_abandon(struct pd_exchange *x)
{
    struct pd_conn *c = x->conn;
    char end[PD_END_MAX];
    pd_respond_raw(c, pd_slice(end, c->codec->put_end(c->codec_state, x->stream, &x->response, end)));
    c->closing |= x->response.close;
    respond_leave(x);
}

/* Front ends take a plain end for a complete response, some even short of its length (nginx, FastCGI). */
static void respond_show_break(struct pd_exchange *x)
{
    struct pd_conn *c = x->conn;
    const struct pd_response *r = &x->response;
    x->broken = true;
    c->closing = true;
    c->input_bad = true;
    c->reset |= x->head_sent && (c->codec->gateway || (r->content_length < 0 && !r->chunked));
}

void pd_respond_break(struct pd_exchange *x)
{
    if (x->overdue) {
        respond_leave(x);
        return;
    }
    respond_show_break(x);
    pd_respond_drop(x);
}

/* Cuts the data to what Content-Length allows. True when something was cut. */
static bool respond_cut(struct pd_exchange *x, struct pd_slice *data)
{
    const struct pd_response *r = &x->response;
    if (r->bodiless)
        data->n = 0;
    uint64_t left = r->content_length < 0 ? UINT64_MAX : (uint64_t)r->content_length - x->body_sent;
    bool cut = data->n > left;
    if (cut)
        data->n = (size_t)left;
    x->body_sent += data->n;
    if (cut && !x->too_long)
        pd_host_note(x->conn->host, PD_NOTICE_RESPONSE_CUT, x->conn, x);
    x->too_long |= cut;
    return cut;
}

static enum pd_send respond_ready(struct pd_exchange *x, size_t n, bool may_wait)
{
    struct pd_conn *c = x->conn;
    if (x->overdue)
        return PD_SEND_GONE;
    if (!may_wait && c->lent)
        return PD_SEND_AGAIN;
    pd_conn_reclaim(c, x); /* also when the peer has left: the exchange may end then, and its body may be in use */
    if (respond_is_lost(x))
        return PD_SEND_GONE;
    if (!x->head_sent && respond_encode_head(x) != PD_R_NONE)
        return PD_SEND_BAD_HEAD;
    if (!may_wait && !respond_has_room(x, n))
        return PD_SEND_AGAIN;
    if (may_wait)
        respond_wait(x, n);
    if (x->spill && pd_out_is_empty(&c->out)) {
        pd_out_file_release(c->host->sys, x->spill);
        x->spill = NULL;
    }
    return respond_is_lost(x) ? PD_SEND_GONE : PD_SEND_OK;
}

enum pd_send pd_respond_write(struct pd_exchange *x, struct pd_slice data, bool may_wait)
{
    if (!data.n)
        return PD_SEND_OK;
    enum pd_send r = respond_ready(x, data.n, may_wait);
    if (r != PD_SEND_OK)
        return r;
    bool cut = respond_cut(x, &data);
    r = respond_is_bare(x) ? respond_bare(x, data) : respond_frames(x, data, false);
    if (may_wait)
        pd_respond_progress(x);
    else
        x->progress_ns = atomic_load_explicit(&x->conn->host->now_ns, memory_order_relaxed);
    return r == PD_SEND_OK && cut ? PD_SEND_TOO_LONG : r;
}

/*
 * A body that proves empty before its head went out has a known length. Not for HEAD, where the application may have
 * left out a body that it has. Without memory for the field the response is framed as any other.
 */
static void respond_announce_nothing(struct pd_exchange *x)
{
    struct pd_response *r = &x->response;
    bool open = r->status && r->content_length < 0 && !pd_response_has_no_body(r);
    if (open && !x->head_sent && pd_response_set_length(r, 0) != PD_R_NONE)
        r->content_length = -1;
}

/*
 * FastCGI has no word for the last response of a connection: the front end must not see its end before that of the
 * connection, or it may send another request in between. On TCP both leave together; on a Unix socket it cannot send
 * any more. Not while it may still send of this request: a failing send could keep it from reading the answer.
 */
static void respond_seal(const struct pd_exchange *x)
{
    const struct pd_conn *c = x->conn;
    int on = 1;
    if (!c->host->draining || !c->codec->multiplexed || !x->response.close || !x->input_ended || c->nexchanges > 1)
        return;
    if (c->port->is_unix)
        PD_SYS(c->host->sys, shutdown, c->fd, SHUT_RD);
    else
        PD_SYS(c->host->sys, setsockopt, c->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

enum pd_send pd_respond_last(struct pd_exchange *x, struct pd_slice data, bool may_wait)
{
    struct pd_conn *c = x->conn;
    if (!data.n)
        respond_announce_nothing(x);
    enum pd_send r = respond_ready(x, data.n, may_wait);
    if (r == PD_SEND_AGAIN || r == PD_SEND_BAD_HEAD)
        return r;
    if (r == PD_SEND_GONE) {
        pd_respond_break(x);
        return r;
    }
    bool cut = respond_cut(x, &data);
    const struct pd_response *resp = &x->response;
    bool is_short = resp->content_length >= 0 && !resp->bodiless && x->body_sent < (uint64_t)resp->content_length;
    respond_seal(x);
    r = respond_frames(x, data, !is_short);
    if (is_short)
        pd_host_note(c->host, PD_NOTICE_RESPONSE_SHORT, c, x);
    if (is_short || r != PD_SEND_OK) {
        pd_respond_break(x);
        return r == PD_SEND_OK ? PD_SEND_TOO_SHORT : r;
    }
    c->closing |= resp->close;
    respond_leave(x);
    return cut ? PD_SEND_TOO_LONG : r;
}

enum pd_send pd_respond_file(struct pd_exchange *x, int fd, uint64_t offset, uint64_t n)
{
    struct pd_conn *c = x->conn;
    const struct pd_sys *sys = c->host->sys;
    enum pd_send r = respond_ready(x, 0, true);
    struct pd_out_file *file = r == PD_SEND_OK ? pd_out_file_new(sys, fd, x->id) : NULL;
    if (!file) {
        PD_SYS(sys, close, fd);
        return r == PD_SEND_OK ? PD_SEND_GONE : r;
    }
    bool framed = c->codec->frame_max != SIZE_MAX || x->response.chunked;
    struct pd_out_framing framing = { framed ? c->codec : NULL, c->codec_state, x->stream, x->response.chunked };
    r = respond_frames(x, PD_SLICE_NONE, false);
    if (r == PD_SEND_OK && !x->response.bodiless && n) {
        x->body_sent += n;
        c->want_write = true;
        if (pd_out_is_empty(&c->out))
            c->output_ms = c->host->now_ms;
        if (!pd_out_put_file(&c->out, file, offset, n, framing)) {
            respond_lost(c);
            r = PD_SEND_GONE;
        }
    }
    pd_out_file_release(sys, file);
    return r;
}

enum pd_send pd_respond_early(struct pd_exchange *x, struct pd_slice encoded)
{
    pd_conn_reclaim(x->conn, x); /* first: the head may go out, and the peer leave, while this thread waits */
    if (respond_is_lost(x) || x->head_sent)
        return PD_SEND_GONE;
    pd_respond_raw(x->conn, encoded);
    return PD_SEND_OK;
}

void pd_respond_put(struct pd_conn *c, struct pd_slice bytes)
{
    struct gather g;
    g.n = g.sum = 0;
    gather_add(&g, bytes.p, bytes.n);
    if (c->state != PD_CONN_OPEN || c->hung_up)
        return;
    bool first = !c->lent && pd_out_is_empty(&c->out);
    ssize_t sent = first ? pd_out_send(c->host->sys, c->fd, g.iov, g.n) : 0;
    if (first)
        c->output_ms = c->host->now_ms;
    if (sent < 0 || !respond_queue(c, &g, (size_t)sent))
        respond_lost(c);
    else
        c->want_write |= (size_t)sent < bytes.n;
}

void pd_respond_raw(struct pd_conn *c, struct pd_slice bytes)
{
    pd_respond_put(c, bytes);
    c->unread = pd_out_is_empty(&c->out) ? 0 : c->unread + bytes.n;
}

void pd_respond_continue(struct pd_exchange *x)
{
    char text[PD_HTTP1_CONTINUE_LEN];
    if (!x->want_continue)
        return;
    x->want_continue = false;
    if (x->body.received == 0) /* else the client did not wait (RFC 9110 section 10.1.1) */
        pd_respond_raw(x->conn, pd_slice(text, pd_http1_put_continue(text)));
}

/* --- our own answers ---------------------------------------------------------------------------------------------- */

/* Fills x->response with an error page, and gives its body; an empty slice without memory. */
static struct pd_slice respond_compose(struct pd_exchange *x, int status, const char *why, char text[PD_PAGE_MAX])
{
    struct pd_host *host = x->conn->host;
    char id[PD_EXCHANGE_ID_SIZE];
    pd_exchange_id_put(x, id);
    return pd_page_compose(&x->request, &x->response, status, why, id, status == 503 ? host->retry_after(host) : 0,
                           text);
}

/* Sends a composed answer. False: it could not be encoded or would have had to wait. */
static bool respond_answer(struct pd_exchange *x, struct pd_slice body, bool may_wait)
{
    if (!body.n)
        return false;
    enum pd_send sent = pd_respond_last(x, body, may_wait);
    return sent != PD_SEND_AGAIN && sent != PD_SEND_BAD_HEAD;
}

bool pd_respond_plain_error(struct pd_exchange *x)
{
    char text[PD_PAGE_MAX];
    x->body_sent = 0;
    return respond_answer(x, respond_compose(x, 500, "", text), true);
}

void pd_respond_refuse(struct pd_exchange *x, enum pd_reason reason)
{
    pd_host_refused(x->conn->host, reason, x->conn, x);
    pd_respond_turn_away(x, reason);
}

void pd_respond_turn_away(struct pd_exchange *x, enum pd_reason reason)
{
    struct pd_conn *c = x->conn;
    char text[PD_PAGE_MAX];
    if (!c->codec->multiplexed)
        c->input_bad = true; /* what follows on this connection is not trusted */
    x->request.keep_alive &= c->codec->multiplexed;
    int status = pd_reason_status(reason);
    if (reason == PD_R_QUEUE_TIMEOUT && c->host->config.late_is_504)
        status = 504;
    const char *why = pd_reason_text(reason);
    if (x->head_sent || !status || !respond_answer(x, respond_compose(x, status, why, text), false))
        pd_respond_break(x);
}

/* --- a request past its time limit -------------------------------------------------------------------------------- */

void pd_respond_overdue(struct pd_exchange *x)
{
    pd_host_refused(x->conn->host, PD_R_REQUEST_TIMEOUT, x->conn, x);
    pd_respond_instead(x, PD_R_REQUEST_TIMEOUT);
}

void pd_respond_instead(struct pd_exchange *x, enum pd_reason why)
{
    struct pd_conn *c = x->conn;
    assert(!c->lent && !x->overdue);
    if (!respond_is_lost(x) && (x->head_sent || !pd_late_answer(x, why))) {
        respond_show_break(x);
        c->codec->drop(c->codec_state, x->stream);
    }
    respond_unlist(x);
    x->overdue = true;
    x->broken = true;
    c->noverdue++;
    pthread_cond_broadcast(&x->cond);
}
