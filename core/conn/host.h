/* host.h - what connections share and what they ask of their engine. */
#ifndef PD_HOST_H
#define PD_HOST_H

#include <stdatomic.h>

#include "base/notice.h"
#include "codec/request.h"
#include "conn/spill.h"

struct pd_conn;
struct pd_exchange;

struct pd_timeouts {               /* in milliseconds; 0 switches one off */
    uint64_t head;                 /* from the first byte (or the accept) to the end of the head: absolute */
    uint64_t body;                 /* grace for a body; every 500 bytes received add a second */
    uint64_t idle;                 /* keep-alive connection without a request */
    uint64_t write;                /* output without progress */
    uint64_t queue;                /* a complete request waiting for an app thread */
    uint64_t linger, request, gil; /* waiting for the peer to close; engine/overdue.h has the others */
};

enum {
    PD_BODY_MIN_RATE = 500,     /* bytes per second that a request body must reach after the grace time */
    PD_LINGER_BYTES = 1 << 20,  /* input thrown away behind an early response before the connection is cut */
    PD_DISCARD_BYTES = 1 << 16, /* unread body thrown away to keep a connection */
    PD_RECV_BYTES = 65536,      /* one read */
    PD_ANSWER_BYTES = 1 << 16,  /* our own answers may take so much more than the mark of the out queue */
    PD_UNREAD_BYTES = 1 << 16,  /* bytes outside of responses that a peer may ask for without reading */
    PD_HEALTH_PATH_MAX = 128,   /* with its NUL */
    PD_SEND_SMALL = 16384,      /* a block up to this size is taken without letting go of the GIL */
};

struct pd_config {
    struct pd_limits limits;
    struct pd_timeouts timeouts;
    size_t body_memory;      /* request body kept in memory before it goes to a spill file */
    size_t stream_window;    /* streamed body: bytes read ahead of the app */
    size_t response_memory;  /* output kept in memory before it goes to a spill file */
    size_t message_buffer;   /* log lines, the application's among them, that wait to be written */
    unsigned message_burst;  /* lines of one code about refused peers at once, then one a second; 0: all of them */
    uint64_t response_spill; /* most bytes of output in a spill file; then the app thread waits */
    size_t response_head;    /* most bytes of a response head */
    size_t ready_max;        /* requests in the ready queue; */
    bool newest_first;       /* ... which of them is served next */
    bool late_is_504;        /* what waited too long is answered 504 rather than 503 */
    uint64_t retry_ms;       /* what Retry-After says; 0: how long the ready queue lasts */
    size_t conns_max, suspended_max;      /* connections at once; requests that wait without a thread, */
    bool resume_anywhere;                 /* ... whether any thread goes on with them, or the one that began */
    const _Atomic bool *forked;           /* the embedder's: a child may have copies of descriptors; NULL: never */
    char health_path[PD_HEALTH_PATH_MAX]; /* begins with a slash and ends with none; "": nowhere (health.h) */
};

/* One listener's share of what a connection needs. */
struct pd_port {
    const struct pd_codec *codec;
    struct pd_codec_options options;
    struct pd_site site;
    bool proxied; /* each connection begins with a PROXY header (codec/proxy.h) */
    bool detect;  /* the protocol is found out; `codec` is HTTP until then (codec/detect.h) */
    bool stream;  /* call the app at the head */
    bool serve_half_closed, is_unix;
    bool send_file;    /* see pd_response.may_send_file */
    unsigned file_map; /* a number of the embedder's own, see pd_exchange_file_map */
};

/* Buffers of one thread that parses input. */
struct pd_io {
    struct pd_scratch scratch;
    char recv[PD_RECV_BYTES];
};

struct pd_host {
    const struct pd_sys *sys;
    struct pd_config config;
    struct pd_spill_dir spill_dir;
    _Atomic uint64_t now_ms;        /* engine time, refreshed by the loop; for deadlines only */
    _Atomic uint64_t now_ns;        /* the same in nanoseconds, for the access log */
    _Atomic bool draining;          /* the end is near: not ready, and no connection is kept behind its next response */
    _Atomic uint64_t resets;        /* connections that were cut, as a response broke off or its peer left it unread */
    _Atomic uint64_t health_checks; /* how many were answered */
    /* A fresh exchange, or NULL without memory. */
    struct pd_exchange *(*exchange_new)(struct pd_host *h);
    void (*exchange_free)(struct pd_host *h, struct pd_exchange *x); /* back to the free list */
    /* Into the ready queue; false when it is full. */
    bool (*ready)(struct pd_host *h, struct pd_exchange *x);
    bool (*has_room)(struct pd_host *h);        /* false: the ready queue is full */
    unsigned (*retry_after)(struct pd_host *h); /* in how many seconds it is worth asking again; 1 at least */
    /* Whether the listener's rules name the address of c->peer_addr; without rules, whether it is this machine's. */
    bool (*lists)(const struct pd_conn *c);
    /* The connection's descriptor is about to be closed. */
    void (*unwatch)(struct pd_host *h, struct pd_conn *c);
    /* The exchange has its response, or will get none; NULL: nobody wants to know. */
    void (*ended)(struct pd_host *h, const struct pd_exchange *x);
    /* One line for the log, with the code of that number; `c` and `x` may be NULL. */
    void (*log)(struct pd_host *h, int number, const char *what, const struct pd_conn *c, const struct pd_exchange *x);
};

/* How long `then` lies before `now`; 0 when it does not. A time set to before the clock's zero has wrapped. */
static inline uint64_t pd_time_since(uint64_t now, uint64_t then)
{
    uint64_t passed = now - then;
    return passed <= INT64_MAX ? passed : 0;
}

/* Tells of something that the operator may want to know. */
static inline void pd_host_note(struct pd_host *h, enum pd_notice notice, const struct pd_conn *c,
                                const struct pd_exchange *x)
{
    h->log(h, (int)notice, pd_notice_text(notice), c, x);
}

/* Tells why a request, or the bytes that should have been one, were refused. */
static inline void pd_host_refused(struct pd_host *h, enum pd_reason reason, const struct pd_conn *c,
                                   const struct pd_exchange *x)
{
    h->log(h, pd_reason_number(reason), pd_reason_text(reason), c, x);
}

#endif
