/*
 * impl.h - the engine's own structures, shared by its source files only.
 *
 * Locks: conn.lock before engine.lock, never the other way round. What belongs to the loop role (wheel, clients,
 * listeners) is touched by its holder alone; the role passes from thread to thread under engine.lock.
 */
#ifndef PD_ENGINE_IMPL_H
#define PD_ENGINE_IMPL_H

#include "engine/cost.h"
#include "engine/repeats.h"
#include "engine/ready.h"
#include "engine/spread.h"
#include "engine/thread.h"
#include "engine/waits.h"

struct pd_engine {
    struct pd_host host; /* first: connections know the engine as their host */
    const struct pd_sys *sys;
    struct pd_loop loop;
    struct pd_wheel wheel;
    struct pd_wakeup wakeup;
    enum pd_owner wakeup_owner;
    struct pd_thread *keeper; /* the relief thread's; made at birth, so that it never fails */
    struct pd_list doors;
    struct pd_list clients;
    _Atomic size_t nclients;    /* counted by the role's holder, read by anyone */
    _Atomic size_t nended;      /* ... of these, closed ones that the loop has not come by yet */
    _Atomic size_t nbusy;       /* clients that are not idle; counted under the lock of each */
    uint64_t accept_after_ms;   /* accepting pauses until then; 0: it does not */
    size_t pauses;              /* of accepting, since a line told of them */
    size_t evicted;             /* idle connections closed to make room, since then */
    uint64_t full_said_ms;      /* when a line told that there are as many connections as may be, 0: never */
    uint64_t exhausted_said_ms; /* ... that descriptors or memory ran out */
    bool doors_closed;
    struct pd_spread spread;
    uint64_t scan_ms; /* draining: when the clients were looked at last */

    pthread_mutex_t lock;
    bool role_held;
    uint64_t vacant_ns;    /* when it was left vacant last */
    uint64_t relief_ns;    /* what the relief thread's timer is set to; 0: nothing */
    int relief_timer;      /* timerfd */
    unsigned relief_looks; /* that left requests to a call which computes */
    _Atomic bool sleeping; /* the role's holder waits in the kernel; changed under the lock */
    pthread_t sleeper;     /* ... and is this thread */
    struct pd_list idle;
    struct pd_list attend;
    size_t nattend;
    struct pd_list ready;          /* requests that wait for a thread, by arrival */
    struct pd_list late;           /* the same by late_ms */
    struct pd_list resumed;        /* those that had begun and go on: they are next */
    struct pd_list doomed;         /* those that had to make way, about to be refused */
    struct pd_exchange *unwatched; /* in `ready`: it and those behind it have not waited for long */
    size_t nready;                 /* all but the doomed */
    size_t nresumed;               /* requests in pd_thread.resumed of all threads; not among nready */
    struct pd_waits *waits;        /* NULL: no request was ever suspended (set once) */
    size_t running;
    struct pd_calls calls;
    size_t app_threads; /* threads that are in or between calls of pd_engine_next() */
    struct pd_cost cost;
    uint64_t stop_ms; /* draining ends then; 0: not stopping */
    bool stopped;
    struct pd_list free; /* exchanges */
    size_t nfree;
    uint64_t id_seed; /* chance: restarts and other processes give other ids */
    uint64_t id_last;
    struct pd_stats stats;

    pthread_mutex_t log_lock;
    struct pd_wakeup log_wakeup;
    struct pd_buf log;
    uint64_t log_lost;
    bool log_open; /* the last text did not end its line */
    struct pd_repeats repeats;
    _Atomic uint64_t repeats_ms; /* when lines that were left out are to be counted in the log; 0: there are none */
    struct pd_access *access;    /* NULL: there is no access log */
};

static inline struct pd_engine *pd_engine_of(struct pd_host *h)
{
    return PD_CONTAINER_OF(h, struct pd_engine, host);
}

/* pool.c: the free list of exchanges */
struct pd_exchange *pd_pool_take(struct pd_host *h);
void pd_pool_give(struct pd_host *h, struct pd_exchange *x);
void pd_pool_fini(struct pd_engine *e);

/* role.c: must the loop be woken to see what this thread did? Its holder sees it by itself. engine.lock is held. */
bool pd_loop_is_asleep(const struct pd_engine *e);
/* Puts the client on the list that the loop attends to, and wakes the loop if it sleeps. */
void pd_attend(struct pd_client *cl, bool urgent);
/* True when the client is on that list (again). */
bool pd_is_attending(struct pd_client *cl);
/* Engine time is now, for a thread that comes from the application: while the loop sleeps nobody else has looked. */
void pd_engine_tick(struct pd_engine *e);
/* The same whether it sleeps or not. */
void pd_engine_look_at_clock(struct pd_engine *e);
/* The thread has something to do that no other can; engine.lock is held. */
void pd_thread_rouse(struct pd_thread *t);
/* Wakes every thread, e.g. after `stopped` was set; engine.lock is held. */
void pd_wake_all(struct pd_engine *e);

enum { PD_LOG_REQUEST_SIZE = 368 };
/* "GET /x", everything but printable ASCII escaped, cut to fit, the token of the diagnostics masked; or nothing. */
void pd_log_request(char dst[PD_LOG_REQUEST_SIZE], const struct pd_request *q);
/* "polydoor: PD0512: a line ends in a bare LF; peer 127.0.0.1; request GET /x" */
void pd_log_line(struct pd_host *h, int number, const char *what, const struct pd_conn *c, const struct pd_exchange *x);
/* Says how many lines were left out; those of a code that was just said wait, unless `at_once`. */
void pd_log_count_repeats(struct pd_engine *e, bool at_once);

#endif
