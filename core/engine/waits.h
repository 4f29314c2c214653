/*
 * waits.h - requests that are suspended: each waits for a descriptor, in one direction, for more of its body, or for a
 * time, and holds no thread meanwhile (docs/internals/suspended.md, docs/adr/0009).
 *
 * Any number of them may wait for the same descriptor, so a watch stands between the loop and those who wait.
 */
#ifndef PD_WAITS_H
#define PD_WAITS_H

#include "engine/client.h"
#include "engine/suspend.h"

/* Of one exchange, from its first wait to its end. */
struct pd_wait {
    struct pd_list all;   /* pd_waits.all, while it is suspended (engine.lock) */
    struct pd_list node;  /* pd_waits.fresh or .ending (engine.lock) */
    struct pd_list peers; /* pd_watch.waits (loop role) */
    struct pd_timer timer;
    struct pd_watch *watch; /* NULL: none, or not yet (loop role) */
    struct pd_exchange *exchange;
    bool body; /* waits for that, and not for the descriptor */
    int fd;
    uint32_t events;   /* PD_READABLE or PD_WRITABLE */
    uint64_t until_ms; /* 0: for ever */
    bool only_looks;   /* its time is 0, and it is for a descriptor: it ends at once */
    bool cancelled;    /* (engine.lock) */
    bool held;         /* not begun before its connection has sent what it has to (conn.lock) */
    enum pd_wait_end end;
    void *tag;
    struct pd_thread *home; /* the one that goes on with it, NULL: any (engine.lock) */
};

/* An engine's, made when the first request is suspended. */
struct pd_waits {
    enum pd_owner owner; /* first: the loop gives this pointer back for all descriptors */
    /* engine.lock */
    struct pd_list all;
    struct pd_list fresh;  /* to be begun by the role's holder */
    struct pd_list ending; /* to be ended by it: cancelled, or its body is ready */
    size_t n;              /* of all */
    bool closed;           /* the engine stops: nothing is suspended any more */
    /* loop role */
    struct pd_wheel wheel;
    struct pd_watch **by_fd;
    size_t cap;
    struct pd_list watches; /* the next one to be looked after first */
    size_t nwatches;
    uint64_t sweep_ms; /* when that is */
    uint32_t serial;   /* of the last watch */
};

void pd_waits_free(struct pd_engine *e);
/* How many are suspended; engine.lock is held. */
size_t pd_waits_count(const struct pd_engine *e);
/* When something is to be done without an event, at most `ms` from now; -1: never. */
int pd_waits_next_ms(struct pd_engine *e, uint64_t now, int ms);
/* Begins what was suspended and ends what is ending since the last turn. engine.lock is held at both ends. */
void pd_waits_turn(struct pd_engine *e, struct pd_thread *t);
/* A descriptor is ready. engine.lock is free, as for all below; the role's holder. */
void pd_waits_ready(struct pd_engine *e, uint64_t tag, uint32_t events);
void pd_waits_expire(struct pd_engine *e);
/* Resumes all, and whatever is about to be suspended is not: the engine stops. */
void pd_waits_cut(struct pd_engine *e);

/* It waits no longer, for nobody wants its response; by any thread. x->conn->lock is held. */
void pd_waits_cancel(struct pd_engine *e, struct pd_exchange *x);
/* The same for all requests of a connection whose peer has left them. */
void pd_waits_forget(struct pd_client *cl);
/* What its connection could not take has been sent: its requests begin to wait. x->conn->lock is held. */
void pd_waits_release(struct pd_client *cl);
/* Something has come of a body that is waited for, or its end. */
void pd_waits_feed(struct pd_client *cl);
/* The thread ends: others go on with its requests. engine.lock is held. */
void pd_waits_orphan(struct pd_engine *e, struct pd_thread *t);

#endif
