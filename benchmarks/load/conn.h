/* conn.h - one connection to the server, and the requests under way on it. */
#ifndef LOAD_CONN_H
#define LOAD_CONN_H

#include "run.h"

/* A request on its way out: head and first part of the body at once, then frame by frame. */
struct load_sender {
    struct pd_slice pieces[3]; /* what is left of a frame: prefix, data, suffix */
    uint64_t at;               /* body bytes that are in frames */
    size_t demand;             /* body bytes that the server has asked for (AJP13) */
    bool demanded;
    bool ended; /* nothing comes behind the pieces */
    char prefix[LOAD_PREFIX_MAX];
    char suffix[LOAD_PREFIX_MAX];
};

/* FastCGI records on their way in, for several requests. */
struct load_demux {
    unsigned char header[8];
    unsigned have;
    size_t content;
    size_t padding;
    struct load_ask *to; /* NULL: a record that is skipped */
};

struct load_conn {
    int fd;           /* -1: not open */
    uint32_t watched; /* epoll events; 0: not in the set yet */
    bool connected;   /* a byte went out */
    bool half_closed; /* the server will send no more */
    bool broken;      /* it takes no more */
    bool in_event;    /* several requests are sent together behind an event */
    unsigned active;
    struct load_ask *asks;
    uint64_t out_n; /* of this request, for slow clients */
    uint64_t in_n;
    uint64_t in_since_ns;
    struct load_sender sender;
    struct load_demux demux; /* with --streams, and then `out` takes the place of the sender */
    struct pd_buf out;
};

/* Sends ask->request, on a connection that is opened if it is not there. */
void load_conn_start(struct load_run *r, struct load_ask *ask);
/* The loop reports a connection. */
void load_conn_event(struct load_run *r, struct load_conn *c, uint32_t events);
/* The timer of an ask under way. */
void load_conn_resume(struct load_run *r, struct load_ask *ask);
/* Ends a connection and counts a deviation for each request on it. */
void load_conn_fail(struct load_run *r, struct load_conn *c, enum load_deviation kind, const char *what);
/* Ends it, whatever is under way; nothing is counted. */
void load_conn_drop(struct load_run *r, struct load_conn *c);

/* --- between conn.c, send.c, receive.c and mux.c --- */

/* The response of an ask has ended as `a` says; `surplus` bytes are left behind it. */
void load_conn_answered(struct load_run *r, struct load_ask *ask, const struct pd_answer *a, bool surplus);
/* Takes bytes of a response; false: it is over, or the connection is. */
bool load_conn_take(struct load_run *r, struct load_ask *ask, struct pd_slice in);
/* Sends what can be sent. */
void load_conn_flush(struct load_run *r, struct load_conn *c);
void load_conn_read(struct load_run *r, struct load_conn *c);
void load_conn_watch(struct load_run *r, struct load_conn *c, bool writes);
void load_sender_begin(struct load_sender *s, const struct load_request *q);
bool load_sender_is_done(const struct load_conn *c);
/* Appends a request under its id. */
void load_mux_put(struct load_conn *c, const struct load_ask *ask);
/* Takes bytes of several responses; false: the connection is over. */
bool load_mux_take(struct load_run *r, struct load_conn *c, struct pd_slice in);

#endif
