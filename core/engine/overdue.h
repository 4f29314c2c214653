/*
 * overdue.h - the time limit of a request, and the beat of the embedder, as the embedder sees them.
 *
 * A call of the application of which nothing comes for `timeouts.request` is overdue. Whoever holds the loop role
 * answers it, whatever the thread does; that thread is then told of here, so that the embedder can get it back.
 */
#ifndef PD_OVERDUE_H
#define PD_OVERDUE_H

#include "engine/engine.h"

enum { PD_OVERDUE_TEXT = 512 };

/* A thread whose call is overdue. Its request was answered, if it was not over. */
struct pd_overdue {
    void *tag;                  /* the thread's */
    uint64_t exchange_id;       /* it may have ended by now, and the thread may run another one */
    char text[PD_OVERDUE_TEXT]; /* as pd_exchange_describe() */
};

void pd_thread_set_tag(struct pd_thread *t, void *tag);
/* Readable when a call is overdue that was not so before; pd_engine_overdue() with i == 0 clears it. */
int pd_engine_overdue_fd(const struct pd_engine *e);
/* The i-th call that is overdue now; false: there are not so many. */
bool pd_engine_overdue(struct pd_engine *e, size_t i, struct pd_overdue *out) PD_MUST_CHECK;

/*
 * Each second from the thread that is watched, from the first call on until the engine stops. When that stands still
 * for `timeouts.gil`, but 3 s at least, all requests are answered, and pd_engine_relief() returns true.
 */
void pd_engine_beat(struct pd_engine *e);

#endif
