/*
 * cost.h - what calls of the application cost, and what follows from it for their threads (docs/adr/0013 to 0015).
 */
#ifndef PD_COST_H
#define PD_COST_H

#include <stdatomic.h>

#include "base/sys.h"

struct pd_engine;
struct pd_thread;

enum {
    PD_QUICK_CALL_NS = 100000, /* app calls below this are run without handing the role on */
    PD_LONG_CALL_NS = 1000000, /* longer than it takes to wake another process */
    PD_TURN_NS = 5000000,      /* so long CPython's lock stays with a thread that computes, while others wait for it */
};

/* An engine's; changed under engine.lock. */
struct pd_cost {
    _Atomic uint64_t call_ns;   /* moving average of an app call */
    _Atomic uint64_t absent_ns; /* ... for so long others could have gone on meanwhile (absence_move) */
    _Atomic uint64_t waiting;   /* ... of those that were measured, per mille: they computed little, and waited */
    size_t crowds;              /* calls so far that began while others went on */
    _Atomic unsigned turns;     /* calls that have had their first turn, and go on */
    _Atomic unsigned hits;      /* trials one after the other that had their turn at once */
    _Atomic uint64_t shared_ns; /* calls do not take turns, though they compute; until then */
    uint64_t looked_ns;         /* when the processor time was looked at last */
    uint64_t cpu_ns;            /* what it was then */
    bool is_busy;               /* the process had more than half of a processor between the last two looks */
    _Atomic bool is_batch;      /* threads are to be scheduled as those that disturb no other when they wake */
    bool keeps_policies;        /* ... but may not */
};

/* A thread's. */
struct pd_call_cost {
    _Atomic bool takes_turns; /* one call goes on at a time: pd_engine_begins() was called */
    bool has_begun;           /* it has had a call */
    bool is_trial;            /* its next call is to show whether it has its turn at once, though another computes */
    bool is_measured;         /* `usage` is of this call */
    bool waited;              /* the last one that was measured did, and computed little */
    bool is_batch;            /* it is scheduled so, see pd_cost */
    bool keeps_policy;        /* it cannot be, or somebody chose a policy for it */
    unsigned unmeasured;      /* calls since then */
    size_t crowds;            /* pd_cost.crowds when the call began */
    _Atomic uint64_t turn_ns; /* when it had its first turn; 0: not yet, or nobody wants to know */
    struct pd_usage usage;    /* the thread's when the call began; behind pd_engine_ends() that of the call */
    uint64_t waits;           /* the thread's when it let go of the turn */
};

/* For the embedder, before any thread is made: the scheduling policy of no thread is changed, where that is forbidden.
 */
void pd_engine_keep_policies(struct pd_engine *e);

/* The thread is about to begin a call; this, and what is below, with engine.lock. */
void pd_cost_begin(struct pd_thread *t);
/* A call waits although nobody looks after the others, as was thought that it would not. */
void pd_cost_waits(struct pd_engine *e);
/* The thread's call is over, now. */
void pd_cost_add(struct pd_thread *t, uint64_t now);

/* The thread that runs a call is back before it would have paid to wake another. */
static inline bool pd_cost_is_quick(const struct pd_cost *c)
{
    return atomic_load_explicit(&c->absent_ns, memory_order_relaxed) < PD_QUICK_CALL_NS;
}

/* Calls are long enough to be measured. */
static inline bool pd_cost_is_measured(const struct pd_cost *c)
{
    return atomic_load_explicit(&c->call_ns, memory_order_relaxed) >= PD_QUICK_CALL_NS / 2;
}

/* They are so long that another worker should take what comes meanwhile, if it can. */
static inline bool pd_cost_is_slow(const struct pd_cost *c)
{
    return !pd_cost_is_quick(c) || atomic_load_explicit(&c->call_ns, memory_order_relaxed) >= PD_LONG_CALL_NS;
}

/* Calls are long enough to be measured, and most of them wait. */
static inline bool pd_cost_is_waiting(const struct pd_cost *c)
{
    return pd_cost_is_measured(c) && atomic_load_explicit(&c->waiting, memory_order_relaxed) > 500;
}

#endif
