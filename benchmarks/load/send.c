/* send.c - a request on its way out (see conn.h). */
#define _GNU_SOURCE
#include "conn.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { SLICES_PER_SECOND = 100 }; /* of a slow client */

static bool has_pieces(const struct load_sender *s)
{
    return s->pieces[0].n || s->pieces[1].n || s->pieces[2].n;
}

bool load_sender_is_done(const struct load_conn *c)
{
    const struct load_sender *s = &c->sender;
    const struct load_request *q = c->asks->request;
    return !c->broken && !has_pieces(s) && (s->ended || s->at == q->body.size); /* AJP13: nobody may ask for the end */
}

void load_sender_begin(struct load_sender *s, const struct load_request *q)
{
    s->pieces[0] = q->wire;
    s->pieces[1].n = s->pieces[2].n = 0;
    s->at = q->covered;
    s->demanded = false;
    s->ended = q->ended;
}

/* The next frame of the body, or its end; false: there is nothing to be sent now. */
static bool fill(struct load_sender *s, const struct load_request *q, const struct pd_client_codec *codec)
{
    if (s->ended || (codec->on_demand && !s->demanded))
        return false;
    size_t most = codec->frame_max;
    if (codec->on_demand && s->demand < most)
        most = s->demand;
    s->demanded = false;
    if (s->at < q->body.size && most) {
        size_t before, behind;
        struct pd_slice data = load_body_piece(&q->body, s->at, most);
        codec->put_frame((void *)(uintptr_t)q->state, data.n, s->prefix, &before, s->suffix, &behind);
        s->pieces[0] = pd_slice(s->prefix, before);
        s->pieces[1] = data;
        s->pieces[2] = pd_slice(s->suffix, behind);
        s->at += data.n;
        return true;
    }
    s->pieces[0] = pd_slice(s->prefix, codec->put_end((void *)(uintptr_t)q->state, s->prefix));
    s->ended = true;
    return s->pieces[0].n > 0;
}

/* Bytes that a slow client may send now; 0: it waits for a timer. */
static size_t allowance(struct load_run *r, struct load_conn *c)
{
    uint64_t rate = r->options->send_rate;
    if (!rate)
        return SIZE_MAX;
    double allowed = (double)rate * (double)(r->now - c->asks->sent_ns) / 1e9 + 1;
    if (allowed >= (double)c->out_n + 1)
        return (size_t)(allowed - (double)c->out_n);
    uint64_t slice = rate / SLICES_PER_SECOND ? rate / SLICES_PER_SECOND : 1;
    double wait = (double)(c->out_n + slice) * 1e9 / (double)rate;
    load_timers_set(&r->timers, &c->asks->timer, c->asks->sent_ns + (uint64_t)wait + 1);
    return 0;
}

/* As many bytes as the kernel takes of the pieces; -1 and errno. */
static ssize_t send_pieces(const struct load_conn *c, size_t most)
{
    const struct pd_slice *p = c->sender.pieces;
    if (!p[1].n && !p[2].n)
        return send(c->fd, p[0].p, p[0].n < most ? p[0].n : most, MSG_NOSIGNAL);
    struct iovec parts[3];
    size_t n = 0;
    for (size_t i = 0; i < 3 && most; i++) {
        size_t k = p[i].n < most ? p[i].n : most;
        parts[n] = (struct iovec){ (void *)(uintptr_t)p[i].p, k };
        n += k > 0;
        most -= k;
    }
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = n };
    return sendmsg(c->fd, &message, MSG_NOSIGNAL);
}

static void skip_pieces(struct load_sender *s, size_t n)
{
    for (size_t i = 0; i < 3; i++) {
        size_t k = s->pieces[i].n < n ? s->pieces[i].n : n;
        s->pieces[i] = pd_slice_from(s->pieces[i], k);
        n -= k;
    }
}

/* Sending failed with errno. Whoever closed may have answered before; reading tells. */
static void failed(struct load_run *r, struct load_conn *c)
{
    if (errno == EAGAIN || errno == ENOTCONN) {
        load_conn_watch(r, c, true);
        return;
    }
    if (!c->connected) {
        load_conn_fail(r, c, LOAD_CONNECT, strerror(errno));
        return;
    }
    c->broken = c->half_closed = true;
    load_conn_watch(r, c, false);
    load_conn_read(r, c);
}

static void sent(struct load_run *r, struct load_conn *c, ssize_t n)
{
    c->connected = true;
    c->out_n += (size_t)n;
    r->tally->sent += (size_t)n;
}

static void flush_mux(struct load_run *r, struct load_conn *c)
{
    while (!pd_buf_is_empty(&c->out)) {
        struct pd_slice all = pd_buf_view(&c->out);
        ssize_t n = send(c->fd, all.p, all.n, MSG_NOSIGNAL);
        if (n < 0) {
            failed(r, c);
            return;
        }
        sent(r, c, n);
        pd_buf_skip(&c->out, (size_t)n);
    }
    load_conn_watch(r, c, false);
}

void load_conn_flush(struct load_run *r, struct load_conn *c)
{
    struct load_sender *s = &c->sender;
    if (c->broken)
        return;
    if (r->options->streams > 1) {
        flush_mux(r, c);
        return;
    }
    const struct load_request *q = c->asks->request;
    while (has_pieces(s) || fill(s, q, r->options->target.codec)) {
        size_t most = allowance(r, c);
        if (!most)
            break;
        ssize_t n = send_pieces(c, most);
        if (n < 0) {
            failed(r, c);
            return;
        }
        sent(r, c, n);
        skip_pieces(s, (size_t)n);
    }
    load_conn_watch(r, c, false);
}
