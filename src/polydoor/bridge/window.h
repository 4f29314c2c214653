/*
 * window.h - when an app thread may be interrupted: while it runs the application for one request, and never else.
 *
 * The thread opens the window before each call into the application and closes it behind; that costs one atomic store
 * and one exchange. Who wants to interrupt the thread holds the window: if it is open, and for the request that is
 * meant, it stays so until it is released, and the thread cannot get past window_close_late() before. What was raised
 * in the thread by then and has not arrived is taken back there, so that it meets nobody else.
 */
#ifndef POLYDOOR_WINDOW_H
#define POLYDOOR_WINDOW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { WINDOW_CLOSED, WINDOW_OPEN, WINDOW_HELD, WINDOW_HIT };

struct window {
    pthread_mutex_t lock;
    _Atomic int state;
    _Atomic uint64_t request; /* whose call it is; changed by the thread alone, and only while it is closed */
    _Atomic uint64_t opened;  /* how often */
    uint64_t hit_request;     /* the last one that was hit (lock) */
    uint64_t seen;            /* `opened` when it was held last (lock) */
};

static inline void window_init(struct window *w)
{
    *w = (struct window){ .state = WINDOW_CLOSED };
    pthread_mutex_init(&w->lock, NULL);
}

static inline void window_fini(struct window *w)
{
    pthread_mutex_destroy(&w->lock);
}

/* --- the thread itself --- */

static inline void window_begin(struct window *w, uint64_t request)
{
    atomic_store_explicit(&w->request, request, memory_order_relaxed);
}

static inline void window_open(struct window *w)
{
    uint64_t opened = atomic_load_explicit(&w->opened, memory_order_relaxed);
    atomic_store_explicit(&w->opened, opened + 1, memory_order_relaxed);
    atomic_store_explicit(&w->state, WINDOW_OPEN, memory_order_release);
}

/* False: it is held, or was; window_close_late() must follow. */
static inline bool window_close(struct window *w)
{
    int was = WINDOW_OPEN;
    return atomic_compare_exchange_strong(&w->state, &was, WINDOW_CLOSED);
}

/* Waits until nobody holds it. True: the thread was hit, and that may still be on its way. */
static inline bool window_close_late(struct window *w)
{
    pthread_mutex_lock(&w->lock);
    bool hit = atomic_exchange(&w->state, WINDOW_CLOSED) == WINDOW_HIT;
    pthread_mutex_unlock(&w->lock);
    return hit;
}

/* --- who wants to interrupt it --- */

enum { WINDOW_NOT_NOW, WINDOW_FIRST, WINDOW_AGAIN };

/*
 * Holds the window of that request. A request that was hit before is not hit in the next moment again, as it may be
 * cleaning up: only with `may_repeat`, and in a call of the application that was seen at such an attempt before.
 */
static inline int window_hold(struct window *w, uint64_t request, bool may_repeat)
{
    int was = WINDOW_OPEN;
    pthread_mutex_lock(&w->lock);
    if (!atomic_compare_exchange_strong(&w->state, &was, WINDOW_HELD)) {
        pthread_mutex_unlock(&w->lock);
        return WINDOW_NOT_NOW;
    }
    uint64_t opened = atomic_load_explicit(&w->opened, memory_order_relaxed);
    bool is_it = atomic_load_explicit(&w->request, memory_order_relaxed) == request;
    bool again = is_it && w->hit_request == request;
    bool too_soon = again && (!may_repeat || w->seen != opened);
    if (may_repeat)
        w->seen = opened;
    if (is_it && !too_soon)
        return again ? WINDOW_AGAIN : WINDOW_FIRST;
    atomic_store(&w->state, WINDOW_OPEN);
    pthread_mutex_unlock(&w->lock);
    return WINDOW_NOT_NOW;
}

static inline void window_release(struct window *w, bool hit)
{
    if (hit)
        w->hit_request = atomic_load_explicit(&w->request, memory_order_relaxed);
    atomic_store(&w->state, hit ? WINDOW_HIT : WINDOW_OPEN);
    pthread_mutex_unlock(&w->lock);
}

#endif
