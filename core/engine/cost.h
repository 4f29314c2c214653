/*
 * cost.h - what calls of the application cost, and what follows from it for their threads (docs/adr/0013, 0014).
 */
#ifndef PD_COST_H
#define PD_COST_H

#include <stdatomic.h>

#include "base/sys.h"

struct pd_engine;
struct pd_thread;

enum { PD_QUICK_CALL_NS = 100000 }; /* app calls below this are run without handing the role on */

/* An engine's. */
struct pd_cost {
    _Atomic uint64_t call_ns;   /* moving average of an app call */
    _Atomic uint64_t absent_ns; /* ... in which one that only computes counts as a quick one */
    uint64_t looked_ns;         /* when the processor time was looked at last (engine.lock) */
    uint64_t cpu_ns;            /* what it was then */
    bool is_busy;               /* the process had more than half of a processor between the last two looks */
};

/* A thread's. */
struct pd_call_cost {
    bool takes_turns;    /* one call goes on at a time: pd_engine_begins() was called */
    bool is_measured;    /* `usage` is what it was when pd_engine_begins() was called for it */
    bool waited;         /* the last one that was measured: it did not only compute */
    bool mostly_waits;   /* ... it had little of the processor, and waited */
    bool may_batch;      /* nobody chose a policy for the thread, and nobody forbids it to change its own */
    bool is_batch;       /* the kernel schedules it as one that disturbs no other when it wakes */
    unsigned unmeasured; /* calls since then */
    struct pd_usage usage;
    uint64_t waits; /* what was its share of that when it let go of the turn */
};

/* Before the thread's first call: may it be scheduled otherwise? A sandbox that kills for that does so at the start. */
void pd_cost_begin(struct pd_thread *t);
/* The thread's call is over, now. engine.lock is held. */
void pd_cost_add(struct pd_thread *t, uint64_t now);

/* The thread that runs a call is back before it would have paid to wake another. */
static inline bool pd_cost_is_quick(const struct pd_cost *c)
{
    return atomic_load_explicit(&c->absent_ns, memory_order_relaxed) < PD_QUICK_CALL_NS;
}

#endif
