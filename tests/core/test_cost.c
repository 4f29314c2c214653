/*
 * test_cost.c - what calls are taken for, those that compute and those that wait (docs/adr/0013), and how the threads
 * of the application are scheduled (docs/adr/0014). Clock and counters are ours.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "check.h"
#include "engine/exchange_api.h"
#include "engine/impl.h"

enum { CALLS = 200 };

static const uint64_t WAITING_NS = 500000;
static const uint64_t QUICK_NS = 20000;

struct scene {
    struct pd_sys sys; /* first: its address is the context of the table */
    struct pd_engine *engine;
    struct pd_thread *thread;
    uint64_t now_ns;
    uint64_t cpu_ns; /* of the process */
    struct pd_usage usage;
    bool is_batch;
    bool is_chosen; /* somebody chose a policy */
};

static uint64_t our_clock(void *ctx)
{
    return ((const struct scene *)ctx)->now_ns;
}

static struct pd_usage our_usage(void *ctx)
{
    return ((const struct scene *)ctx)->usage;
}

static uint64_t our_cpu(void *ctx)
{
    return ((const struct scene *)ctx)->cpu_ns;
}

static bool our_batch(void *ctx, bool on)
{
    struct scene *s = ctx;
    if (s->is_chosen)
        return false;
    CHECK(s->is_batch != on);
    s->is_batch = on;
    return true;
}

static void scene_init(struct scene *s)
{
    struct pd_config config = PD_CONFIG_DEFAULT;
    *s = (struct scene){ .sys = *pd_sys_default(), .now_ns = 1000000000 };
    s->sys.ctx = s;
    s->sys.monotonic_ns = our_clock;
    s->sys.thread_usage = our_usage;
    s->sys.process_cpu_ns = our_cpu;
    s->sys.thread_batch = our_batch;
    s->engine = pd_engine_new(&config, NULL, PD_LOOP_EPOLL, &s->sys);
    s->thread = pd_thread_new(s->engine);
}

static void scene_fini(struct scene *s)
{
    pd_thread_free(s->thread);
    pd_engine_free(s->engine);
}

/* So many calls, of which each takes so long, and `cpu_us` of the processor; the process has `percent` of one. */
static void call(struct scene *s, int n, uint64_t ns, uint64_t cpu_us, unsigned waits, unsigned percent)
{
    for (int i = 0; i < n; i++) {
        s->thread->started_ns = s->now_ns;
        pd_engine_begins(s->thread);
        s->usage.cpu_us += cpu_us;
        s->usage.waits += waits;
        s->now_ns += ns;
        s->cpu_ns += ns * percent / 100;
        pd_engine_ends(s->thread);
        pd_cost_add(s->thread, s->now_ns);
    }
}

/* --- who runs calls ----------------------------------------------------------------------------------------------- */

static const uint64_t LONG_NS = 2000000;

static bool is_quick(const struct scene *s)
{
    return pd_cost_is_quick(&s->engine->cost);
}

static void test_calls_that_compute_count_as_quick_ones(void)
{
    struct scene s;
    scene_init(&s);
    call(&s, CALLS, LONG_NS, 2000, 0, 100);
    CHECK(is_quick(&s));
    CHECK(pd_cost_is_slow(&s.engine->cost)); /* for another process, which has an interpreter of its own */
    call(&s, CALLS, 3 * LONG_NS, 6000, 0, 100);
    CHECK(!is_quick(&s));
    scene_fini(&s);
}

/* The first call of a process imports and compiles; some others collect garbage. */
static void test_few_that_compute_for_longer_than_a_turn_change_nothing(void)
{
    struct scene s;
    scene_init(&s);
    call(&s, 1, 100 * LONG_NS, 200000, 0, 100);
    CHECK(is_quick(&s));
    for (int i = 0; i < CALLS / 4; i++) {
        call(&s, 3, LONG_NS, 2000, 0, 100);
        call(&s, 1, 10 * LONG_NS, 20000, 0, 100);
        CHECK(is_quick(&s));
    }
    scene_fini(&s);
}

/* Each lets others wait until the relief thread comes, and no longer. */
static void test_one_that_waits_long_is_forgotten_as_soon_as_others(void)
{
    struct scene s;
    scene_init(&s);
    call(&s, CALLS, LONG_NS, 2000, 0, 100);
    call(&s, 1, 1000 * LONG_NS, 2000, 2, 100);
    CHECK(!is_quick(&s));
    call(&s, 32, LONG_NS, 2000, 0, 100);
    CHECK(is_quick(&s));
    scene_fini(&s);
}

/* Several go on, and the interpreter has made each of them wait for its turn. It may be what they do alone, too. */
static void test_a_crowd_that_computes_tells_nothing_by_its_waits(void)
{
    struct scene s;
    scene_init(&s);
    call(&s, CALLS, LONG_NS, 2000, 0, 100);
    s.engine->running = 3;
    call(&s, CALLS, 3 * LONG_NS, 2000, 2, 100);
    CHECK(is_quick(&s));
    s.engine->running = 1;
    call(&s, 1, LONG_NS, 2000, 2, 100);
    CHECK(!is_quick(&s));
    s.engine->running = 3;
    call(&s, CALLS, 3 * LONG_NS, 2000, 2, 100);
    CHECK(!is_quick(&s));
    s.engine->running = 0;
    scene_fini(&s);
}

/* One call may have come and gone while it went on. */
static void test_who_met_others_in_the_middle_of_a_call_was_in_a_crowd(void)
{
    struct scene s;
    scene_init(&s);
    call(&s, CALLS, LONG_NS, 2000, 0, 100);
    struct pd_thread *other = pd_thread_new(s.engine);
    s.engine->running = 1;
    pd_cost_begin(s.thread);
    s.thread->started_ns = s.now_ns;
    pd_engine_begins(s.thread);
    s.engine->running = 2;
    pd_cost_begin(other);
    s.engine->running = 1;
    s.usage.cpu_us += 2000;
    s.usage.waits += 1;
    pd_engine_ends(s.thread);
    pd_cost_add(s.thread, s.now_ns += LONG_NS);
    CHECK(is_quick(&s));
    s.engine->running = 0;
    pd_thread_free(other);
    scene_fini(&s);
}

/* Another call begins while one goes on that computes, and has its turn after so long. */
static void try_another(struct scene *s, uint64_t wait_ns, bool is_over)
{
    struct pd_thread *other = pd_thread_new(s->engine);
    pd_engine_begins(s->thread);
    other->started_ns = s->now_ns;
    other->cost.is_trial = true;
    s->now_ns += wait_ns;
    if (is_over)
        pd_engine_ends(s->thread);
    pd_engine_begins(other);
    pd_engine_ends(other);
    if (!is_over)
        pd_engine_ends(s->thread);
    pd_thread_free(other);
}

static bool is_quick_behind_trials(uint64_t wait_ns, bool is_over)
{
    struct scene s;
    scene_init(&s);
    call(&s, CALLS, LONG_NS, 2000, 0, 100);
    for (int i = 0; i < 10; i++)
        try_another(&s, wait_ns, is_over);
    call(&s, 1, LONG_NS, 2000, 0, 100);
    bool result = is_quick(&s);
    s.now_ns += UINT64_C(11000000000); /* it may have changed by then */
    call(&s, CALLS, LONG_NS, 2000, 0, 100);
    CHECK(is_quick(&s));
    scene_fini(&s);
    return result;
}

/* As those that hash or compress: with other threads they use other processors. */
static void test_calls_that_compute_without_their_turn_are_slow(void)
{
    CHECK(!is_quick_behind_trials(QUICK_NS, false));
    CHECK(is_quick_behind_trials(LONG_NS, false)); /* it had to wait */
    CHECK(is_quick_behind_trials(QUICK_NS, true)); /* the one before it was about to end */
}

/* --- how their threads are scheduled ------------------------------------------------------------------------------ */

/* Most of what they take is a wait, and the process is busy meanwhile: others have the processor. */
static void wait_busily(struct scene *s)
{
    call(s, CALLS, WAITING_NS, 20, 2, 80);
    CHECK(pd_cost_is_waiting(&s->engine->cost));
}

static void test_threads_that_wait_disturb_no_other_while_the_process_is_busy(void)
{
    struct scene s;
    scene_init(&s);
    wait_busily(&s);
    CHECK(s.is_batch);
    call(&s, CALLS, WAITING_NS, 20, 2, 20);
    CHECK(!s.is_batch);
    scene_fini(&s);
}

/* Another process may have the processor by then. */
static void test_behind_a_pause_the_first_call_ends_it(void)
{
    struct scene s;
    scene_init(&s);
    wait_busily(&s);
    s.now_ns += 1000000000;
    call(&s, 2, WAITING_NS, 20, 2, 20);
    CHECK(!s.is_batch);
    scene_fini(&s);
}

static void test_threads_that_compute_are_scheduled_as_usual(void)
{
    struct scene s;
    scene_init(&s);
    call(&s, CALLS, WAITING_NS, 500, 0, 100);
    CHECK(!s.is_batch);
    call(&s, CALLS, WAITING_NS, 50, 0, 100); /* others had the processor meanwhile */
    CHECK(!s.is_batch);
    call(&s, CALLS, 10 * WAITING_NS, 2000, 2, 100); /* it also waits, but not for the most part */
    CHECK(!s.is_batch && !pd_cost_is_waiting(&s.engine->cost));
    scene_fini(&s);
}

/* What they cost is measured once in eight calls, until one was found that does not wait. */
static void test_calls_that_begin_to_compute_are_soon_scheduled_as_usual(void)
{
    struct scene s;
    scene_init(&s);
    wait_busily(&s);
    call(&s, 16, 40 * WAITING_NS, 20000, 0, 100);
    CHECK(!s.is_batch);
    scene_fini(&s);
}

/* Quick calls are not measured, and nobody would find that they do not wait. */
static void test_calls_that_became_quick_are_scheduled_as_usual(void)
{
    struct scene s;
    scene_init(&s);
    wait_busily(&s);
    call(&s, 40, QUICK_NS, 20, 0, 80);
    CHECK(!s.is_batch && !pd_cost_is_waiting(&s.engine->cost));
    scene_fini(&s);
}

static void test_a_policy_that_somebody_chose_is_kept(void)
{
    struct scene s;
    scene_init(&s);
    s.is_chosen = true;
    wait_busily(&s);
    s.is_chosen = false; /* it would be seen */
    call(&s, CALLS, WAITING_NS, 20, 2, 80);
    CHECK(!s.is_batch);
    scene_fini(&s);
}

static void test_no_policy_is_changed_where_that_is_forbidden(void)
{
    struct scene s;
    scene_init(&s);
    pd_engine_keep_policies(s.engine);
    wait_busily(&s);
    CHECK(!s.is_batch);
    scene_fini(&s);
}

/* --- the real calls ----------------------------------------------------------------------------------------------- */

static void *change_policies(void *arg)
{
    const struct pd_sys *sys = pd_sys_default();
    const struct sched_param none = { 0 };
    if (sched_setscheduler(0, SCHED_OTHER, &none) != 0)
        return arg;                           /* the tests have another one, and may not change it */
    CHECK(!PD_SYS(sys, thread_batch, false)); /* it is not that now */
    CHECK(PD_SYS(sys, thread_batch, true));
    CHECK_INT(sched_getscheduler(0), SCHED_BATCH);
    CHECK(PD_SYS(sys, thread_batch, false));
    CHECK_INT(sched_getscheduler(0), SCHED_OTHER);
    CHECK(sched_setscheduler(0, SCHED_IDLE, &none) == 0);
    CHECK(!PD_SYS(sys, thread_batch, true));
    CHECK_INT(sched_getscheduler(0), SCHED_IDLE);
    return arg;
}

static void test_only_the_usual_policy_of_this_thread_is_changed(void)
{
    pthread_t id;
    int policy = sched_getscheduler(0);
    CHECK(pthread_create(&id, NULL, change_policies, NULL) == 0);
    pthread_join(id, NULL);
    CHECK_INT(sched_getscheduler(0), policy);
}

struct observed {
    _Atomic int id;
    _Atomic bool sleeps;
    sem_t end;
};

static void *compute_then_sleep(void *arg)
{
    struct observed *o = arg;
    CHECK(pthread_setname_np(pthread_self(), "a) R (b) S") == 0); /* as hard to read past as can be */
    atomic_store(&o->id, PD_SYS0(pd_sys_default(), thread_id));
    while (!atomic_load(&o->sleeps))
        continue;
    sem_wait(&o->end);
    return NULL;
}

static void test_a_thread_runs_or_sleeps(void)
{
    const struct pd_sys *sys = pd_sys_default();
    struct observed o = { 0 };
    pthread_t id;
    sem_init(&o.end, 0, 0);
    CHECK(pthread_create(&id, NULL, compute_then_sleep, &o) == 0);
    while (!atomic_load(&o.id))
        sched_yield();
    CHECK(PD_SYS(sys, thread_runs, o.id));
    atomic_store(&o.sleeps, true);
    while (PD_SYS(sys, thread_runs, o.id))
        sched_yield();
    sem_post(&o.end);
    pthread_join(id, NULL);
    while (PD_SYS(sys, thread_runs, o.id)) /* soon nobody has that number any more */
        sched_yield();
    sem_destroy(&o.end);
}

int main(void)
{
    alarm(60); /* a thread that never sleeps ends here, and fails */
    test_calls_that_compute_count_as_quick_ones();
    test_few_that_compute_for_longer_than_a_turn_change_nothing();
    test_one_that_waits_long_is_forgotten_as_soon_as_others();
    test_a_crowd_that_computes_tells_nothing_by_its_waits();
    test_who_met_others_in_the_middle_of_a_call_was_in_a_crowd();
    test_calls_that_compute_without_their_turn_are_slow();
    test_threads_that_wait_disturb_no_other_while_the_process_is_busy();
    test_behind_a_pause_the_first_call_ends_it();
    test_threads_that_compute_are_scheduled_as_usual();
    test_calls_that_begin_to_compute_are_soon_scheduled_as_usual();
    test_calls_that_became_quick_are_scheduled_as_usual();
    test_a_policy_that_somebody_chose_is_kept();
    test_no_policy_is_changed_where_that_is_forbidden();
    test_only_the_usual_policy_of_this_thread_is_changed();
    test_a_thread_runs_or_sleeps();
    return check_result();
}
