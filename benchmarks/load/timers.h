/* timers.h - what is to happen at a time: a binary heap of nodes that their owners keep. */
#ifndef LOAD_TIMERS_H
#define LOAD_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load_timer {
    uint64_t due_ns;
    size_t place; /* in the heap, from 1 on; 0: not set */
};

struct load_timers {
    struct load_timer **heap; /* room for all timers that there are; heap[0] is not used */
    size_t n;
};

/* Sets a timer, or moves it. */
void load_timers_set(struct load_timers *t, struct load_timer *timer, uint64_t due_ns);
void load_timers_unset(struct load_timers *t, struct load_timer *timer);
/* Takes the earliest timer if its time has come, else gives NULL. */
struct load_timer *load_timers_take(struct load_timers *t, uint64_t now_ns);

/* When the earliest is due; UINT64_MAX when none is set. */
static inline uint64_t load_timers_next(const struct load_timers *t)
{
    return t->n ? t->heap[1]->due_ns : UINT64_MAX;
}

#endif
