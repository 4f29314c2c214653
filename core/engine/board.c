/* board.c - the memory that the workers of one service share (see board.h). */
#include "engine/board.h"

#include <assert.h>

static const uint64_t BOARD_MAGIC = 0x6472616f622d6470u; /* "pd-board" on a little-endian machine */

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "a lock would be one process's own");
_Static_assert(sizeof(struct pd_slot) == PD_BOARD_LINE, "no two workers write to one line");

size_t pd_board_size(size_t slots)
{
    return slots && slots <= PD_BOARD_SLOTS_MAX ? sizeof(struct pd_board) + slots * sizeof(struct pd_slot) : 0;
}

void pd_board_init(struct pd_board *b, size_t slots)
{
    b->magic = BOARD_MAGIC;
    b->version = PD_BOARD_VERSION;
    b->slots = (uint32_t)slots;
    atomic_store(&b->watcher, PD_BOARD_NOBODY);
}

bool pd_board_is_one(const void *memory, size_t n)
{
    const struct pd_board *b = memory;
    if (n < sizeof *b || b->magic != BOARD_MAGIC || b->version != PD_BOARD_VERSION)
        return false;
    size_t wanted = pd_board_size(b->slots);
    return wanted && n >= wanted;
}

void pd_board_beat(struct pd_board *b, uint32_t slot)
{
    assert(slot < b->slots);
    atomic_fetch_add_explicit(&b->slot[slot].beats, 1, memory_order_relaxed);
}

bool pd_board_silence(struct pd_board *b, uint32_t slot)
{
    assert(slot < b->slots);
    return !atomic_exchange(&b->slot[slot].silent, true);
}

bool pd_board_unsilence(struct pd_board *b, uint32_t slot)
{
    assert(slot < b->slots);
    return atomic_load_explicit(&b->slot[slot].silent, memory_order_relaxed) &&
           atomic_exchange(&b->slot[slot].silent, false);
}

bool pd_board_is_there(const struct pd_board *b, uint32_t slot)
{
    return slot < b->slots && atomic_load(&b->slot[slot].state) == PD_SLOT_ACCEPTS &&
           !atomic_load(&b->slot[slot].silent);
}

void pd_board_clear(struct pd_board *b, uint32_t slot)
{
    assert(slot < b->slots);
    struct pd_slot *s = &b->slot[slot];
    atomic_store(&s->state, PD_SLOT_AWAY); /* first: nobody may choose it any more */
    s->pid = s->worker = s->threads = s->idle = s->running = s->ready = s->connections = s->busy = s->silent = s->soon =
        0;
    s->requests = s->begun = s->refused = s->dropped = s->oldest_ms = s->last_ms = s->beats = 0;
}

static uint64_t peek(const _Atomic uint64_t *p)
{
    return atomic_load_explicit(p, memory_order_relaxed);
}

static uint32_t peek32(const _Atomic uint32_t *p)
{
    return atomic_load_explicit(p, memory_order_relaxed);
}

/* What decides between two that may watch. */
struct choice {
    uint32_t slot;
    bool silent;
    bool available; /* a thread is idle, or soon will be */
    bool idle;
    uint32_t connections;
    uint64_t last_ms;
};

static bool is_better(const struct choice *a, const struct choice *than)
{
    if (a->silent != than->silent)
        return than->silent;
    if (a->available != than->available)
        return a->available;
    if (a->connections != than->connections)
        return a->connections < than->connections;
    if (a->idle != than->idle)
        return a->idle;
    return a->last_ms > than->last_ms;
}

/* A worker whose threads are in long calls has not taken a request since then, whatever calls took before. */
static bool is_soon_idle(const struct pd_slot *s, uint64_t now_ms)
{
    uint64_t last = peek(&s->last_ms);
    return peek32(&s->soon) && (now_ms < last || now_ms - last < PD_BOARD_SOON_MS);
}

uint32_t pd_board_choose(const struct pd_board *b, uint32_t watcher, uint64_t now_ms)
{
    struct choice best = { .slot = PD_BOARD_NOBODY, .connections = UINT32_MAX };
    struct choice present = { .slot = PD_BOARD_NOBODY };
    for (uint32_t i = 0; i < b->slots; i++) {
        const struct pd_slot *s = &b->slot[i];
        if (atomic_load(&s->state) != PD_SLOT_ACCEPTS)
            continue;
        bool idle = peek32(&s->idle) > 0;
        struct choice c = { .slot = i,
                            .silent = atomic_load(&s->silent),
                            .available = idle || is_soon_idle(s, now_ms),
                            .idle = idle,
                            .connections = peek32(&s->connections),
                            .last_ms = peek(&s->last_ms) };
        if (best.slot == PD_BOARD_NOBODY || is_better(&c, &best))
            best = c;
        if (i == watcher)
            present = c;
    }
    bool may_stay = present.slot != PD_BOARD_NOBODY && present.silent == best.silent &&
                    present.available == best.available && present.idle >= best.idle &&
                    present.connections <= (uint64_t)best.connections + 1;
    return may_stay ? watcher : best.slot;
}

uint32_t pd_board_others(const struct pd_board *b, uint32_t slot)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->slots; i++)
        n += i != slot && atomic_load(&b->slot[i].state) != PD_SLOT_AWAY;
    return n;
}
