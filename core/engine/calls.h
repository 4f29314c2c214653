/*
 * calls.h - the calls of the application that run now, and since when nothing has come of them (overdue.c).
 *
 * All of it is guarded by engine.lock, but for `beats_missed` and `is_late`.
 */
#ifndef PD_CALLS_H
#define PD_CALLS_H

#include "engine/client.h"
#include "engine/overdue.h"
#include "loop/wakeup.h"

/* A thread's call. */
struct pd_call {
    struct pd_list node;          /* pd_calls.running or .overdue, while it runs */
    struct pd_exchange *exchange; /* NULL once the engine has it back, or it is parked */
    uint64_t exchange_id;
    uint64_t since_ns; /* since when nothing has come of it */
    bool overdue;
    void *tag;
    char text[PD_OVERDUE_TEXT]; /* when it is overdue */
};

/* An engine's. */
struct pd_calls {
    struct pd_list running; /* within their time limit, by since_ns */
    struct pd_list overdue;
    struct pd_list parked; /* exchanges, by since_ns */
    size_t noverdue;
    struct pd_wakeup wakeup; /* the embedder's: see pd_engine_overdue_fd */
    int beat_timer;          /* timerfd, -1: nobody looks after the beat */
    enum pd_owner beat_owner;
    _Atomic unsigned beats_missed;
    _Atomic bool is_late; /* the next beat is, by less than a whole one */
    bool stuck; /* the embedder's beat stands still: everything is answered, and the process is about to end */
};

/* 0 or -errno. The lists are made, and the descriptors -1. */
int pd_calls_init(struct pd_engine *e) PD_MUST_CHECK;
void pd_calls_fini(struct pd_engine *e);

void pd_call_begin(struct pd_thread *t, struct pd_exchange *x);
void pd_call_end(struct pd_thread *t);
/* The exchange goes back to the free list: nobody finds it any more. */
void pd_call_forget(struct pd_exchange *x);
void pd_call_park(struct pd_exchange *x);
/* The connection is about to be freed: a thread on its way out of the last exchange may still be known with it. */
void pd_calls_leave(struct pd_engine *e, const struct pd_conn *c);
/* When the next call is past its limit, in engine time; 0: none will be. */
uint64_t pd_calls_deadline(const struct pd_engine *e);
/* Answers what is past it and lets go of engine.lock meanwhile; for the holder of the role. */
void pd_calls_expire(struct pd_engine *e, struct pd_thread *t);

/* The timer ticked: a beat was missed. engine.lock is free; for the holder of the role. */
void pd_beat_missed(struct pd_engine *e);

#endif
