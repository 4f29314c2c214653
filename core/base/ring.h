/*
 * ring.h - a bounded queue of bytes in which nothing that was put is split.
 *
 *      tail            head            cap         tail catches up with head: both go back to 0,
 *       |   waiting     |     free      |          so a queue that is seldom full touches little memory
 *
 *      head            tail            end   cap   the same after the end was reached: what did not fit there
 *       |     free      |   waiting     |     |    went to the front
 *
 * One thread may look at what waits without a lock while others put: bytes
 * that wait do not move. Everything else needs the owner's lock.
 */
#ifndef PD_RING_H
#define PD_RING_H

#include "base/compiler.h"
#include "base/slice.h"
#include "base/sys.h"

struct pd_ring {
    const struct pd_sys *sys;
    char *data;
    size_t cap;
    size_t tail;  /* the oldest byte that waits */
    size_t head;  /* where the next one goes */
    size_t end;   /* wrapped: where the bytes at the back stop */
    bool wrapped; /* head has begun anew and is before tail */
};

/* False without memory. */
bool pd_ring_init(struct pd_ring *r, const struct pd_sys *sys, size_t cap) PD_MUST_CHECK;
void pd_ring_fini(struct pd_ring *r);

/* Appends all bytes side by side, or none: false. */
bool pd_ring_put(struct pd_ring *r, struct pd_slice s) PD_MUST_CHECK;
/* The oldest bytes as far as they lie side by side; always whole puts. Empty: nothing waits. */
struct pd_slice pd_ring_view(const struct pd_ring *r);
/* Drops `n` bytes of the view. */
void pd_ring_skip(struct pd_ring *r, size_t n);

/* Bytes that wait. */
static inline size_t pd_ring_used(const struct pd_ring *r)
{
    return r->wrapped ? r->end - r->tail + r->head : r->head - r->tail;
}

#endif
