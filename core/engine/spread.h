/*
 * spread.h - several workers, one listening socket: whose turn it is to watch it (docs/internals/workers.md).
 *
 * One worker watches. It accepts as long as it may (pd_board_choose), looks anew before each connection, and passes the
 * turn on when another one should have it: it writes the other's slot into board->watcher and wakes it. A worker whose
 * turn it is not does nothing but to look whether the one whose turn it is still accepts.
 */
#ifndef PD_SPREAD_H
#define PD_SPREAD_H

#include "engine/board.h"
#include "engine/engine.h"
#include "engine/handover.h"

struct pd_spread {
    struct pd_board *board; /* NULL: this process serves alone */
    struct pd_slot *slot;   /* its own one */
    uint32_t self;
    int *wake_fds;          /* an eventfd for each slot */
    enum pd_owner owner;    /* of the own one, in the loop */
    bool started;           /* the loop has begun */
    bool left;              /* it takes no connections any more */
    _Atomic bool retiring;  /* draining while other workers serve on */
    uint64_t balanced_ms;   /* when it was looked for connections that another worker should have */
    _Atomic uint32_t spare; /* how many these were, less those that were passed on since */
    struct pd_handover handover;
};

/* What an engine joins; all of it stays the embedder's and outlives the engine. */
struct pd_join {
    struct pd_board *board;
    uint32_t slot;
    uint32_t worker;     /* the number that the supervisor knows it by */
    const int *wake_fds; /* non-blocking eventfds, one for each slot of the board */
    int receive_fd;      /* the ends of a SOCK_SEQPACKET pair that all workers have, or both -1 */
    int send_fd;
};

/* Makes the engine one of several, before its threads are made. False: no memory or descriptors. */
bool pd_engine_join(struct pd_engine *e, const struct pd_join *join) PD_MUST_CHECK;

/*
 * Leaves the others: the backlog is theirs, idle connections pass to them, requests that came are served; what is left
 * after `drain_ms` is cut. Where nobody else accepts, it is like pd_engine_stop(), but for the backlog.
 */
void pd_engine_retire(struct pd_engine *e, uint64_t drain_ms);

/* --- for the engine itself; without a board they do nothing ------------------------------------------------------- */

void pd_spread_fini(struct pd_engine *e);
/* Tells the board that an application thread has a request; engine.lock is held. */
void pd_spread_call(struct pd_engine *e, bool is_slow);
/* ... that one is idle again; engine.lock is held. */
void pd_spread_rest(struct pd_engine *e);
/* ... and before the loop waits; engine.lock is held. The first time, the worker begins to accept. Now and then it is
 * looked whether another worker should have some of the kept connections, since it came later or was busy then. */
void pd_spread_turn(struct pd_engine *e);
/* Accepting begins, or goes on after a pause. True: the listeners are to be watched. */
bool pd_spread_open(struct pd_engine *e);
/* Nothing is accepted for a while, or never again. */
void pd_spread_pause(struct pd_engine *e);
void pd_spread_leave(struct pd_engine *e);
/* True when one connection may be taken now; else the turn has been passed on. */
bool pd_spread_may_accept(struct pd_engine *e);
/* Somebody has passed the turn on to this worker, or wants everyone to look. */
void pd_spread_woken(struct pd_engine *e);
/* The embedder's beat is late: it may be that nobody can run what is accepted. For the holder of the role. */
void pd_spread_missed(struct pd_engine *e);
/* ... and now it has come; for any thread. */
void pd_spread_heard(struct pd_engine *e);
/* Whether connections can be handed over: another worker serves on. */
bool pd_spread_has_others(const struct pd_engine *e);

#endif
