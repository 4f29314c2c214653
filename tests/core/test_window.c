/* test_window.c - an app thread is interrupted in the call that was meant, once, and nothing of that outlives it. */
#include "../../src/polydoor/bridge/window.h"
#include "check.h"

#include <unistd.h>

enum { HITS = 500 };

static void test_only_while_it_is_open(void)
{
    struct window w;
    window_init(&w);
    window_begin(&w, 7);
    CHECK_INT(window_hold(&w, 7, true), WINDOW_NOT_NOW);
    window_open(&w);
    CHECK_INT(window_hold(&w, 8, true), WINDOW_NOT_NOW); /* somebody else's by now */
    CHECK(window_close(&w));
    CHECK_INT(window_hold(&w, 7, true), WINDOW_NOT_NOW);
    window_fini(&w);
}

static void test_a_hit_is_known_at_the_end(void)
{
    struct window w;
    window_init(&w);
    window_begin(&w, 7);
    window_open(&w);
    CHECK_INT(window_hold(&w, 7, true), WINDOW_FIRST);
    window_release(&w, false); /* the thread was not there */
    CHECK(window_close(&w));
    window_open(&w);
    CHECK_INT(window_hold(&w, 7, true), WINDOW_FIRST);
    window_release(&w, true);
    CHECK_INT(window_hold(&w, 7, true), WINDOW_NOT_NOW); /* not twice in one call */
    CHECK(!window_close(&w));
    CHECK(window_close_late(&w));
    window_open(&w);
    CHECK(window_close(&w));
    window_fini(&w);
}

/* What comes behind the call that was hit may be cleaning up: it has the time between two attempts. */
static void test_again_only_after_a_while(void)
{
    struct window w;
    window_init(&w);
    window_begin(&w, 7);
    window_open(&w);
    CHECK_INT(window_hold(&w, 7, true), WINDOW_FIRST);
    window_release(&w, true);
    CHECK(!window_close(&w) && window_close_late(&w));
    window_open(&w);
    CHECK_INT(window_hold(&w, 7, false), WINDOW_NOT_NOW);
    CHECK_INT(window_hold(&w, 7, true), WINDOW_NOT_NOW);
    CHECK_INT(window_hold(&w, 7, false), WINDOW_NOT_NOW);
    CHECK_INT(window_hold(&w, 7, true), WINDOW_AGAIN);
    window_release(&w, true);
    CHECK(!window_close(&w) && window_close_late(&w));
    window_begin(&w, 8);
    window_open(&w);
    CHECK_INT(window_hold(&w, 8, false), WINDOW_FIRST);
    window_release(&w, false);
    CHECK(window_close(&w));
    window_fini(&w);
}

/* --- two threads -------------------------------------------------------------------------------------------------- */

struct race {
    struct window w;
    uint64_t pending; /* the request that an exception in the thread is for, 0: none; as the interpreter keeps it */
    _Atomic uint64_t now;
    _Atomic bool over;
    unsigned strays;
    unsigned hits;
};

static void *interrupt(void *arg)
{
    struct race *r = arg;
    while (!r->over) {
        uint64_t meant = r->now;
        if (window_hold(&r->w, meant, true) == WINDOW_NOT_NOW)
            continue;
        r->pending = meant;
        window_release(&r->w, true);
    }
    return NULL;
}

static void test_nothing_strays(void)
{
    static struct race r;
    pthread_t other;
    window_init(&r.w);
    CHECK(pthread_create(&other, NULL, interrupt, &r) == 0);
    for (uint64_t request = 1; r.hits < HITS; request++) {
        window_begin(&r.w, request);
        r.now = request;
        window_open(&r.w);
        for (volatile unsigned work = 0; work < request % 64; work++)
            ;
        bool hit = !window_close(&r.w) && window_close_late(&r.w);
        r.hits += hit;
        r.strays += hit ? r.pending != request : r.pending != 0; /* closed, so that nobody else touches it */
        r.pending = 0;
    }
    r.over = true;
    pthread_join(other, NULL);
    CHECK_INT(r.strays, 0);
    window_fini(&r.w);
}

int main(void)
{
    alarm(60); /* without a hit it would not end */
    test_only_while_it_is_open();
    test_a_hit_is_known_at_the_end();
    test_again_only_after_a_while();
    test_nothing_strays();
    return check_result();
}
