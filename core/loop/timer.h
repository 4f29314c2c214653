/*
 * timer.h - timeouts of all connections: a hierarchical timing wheel.
 *
 * Setting, moving and removing a timer is O(1). Moving a timer to a later
 * time is one store: the node stays where it is and is put right when the
 * wheel comes by, so a connection may push its deadline with every read.
 *
 * A timer never fires early; it fires less than a tick after its
 * time (or after it was set, if its time had passed already), provided that
 * pd_wheel_expire() is called when pd_wheel_next_ms() says. Timers that are
 * due together come in no particular order.
 *
 * Times are milliseconds of the monotonic clock, 64 bits wide. A jump of the
 * clock costs no more than the timers that became due. The wheel takes no
 * lock: its user sees to it that one thread at a time works on it.
 */
#ifndef PD_TIMER_H
#define PD_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define PD_WHEEL_TICK_MS (1 << PD_WHEEL_TICK_BITS)

enum {
    PD_WHEEL_TICK_BITS = 6, /* a tick of 64 ms */
    PD_WHEEL_FINE_BITS = 2, /* ... of 4 ms */
    PD_WHEEL_BITS = 6,      /* slots of a level = bits of one occupancy word */
    PD_WHEEL_SLOTS = 1 << PD_WHEEL_BITS,
    PD_WHEEL_LEVELS = 4, /* 64^4 ticks: 12 days; the rest waits in `far` */
};

struct pd_timer {
    struct pd_list node;
    uint64_t when_ms;
};

struct pd_wheel {
    unsigned tick_bits;             /* a tick takes 1 << tick_bits milliseconds */
    uint64_t tick;                  /* all ticks up to this one are dealt with */
    uint64_t used[PD_WHEEL_LEVELS]; /* a bit per slot; may be set for an empty one */
    struct pd_list slots[PD_WHEEL_LEVELS][PD_WHEEL_SLOTS];
    struct pd_list far;
};

/* The wheel must stay where it is: timers point into it. */
void pd_wheel_init(struct pd_wheel *w, uint64_t now_ms);
/* One with fine ticks: it turns more often, and not as far. */
void pd_wheel_init_fine(struct pd_wheel *w, uint64_t now_ms);

static inline void pd_timer_init(struct pd_timer *t)
{
    pd_list_init(&t->node);
    t->when_ms = 0;
}

/* True while the timer is in a wheel or on a list of expired timers. */
static inline bool pd_timer_is_set(const struct pd_timer *t)
{
    return !pd_list_is_empty(&t->node);
}

/* Sets the timer, or moves it when it is set (or has expired) already. */
void pd_wheel_add(struct pd_wheel *w, struct pd_timer *t, uint64_t when_ms);
/* Harmless for a timer that is not set; also takes it off a list of expired ones. */
void pd_wheel_remove(struct pd_wheel *w, struct pd_timer *t);
/* Moves all due timers to the tail of `expired` (a list of pd_timer.node). */
void pd_wheel_expire(struct pd_wheel *w, uint64_t now_ms, struct pd_list *expired);
/*
 * Milliseconds until pd_wheel_expire() may have something to do, 0 when it has
 * at once, -1 when no timer is set. The wheel may only have to sort by then.
 */
int pd_wheel_next_ms(struct pd_wheel *w, uint64_t now_ms);

#endif
