/*
 * conn.h - one connection: the state machine that is the same for all protocols.
 *
 * Input is read, given to the codec, and turned into exchanges; responses
 * leave through the out queue. All functions here expect c->lock to be held,
 * but for pd_conn_init and pd_conn_fini. None of them waits, except where said.
 *
 * After each call the engine looks at `state`, `job`, `want_write` and
 * `deadline_ms` and does what they ask for (pd_conn_* never touch the loop).
 */
#ifndef PD_CONN_H
#define PD_CONN_H

#include <netinet/in.h>

#include "conn/exchange.h"
#include "conn/host.h"

enum pd_conn_job {
    PD_JOB_NONE,
    PD_JOB_SPILL, /* a request body must go to its spill file */
    PD_JOB_FLUSH, /* a file is next in the out queue */
};

struct pd_conn {
    pthread_mutex_t lock;
    const struct pd_codec *codec;
    void *codec_state;
    struct pd_host *host;
    const struct pd_port *port;
    int fd;
    enum pd_conn_state state;
    enum pd_conn_job job;

    bool proxied;     /* its PROXY header has not come yet: nothing else may */
    bool undecided;   /* the protocol is not found out yet; `codec` is HTTP meanwhile */
    bool listed;      /* ... and may be that of a gateway */
    bool readable;    /* the kernel may hold unread input */
    bool eof;         /* the peer will send no more */
    bool hung_up;     /* the peer closed or reset both directions */
    bool half_closed; /* the peer closed its direction (it may still read) */
    bool unfinished;  /* the last request was answered before its input had ended */
    bool surplus;     /* the peer has sent more than its request */
    bool input_bad;   /* framing is lost: nothing more is parsed */
    bool closing;     /* close when the out queue is empty and no exchange is left */
    bool reset;       /* ... with RST, because the end of a response could not be told from a break */
    bool want_write;  /* the out queue waits for the socket */
    bool missed;      /* the socket was reported ready, or its time was up, while the connection was lent */
    bool lent;        /* a thread works on body or out queue without the lock */
    bool served;      /* at least one request came through */
    bool unasked;     /* the codec has not said that it wants more: it may have to ask the peer for it first */
    bool left;        /* the peer has left, or gave a request up: what waits of it is not run (pd_client_settle) */
    bool shared;      /* a child of a process that had it may have the descriptor, too */
    bool fed;         /* something has come of a body for which its request is suspended (pd_client_settle) */
    bool yielded;     /* input was left for the loop's next turn, so that others have theirs */

    struct pd_list exchanges; /* all that are not ENDED, oldest first */
    unsigned nexchanges;
    unsigned noverdue; /* those whose app still has them, though they are answered and off the list */
    struct pd_buf in;  /* input that the codec did not consume yet */
    struct pd_out out;
    uint64_t discarded; /* input thrown away behind a response */
    size_t unread;      /* bytes sent outside of responses since the out queue was empty */

    uint64_t since_ms;  /* when the present phase (head, linger) began */
    uint64_t idle_ms;   /* when the last request ended */
    uint64_t output_ms; /* last progress of the out queue */
    uint64_t output_moved;
    uint64_t deadline_ms; /* 0: none */

    char peer_addr[46]; /* INET6_ADDRSTRLEN; the peer, or the client that its PROXY header names */
    char peer_port[6];
};

void pd_conn_init(struct pd_conn *c, struct pd_host *host, const struct pd_port *port, int fd, void *codec_state);
/* Frees what the connection holds; it must be CLOSED and have no exchange. */
void pd_conn_fini(struct pd_conn *c);

/* Reads and parses until there is nothing more or the connection must wait. */
void pd_conn_input(struct pd_conn *c, struct pd_io *io);
/* Sends what is queued. */
void pd_conn_output(struct pd_conn *c);
/* Takes note of a hang-up that the loop reported. */
void pd_conn_hangup(struct pd_conn *c, bool both_ways);
/* Does the work that may wait for a disk; lets go of the lock meanwhile. */
void pd_conn_run_job(struct pd_conn *c, struct pd_io *io);
/* The time limit of the present phase, as deadline_ms. */
void pd_conn_set_deadline(struct pd_conn *c);
/* The deadline has passed. */
void pd_conn_timeout(struct pd_conn *c);
/* Closes at once; `reset` sends RST, so that the peer sees a broken response as broken. */
void pd_conn_close(struct pd_conn *c, bool reset);

/* The connection goes on in another process, which has its descriptor. */
void pd_conn_leave(struct pd_conn *c);

/* Whether a forked child may have the descriptor as well: then close() alone ends nothing. */
bool pd_conn_is_shared(const struct pd_conn *c);
/* After a response, or when output is done: goes on, lingers or closes. */
void pd_conn_settle(struct pd_conn *c);
/* Waits until no other thread works on the connection without the lock. */
void pd_conn_reclaim(struct pd_conn *c, struct pd_exchange *x);
/* The thread that had it lent gives it back: those who wait are woken. */
void pd_conn_return(struct pd_conn *c);
/* The peer of this exchange has left, as far as is known. */
bool pd_conn_has_left(const struct pd_conn *c, const struct pd_exchange *x);
/* True when the peer of this exchange has left; asks the descriptor itself. */
bool pd_conn_is_gone(struct pd_conn *c, const struct pd_exchange *x);
/* True while so much output waits for the peer that a request that waits should not go on and give more. */
bool pd_conn_is_behind(const struct pd_conn *c);
/* True when the connection waits for bytes of a head or a body. */
bool pd_conn_expects_input(const struct pd_conn *c);
/* True when input is waiting that pd_conn_input could use now. */
bool pd_conn_has_work(const struct pd_conn *c);

#endif
