/*
 * run.h - the load: who asks when, what has come of it, and the loop that drives it.
 *
 * One thread waits for all connections (epoll, edge-triggered) and for the next time at which something is to be done.
 * An ask is one request under way with its response; a connection has one, or with FastCGI as many as --streams says.
 */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include "deviation.h"
#include "histogram.h"
#include "request.h"
#include "timers.h"

enum { LOAD_STATUS_MAX = 1000, LOAD_INPUT = 1 << 18 };

struct load_conn;

struct load_ask {
    struct load_conn *conn;
    struct load_request *request; /* NULL: idle */
    uint64_t due_ns;              /* when it should have been sent; from here on latency counts */
    uint64_t sent_ns;
    uint64_t got; /* body bytes of the response */
    unsigned status;
    bool begun;              /* a byte of the response has come */
    bool again;              /* the response leaves the connection open */
    bool wrong_body;         /* a byte differed */
    uint16_t id;             /* FastCGI */
    struct load_timer timer; /* idle: when the next request goes out; else when to go on sending or reading */
    alignas(max_align_t) char state[PD_CLIENT_STATE_MAX];
};

/* What is counted; the phases before the measurement have their own. */
struct load_tally {
    struct load_histogram latency;
    uint64_t requests; /* right responses */
    uint64_t in_time;  /* ... that ended before the time was up */
    uint64_t unsent;   /* open loop: whose time came, but no connection was free */
    uint64_t unanswered;
    uint64_t sent; /* bytes */
    uint64_t received;
    uint64_t connects;
    uint64_t elapsed_ns;
    uint64_t statuses[LOAD_STATUS_MAX];
};

struct load_run {
    const struct load_options *options;
    struct load_request *requests;
    size_t nrequests;
    size_t next_request;
    struct load_conn *conns;
    struct load_ask **idle; /* a stack of asks that wait for their turn */
    size_t nidle;
    size_t nasks;
    size_t active;
    int epoll;
    int signals;
    unsigned stopped; /* signals that asked for the end */
    uint64_t now;
    /* the phase */
    uint64_t begin_ns;
    uint64_t end_ns;
    uint64_t most; /* requests */
    uint64_t issued;
    double rate;
    uint64_t overdue_ns; /* when to look for those that are too late */
    struct load_tally *tally;
    struct load_deviations deviations;
    struct load_timers timers;
    struct pd_scratch scratch;
    char input[LOAD_INPUT];
};

struct load_limit {
    uint64_t duration_ns;
    uint64_t count;
    double rate;
    size_t asks; /* how many may be used */
};

void load_run_init(struct load_run *r, const struct load_options *o, struct load_request *requests, size_t n);
void load_run_fini(struct load_run *r);

/* Asks until the limit, waits for what is under way and counts into `tally`, which must be empty. */
void load_run_phase(struct load_run *r, struct load_limit limit, struct load_tally *tally);
/* Asks each request once, one after the other: their responses are what later ones are compared with. */
void load_run_first(struct load_run *r, struct load_tally *tally);

/* --- for connections --- */
/* A response has ended; false: what came was not right, and was counted as such. */
bool load_run_done(struct load_run *r, struct load_ask *ask);
/* What is to become of an ask that is over: the next request, a pause, or nothing. */
void load_run_next(struct load_run *r, struct load_ask *ask, bool failed);
/* The time at which an ask may go on. */
void load_run_wait(struct load_run *r, struct load_ask *ask, uint64_t due_ns);

uint64_t load_clock(void);

#endif
