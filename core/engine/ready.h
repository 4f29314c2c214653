/*
 * ready.h - the ready queue: complete requests that wait for an app thread.
 *
 * Where a function takes the engine and says nothing else, engine.lock is held at both ends.
 */
#ifndef PD_READY_H
#define PD_READY_H

#include "engine/client.h"

/* For struct pd_host. */
bool pd_ready_put(struct pd_host *h, struct pd_exchange *x);
bool pd_ready_has_room(struct pd_host *h);
unsigned pd_ready_retry_after(struct pd_host *h);

/* For one that had begun. True: the loop must be woken. */
bool pd_ready_put_back(struct pd_engine *e, struct pd_exchange *x);
struct pd_exchange *pd_ready_take(struct pd_engine *e, struct pd_thread *t);
/* The next one that no application has seen, to be refused; NULL: none waits. */
struct pd_exchange *pd_ready_take_unstarted(struct pd_engine *e);
/* One that is surely to be run now is RUNNING. False: look with pd_ready_is_stale(). */
bool pd_ready_begins(struct pd_engine *e, struct pd_exchange *x);
/* A request whose peer has left, or that waited past its limit, is not run, but ended here. engine.lock is free. */
bool pd_ready_is_stale(struct pd_engine *e, struct pd_thread *t, struct pd_exchange *x);
/* When pd_ready_tend() has something to do, 0: never. */
uint64_t pd_ready_deadline(const struct pd_engine *e);
/* Answers what waited too long, also while all app threads are busy; called by the role's holder. */
void pd_ready_tend(struct pd_engine *e, struct pd_thread *t);
/* Everything that waits has waited too long: for the next pd_ready_tend(). engine.lock is held. */
void pd_ready_expire(struct pd_engine *e);
/* Drops what waits of a peer that has left; conn.lock is held, engine.lock is free. */
void pd_ready_forget(struct pd_client *cl, struct pd_thread *t);

#endif
