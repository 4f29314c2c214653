/* conn.c - opens, watches and ends connections (see conn.h). */
#define _GNU_SOURCE
#include "conn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fail.h"

enum { RETRY_NS = 1000000, SLOW_BUFFER = 4096 };

/* --- opening ------------------------------------------------------------------------------------------------------ */

void load_conn_watch(struct load_run *r, struct load_conn *c, bool writes)
{
    uint32_t want = EPOLLIN | EPOLLRDHUP | EPOLLET | (writes ? EPOLLOUT : 0u);
    if (c->watched == want)
        return;
    struct epoll_event event = { .events = want, .data.ptr = c };
    if (epoll_ctl(r->epoll, c->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &event) < 0)
        load_fail(LOAD_CANNOT, "epoll_ctl: %s", strerror(errno));
    c->watched = want;
}

static void set(int fd, int level, int name, int value)
{
    setsockopt(fd, level, name, &value, sizeof value); /* only speed depends on it */
}

/* False: it failed, or is to be tried again soon. */
static bool conn_open(struct load_run *r, struct load_ask *ask)
{
    struct load_conn *c = ask->conn;
    const struct load_options *o = r->options;
    int family = o->target.address.sa.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        load_fail(LOAD_CANNOT, "no socket: %s; raise the limit of descriptors (ulimit -n) above --connections",
                  strerror(errno));
    if (family != AF_UNIX && (!ask->request->ended || o->streams > 1 || o->send_rate))
        set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (o->read_rate)
        set(fd, SOL_SOCKET, SO_RCVBUF, SLOW_BUFFER);
    if (connect(fd, &o->target.address.sa, o->target.address_n) < 0 && errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        if (error == EAGAIN) { /* the queue of a Unix socket is full */
            load_run_wait(r, ask, r->now + RETRY_NS);
            return false;
        }
        load_conn_fail(r, c, LOAD_CONNECT, strerror(error));
        return false;
    }
    r->tally->connects++;
    c->fd = fd;
    return true;
}

static void begin_sending(struct load_conn *c)
{
    c->out_n = c->in_n = c->in_since_ns = 0;
    load_sender_begin(&c->sender, c->asks->request);
}

void load_conn_start(struct load_run *r, struct load_ask *ask)
{
    struct load_conn *c = ask->conn;
    const struct pd_client_codec *codec = r->options->target.codec;
    memcpy(ask->state, ask->request->state, codec->state_size);
    ask->sent_ns = r->now;
    ask->got = 0;
    ask->status = 0;
    ask->begun = ask->wrong_body = false;
    ask->again = !r->options->closes;
    c->active++;
    r->active++;
    if (r->options->streams > 1)
        load_mux_put(c, ask);
    else
        begin_sending(c);
    if (c->fd < 0 && !conn_open(r, ask))
        return;
    if (!c->in_event)
        load_conn_flush(r, c);
}

void load_conn_resume(struct load_run *r, struct load_ask *ask)
{
    struct load_conn *c = ask->conn;
    if (c->fd < 0 && !conn_open(r, ask))
        return;
    load_conn_flush(r, c);
    if (c->fd >= 0 && r->options->read_rate && c->in_since_ns)
        load_conn_read(r, c);
}

/* --- ending ------------------------------------------------------------------------------------------------------- */

static void conn_close(struct load_conn *c)
{
    if (c->fd >= 0)
        close(c->fd); /* which takes it out of the epoll set: nobody else has the descriptor */
    c->fd = -1;
    c->watched = 0;
    c->connected = c->half_closed = c->broken = false;
    c->demux = (struct load_demux){ .have = 0 };
    pd_buf_rewind(&c->out);
}

static void ask_end(struct load_run *r, struct load_ask *ask)
{
    r->options->target.codec->fini(ask->state);
    load_timers_unset(&r->timers, &ask->timer);
    ask->request = NULL;
    ask->conn->active--;
    r->active--;
}

void load_conn_fail(struct load_run *r, struct load_conn *c, enum load_deviation kind, const char *what)
{
    conn_close(c);
    for (unsigned i = 0; i < r->options->streams; i++) {
        struct load_ask *ask = &c->asks[i];
        if (!ask->request)
            continue;
        load_deviate(&r->deviations, kind, ask->request->name, "%s", what);
        if (kind == LOAD_TIMEOUT)
            load_histogram_add(&r->tally->latency, r->now - ask->due_ns);
        ask_end(r, ask);
        load_run_next(r, ask, true);
    }
}

void load_conn_drop(struct load_run *r, struct load_conn *c)
{
    conn_close(c);
    for (unsigned i = 0; i < r->options->streams; i++)
        if (c->asks[i].request)
            ask_end(r, &c->asks[i]);
}

void load_conn_answered(struct load_run *r, struct load_ask *ask, const struct pd_answer *a, bool surplus)
{
    struct load_conn *c = ask->conn;
    bool muxed = r->options->streams > 1;
    bool again = !muxed && ask->again && a->ended == PD_ENDED_WHOLE && !surplus && !c->half_closed;
    again = again && load_sender_is_done(c);
    bool right = load_run_done(r, ask);
    if (right && surplus)
        load_deviate(&r->deviations, LOAD_SURPLUS, ask->request->name, "bytes came behind the end of the response");
    ask_end(r, ask);
    if (!again && !muxed)
        conn_close(c);
    load_run_next(r, ask, false);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

void load_conn_event(struct load_run *r, struct load_conn *c, uint32_t events)
{
    if (c->fd < 0)
        return; /* it ended while an earlier report of the same wait was dealt with */
    c->half_closed = c->half_closed || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
    if ((events & EPOLLOUT) && c->active)
        load_conn_flush(r, c);
    if (c->fd < 0 || !(events & ~(uint32_t)EPOLLOUT))
        return;
    c->in_event = r->options->streams > 1;
    load_conn_read(r, c);
    if (!c->in_event)
        return;
    c->in_event = false;
    if (c->fd >= 0 && c->active)
        load_conn_flush(r, c);
}
