/*
 * board.h - what the workers of one service tell each other: one slot for each, in memory that they share.
 *
 * A slot is written by the engine of its worker and read by anyone, with no lock: each number is right by itself, the
 * numbers beside it may be a little older or newer. `watcher` and `state` are more than news; see spread.h.
 */
#ifndef PD_BOARD_H
#define PD_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
    PD_BOARD_VERSION = 3, /* another one for every change of what follows: a successor may be of another build */
    PD_BOARD_SLOTS_MAX = 1024,
    PD_BOARD_LINE = 128,   /* processors fetch cache lines in pairs */
    PD_BOARD_SOON_MS = 25, /* a worker that has an idle thread within this time is as good as one that has it now */
};

#define PD_BOARD_NOBODY UINT32_MAX

enum pd_slot_state {
    PD_SLOT_AWAY,   /* it takes no connections: it has not begun, or has ended */
    PD_SLOT_PAUSED, /* for a moment it cannot */
    PD_SLOT_ACCEPTS /* it does, when it is its turn */
};

/* All zero: nobody has it. Times are milliseconds of the engine's clock (CLOCK_MONOTONIC), 0: none. */
struct pd_slot {
    _Alignas(PD_BOARD_LINE) _Atomic uint32_t pid;
    _Atomic uint32_t worker;  /* its number, as its supervisor counts */
    _Atomic uint32_t state;   /* enum pd_slot_state */
    _Atomic uint32_t threads; /* that run the application or wait for a request */
    _Atomic uint32_t idle;    /* ... which no request keeps busy, waiting ones included */
    _Atomic uint32_t running; /* requests with application threads */
    _Atomic uint32_t ready;   /* requests that wait for a thread */
    _Atomic uint32_t connections;
    _Atomic uint32_t busy;   /* connections with a request or output */
    _Atomic uint32_t silent; /* its main thread is not heard of, so nobody may be there to run a request */
    _Atomic uint64_t requests;
    _Atomic uint64_t begun;
    _Atomic uint64_t refused;
    _Atomic uint64_t dropped;
    _Atomic uint64_t oldest_ms; /* when the request that has waited longest became ready */
    _Atomic uint64_t last_ms;   /* when an application thread took a request last */
    _Atomic uint64_t beats;     /* counted by the embedder */
    _Atomic uint32_t suspended; /* requests that wait without a thread */
    _Atomic uint32_t soon;      /* by what calls take, a thread will be idle within PD_BOARD_SOON_MS */
};

struct pd_board {
    uint64_t magic;
    uint32_t version;
    uint32_t slots;
    _Alignas(PD_BOARD_LINE) _Atomic uint32_t watcher; /* whose turn it is to watch the listeners */
    struct pd_slot slot[];
};

/* 0: no board has so many. */
size_t pd_board_size(size_t slots);
/* Makes a board of zeroed memory of that size, aligned as mmap() does. */
void pd_board_init(struct pd_board *b, size_t slots);
/* Whether `n` bytes, which another program may have written, are a board that this one can use. */
bool pd_board_is_one(const void *memory, size_t n) PD_MUST_CHECK;

/* Its worker is alive, says the embedder, who can see that. */
void pd_board_beat(struct pd_board *b, uint32_t slot);
/* Nothing is heard of its worker. True: that is new, and the others are to be woken. */
bool pd_board_silence(struct pd_board *b, uint32_t slot);
/* ... and now something is. True: that is new, and the worker is to look whose turn it is. */
bool pd_board_unsilence(struct pd_board *b, uint32_t slot);
/* Whether this one is there to watch. */
bool pd_board_is_there(const struct pd_board *b, uint32_t slot);
/* Takes away what a worker that is no more has left. The others are to be woken afterwards. */
void pd_board_clear(struct pd_board *b, uint32_t slot);
/*
 * Who should watch: the one that does, as long as it may; else the one that has the fewest connections, among those one
 * with an idle thread, among those the one that ran a request last. May watch who accepts, is heard of unless nobody
 * is, has an idle thread now or soon unless nobody of these has one, and not two connections more than another of
 * these, nor as many as one that has an idle thread now if itself has none. PD_BOARD_NOBODY: nobody accepts.
 */
uint32_t pd_board_choose(const struct pd_board *b, uint32_t watcher, uint64_t now_ms);
/* How many have not gone, apart from this one. */
uint32_t pd_board_others(const struct pd_board *b, uint32_t slot);

#endif
