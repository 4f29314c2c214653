/*
 * test_spread.c - whose turn it is to watch the listeners while the calls of a worker compute (core/engine/spread.c,
 * docs/internals/workers.md). The other worker is what the board says of it.
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "engine/engine.h"
#include "engine/impl.h"

enum { OURS, OTHER, WORKERS, THREADS = 4 };

static const uint64_t LONG_NS = 2000000;
static const uint64_t QUICK_NS = 20000;

struct scene {
    struct pd_board *board;
    struct pd_engine *engine;
    int wake_fds[WORKERS];
};

/* Our worker has no call; calls take so long, and compute. It is the other one's turn, which has one connection. */
static void scene_init(struct scene *s, uint64_t call_ns)
{
    static _Alignas(PD_BOARD_LINE) char memory[sizeof(struct pd_board) + WORKERS * sizeof(struct pd_slot)];
    struct pd_config config = PD_CONFIG_DEFAULT;
    memset(memory, 0, sizeof memory);
    s->board = (struct pd_board *)(void *)memory;
    pd_board_init(s->board, WORKERS);
    for (int i = 0; i < WORKERS; i++)
        s->wake_fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    s->engine = pd_engine_new(&config, NULL, PD_LOOP_EPOLL, NULL);
    struct pd_join join = {
        .board = s->board, .slot = OURS, .worker = 1, .wake_fds = s->wake_fds, .receive_fd = -1, .send_fd = -1
    };
    CHECK(pd_engine_join(s->engine, &join));
    s->engine->app_threads = THREADS;
    s->engine->cost.call_ns = call_ns;
    s->engine->cost.absent_ns = call_ns < LONG_NS ? call_ns : LONG_NS / 40;
    pd_spread_turn(s->engine); /* from now on it takes part */
    s->board->slot[OTHER].connections = 1;
    s->board->slot[OTHER].soon = 1;
    s->board->slot[OTHER].state = PD_SLOT_ACCEPTS;
    s->board->watcher = OTHER;
}

static void scene_fini(struct scene *s)
{
    s->engine->app_threads = 0;
    pd_engine_free(s->engine);
    for (int i = 0; i < WORKERS; i++)
        close(s->wake_fds[i]);
}

static uint32_t watcher_after_a_turn(uint64_t call_ns, uint32_t others_idle, size_t our_calls)
{
    struct scene s;
    scene_init(&s, call_ns);
    s.board->slot[OTHER].idle = others_idle;
    s.engine->running = our_calls;
    pd_spread_turn(s.engine);
    uint32_t watcher = s.board->watcher;
    s.engine->running = 0;
    scene_fini(&s);
    return watcher;
}

/* Who computes looks for connections when the call is over, though it has threads that are idle. */
static void test_an_idle_worker_takes_the_turn_of_one_that_computes(void)
{
    CHECK_INT(watcher_after_a_turn(LONG_NS, 0, 0), OURS);
    CHECK_INT(watcher_after_a_turn(LONG_NS, 1, 0), OTHER);  /* which can look for itself */
    CHECK_INT(watcher_after_a_turn(LONG_NS, 0, 1), OTHER);  /* nor can we */
    CHECK_INT(watcher_after_a_turn(QUICK_NS, 0, 0), OTHER); /* it is back sooner than we would have it */
}

static void test_a_call_that_computes_leaves_no_thread_idle(void)
{
    struct scene s;
    scene_init(&s, LONG_NS);
    CHECK_INT(s.board->slot[OURS].idle, 1);
    s.engine->running = 1;
    pd_spread_rest(s.engine);
    CHECK_INT(s.board->slot[OURS].idle, 0);
    s.engine->cost.absent_ns = LONG_NS; /* it waits: others can go on */
    pd_spread_rest(s.engine);
    CHECK_INT(s.board->slot[OURS].idle, THREADS - 1);
    s.engine->running = 0;
    scene_fini(&s);
}

int main(void)
{
    test_an_idle_worker_takes_the_turn_of_one_that_computes();
    test_a_call_that_computes_leaves_no_thread_idle();
    return check_result();
}
