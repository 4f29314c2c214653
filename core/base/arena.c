/* arena.c - memory that lives as long as one request (see arena.h). */
#include "base/arena.h"

enum { ARENA_BLOCK = 1024 };

struct pd_arena_block {
    struct pd_arena_block *next;
    size_t size; /* bytes behind this header */
    _Alignas(16) char bytes[];
};

void pd_arena_init(struct pd_arena *a, const struct pd_sys *sys, size_t limit)
{
    *a = (struct pd_arena){ .sys = sys, .limit = limit };
}

static void arena_open_block(struct pd_arena *a, struct pd_arena_block *b)
{
    a->last = b;
    a->next = b->bytes;
    a->end = b->bytes + b->size;
}

static void arena_free_until(struct pd_arena *a, struct pd_arena_block *b, const struct pd_arena_block *end)
{
    while (b != end) {
        struct pd_arena_block *next = b->next;
        pd_release(a->sys, b);
        b = next;
    }
}

void pd_arena_reset(struct pd_arena *a)
{
    if (!a->first)
        return;
    arena_free_until(a, a->first, a->last);
    a->first = a->last;
    a->used = a->first->size;
    arena_open_block(a, a->first);
}

void pd_arena_fini(struct pd_arena *a)
{
    arena_free_until(a, a->first, NULL);
    pd_arena_init(a, a->sys, a->limit);
}

void *pd_arena_grow(struct pd_arena *a, size_t n)
{
    size_t overhead = sizeof(struct pd_arena_block);
    if (n > a->limit || a->used > a->limit - n)
        return NULL;
    size_t size = n + 16 > ARENA_BLOCK - overhead ? ((n + 15) & ~(size_t)15) : ARENA_BLOCK - overhead;
    struct pd_arena_block *b = pd_alloc(a->sys, overhead + size);
    if (!b)
        return NULL;
    b->next = NULL;
    b->size = size;
    if (a->last)
        a->last->next = b;
    else
        a->first = b;
    a->used += size;
    arena_open_block(a, b);
    return pd_arena_alloc(a, n);
}
