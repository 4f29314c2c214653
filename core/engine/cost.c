/*
 * cost.c - what calls of the application cost, and what follows from it for their threads (see cost.h).
 *
 * A call that computes and one that waits take the same time by the clock; what the kernel has counted for the thread
 * tells them apart.
 */
#include "engine/cost.h"

#include "engine/exchange_api.h"
#include "engine/impl.h"

enum {
    MEASURE_EACH = 8,         /* calls of a thread of which the last one that was measured had waited */
    ABSENT_MOST_NS = 4000000, /* of a call: after that the relief thread sees to the others */
    AT_ONCE_NS = 100000,      /* so soon a call has its turn that need not wait for it */
    TRIALS = 4,               /* that had it so soon, one after the other: calls do not take turns */
    AVERAGE_SHIFT = 3,        /* a call has the weight 1/8 in the moving average */
    LOOK_EACH_NS = 50000000,  /* between two looks at what the process had of the processor */
};

/* For so long that is believed. */
static const uint64_t SHARED_NS = UINT64_C(10000000000);

/* What a call did that was measured. */
enum call_kind {
    CALL_COMPUTED,
    CALL_OUTLASTED_TURN, /* ... for longer than the interpreter leaves to one */
    CALL_LEFT_TURN,      /* it waited, or others may go on while it computes */
    CALL_UNCLEAR,        /* it may have been made to wait, by others that were to have their turn */
};

void pd_engine_keep_policies(struct pd_engine *e)
{
    e->cost.keeps_policies = true;
}

static void average_move(_Atomic uint64_t *average, uint64_t value)
{
    uint64_t old = atomic_load_explicit(average, memory_order_relaxed);
    atomic_store_explicit(average, old + (value >> AVERAGE_SHIFT) - (old >> AVERAGE_SHIFT), memory_order_relaxed);
}

/* --- before and in a call ----------------------------------------------------------------------------------------- */

/*
 * A thread that wakes takes the processor from another at once, which often has what it needs next: its turn. So it
 * waits for the turn, and the other goes on, two switches later. In a process that is busy, threads that compute little
 * and wait much rather wait until the processor is free.
 */
static void call_schedule(struct pd_thread *t)
{
    const struct pd_cost *c = &t->engine->cost;
    bool batch = atomic_load_explicit(&c->is_batch, memory_order_relaxed);
    if (batch == t->cost.is_batch || t->cost.keeps_policy || c->keeps_policies)
        return;
    t->cost.keeps_policy = !PD_SYS(t->engine->sys, thread_batch, batch);
    t->cost.is_batch = batch && !t->cost.keeps_policy;
}

void pd_cost_begin(struct pd_thread *t)
{
    struct pd_cost *c = &t->engine->cost;
    t->cost.crowds = c->crowds;
    c->crowds += t->engine->running > 1;
}

/*
 * Had a trial its turn at once, though another call has had its own and goes on? Then that one waits, or computes
 * without the interpreter, as what compresses or hashes does.
 */
static void trial_end(struct pd_thread *t, uint64_t now, bool others)
{
    struct pd_cost *c = &t->engine->cost;
    bool hit = others && now - t->started_ns < AT_ONCE_NS;
    unsigned hits = hit ? atomic_load_explicit(&c->hits, memory_order_relaxed) + 1 : 0;
    if (hits == TRIALS)
        atomic_store_explicit(&c->shared_ns, now + SHARED_NS, memory_order_relaxed);
    atomic_store_explicit(&c->hits, hits % TRIALS, memory_order_relaxed);
}

static void turn_begin(struct pd_thread *t)
{
    uint64_t now = PD_SYS0(t->engine->sys, monotonic_ns);
    bool others = atomic_fetch_add_explicit(&t->engine->cost.turns, 1, memory_order_relaxed) > 0;
    atomic_store_explicit(&t->cost.turn_ns, now, memory_order_relaxed);
    if (t->cost.is_trial)
        trial_end(t, now, others);
}

/* Two system calls for a call that may be slow because it computes, or because it waits; few where it did wait. */
void pd_engine_begins(struct pd_thread *t)
{
    struct pd_call_cost *c = &t->cost;
    atomic_store_explicit(&c->takes_turns, true, memory_order_relaxed);
    call_schedule(t);
    bool is_notable = pd_cost_is_measured(&t->engine->cost) || !c->has_begun;
    c->has_begun = true;
    if (is_notable)
        turn_begin(t);
    c->is_trial = false;
    c->is_measured = is_notable && (!c->waited || ++c->unmeasured >= MEASURE_EACH);
    if (!c->is_measured)
        return;
    c->unmeasured = 0;
    c->usage = PD_SYS0(t->engine->sys, thread_usage);
}

void pd_engine_lets_go(struct pd_thread *t)
{
    if (t->cost.is_measured)
        t->cost.waits = PD_SYS0(t->engine->sys, thread_usage).waits;
}

void pd_engine_goes_on(struct pd_thread *t)
{
    if (t->cost.is_measured)
        t->cost.usage.waits += PD_SYS0(t->engine->sys, thread_usage).waits - t->cost.waits;
}

void pd_engine_ends(struct pd_thread *t)
{
    struct pd_call_cost *c = &t->cost;
    if (c->is_measured) {
        struct pd_usage usage = PD_SYS0(t->engine->sys, thread_usage);
        c->usage = (struct pd_usage){ usage.cpu_us - c->usage.cpu_us, usage.waits - c->usage.waits };
    }
    if (atomic_load_explicit(&c->turn_ns, memory_order_relaxed) == 0)
        return;
    atomic_store_explicit(&c->turn_ns, 0, memory_order_relaxed);
    atomic_fetch_sub_explicit(&t->engine->cost.turns, 1, memory_order_relaxed);
}

bool pd_engine_is_contended(const struct pd_thread *t)
{
    return !pd_cost_is_quick(&t->engine->cost);
}

/* --- behind it ---------------------------------------------------------------------------------------------------- */

/* One that computes for a millisecond speaks for many: others wait for it. */
static void waiting_move(struct pd_cost *c, struct pd_usage usage)
{
    bool mostly_waited = usage.waits && usage.cpu_us < PD_QUICK_CALL_NS / 1000;
    if (usage.cpu_us >= PD_LONG_CALL_NS / 1000)
        atomic_store_explicit(&c->waiting, 0, memory_order_relaxed);
    else
        average_move(&c->waiting, mostly_waited ? 1000 : 0);
}

/*
 * While several go on, the interpreter makes each wait for its turn that computes for long enough: its waits tell
 * nothing then.
 */
static enum call_kind call_kind(const struct pd_thread *t, uint64_t now)
{
    const struct pd_cost *c = &t->engine->cost;
    struct pd_usage usage = t->cost.usage;
    bool is_crowded = t->engine->running > 1 || c->crowds != t->cost.crowds;
    bool is_long = usage.cpu_us >= PD_LONG_CALL_NS / 1000;
    if (usage.waits && !(is_long && is_crowded))
        return CALL_LEFT_TURN;
    if (is_long && now < atomic_load_explicit(&c->shared_ns, memory_order_relaxed))
        return CALL_LEFT_TURN;
    if (usage.cpu_us >= PD_TURN_NS / 1000)
        return CALL_OUTLASTED_TURN;
    return usage.waits ? CALL_UNCLEAR : CALL_COMPUTED;
}

/*
 * For how long others could have gone on meanwhile: a call that never leaves its turn has what they need all the time,
 * and counts as a quick one. Where most of these are so long that the interpreter would have others go on meanwhile,
 * they are slow.
 */
static void absence_move(struct pd_thread *t, uint64_t now)
{
    uint64_t took = now - t->started_ns;
    struct pd_cost *c = &t->engine->cost;
    enum call_kind kind = CALL_LEFT_TURN;
    if (t->cost.is_measured) {
        kind = call_kind(t, now);
        t->cost.waited = t->cost.usage.waits && t->cost.usage.cpu_us < PD_LONG_CALL_NS / 1000;
        waiting_move(c, t->cost.usage);
    }
    if (kind == CALL_LEFT_TURN)
        average_move(&c->absent_ns, took < ABSENT_MOST_NS ? took : ABSENT_MOST_NS);
    else if (kind != CALL_UNCLEAR)
        average_move(&c->absent_ns, kind == CALL_COMPUTED ? PD_QUICK_CALL_NS / 2 : 2 * PD_QUICK_CALL_NS);
}

void pd_cost_waits(struct pd_engine *e)
{
    average_move(&e->cost.absent_ns, ABSENT_MOST_NS);
}

static void look_at_processor(struct pd_engine *e, uint64_t now)
{
    struct pd_cost *c = &e->cost;
    if (now - c->looked_ns < LOOK_EACH_NS)
        return;
    uint64_t cpu_ns = PD_SYS0(e->sys, process_cpu_ns);
    c->is_busy = cpu_ns - c->cpu_ns > (now - c->looked_ns) / 2;
    c->looked_ns = now;
    c->cpu_ns = cpu_ns;
}

void pd_cost_add(struct pd_thread *t, uint64_t now)
{
    struct pd_cost *c = &t->engine->cost;
    uint64_t took = now - t->started_ns;
    average_move(&c->call_ns, took);
    absence_move(t, now);
    if (pd_cost_is_waiting(c))
        look_at_processor(t->engine, now);
    atomic_store_explicit(&c->is_batch, c->is_busy && pd_cost_is_waiting(c), memory_order_relaxed);
}
