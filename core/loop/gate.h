/*
 * gate.h - the lock file by which CGI stubs and the daemon behind them agree who starts, serves and leaves.
 *
 * One file, locked by the byte with locks of the open file description (fcntl
 * F_OFD_SETLK): they die with the last descriptor, so a killed process leaves
 * none behind, and they pass through exec. Byte 0 is the gate: shared round a
 * connect(), exclusive round a start or a leave. Bytes 1 to 4 are slots for
 * requests that run without a daemon; byte 5 belongs to the daemon that
 * listens; from byte 1024 on are places for large uploads. Behind byte 5 stands a record (struct pd_gate_record) and a
 * count of arrivals. No lock is waited for without a limit.
 *
 * Runs once in a request of a stub and so calls the C library for paths.
 */
#ifndef PD_GATE_H
#define PD_GATE_H

#include <sys/types.h>

#include "base/compiler.h"
#include "base/slice.h"
#include "base/sys.h"

enum {
    PD_GATE_SLOTS = 4,
    PD_GATE_BOOT_BACKLOG = 256, /* waiters that sit in the backlog while the daemon boots */
    PD_GATE_RECORD_SIZE = 48,
    PD_GATE_BACKOFF_MAX_MS = 60000,
};

enum pd_gate_mode { PD_GATE_SHARED, PD_GATE_EXCLUSIVE };

enum pd_gate_result {
    PD_GATE_OK,
    PD_GATE_LATE,    /* somebody else held the gate all the time */
    PD_GATE_ABSENT,  /* nobody listens at the path */
    PD_GATE_FULL,    /* the backlog of who listens there is full */
    PD_GATE_PENDING, /* somebody waits in the backlog: the daemon may not leave */
    PD_GATE_FOREIGN, /* another user listens there, or what lies there is no socket of ours */
    PD_GATE_FAILED,  /* errno says why */
};

/* What is known of the last daemon. Written under the exclusive gate, and by a daemon that has not left. */
struct pd_gate_record {
    int64_t started_ms; /* wall time; 0: never */
    uint64_t dev;       /* of its socket's file */
    uint64_t ino;
    uint32_t failures; /* starts in a row that did not become ready */
    int32_t pid; /* of the process that becomes the daemon, or forks it; 0: none yet, or one that served has left */
    bool is_ready;
};

struct pd_gate {
    const struct pd_sys *sys;
    int fd;
    uint64_t dev, ino; /* of the socket that pd_gate_listen() bound, or that the adopted record names */
    bool has_left;
};

/* Opens or makes the lock file of mode 0600; only a plain file of this user. On failure false with errno. */
bool pd_gate_open(struct pd_gate *g, const struct pd_sys *sys, const char *path) PD_MUST_CHECK;
/* In the daemon: takes over the descriptor that the stub opened for it. */
void pd_gate_adopt(struct pd_gate *g, const struct pd_sys *sys, int fd);
void pd_gate_close(struct pd_gate *g);

/* OK, LATE or FAILED. With `wait_ms` 0 it is tried once. */
enum pd_gate_result pd_gate_lock(struct pd_gate *g, enum pd_gate_mode mode, int wait_ms) PD_MUST_CHECK;
void pd_gate_unlock(struct pd_gate *g);
/* False where the file behind `path` is another one now: what is locked guards nothing. */
bool pd_gate_is_current(const struct pd_gate *g, const char *path) PD_MUST_CHECK;

/* Connects without waiting; the descriptor does not block. OK, ABSENT, FULL, FOREIGN, FAILED. The gate must be held. */
enum pd_gate_result pd_gate_connect(struct pd_gate *g, const char *socket_path, int *fd) PD_MUST_CHECK;
/*
 * Under the exclusive gate, with nobody there: clears a stale socket away, binds with mode 0600, listens, notes in the
 * record that a start was tried, and connects to itself, so that the caller sits in the backlog first. OK, FOREIGN or
 * FAILED.
 */
enum pd_gate_result pd_gate_listen(struct pd_gate *g, const char *socket_path, int *listener, int *own) PD_MUST_CHECK;

/* Byte 5 is taken by the stub through a descriptor of its own, which the daemon inherits. */
bool pd_gate_hold(struct pd_gate *g) PD_MUST_CHECK;
/* True while another descriptor holds byte 5: a daemon listens. */
bool pd_gate_is_held(struct pd_gate *g) PD_MUST_CHECK;
/* Takes one of the slots; false: all are taken. It is given back by closing. */
bool pd_gate_take_slot(struct pd_gate *g) PD_MUST_CHECK;

/* Takes one of `n` places for uploads, likewise. */
bool pd_gate_take_upload(struct pd_gate *g, int n) PD_MUST_CHECK;

/* The record; a file too short or of another make gives an empty one. */
struct pd_gate_record pd_gate_read(struct pd_gate *g);
struct pd_gate_record pd_gate_parse(struct pd_slice bytes, int64_t now_ms);
bool pd_gate_write(struct pd_gate *g, const struct pd_gate_record *record);
/* Milliseconds that must pass before another start may be tried; 0: now. */
int64_t pd_gate_backoff_ms(const struct pd_gate_record *record, int64_t now_ms);
int64_t pd_gate_now_ms(const struct pd_gate *g);

/*
 * In the daemon: it serves; failures are forgotten and the backlog gets its usual length. False when that failed, or
 * when the record is a successor's.
 */
bool pd_gate_ready(struct pd_gate *g, int listener, int backlog);
/* In the daemon: true while the path leads to its own socket. */
bool pd_gate_is_mine(const struct pd_gate *g, const char *socket_path) PD_MUST_CHECK;
/*
 * In the daemon: takes the path away and gives byte 5 up. With `if_idle` the gate is tried once and nobody may wait in
 * the backlog: OK, LATE, PENDING or FAILED, and but for OK nothing has changed. Otherwise the gate is waited for, and
 * what had to be done is done in any case. What sits in the backlog afterwards must still be accepted and served.
 */
enum pd_gate_result pd_gate_leave(struct pd_gate *g, const char *socket_path, int listener, bool if_idle,
                                  int wait_ms) PD_MUST_CHECK;

/* Counts an arrival without a lock; returns how many came in the last minute, this one included. */
uint32_t pd_gate_arrive(struct pd_gate *g);
uint32_t pd_gate_rate(struct pd_gate *g);

#endif
