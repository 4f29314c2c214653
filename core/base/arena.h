/*
 * arena.h - memory that lives as long as one request.
 *
 * Allocations are never freed one by one; pd_arena_reset() drops all of them
 * and keeps the last block for the next request. The sum is bounded by the
 * limit given at birth, so no request can take more than that.
 */
#ifndef PD_ARENA_H
#define PD_ARENA_H

#include "base/compiler.h"
#include "base/slice.h"
#include "base/sys.h"

struct pd_arena_block;

struct pd_arena {
    const struct pd_sys *sys;
    struct pd_arena_block *first;
    struct pd_arena_block *last;
    char *next; /* free bytes of the last block: [next, end) */
    char *end;
    size_t used; /* bytes of all blocks */
    size_t limit;
};

void pd_arena_init(struct pd_arena *a, const struct pd_sys *sys, size_t limit);
void pd_arena_fini(struct pd_arena *a);
void pd_arena_reset(struct pd_arena *a);

/* The slow path of pd_arena_alloc: takes another block. */
void *pd_arena_grow(struct pd_arena *a, size_t n);

/* `n` bytes aligned for any object, or NULL (limit reached, no memory). */
static inline void *pd_arena_alloc(struct pd_arena *a, size_t n)
{
    size_t step = (n + 15u) & ~(size_t)15u;
    if (PD_UNLIKELY(step < n || (size_t)(a->end - a->next) < step))
        return pd_arena_grow(a, n);
    void *p = a->next;
    a->next += step;
    return p;
}

/* A copy of `s` in the arena; on failure a slice with p == NULL and n == 0. */
static inline struct pd_slice pd_arena_copy(struct pd_arena *a, struct pd_slice s)
{
    char *p = pd_arena_alloc(a, s.n ? s.n : 1);
    if (!p)
        return PD_SLICE_NONE;
    if (s.n)
        memcpy(p, s.p, s.n);
    return pd_slice(p, s.n);
}

#endif
