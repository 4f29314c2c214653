/* handover.c - idle connections pass from one worker to the others (see handover.h). */
#include "engine/handover.h"

#include <errno.h>
#include <stdio.h>

#include "engine/impl.h"

enum {
    RECORD_VERSION = 1,
    CODEC_NAME_MAX = 8,
    SCAN_MS = 100,    /* how often idle connections are looked at while draining */
    SCAN_FULL_MS = 5, /* ... when some of them could not be passed on */
};

/* What is told of a connection. It never leaves the machine; another build of us may read it. */
struct record {
    uint32_t version;
    bool proxied; /* as in struct pd_conn */
    bool undecided;
    bool listed;
    bool served;
    uint64_t door; /* pd_door.key */
    uint64_t since_ms;
    uint64_t idle_ms;
    char codec[CODEC_NAME_MAX];
    char peer_addr[46];
    char peer_port[6];
    bool shared; /* where other versions leave a zero */
};

_Static_assert(sizeof(struct record) == 96, "a change needs another RECORD_VERSION");

/* Room for one descriptor, aligned as the kernel wants it. */
union ancillary {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(int))];
};

void pd_handover_init(struct pd_handover *h, int receive_fd, int send_fd)
{
    h->receive_fd = receive_fd;
    h->send_fd = send_fd;
    h->owner = PD_OWNER_HANDOVER;
}

void pd_handover_watch(struct pd_engine *e)
{
    struct pd_handover *h = &e->spread.handover;
    if (e->spread.board && !h->watched && h->receive_fd >= 0)
        h->watched = pd_loop_add(&e->loop, h->receive_fd, PD_READABLE, &h->owner) == 0;
}

void pd_handover_unwatch(struct pd_engine *e)
{
    struct pd_handover *h = &e->spread.handover;
    if (h->watched)
        pd_loop_remove(&e->loop, h->receive_fd);
    h->watched = false;
}

/* --- giving ------------------------------------------------------------------------------------------------------- */

bool pd_handover_is_on(const struct pd_engine *e)
{
    bool gives = e->spread.retiring || atomic_load_explicit(&e->spread.spare, memory_order_relaxed);
    return gives && !e->host.draining;
}

/* When the others have left, too, this becomes a stop like any other. */
void pd_handover_scan(struct pd_engine *e)
{
    e->spread.handover.full = false;
    if (e->spread.retiring && !pd_spread_has_others(e))
        e->host.draining = true;
}

uint64_t pd_handover_scan_ms(const struct pd_engine *e)
{
    return e->spread.handover.full ? SCAN_FULL_MS : SCAN_MS;
}

bool pd_handover_fits(const struct pd_client *cl)
{
    const struct pd_conn *c = &cl->conn;
    if (c->state != PD_CONN_OPEN || c->nexchanges || c->lent || cl->on_job || c->job != PD_JOB_NONE)
        return false;
    if (!c->served && !cl->engine->spread.retiring) /* it is not known to be in use */
        return false;
    if (c->eof || c->hung_up || c->half_closed || c->closing || c->input_bad || c->unfinished || c->surplus)
        return false;
    return pd_buf_is_empty(&c->in) && pd_out_is_empty(&c->out) && !c->unasked && c->codec->at_boundary(c->codec_state);
}

static void record_fill(struct record *r, const struct pd_conn *c)
{
    memset(r, 0, sizeof *r);
    r->version = RECORD_VERSION;
    r->proxied = c->proxied;
    r->undecided = c->undecided;
    r->listed = c->listed;
    r->served = c->served;
    r->shared = pd_conn_is_shared(c);
    r->door = PD_CONTAINER_OF(c->port, struct pd_door, port)->key;
    r->since_ms = c->since_ms;
    r->idle_ms = c->idle_ms;
    snprintf(r->codec, sizeof r->codec, "%s", c->codec->name);
    memcpy(r->peer_addr, c->peer_addr, sizeof r->peer_addr);
    memcpy(r->peer_port, c->peer_port, sizeof r->peer_port);
}

/* One message; false with errno. */
static bool record_send(const struct pd_engine *e, struct record *r, int fd)
{
    union ancillary ancillary;
    struct iovec data = { r, sizeof *r };
    struct msghdr msg = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &ancillary, .msg_controllen = sizeof ancillary.room
    };
    memset(&ancillary, 0, sizeof ancillary);
    ancillary.align =
        (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
    memcpy(CMSG_DATA(&ancillary.align), &fd, sizeof fd);
    ssize_t n;
    do
        n = PD_SYS(e->sys, sendmsg, e->spread.handover.send_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *r;
}

bool pd_handover_pass(struct pd_client *cl)
{
    struct pd_engine *e = cl->engine;
    struct pd_handover *h = &e->spread.handover;
    struct record r;
    if (h->full || !pd_handover_fits(cl))
        return false;
    record_fill(&r, &cl->conn);
    if (!record_send(e, &r, cl->conn.fd)) {
        h->full = true; /* also where the kernel has no memory, or too many descriptors are on their way */
        return false;
    }
    pd_conn_leave(&cl->conn);
    if (e->spread.spare)
        e->spread.spare--;
    return true;
}

/* --- taking ------------------------------------------------------------------------------------------------------- */

static const struct pd_codec *codec_named(const char *name)
{
    static const struct pd_codec *const codecs[] = { &pd_codec_http1, &pd_codec_fastcgi, &pd_codec_scgi,
                                                     &pd_codec_uwsgi, &pd_codec_ajp13 };
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
        if (strcmp(codecs[i]->name, name) == 0)
            return codecs[i];
    return NULL;
}

static struct pd_door *door_of(struct pd_engine *e, uint64_t key)
{
    for (struct pd_list *l = e->doors.next; l != &e->doors; l = l->next) {
        struct pd_door *d = PD_LIST_ENTRY(l, struct pd_door, node);
        if (d->key == key)
            return d;
    }
    return NULL;
}

/* Serves the connection, or closes it: the options may have changed, and its listener may be no more. */
static void handover_adopt(struct pd_engine *e, struct pd_thread *t, const struct record *r, int fd)
{
    struct pd_door *d = door_of(e, r->door);
    const struct pd_codec *codec = codec_named(r->codec);
    if (!d || !codec || (codec != d->port.codec && !d->port.detect)) {
        if (r->shared)
            PD_SYS(e->sys, shutdown, fd, SHUT_RDWR);
        PD_SYS(e->sys, close, fd);
        return;
    }
    struct pd_client *cl = pd_client_new(e, d, fd);
    if (!cl)
        return;
    struct pd_conn *c = &cl->conn;
    if (codec != c->codec) {
        c->codec = codec;
        codec->init(c->codec_state, &c->host->config.limits, &c->port->options);
    }
    if (r->served && codec->resume)
        codec->resume(c->codec_state);
    c->proxied = r->proxied;
    c->undecided = r->undecided;
    c->listed = r->listed;
    c->served = r->served;
    c->shared = r->shared;
    c->since_ms = r->since_ms;
    c->idle_ms = r->idle_ms;
    memcpy(c->peer_addr, r->peer_addr, sizeof c->peer_addr);
    memcpy(c->peer_port, r->peer_port, sizeof c->peer_port);
    pd_client_begin(cl, t);
}

/* The descriptor that came with a message, or -1. There is room for one, so no other can have come. */
static int message_fd(struct msghdr *msg)
{
    const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    int fd;
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof fd))
        return -1;
    memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

/* Nothing can be received: for a moment, or for ever, since the pair is none. */
static void handover_failed(struct pd_engine *e, bool for_ever)
{
    if (!for_ever) {
        pd_doors_pause(e);
        return;
    }
    pd_handover_unwatch(e);
    e->spread.handover.receive_fd = -1;
}

/* Takes one message. False: there is none. */
static bool handover_receive(struct pd_engine *e, struct pd_thread *t)
{
    struct record r;
    union ancillary ancillary;
    struct iovec data = { &r, sizeof r };
    struct msghdr msg = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &ancillary, .msg_controllen = sizeof ancillary.room
    };
    ssize_t n = PD_SYS(e->sys, recvmsg, e->spread.handover.receive_fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            handover_failed(e, n == 0 || (errno != ENOMEM && errno != ENOBUFS));
        return n < 0 && errno == EINTR;
    }
    int fd = message_fd(&msg);
    if (fd < 0) {
        pd_host_note(&e->host, PD_NOTICE_ACCEPT_EXHAUSTED, NULL,
                     NULL); /* it came, and there was no descriptor for it */
        pd_doors_pause(e);
        return false;
    }
    if (n != (ssize_t)sizeof r || (msg.msg_flags & MSG_TRUNC) || r.version != RECORD_VERSION)
        PD_SYS(e->sys, close, fd);
    else
        handover_adopt(e, t, &r, fd);
    return true;
}

void pd_handover_ready(struct pd_engine *e, struct pd_thread *t, size_t burst)
{
    if (!e->spread.board || e->spread.handover.receive_fd < 0)
        return;
    for (size_t i = 0; i < burst; i++) {
        if (!pd_spread_may_accept(e)) {
            pd_doors_unwatch(e);
            return;
        }
        if (e->nclients >= e->host.config.conns_max) {
            pd_doors_pause(e);
            return;
        }
        if (!handover_receive(e, t))
            return;
    }
}
