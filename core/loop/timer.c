/*
 * timer.c - the timing wheel.
 *
 * Time is cut into ticks. A timer that is due at tick T stands in the level of
 * the highest 6-bit digit in which T differs from the wheel's tick, in the
 * slot which that digit of T names. Hence:
 *   - in each level only slots above the wheel's own digit are occupied;
 *   - all slots of a level begin before all occupied slots of the next;
 *   - the next slot to look at is the lowest bit of the lowest level.
 * When the wheel reaches the begin of a slot of a higher level, its timers are
 * due or move down. So work is done for slots that hold something and never
 * for ticks that pass.
 */
#include "loop/timer.h"

#include <assert.h>
#include <limits.h>

/*
 * The `when_ms` of a timer on a list of expired ones: later than any other, so
 * that pd_wheel_add() never takes the "just later" short cut for it.
 */
#define EXPIRED UINT64_MAX

enum { LEVEL_FAR = PD_WHEEL_LEVELS, LEVEL_NONE };

/* The slot that comes next, and the tick at which it begins. */
struct next_slot {
    int level;
    unsigned slot;
    uint64_t tick;
};

/* The first tick at whose begin `when_ms` has passed: rounded up, never early. */
static uint64_t due_tick(const struct pd_wheel *w, uint64_t when_ms)
{
    uint64_t tick = when_ms >> w->tick_bits;
    return tick + (tick << w->tick_bits != when_ms);
}

static unsigned digit(uint64_t tick, int level)
{
    return (unsigned)(tick >> (level * PD_WHEEL_BITS)) & (PD_WHEEL_SLOTS - 1);
}

static void place(struct pd_wheel *w, struct pd_timer *t)
{
    uint64_t tick = due_tick(w, t->when_ms);
    if (tick <= w->tick)
        tick = w->tick + 1;
    int level = (63 - __builtin_clzll(tick ^ w->tick)) / PD_WHEEL_BITS;
    if (level >= PD_WHEEL_LEVELS) {
        pd_list_push(&w->far, &t->node);
        return;
    }
    unsigned slot = digit(tick, level);
    pd_list_push(&w->slots[level][slot], &t->node);
    w->used[level] |= UINT64_C(1) << slot;
}

static void wheel_init(struct pd_wheel *w, uint64_t now_ms, unsigned tick_bits)
{
    w->tick_bits = tick_bits;
    w->tick = now_ms >> tick_bits;
    for (int level = 0; level < PD_WHEEL_LEVELS; level++) {
        w->used[level] = 0;
        for (int slot = 0; slot < PD_WHEEL_SLOTS; slot++)
            pd_list_init(&w->slots[level][slot]);
    }
    pd_list_init(&w->far);
}

void pd_wheel_init(struct pd_wheel *w, uint64_t now_ms)
{
    wheel_init(w, now_ms, PD_WHEEL_TICK_BITS);
}

void pd_wheel_init_fine(struct pd_wheel *w, uint64_t now_ms)
{
    wheel_init(w, now_ms, PD_WHEEL_FINE_BITS);
}

void pd_wheel_add(struct pd_wheel *w, struct pd_timer *t, uint64_t when_ms)
{
    if (when_ms >= EXPIRED)
        when_ms = EXPIRED - 1;
    bool is_just_later = pd_timer_is_set(t) && when_ms >= t->when_ms;
    t->when_ms = when_ms;
    if (is_just_later)
        return;
    pd_list_remove(&t->node);
    place(w, t);
}

void pd_wheel_remove(struct pd_wheel *w, struct pd_timer *t)
{
    (void)w; /* the slot's bit is cleared when the wheel next looks at it */
    pd_list_remove(&t->node);
}

/* The first slot of `level` that holds a timer; forgets empty ones on the way. */
static bool find_in_level(struct pd_wheel *w, int level, struct next_slot *out)
{
    unsigned own = digit(w->tick, level);
    /* Two shifts, as a shift by 64 is undefined. */
    uint64_t above = ~UINT64_C(0) << own << 1;
    while (w->used[level] & above) {
        unsigned slot = (unsigned)__builtin_ctzll(w->used[level] & above);
        if (!pd_list_is_empty(&w->slots[level][slot])) {
            int shift = level * PD_WHEEL_BITS;
            uint64_t base = w->tick >> shift >> PD_WHEEL_BITS << PD_WHEEL_BITS;
            *out = (struct next_slot){ level, slot, (base | slot) << shift };
            return true;
        }
        w->used[level] &= ~(UINT64_C(1) << slot);
    }
    return false;
}

static struct next_slot find_next(struct pd_wheel *w)
{
    struct next_slot next = { LEVEL_NONE, 0, 0 };
    for (int level = 0; level < PD_WHEEL_LEVELS; level++)
        if (find_in_level(w, level, &next))
            return next;
    if (!pd_list_is_empty(&w->far)) {
        const int shift = PD_WHEEL_LEVELS * PD_WHEEL_BITS;
        next = (struct next_slot){ LEVEL_FAR, 0, ((w->tick >> shift) + 1) << shift };
    }
    return next;
}

/* Empties `slot`: due timers go to `expired`, the others to their new places. */
static void sort_slot(struct pd_wheel *w, struct pd_list *slot, uint64_t now_tick, struct pd_list *expired)
{
    struct pd_list all;
    pd_list_init(&all);
    pd_list_insert_before(slot->next, &all);
    pd_list_remove(slot);
    for (struct pd_list *node; (node = pd_list_take(&all)) != NULL;) {
        struct pd_timer *t = PD_LIST_ENTRY(node, struct pd_timer, node);
        if (due_tick(w, t->when_ms) <= now_tick) {
            t->when_ms = EXPIRED;
            pd_list_push(expired, node);
        } else {
            place(w, t);
        }
    }
}

void pd_wheel_expire(struct pd_wheel *w, uint64_t now_ms, struct pd_list *expired)
{
    uint64_t now_tick = now_ms >> w->tick_bits;
    if (now_tick <= w->tick)
        return;
    for (;;) {
        struct next_slot next = find_next(w);
        if (next.level == LEVEL_NONE || next.tick > now_tick)
            break;
        assert(next.tick > w->tick);
        if (next.level == LEVEL_FAR) {
            /* All else is done, so one step covers a jump of any length. */
            w->tick = now_tick;
            sort_slot(w, &w->far, now_tick, expired);
            break;
        }
        w->tick = next.tick;
        w->used[next.level] &= ~(UINT64_C(1) << next.slot);
        sort_slot(w, &w->slots[next.level][next.slot], now_tick, expired);
    }
    w->tick = now_tick;
}

int pd_wheel_next_ms(struct pd_wheel *w, uint64_t now_ms)
{
    struct next_slot next = find_next(w);
    if (next.level == LEVEL_NONE)
        return -1;
    uint64_t at_ms = next.tick << w->tick_bits;
    if (at_ms <= now_ms)
        return 0;
    return at_ms - now_ms > INT_MAX ? INT_MAX : (int)(at_ms - now_ms);
}
