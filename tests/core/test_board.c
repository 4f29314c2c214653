/* test_board.c - whose turn it is to accept, by what the workers say of themselves. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "engine/board.h"

enum { SLOTS = 4, NOW_MS = 1000 };

static struct pd_board *board_new(size_t slots)
{
    struct pd_board *b = aligned_alloc(PD_BOARD_LINE, pd_board_size(slots));
    if (!b)
        abort();
    memset(b, 0, pd_board_size(slots));
    pd_board_init(b, slots);
    return b;
}

static void say(struct pd_board *b, uint32_t slot, uint32_t idle, uint32_t connections, uint64_t last_ms)
{
    struct pd_slot *s = &b->slot[slot];
    s->state = PD_SLOT_ACCEPTS;
    s->idle = idle;
    s->connections = connections;
    s->last_ms = last_ms;
}

static void test_nobody_is_chosen_where_nobody_accepts(void)
{
    struct pd_board *b = board_new(SLOTS);
    CHECK_INT(b->watcher, PD_BOARD_NOBODY);
    CHECK_INT(pd_board_choose(b, PD_BOARD_NOBODY, NOW_MS), PD_BOARD_NOBODY);
    b->slot[2].state = PD_SLOT_PAUSED;
    CHECK_INT(pd_board_choose(b, 2, NOW_MS), PD_BOARD_NOBODY);
    CHECK_INT(pd_board_others(b, 0), 1);
    CHECK_INT(pd_board_others(b, 2), 0);
    free(b);
}

static void test_who_watches_stays_within_one_connection(void)
{
    struct pd_board *b = board_new(SLOTS);
    for (uint32_t i = 0; i < SLOTS; i++)
        say(b, i, 1, 5, 100);
    CHECK_INT(pd_board_choose(b, 3, NOW_MS), 3);
    b->slot[3].connections = 6;
    b->slot[1].last_ms = 500;
    CHECK_INT(pd_board_choose(b, 3, NOW_MS), 3);
    b->slot[3].connections = 7;
    CHECK_INT(pd_board_choose(b, 3, NOW_MS), 1); /* of three with as few, the hot one */
    b->slot[2].connections = 4;
    CHECK_INT(pd_board_choose(b, 3, NOW_MS), 2);
    free(b);
}

static void test_an_idle_thread_comes_before_connections(void)
{
    struct pd_board *b = board_new(SLOTS);
    say(b, 0, 0, 1, 0);
    say(b, 1, 1, 50, 0);
    CHECK_INT(pd_board_choose(b, 0, NOW_MS), 1);
    CHECK_INT(pd_board_choose(b, 1, NOW_MS), 1); /* those without an idle thread do not count */
    b->slot[1].idle = 0;
    CHECK_INT(pd_board_choose(b, 1, NOW_MS), 0);
    CHECK_INT(pd_board_choose(b, 0, NOW_MS), 0);
    free(b);
}

/* Kept connections stay where they are, so they are not all to go to the one that was idle for a moment. */
static void test_a_thread_that_is_soon_idle_is_as_good_as_an_idle_one(void)
{
    struct pd_board *b = board_new(SLOTS);
    say(b, 0, 1, 3, NOW_MS);
    say(b, 1, 0, 1, NOW_MS - PD_BOARD_SOON_MS + 1);
    b->slot[1].soon = 1;
    CHECK_INT(pd_board_choose(b, 0, NOW_MS), 1);
    CHECK_INT(pd_board_choose(b, 1, NOW_MS), 1);
    b->slot[0].connections = 2;
    CHECK_INT(pd_board_choose(b, 0, NOW_MS), 0);
    CHECK_INT(pd_board_choose(b, 1, NOW_MS), 1);
    b->slot[0].connections = 1; /* where it makes no difference to the number, the idle one it is */
    CHECK_INT(pd_board_choose(b, 1, NOW_MS), 0);
    b->slot[0].connections = 9;
    b->slot[1].last_ms--; /* its calls last longer than they did */
    CHECK_INT(pd_board_choose(b, 1, NOW_MS), 0);
    free(b);
}

static void test_who_is_heard_of_comes_before_an_idle_thread(void)
{
    struct pd_board *b = board_new(SLOTS);
    say(b, 0, 3, 1, 0);
    say(b, 1, 0, 50, 0);
    CHECK_INT(pd_board_choose(b, 0, NOW_MS), 0);
    CHECK(pd_board_is_there(b, 0));
    CHECK(pd_board_silence(b, 0));
    CHECK(!pd_board_silence(b, 0));
    CHECK(!pd_board_is_there(b, 0));
    CHECK_INT(pd_board_choose(b, 0, NOW_MS), 1);
    CHECK_INT(pd_board_choose(b, 1, NOW_MS), 1);
    CHECK(pd_board_silence(b, 1)); /* nobody else is there: as if all were */
    CHECK_INT(pd_board_choose(b, 1, NOW_MS), 0);
    CHECK(pd_board_unsilence(b, 1));
    CHECK(!pd_board_unsilence(b, 1));
    CHECK_INT(pd_board_choose(b, 0, NOW_MS), 1);
    CHECK(!pd_board_is_there(b, 2));
    CHECK(!pd_board_is_there(b, PD_BOARD_NOBODY));
    free(b);
}

static void test_a_cleared_slot_is_nobodys(void)
{
    struct pd_board *b = board_new(SLOTS);
    say(b, 1, 3, 2, 9);
    b->slot[1].pid = 77;
    CHECK(pd_board_silence(b, 1));
    pd_board_beat(b, 1);
    CHECK_INT(b->slot[1].beats, 1);
    CHECK_INT(pd_board_choose(b, 1, NOW_MS), 1);
    pd_board_clear(b, 1);
    CHECK_INT(pd_board_choose(b, 1, NOW_MS), PD_BOARD_NOBODY);
    struct pd_slot none;
    memset(&none, 0, sizeof none);
    CHECK(memcmp(&b->slot[1], &none, sizeof none) == 0);
    free(b);
}

/* Of 64 connections that come one by one, no worker gets more than five quarters of its share, whoever begins. */
static void test_connections_spread(void)
{
    for (uint32_t first = 0; first < SLOTS; first++) {
        struct pd_board *b = board_new(SLOTS);
        uint32_t watcher = first;
        for (uint32_t i = 0; i < SLOTS; i++)
            say(b, i, 1, 0, i == 2);
        for (int i = 0; i < 64; i++) {
            watcher = pd_board_choose(b, watcher, NOW_MS);
            b->slot[watcher].connections++;
        }
        for (uint32_t i = 0; i < SLOTS; i++)
            CHECK(b->slot[i].connections <= 20);
        free(b);
    }
}

static void test_only_a_board_is_one(void)
{
    struct pd_board *b = board_new(SLOTS);
    size_t n = pd_board_size(SLOTS);
    CHECK(pd_board_is_one(b, n));
    CHECK(pd_board_is_one(b, 2 * n)); /* whole pages */
    CHECK(!pd_board_is_one(b, n - 1));
    CHECK(!pd_board_is_one(b, sizeof *b - 1));
    b->version++;
    CHECK(!pd_board_is_one(b, n));
    b->version--;
    b->slots = PD_BOARD_SLOTS_MAX + 1;
    CHECK(!pd_board_is_one(b, n));
    CHECK_INT(pd_board_size(0), 0);
    CHECK_INT(pd_board_size(PD_BOARD_SLOTS_MAX + 1), 0);
    free(b);
}

int main(void)
{
    test_nobody_is_chosen_where_nobody_accepts();
    test_who_watches_stays_within_one_connection();
    test_an_idle_thread_comes_before_connections();
    test_a_thread_that_is_soon_idle_is_as_good_as_an_idle_one();
    test_who_is_heard_of_comes_before_an_idle_thread();
    test_a_cleared_slot_is_nobodys();
    test_connections_spread();
    test_only_a_board_is_one();
    return check_result();
}
