/* thread.h - what the engine knows of each app thread, and of the relief thread; engine.lock guards it. */
#ifndef PD_THREAD_H
#define PD_THREAD_H

#include <pthread.h>

#include "engine/calls.h"
#include "engine/cost.h"

struct pd_thread {
    struct pd_engine *engine;
    int id;              /* the kernel's, of an app thread */
    struct pd_list idle; /* pd_engine.idle */
    pthread_cond_t cond;
    bool woken; /* told to look again */
    bool has_role;
    bool has_jobs;       /* does work that may wait for a disk */
    bool is_known;       /* counted in pd_engine.app_threads */
    bool is_running;     /* runs an app call */
    uint64_t started_ns; /* when that began */
    struct pd_call_cost cost;
    struct pd_list resumed; /* requests that only this thread goes on with (engine.lock) */
    bool was_resumed;       /* its last one was one of these */
    struct pd_call call;
    struct pd_io io;
};

#endif
