/*
 * access.h - the access log: lines wait in a bounded buffer for a thread that may write them.
 *
 * A request pays for formatting its line and copying it. One thread, given by
 * the embedder, writes: it is woken by the first line of a batch and waits a
 * little for more, so that a batch costs few system calls. When its reader
 * does not read, the buffer fills, and lines are dropped and counted; no
 * request ever waits for the log. Lock order: conn.lock before access.lock.
 */
#ifndef PD_ACCESS_H
#define PD_ACCESS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/ring.h"
#include "conn/conn.h"
#include "engine/access_line.h"
#include "loop/wakeup.h"

enum { PD_ACCESS_BUFFER_MIN = 4 * PD_ACCESS_LINE_MAX };

struct pd_access_config {
    enum pd_access_form form;
    const char *path; /* appended to; NULL: a duplicate of `fd`, so that what becomes of that number is not followed */
    int fd;
    size_t buffer;                  /* bytes of lines that wait, at least PD_ACCESS_BUFFER_MIN */
    const struct pd_slice *exclude; /* paths that are not logged; see access_fits() */
    size_t nexclude;
};

struct pd_access {
    struct pd_host *host;
    enum pd_access_form form;
    char *path; /* NULL: the descriptor was given */
    struct pd_slice *exclude;
    size_t nexclude;
    char *exclude_text;

    _Atomic bool off;              /* nobody will read any more: lines are not even made */
    _Atomic int64_t wall_ahead_ns; /* wall clock minus monotonic clock */
    _Atomic int32_t offset_s;      /* local time minus UTC */
    _Atomic uint64_t clock_due_ns; /* both are looked at again then */

    pthread_mutex_t lock;
    struct pd_ring lines;
    uint64_t lost; /* lines dropped since that was told last */
    bool awake;    /* the writer knows that lines wait */
    bool urgent;   /* ... and that they should not wait longer */
    bool stopping;
    int fresh_fd; /* the reopened file, for the writer to take; -1: none */

    struct pd_wakeup wakeup;
    int fd;               /* the writer's alone, like all below */
    bool is_file;         /* a regular file: writing does not wait for a reader */
    bool failing;         /* the last write failed, which was told */
    bool torn;            /* the last write ended inside a line */
    uint64_t deadline_ns; /* stopping: what is not written then is lost */
};

/* NULL: `error` says what happened and what to do. */
struct pd_access *pd_access_new(struct pd_host *host, const struct pd_access_config *config, char *error, size_t n);
/* Whether a file could be opened there, without making it: `path` is absolute. False: `error` as above. */
bool pd_access_check(const char *path, char *error, size_t n);
/* The writer has returned. */
void pd_access_free(struct pd_access *a);

/* A response has ended: one line. conn.lock is held. */
void pd_access_note(struct pd_access *a, const struct pd_exchange *x);
/* The writer's whole life; returns after pd_access_stop(), at most a second later. */
void pd_access_run(struct pd_access *a);
void pd_access_stop(struct pd_access *a);
/* Goes on in a new file of the same name. False: it cannot be opened, and the old one is kept (errno). */
bool pd_access_reopen(struct pd_access *a);

#endif
