/*
 * test_role.c - who runs the application (DESIGN section 3): while calls are quick one thread does everything and wakes
 * nobody; when they are slow the role is handed to the thread that was idle for the shortest time; and a role that was
 * left vacant for too long is taken by the relief thread. The clock is ours: a call takes as long as the test says.
 */
#define _GNU_SOURCE
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "check.h"
#include "engine/exchange_api.h"
#include "engine/impl.h"
#include "engine_peer.h"

enum { APP_THREADS = 4, REQUESTS = 100 };

static const uint64_t QUICK_NS = 20000;
static const uint64_t TURN_NS = 500000;  /* slow, but nobody else could run meanwhile if it only computes */
static const uint64_t LONG_NS = 3000000; /* the same, longer than a vacancy lasts before the relief thread comes */
static const uint64_t SLOW_NS = 5000000; /* so long that the interpreter would have others go on meanwhile */

struct scene {
    struct pd_sys sys; /* first: its address is the context of the table */
    struct pd_engine *engine;
    struct sockaddr_in door;
    _Atomic uint64_t now_ns;
    _Atomic uint64_t call_ns; /* what a call takes */
    _Atomic unsigned threads; /* that have begun */
    _Atomic unsigned runs[APP_THREADS];
    uint64_t step_ns;        /* what a look at the clock takes */
    pthread_barrier_t *meet; /* where calls wait for each other, or NULL */
    sem_t *gates;            /* where each call waits until it may go on, in turn, or NULL */
    _Atomic unsigned calls;  /* that have begun */
    _Atomic int look;        /* of the relief thread: 0 as it comes, 1 it is to stand still, 2 it does */
    _Atomic bool computes;   /* threads whose calls take turns run at this moment */
    bool outlasts_turn;      /* calls go on until somebody else waits for events */
    bool takes_turns;        /* each call begins with pd_engine_begins() */
    bool waits;              /* ... and waits for something */
    bool waits_for_turn;     /* ... or for its turn, which it has let go of */
    pthread_t ids[APP_THREADS + 1];
};

static uint64_t our_clock(void *ctx)
{
    struct scene *s = ctx;
    return atomic_fetch_add(&s->now_ns, s->step_ns);
}

static _Thread_local struct pd_usage usage;

static struct pd_usage our_usage(void *ctx)
{
    (void)ctx;
    return usage;
}

static _Thread_local bool is_relief;

/* Stands still before it looks for events, until it is told to go on. */
static int our_wait(void *ctx, int ep, struct epoll_event *evs, int max, int timeout_ms)
{
    struct scene *s = ctx;
    int still = 1;
    if (is_relief && timeout_ms == 0 && atomic_compare_exchange_strong(&s->look, &still, 2))
        while (atomic_load(&s->look) == 2)
            sched_yield();
    return PD_SYS(pd_sys_default(), epoll_wait, ep, evs, max, timeout_ms);
}

static bool our_runs(void *ctx, int id)
{
    (void)id;
    return atomic_load(&((struct scene *)ctx)->computes);
}

/* What the threads check: only the main thread counts. */
static void must(bool ok)
{
    if (!ok)
        abort();
}

/* --- the server --------------------------------------------------------------------------------------------------- */

/* Waits until a condition holds, which is looked at with the engine's lock. */
#define AWAIT(e, condition)                                                                                            \
    for (bool holds = false; !holds; sched_yield()) {                                                                  \
        pthread_mutex_lock(&(e)->lock);                                                                                \
        holds = (condition);                                                                                           \
        pthread_mutex_unlock(&(e)->lock);                                                                              \
    }

static void *app_thread(void *arg)
{
    struct scene *s = arg;
    unsigned self = atomic_fetch_add(&s->threads, 1);
    struct pd_thread *t = pd_thread_new(s->engine);
    struct pd_exchange *x;
    while ((x = pd_engine_next(t)) != NULL) {
        atomic_fetch_add(&s->runs[self], 1);
        if (s->takes_turns)
            pd_engine_begins(t);
        usage.cpu_us += s->waits ? 0 : atomic_load(&s->call_ns) / 1000;
        usage.waits += s->waits;
        if (s->waits_for_turn) {
            pd_engine_lets_go(t);
            usage.waits++;
            pd_engine_goes_on(t);
        }
        if (s->meet)
            pthread_barrier_wait(s->meet);
        if (s->gates)
            sem_wait(&s->gates[atomic_fetch_add(&s->calls, 1)]);
        if (s->outlasts_turn)
            AWAIT(s->engine, pd_loop_is_asleep(s->engine))
        atomic_fetch_add(&s->now_ns, atomic_load(&s->call_ns));
        must(pd_response_start(pd_exchange_response(x), PD_SLICE("200 OK")) == PD_R_NONE);
        must(pd_response_set_length(pd_exchange_response(x), 4) == PD_R_NONE);
        must(pd_exchange_last(t, x, PD_SLICE("done"), false) == PD_SEND_OK);
        if (s->takes_turns)
            pd_engine_ends(t);
    }
    pd_thread_free(t);
    return NULL;
}

static void *relief_thread(void *arg)
{
    is_relief = true;
    CHECK(!pd_engine_relief(((struct scene *)arg)->engine));
    return NULL;
}

static size_t idle_threads(struct scene *s)
{
    size_t n = 0;
    pthread_mutex_lock(&s->engine->lock);
    for (struct pd_list *node = s->engine->idle.next; node != &s->engine->idle; node = node->next)
        n++;
    pthread_mutex_unlock(&s->engine->lock);
    return n;
}

static void await_idle(struct scene *s, size_t n)
{
    while (idle_threads(s) != n)
        sched_yield();
}

/* All threads but the one that waits for events are idle when it returns. */
static void scene_init(struct scene *s, uint64_t call_ns, pthread_barrier_t *meet)
{
    struct pd_config config = PD_CONFIG_DEFAULT;
    *s = (struct scene){ .sys = *pd_sys_default(), .now_ns = 1000000000, .call_ns = call_ns, .meet = meet };
    s->sys.ctx = s;
    s->sys.monotonic_ns = our_clock;
    s->sys.thread_usage = our_usage;
    s->sys.thread_runs = our_runs;
    s->sys.epoll_wait = our_wait;
    s->engine = pd_engine_new(&config, NULL, PD_LOOP_EPOLL, &s->sys);
    s->door = peer_door(s->engine, (struct pd_port){ .codec = &pd_codec_http1 });
    for (int i = 0; i < APP_THREADS; i++)
        if (pthread_create(&s->ids[i], NULL, app_thread, s) != 0)
            abort();
    await_idle(s, APP_THREADS - 1);
}

/* It is one thread more for scene_fini(). */
static void scene_begin_relief(struct scene *s)
{
    if (pthread_create(&s->ids[APP_THREADS], NULL, relief_thread, s) != 0)
        abort();
}

static void scene_fini(struct scene *s, int threads)
{
    pd_engine_stop(s->engine, 0);
    for (int i = 0; i < threads; i++)
        pthread_join(s->ids[i], NULL);
    pd_engine_free(s->engine);
}

/* --- the client --------------------------------------------------------------------------------------------------- */

static void ask(int fd)
{
    peer_say(fd, PD_SLICE("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
}

static void read_answer(int fd)
{
    char buf[1000];
    size_t n = 0;
    while (n < 4 || memcmp(buf + n - 4, "done", 4) != 0) {
        ssize_t got = recv(fd, buf + n, sizeof buf - n, 0);
        if (got <= 0)
            abort();
        n += (size_t)got;
    }
}

/* How many threads have run the application, after REQUESTS requests one after the other. */
static int threads_that_took_part(struct scene *s)
{
    int fd = peer_dial(&s->door);
    int took_part = 0;
    unsigned runs = 0;
    for (int i = 0; i < REQUESTS; i++) {
        ask(fd);
        read_answer(fd);
        await_idle(s, APP_THREADS - 1);
    }
    for (int i = 0; i < APP_THREADS; i++) {
        took_part += atomic_load(&s->runs[i]) != 0;
        runs += atomic_load(&s->runs[i]);
    }
    CHECK_INT(runs, REQUESTS);
    close(fd);
    return took_part;
}

/* --- the tests ---------------------------------------------------------------------------------------------------- */

static void test_quick_calls_are_run_by_one_thread(void)
{
    struct scene s;
    scene_init(&s, QUICK_NS, NULL);
    CHECK_INT(threads_that_took_part(&s), 1);
    scene_fini(&s, APP_THREADS);
}

/* The one that calls and the one that waits change places; the others' caches and stacks stay cold. */
static void test_slow_calls_go_round_between_two_threads(void)
{
    struct scene s;
    scene_init(&s, SLOW_NS, NULL);
    CHECK_INT(threads_that_took_part(&s), 2);
    scene_fini(&s, APP_THREADS);
}

static void test_calls_that_become_quick_are_run_inline_again(void)
{
    struct scene s;
    scene_init(&s, SLOW_NS, NULL);
    CHECK_INT(threads_that_took_part(&s), 2);
    atomic_store(&s.call_ns, QUICK_NS);
    for (int i = 0; i < APP_THREADS; i++)
        atomic_store(&s.runs[i], 0);
    threads_that_took_part(&s); /* the average falls */
    for (int i = 0; i < APP_THREADS; i++)
        atomic_store(&s.runs[i], 0);
    CHECK_INT(threads_that_took_part(&s), 1);
    scene_fini(&s, APP_THREADS);
}

/* How many threads take part in calls of so long that take turns, after the first have shown what they are like. */
static int threads_in_turns(uint64_t call_ns, bool waits, bool waits_for_turn)
{
    struct scene s;
    scene_init(&s, call_ns, NULL);
    s.takes_turns = true;
    s.waits = waits;
    s.waits_for_turn = waits_for_turn;
    threads_that_took_part(&s);
    for (int i = 0; i < APP_THREADS; i++)
        atomic_store(&s.runs[i], 0);
    int took_part = threads_that_took_part(&s);
    scene_fini(&s, APP_THREADS);
    return took_part;
}

/* Whoever was woken meanwhile could not run: the interpreter is not free. */
static void test_calls_that_only_compute_are_run_by_one_thread(void)
{
    CHECK_INT(threads_in_turns(TURN_NS, false, false), 1);
    CHECK_INT(threads_in_turns(LONG_NS, false, false), 1);
}

/* Where many have let go of their turn for a send each waits for it behind another, though none has to wait. */
static void test_a_wait_for_the_turn_is_not_the_wait_of_a_call(void)
{
    CHECK_INT(threads_in_turns(TURN_NS, false, true), 1);
}

static void test_calls_that_wait_or_compute_for_long_go_round(void)
{
    CHECK_INT(threads_in_turns(TURN_NS, true, false), 2);
    CHECK_INT(threads_in_turns(SLOW_NS, false, false), 2);
}

/* The first call leaves the role vacant, since none was slow before it, and waits for the others to come. */
static void test_all_threads_run_when_calls_wait_for_each_other(void)
{
    struct scene s;
    pthread_barrier_t meet;
    int fds[APP_THREADS];
    pthread_barrier_init(&meet, NULL, APP_THREADS);
    scene_init(&s, QUICK_NS, &meet);
    s.step_ns = TURN_NS; /* vacancies become old */
    scene_begin_relief(&s);
    for (int i = 0; i < APP_THREADS; i++) {
        fds[i] = peer_dial(&s.door);
        ask(fds[i]);
    }
    for (int i = 0; i < APP_THREADS; i++) {
        read_answer(fds[i]);
        close(fds[i]);
    }
    for (int i = 0; i < APP_THREADS; i++)
        CHECK_INT(atomic_load(&s.runs[i]), 1);
    scene_fini(&s, APP_THREADS + 1);
    pthread_barrier_destroy(&meet);
}

/* While the loop sleeps nobody looks at the clock, but for the thread whose call has taken that long. */
static void test_a_connection_has_its_time_behind_a_long_call(void)
{
    const uint64_t long_ns = 1000 * (uint64_t)1000000000;
    struct scene s;
    scene_init(&s, long_ns, NULL);
    s.outlasts_turn = true;
    s.step_ns = TURN_NS;
    scene_begin_relief(&s);
    int fd = peer_dial(&s.door);
    ask(fd);
    read_answer(fd);
    await_idle(&s, APP_THREADS); /* so nobody changes the list of clients */
    const struct pd_client *cl = PD_LIST_ENTRY(s.engine->clients.next, struct pd_client, all);
    CHECK(cl->conn.idle_ms >= long_ns / 1000000);
    close(fd);
    scene_fini(&s, APP_THREADS + 1);
}

/* --- one application thread, and more requests than it can run ---------------------------------------------------- */

enum { BUSY_CONNS = 3 };

struct busy {
    struct scene s;
    struct pd_thread *thread; /* the only one for the application: the one that tests */
    struct pd_exchange *running;
    int fds[BUSY_CONNS];
    bool has_relief;
    bool has_another; /* a second thread for the application */
};

static void await_arrival(const struct busy *b)
{
    const struct pd_door *d = PD_LIST_ENTRY(b->s.engine->doors.next, struct pd_door, node);
    struct tcp_info info = { .tcpi_unacked = 0 };
    socklen_t len = sizeof info;
    for (; info.tcpi_unacked < BUSY_CONNS; sched_yield()) /* of a listener: connections that wait for accept() */
        CHECK_INT(getsockopt(d->listener.fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    for (int i = 0; i < BUSY_CONNS; i++)
        for (int left = 1; left; sched_yield())
            CHECK_INT(ioctl(b->fds[i], SIOCOUTQ, &left), 0);
}

/* The thread has begun a call and left the role vacant; the other requests are ready. */
static void busy_init(struct busy *b)
{
    struct pd_config config = PD_CONFIG_DEFAULT;
    b->s = (struct scene){ .sys = *pd_sys_default(), .now_ns = 1000000000 };
    b->s.sys.ctx = &b->s;
    b->s.sys.monotonic_ns = our_clock;
    b->s.sys.thread_runs = our_runs;
    b->s.engine = pd_engine_new(&config, NULL, PD_LOOP_EPOLL, &b->s.sys);
    b->s.door = peer_door(b->s.engine, (struct pd_port){ .codec = &pd_codec_http1 });
    b->thread = pd_thread_new(b->s.engine);
    b->has_relief = b->has_another = false;
    for (int i = 0; i < BUSY_CONNS; i++) {
        b->fds[i] = peer_dial(&b->s.door);
        ask(b->fds[i]);
    }
    await_arrival(b);
    b->running = pd_engine_next(b->thread);
    CHECK_INT(b->s.engine->nready, BUSY_CONNS - 1);
}

/* The call takes so long; then the thread takes the next request. */
static void busy_go_on(struct busy *b, uint64_t call_ns)
{
    atomic_fetch_add(&b->s.now_ns, call_ns);
    pd_exchange_fail(b->thread, b->running);
    b->running = pd_engine_next(b->thread);
    CHECK(b->running != NULL);
}

static void busy_fini(struct busy *b)
{
    pd_engine_stop(b->s.engine, 0);
    do /* it may be given some before whoever has the role cuts them off */
        pd_exchange_fail(b->thread, b->running);
    while ((b->running = pd_engine_next(b->thread)) != NULL);
    if (b->has_relief)
        pthread_join(b->s.ids[0], NULL);
    if (b->has_another)
        pthread_join(b->s.ids[1], NULL);
    pd_thread_free(b->thread);
    pd_engine_free(b->s.engine);
    for (int i = 0; i < BUSY_CONNS; i++)
        close(b->fds[i]);
}

static void test_a_thread_that_passes_by_looks_after_the_connections_when_nobody_has_for_long(void)
{
    struct busy b;
    busy_init(&b);
    uint64_t before = b.s.engine->vacant_ns;
    busy_go_on(&b, QUICK_NS);
    CHECK_INT(b.s.engine->vacant_ns, before);
    busy_go_on(&b, 30 * QUICK_NS);
    CHECK_INT(b.s.engine->vacant_ns, before + 31 * QUICK_NS);
    busy_fini(&b);
}

/* It is wanted for the next call, and the relief thread has time while all calls wait. */
static void test_a_thread_whose_calls_wait_leaves_the_connections_to_the_relief_thread(void)
{
    struct busy b;
    busy_init(&b);
    uint64_t before = b.s.engine->vacant_ns;
    b.s.engine->cost.call_ns = TURN_NS;
    b.s.engine->cost.waiting = 1000;
    busy_go_on(&b, 31 * QUICK_NS);
    CHECK_INT(b.s.engine->vacant_ns, before);
    CHECK(!b.s.engine->role_held);
    busy_fini(&b);
}

static void busy_begin_relief(struct busy *b)
{
    b->has_relief = pthread_create(&b->s.ids[0], NULL, relief_thread, &b->s) == 0;
    CHECK(b->has_relief);
}

/* Else each request that comes while the queue is not empty would wake it, and take the processor from the calls. */
static void test_the_relief_thread_leaves_the_role_to_a_thread_that_will_soon_pass_by(void)
{
    struct busy b;
    busy_init(&b);
    busy_begin_relief(&b);
    AWAIT(b.s.engine, !b.s.engine->role_held)
    atomic_fetch_add(&b.s.now_ns, SLOW_NS);
    AWAIT(b.s.engine, b.s.engine->role_held) /* the call lasts, and the relief thread waits for events */
    int fd = peer_dial(&b.s.door);
    ask(fd);
    AWAIT(b.s.engine, !b.s.engine->role_held)
    busy_fini(&b);
    close(fd);
}

/* A tick takes the processor from calls that come and go; when it was needed it stops until the role is left again. */
static void test_the_relief_thread_looks_less_often_while_no_vacancy_lasts(void)
{
    struct busy b;
    busy_init(&b);
    busy_begin_relief(&b);
    AWAIT(b.s.engine, b.s.engine->relief_ns == 4000000)
    atomic_fetch_add(&b.s.now_ns, SLOW_NS);
    AWAIT(b.s.engine, b.s.engine->relief_ns == 0)
    AWAIT(b.s.engine, b.s.engine->role_held)
    busy_fini(&b);
}

/* --- calls that compute for longer than a vacancy may last -------------------------------------------------------- */

/* The only call has begun to compute, and a second thread is idle; the relief thread is there. */
static void computing_init(struct busy *b)
{
    busy_init(b);
    b->s.computes = true;
    b->thread->cost.takes_turns = true;
    b->has_another = pthread_create(&b->s.ids[1], NULL, app_thread, &b->s) == 0;
    CHECK(b->has_another);
    await_idle(&b->s, 1);
    busy_begin_relief(b);
}

/* The other thread would only wait for the interpreter, but connections are looked after. */
static void test_the_relief_thread_leaves_requests_to_a_call_that_computes(void)
{
    struct busy b;
    computing_init(&b);
    int fd = peer_dial(&b.s.door);
    ask(fd);
    atomic_fetch_add(&b.s.now_ns, LONG_NS);
    AWAIT(b.s.engine, b.s.engine->nready == BUSY_CONNS && !b.s.engine->role_held)
    CHECK_INT(idle_threads(&b.s), 1);
    atomic_fetch_add(&b.s.now_ns, LONG_NS);
    AWAIT(b.s.engine, b.s.engine->nready < BUSY_CONNS) /* by now the interpreter would have the other go on */
    busy_fini(&b);
    close(fd);
}

static void test_the_relief_thread_gives_requests_to_a_thread_while_the_call_waits(void)
{
    struct busy b;
    computing_init(&b);
    b.s.computes = false;
    atomic_fetch_add(&b.s.now_ns, LONG_NS);
    AWAIT(b.s.engine, b.s.engine->nready < BUSY_CONNS - 1)
    CHECK(!pd_cost_is_quick(&b.s.engine->cost)); /* so the next of its kind hands the role on by itself */
    busy_fini(&b);
}

/* The thread of that call found the role taken, and sleeps; nobody else is awake. */
static void test_the_relief_thread_that_looks_stays_when_the_call_is_over(void)
{
    struct scene s;
    sem_t gates[2];
    int fds[2];
    for (int i = 0; i < 2; i++)
        sem_init(&gates[i], 0, (unsigned)i);
    scene_init(&s, 0, NULL);
    s.takes_turns = true;
    s.computes = true;
    s.gates = gates;
    scene_begin_relief(&s);
    fds[0] = peer_dial(&s.door);
    ask(fds[0]);
    while (!atomic_load(&s.calls))
        sched_yield();
    atomic_store(&s.look, 1);
    atomic_fetch_add(&s.now_ns, LONG_NS);
    while (atomic_load(&s.look) != 2)
        sched_yield();
    sem_post(&gates[0]);
    read_answer(fds[0]);
    await_idle(&s, APP_THREADS);
    fds[1] = peer_dial(&s.door);
    ask(fds[1]);
    atomic_store(&s.look, 0);
    read_answer(fds[1]);
    scene_fini(&s, APP_THREADS + 1);
    for (int i = 0; i < 2; i++) {
        sem_destroy(&gates[i]);
        close(fds[i]);
    }
}

/* It shows whether calls leave their turn to others while they compute. */
static void test_the_relief_thread_tries_another_thread_at_times(void)
{
    struct busy b;
    computing_init(&b);
    pthread_mutex_lock(&b.s.engine->lock);
    b.s.engine->relief_looks = UINT32_MAX; /* of which the next one is the last of sixteen */
    pthread_mutex_unlock(&b.s.engine->lock);
    atomic_fetch_add(&b.s.now_ns, LONG_NS);
    AWAIT(b.s.engine, b.s.engine->nready < BUSY_CONNS - 1)
    CHECK(pd_cost_is_quick(&b.s.engine->cost));
    busy_fini(&b);
}

/* --- two threads that are awake ----------------------------------------------------------------------------------- */

/* One comes back while another is in a call that takes turns: they would change places with each call from now on. */
static void test_a_thread_leaves_requests_to_another_that_is_soon_back(void)
{
    struct scene s;
    sem_t gates[3];
    int fds[3];
    for (int i = 0; i < 3; i++)
        sem_init(&gates[i], 0, 0);
    scene_init(&s, 0, NULL);
    s.takes_turns = true;
    s.gates = gates;
    scene_begin_relief(&s);
    atomic_store(&s.engine->cost.call_ns, TURN_NS); /* so that these are measured, and are found not to wait */
    for (int i = 0; i < 2; i++) {
        fds[i] = peer_dial(&s.door);
        ask(fds[i]);
        while (atomic_load(&s.calls) <= (unsigned)i)
            sched_yield();
        atomic_fetch_add(&s.now_ns, i ? 0 : SLOW_NS); /* the relief thread comes, and gives the second to a thread */
    }
    sem_post(&gates[0]);
    read_answer(fds[0]);
    await_idle(&s, APP_THREADS - 1);
    CHECK(!s.engine->role_held);
    fds[2] = peer_dial(&s.door);
    ask(fds[2]);
    sem_post(&gates[2]);
    sem_post(&gates[1]);
    read_answer(fds[1]);
    read_answer(fds[2]);
    for (int i = 0; i < APP_THREADS; i++)
        CHECK(atomic_load(&s.runs[i]) != 3);
    scene_fini(&s, APP_THREADS + 1);
    for (int i = 0; i < 3; i++) {
        sem_destroy(&gates[i]);
        close(fds[i]);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    alarm(60); /* a role that nobody takes ends here, and fails */
    test_quick_calls_are_run_by_one_thread();
    test_slow_calls_go_round_between_two_threads();
    test_calls_that_become_quick_are_run_inline_again();
    test_calls_that_only_compute_are_run_by_one_thread();
    test_a_wait_for_the_turn_is_not_the_wait_of_a_call();
    test_calls_that_wait_or_compute_for_long_go_round();
    test_all_threads_run_when_calls_wait_for_each_other();
    test_a_connection_has_its_time_behind_a_long_call();
    test_a_thread_that_passes_by_looks_after_the_connections_when_nobody_has_for_long();
    test_a_thread_whose_calls_wait_leaves_the_connections_to_the_relief_thread();
    test_the_relief_thread_leaves_the_role_to_a_thread_that_will_soon_pass_by();
    test_the_relief_thread_looks_less_often_while_no_vacancy_lasts();
    test_the_relief_thread_leaves_requests_to_a_call_that_computes();
    test_the_relief_thread_gives_requests_to_a_thread_while_the_call_waits();
    test_the_relief_thread_that_looks_stays_when_the_call_is_over();
    test_the_relief_thread_tries_another_thread_at_times();
    test_a_thread_leaves_requests_to_another_that_is_soon_back();
    return check_result();
}
