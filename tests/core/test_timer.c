/* test_timer.c - the timing wheel under simulated time. */
#include "loop/timer.h"

#include <limits.h>
#include <stdlib.h>

#include "check.h"

#define TICK ((uint64_t)PD_WHEEL_TICK_MS)

enum { MANY = 100000 };

static const uint64_t START = 987654321;

static size_t count_expired(struct pd_wheel *w, uint64_t now)
{
    struct pd_list expired;
    pd_list_init(&expired);
    pd_wheel_expire(w, now, &expired);
    size_t n = 0;
    while (pd_list_take(&expired))
        n++;
    return n;
}

/* Lets time pass as the loop does; gives the time at which something fired. */
static uint64_t run_until_fired(struct pd_wheel *w, uint64_t now, int *wakeups)
{
    *wakeups = 0;
    for (;;) {
        int next = pd_wheel_next_ms(w, now);
        if (next < 0)
            return 0;
        now += (uint64_t)next;
        ++*wakeups;
        if (count_expired(w, now) > 0)
            return now;
    }
}

static void test_empty_wheel_never_ticks(void)
{
    struct pd_wheel w;
    pd_wheel_init(&w, START);
    CHECK_INT(pd_wheel_next_ms(&w, START), -1);
    struct pd_timer t;
    pd_timer_init(&t);
    CHECK(!pd_timer_is_set(&t));
    pd_wheel_remove(&w, &t); /* harmless */
    pd_wheel_add(&w, &t, START + 5000);
    CHECK(pd_timer_is_set(&t));
    CHECK(pd_wheel_next_ms(&w, START) > 0);
    pd_wheel_remove(&w, &t);
    CHECK(!pd_timer_is_set(&t));
    CHECK_INT(pd_wheel_next_ms(&w, START), -1);
    CHECK_INT(count_expired(&w, START + 100000), 0);
}

static void test_fires_within_a_tick_never_early(void)
{
    static const uint64_t delays[] = {
        0,     1,      63,     64,     65,       100,      4095,       4096,       4097,         75000,
        60000, 262143, 262144, 300000, 16777216, 86400000, 1073741823, 1073741824, 31536000000u, 3153600000000u,
    };
    for (size_t i = 0; i < sizeof delays / sizeof *delays; i++)
        for (uint64_t phase = 0; phase < TICK; phase += 21) {
            struct pd_wheel w;
            struct pd_timer t;
            uint64_t start = START + phase;
            pd_wheel_init(&w, start);
            pd_timer_init(&t);
            pd_wheel_add(&w, &t, start + delays[i]);
            int wakeups;
            uint64_t fired = run_until_fired(&w, start, &wakeups);
            CHECK(fired >= start + delays[i]);
            CHECK(fired <= start + delays[i] + TICK);
            /* One look per level, and one per 12 days beyond them. */
            CHECK(wakeups <= PD_WHEEL_LEVELS + 1 + (int)(delays[i] / (TICK << 24)) * 3);
        }
}

static void test_early_call_fires_nothing(void)
{
    struct pd_wheel w;
    struct pd_timer t;
    pd_wheel_init(&w, START);
    pd_timer_init(&t);
    pd_wheel_add(&w, &t, START + 10000);
    for (uint64_t now = START; now < START + 10000; now += 7)
        CHECK_INT(count_expired(&w, now), 0);
    CHECK_INT(count_expired(&w, START + 10000 + TICK), 1);
    CHECK(!pd_timer_is_set(&t));
}

static void test_moved_later_fires_at_the_new_time(void)
{
    struct pd_wheel w;
    struct pd_timer t;
    pd_wheel_init(&w, START);
    pd_timer_init(&t);
    pd_wheel_add(&w, &t, START + 10000);
    struct pd_list *before = t.node.prev;
    for (uint64_t when = START + 10001; when <= START + 90000; when += 1000)
        pd_wheel_add(&w, &t, when);
    CHECK(t.node.prev == before); /* a later time is one store */
    CHECK_INT(count_expired(&w, START + 80000), 0);
    CHECK(pd_timer_is_set(&t));
    CHECK_INT(count_expired(&w, START + 90001 + TICK), 1);
}

static void test_moved_earlier_fires_at_the_new_time(void)
{
    struct pd_wheel w;
    struct pd_timer t;
    pd_wheel_init(&w, START);
    pd_timer_init(&t);
    pd_wheel_add(&w, &t, START + 75000);
    pd_wheel_add(&w, &t, START + 900);
    CHECK_INT(count_expired(&w, START + 899), 0);
    CHECK_INT(count_expired(&w, START + 900 + TICK), 1);
    /* Later, then a little earlier again: still not before its time. */
    pd_wheel_add(&w, &t, START + 5000);
    pd_wheel_add(&w, &t, START + 50000);
    pd_wheel_add(&w, &t, START + 20000);
    CHECK_INT(count_expired(&w, START + 19999), 0);
    CHECK_INT(count_expired(&w, START + 20000 + TICK), 1);
}

static void test_expired_timers_can_be_changed_before_they_are_taken(void)
{
    struct pd_wheel w;
    struct pd_timer t[3];
    struct pd_list expired;
    pd_wheel_init(&w, START);
    pd_list_init(&expired);
    for (int i = 0; i < 3; i++) {
        pd_timer_init(&t[i]);
        pd_wheel_add(&w, &t[i], START + 100);
    }
    pd_wheel_expire(&w, START + 1000, &expired);
    pd_wheel_remove(&w, &t[0]);
    pd_wheel_add(&w, &t[1], START + 3000);
    CHECK(pd_list_take(&expired) == &t[2].node);
    CHECK(pd_list_take(&expired) == NULL);
    CHECK_INT(count_expired(&w, START + 2999), 0);
    CHECK_INT(count_expired(&w, START + 3000 + TICK), 1);
}

static void test_a_time_in_the_past_fires_at_the_next_tick(void)
{
    struct pd_wheel w;
    struct pd_timer t;
    pd_wheel_init(&w, START);
    pd_timer_init(&t);
    pd_wheel_add(&w, &t, 5);
    CHECK(pd_wheel_next_ms(&w, START) <= (int)TICK);
    CHECK_INT(count_expired(&w, START + TICK), 1);
}

static void test_clock_jumps_cost_nothing(void)
{
    const uint64_t year = UINT64_C(31536000000);
    struct pd_wheel w;
    struct pd_timer near, later, never;
    pd_wheel_init(&w, START);
    pd_timer_init(&near);
    pd_timer_init(&later);
    pd_timer_init(&never);
    pd_wheel_add(&w, &near, START + 75000);
    pd_wheel_add(&w, &later, START + 50 * year);
    pd_wheel_add(&w, &never, UINT64_MAX);
    CHECK_INT(pd_wheel_next_ms(&w, START) <= 75000, 1);
    CHECK_INT(count_expired(&w, START + 10 * year), 1);
    CHECK_INT(count_expired(&w, START + 49 * year), 0);
    CHECK_INT(count_expired(&w, START + 1000000 * year), 1);
    CHECK(pd_timer_is_set(&never));
    CHECK(pd_wheel_next_ms(&w, START + 1000000 * year) > 0);
    /* A clock that goes back does nothing; time then goes on as before. */
    CHECK_INT(count_expired(&w, START), 0);
    pd_wheel_add(&w, &near, START + 1000000 * year + 1000);
    CHECK_INT(count_expired(&w, START + 1000000 * year + 1000 + TICK), 1);
}

static void test_far_away_next_is_clipped(void)
{
    struct pd_wheel w;
    struct pd_timer t;
    pd_wheel_init(&w, 0);
    pd_timer_init(&t);
    pd_wheel_add(&w, &t, UINT64_C(4000000000000));
    int next = pd_wheel_next_ms(&w, 0);
    CHECK(next > 0);
    CHECK_INT(pd_wheel_next_ms(&w, UINT64_C(5000000000000)), 0);
}

/* A plain generator: the same numbers in every run. */
static uint64_t rand_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

struct model_timer {
    struct pd_timer timer;
    uint64_t want; /* 0: not set */
    uint64_t fired;
};

/* Spans from one tick to months, so that every level is used. */
static uint64_t random_delay(uint64_t *state)
{
    return rand_next(state) >> (32 + rand_next(state) % 24);
}

/* Checks one step of time against the wanted times; gives the number of errors. */
static size_t step(struct pd_wheel *w, uint64_t last, uint64_t now)
{
    size_t errors = 0;
    struct pd_list expired;
    pd_list_init(&expired);
    pd_wheel_expire(w, now, &expired);
    for (struct pd_list *node; (node = pd_list_take(&expired)) != NULL;) {
        struct model_timer *m = PD_CONTAINER_OF(node, struct model_timer, timer.node);
        m->fired = now;
        /* Not early, and not due at the step before. */
        if (!m->want || now < m->want || m->want + TICK <= last)
            errors++;
        m->want = 0;
    }
    return errors;
}

static int by_want(const void *a, const void *b)
{
    const struct model_timer *const *x = a, *const *y = b;
    return ((*x)->want > (*y)->want) - ((*x)->want < (*y)->want);
}

/* Moves and removes some timers, as connections do between two waits. */
static void disturb(struct pd_wheel *w, struct model_timer *m, uint64_t now, uint64_t *seed)
{
    for (int i = 0; i < 200; i++) {
        struct model_timer *one = &m[rand_next(seed) % MANY];
        if (rand_next(seed) % 4 == 0) {
            pd_wheel_remove(w, &one->timer);
            one->want = 0;
        } else {
            one->want = now + 1 + random_delay(seed);
            pd_wheel_add(w, &one->timer, one->want);
        }
    }
}

static void test_many_random_timers_against_a_model(void)
{
    struct pd_wheel w;
    struct model_timer *m = calloc(MANY, sizeof *m);
    uint64_t seed = 20240117, now = START, last;
    size_t errors = 0;
    pd_wheel_init(&w, now);
    for (int i = 0; i < MANY; i++) {
        pd_timer_init(&m[i].timer);
        m[i].want = now + 1 + random_delay(&seed);
        pd_wheel_add(&w, &m[i].timer, m[i].want);
    }
    for (int round = 0; round < 3000; round++) {
        int next = pd_wheel_next_ms(&w, now);
        CHECK(next >= 0);
        last = now;
        now += (uint64_t)next + (round % 3 == 0 ? random_delay(&seed) >> 6 : 0);
        errors += step(&w, last, now);
        disturb(&w, m, now, &seed);
    }
    /* Then without changes to the end: all that is set fires, in due order. */
    struct model_timer **left = calloc(MANY, sizeof *left);
    uint64_t *wants = calloc(MANY, sizeof *wants);
    size_t n = 0;
    for (int i = 0; i < MANY; i++) {
        if (!m[i].want)
            pd_wheel_add(&w, &m[i].timer, m[i].want = now + 1 + random_delay(&seed));
        left[n++] = &m[i];
    }
    qsort(left, n, sizeof(struct model_timer *), by_want);
    for (size_t i = 0; i < n; i++)
        wants[i] = left[i]->want;
    for (int next; (next = pd_wheel_next_ms(&w, now)) >= 0;) {
        last = now;
        now += (uint64_t)next;
        errors += step(&w, last, now);
    }
    CHECK_INT(n, MANY);
    for (size_t i = 0; i < n; i++)
        if (left[i]->fired < wants[i] || left[i]->fired > wants[i] + TICK || (i && left[i]->fired < left[i - 1]->fired))
            errors++;
    CHECK_INT(errors, 0);
    free(wants);
    free(left);
    free(m);
}

int main(void)
{
    CHECK(sizeof(struct pd_timer) <= 32);
    test_empty_wheel_never_ticks();
    test_fires_within_a_tick_never_early();
    test_early_call_fires_nothing();
    test_moved_later_fires_at_the_new_time();
    test_moved_earlier_fires_at_the_new_time();
    test_expired_timers_can_be_changed_before_they_are_taken();
    test_a_time_in_the_past_fires_at_the_next_tick();
    test_clock_jumps_cost_nothing();
    test_far_away_next_is_clipped();
    test_many_random_timers_against_a_model();
    return check_result();
}
