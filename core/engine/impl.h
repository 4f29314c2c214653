/*
 * impl.h - the engine's own structures, shared by its source files only.
 *
 * Locks: conn.lock before engine.lock, never the other way round. What belongs
 * to the loop role (wheel, clients, listeners) is touched by its holder alone;
 * the role passes from thread to thread under engine.lock.
 */
#ifndef PD_ENGINE_IMPL_H
#define PD_ENGINE_IMPL_H

#include <pthread.h>

#include "conn/conn.h"
#include "engine/engine.h"
#include "loop/timer.h"
#include "loop/wakeup.h"

enum pd_owner { PD_OWNER_LISTENER, PD_OWNER_WAKEUP, PD_OWNER_CLIENT };

/* A connection with what the loop needs to know of it. */
struct pd_client {
    enum pd_owner owner; /* first: the loop gives this pointer back */
    struct pd_engine *engine;
    struct pd_list all;      /* pd_engine.clients (loop role) */
    struct pd_list attend;   /* pd_engine.attend (engine.lock) */
    struct pd_list job;      /* a thread's list of jobs */
    struct pd_timer timer;   /* loop role */
    uint64_t timer_ms;       /* when the timer fires, 0: not set (conn.lock) */
    uint32_t watched;        /* events given to the loop, 0: not watched (conn.lock) */
    bool attending;          /* in the attend list (engine.lock) */
    bool on_job;             /* a thread is about to run its job (conn.lock) */
    struct pd_conn conn;
    _Alignas(16) char codec_state[];
};

struct pd_door {
    enum pd_owner owner;
    struct pd_list node; /* pd_engine.doors */
    struct pd_listener listener;
    struct pd_port port;
    struct pd_peer_rule *allow;
    bool watched;
    char mount[256]; /* the strings of port.site */
    char server_name[PD_ADDR_TEXT_MAX];
    char server_port[6];
};

struct pd_thread {
    struct pd_engine *engine;
    struct pd_list idle; /* pd_engine.idle */
    pthread_cond_t cond;
    bool woken;          /* told to look again */
    bool has_role;
    bool is_relief;
    bool is_running;     /* runs an app call */
    uint64_t started_ns; /* when that began */
    struct pd_io io;
};

struct pd_engine {
    struct pd_host host; /* first: connections know the engine as their host */
    const struct pd_sys *sys;
    struct pd_loop loop;
    struct pd_wheel wheel;
    struct pd_wakeup wakeup;
    enum pd_owner wakeup_owner;
    struct pd_list doors;
    struct pd_list clients;
    size_t nclients;
    uint64_t accept_after_ms; /* accepting pauses until then; 0: it does not */
    bool doors_closed;
    uint64_t scan_ms; /* draining: when the clients were looked at last */

    pthread_mutex_t lock;
    bool role_held;
    uint64_t vacancies; /* how often the role was left vacant */
    uint64_t vacancies_seen;
    bool relief_armed;
    int relief_timer; /* timerfd */
    bool sleeping;    /* the role's holder waits in the kernel */
    struct pd_list idle;
    struct pd_list attend;
    size_t nattend;
    struct pd_list ready;
    size_t nready;
    size_t running;
    uint64_t call_ns; /* moving average of an app call */
    uint64_t stop_ms; /* draining ends then; 0: not stopping */
    bool stopped;
    struct pd_list free; /* exchanges */
    size_t nfree;
    struct pd_stats stats;

    pthread_mutex_t log_lock;
    struct pd_wakeup log_wakeup;
    struct pd_buf log;
    uint64_t log_lost;
};

static inline struct pd_client *pd_client_of(struct pd_conn *c)
{
    return PD_CONTAINER_OF(c, struct pd_client, conn);
}

static inline struct pd_engine *pd_engine_of(struct pd_host *h)
{
    return PD_CONTAINER_OF(h, struct pd_engine, host);
}

/* client.c: with engine.lock free */
void pd_door_ready(struct pd_engine *e, struct pd_thread *t, struct pd_door *d);
void pd_doors_watch(struct pd_engine *e);
void pd_doors_close(struct pd_engine *e);
void pd_client_ready(struct pd_client *cl, struct pd_thread *t, uint32_t events);
void pd_client_expired(struct pd_client *cl, struct pd_thread *t);
void pd_client_attend(struct pd_client *cl, struct pd_thread *t);
/* Does what a connection asks for after any call on it; conn.lock is held and stays held. */
void pd_client_settle(struct pd_client *cl, struct pd_thread *t);
void pd_client_unwatch(struct pd_host *h, struct pd_conn *c);
void pd_clients_drain(struct pd_engine *e, struct pd_thread *t, bool cut);
/* Runs the job that the loop found; the role is not held. conn.lock is free. */
void pd_client_run_job(struct pd_client *cl, struct pd_thread *t);

/* pool.c: the free list of exchanges */
struct pd_exchange *pd_pool_take(struct pd_host *h);
void pd_pool_give(struct pd_host *h, struct pd_exchange *x);
void pd_pool_fini(struct pd_engine *e);

/* role.c */
bool pd_ready_put(struct pd_host *h, struct pd_exchange *x);
/* Puts the client on the list that the loop attends to, and wakes the loop if it sleeps. */
void pd_attend(struct pd_client *cl, bool urgent);
/* Wakes every thread, e.g. after `stopped` was set; engine.lock is held. */
void pd_wake_all(struct pd_engine *e);

/* log.c */
/* Peer text with everything but printable ASCII escaped, NUL-terminated, cut to fit. */
void pd_log_escape(char *dst, size_t cap, struct pd_slice s);
void pd_log_line(struct pd_host *h, const char *code, const char *what, const struct pd_exchange *x);

#endif
