/*
 * engine.h - the whole server of one process, as its embedder sees it.
 *
 * The embedder makes an engine, opens listeners, and runs threads. App threads call pd_engine_next() to get a request,
 * answer it with the functions of exchange_api.h, and call pd_engine_next() again. One more thread runs
 * pd_engine_relief(). The engine makes no threads and calls nobody back. The process must ignore SIGPIPE.
 *
 * Loop role (DESIGN section 3): whoever waits for events holds it. A thread that finds a request leaves the role vacant
 * while calls are short, else it hands it to another idle thread; the relief thread takes one that stays vacant long.
 */
#ifndef PD_ENGINE_H
#define PD_ENGINE_H

#include "conn/host.h"
#include "engine/access.h"
#include "loop/listener.h"
#include "loop/loop.h"

struct pd_engine;
struct pd_thread;
struct pd_exchange;

#define PD_CONFIG_DEFAULT                                                                                              \
    ((struct pd_config){                                                                                               \
        .limits = PD_LIMITS_DEFAULT,                                                                                   \
        .timeouts = { .head = 10000, .body = 30000, .idle = 75000, .write = 60000, .queue = 60000, .linger = 5000 },   \
        .body_memory = 65536,                                                                                          \
        .stream_window = 262144,                                                                                       \
        .response_memory = 262144,                                                                                     \
        .message_buffer = (size_t)1 << 22,                                                                             \
        .message_burst = 20,                                                                                           \
        .response_spill = (uint64_t)1 << 30,                                                                           \
        .response_head = 65536,                                                                                        \
        .ready_max = 1024,                                                                                             \
        .conns_max = 65536,                                                                                            \
        .suspended_max = 16384 })

/* NULL without memory or descriptors (errno). `spill_dir` may be NULL; `sys` NULL means the operating system itself. */
struct pd_engine *pd_engine_new(const struct pd_config *config, const char *spill_dir, enum pd_loop_backend backend,
                                const struct pd_sys *sys);
/* All threads must have returned from next() and relief(). */
void pd_engine_free(struct pd_engine *e);

/*
 * Binds and listens; connections are accepted once a thread calls next(). `port` is copied. On failure `error` says
 * what happened, where and what to do. On success `name` is the real address, e.g. "127.0.0.1:8000".
 */
bool pd_engine_listen(struct pd_engine *e, const struct pd_listener_config *config, const struct pd_port *port,
                      char *name, size_t name_n, char *error, size_t error_n) PD_MUST_CHECK;

/*
 * Takes over a connected, non-blocking socket as if it had been accepted; before any thread is made. False: no memory,
 * and it is closed.
 */
bool pd_engine_adopt(struct pd_engine *e, int fd, const struct pd_port *port) PD_MUST_CHECK;

/* One per app thread, made by that thread or before it starts. NULL without memory. */
struct pd_thread *pd_thread_new(struct pd_engine *e);
void pd_thread_free(struct pd_thread *t);

/* Waits for a request, doing loop work meanwhile. NULL: the engine has stopped. */
struct pd_exchange *pd_engine_next(struct pd_thread *t) PD_MUST_CHECK;
/* Before and behind each call where they take turns, as at an interpreter's lock, with the turn taken. One that
 * computes for up to five milliseconds then counts as quick: another thread could only wait for its turn. */
void pd_engine_begins(struct pd_thread *t);
void pd_engine_ends(struct pd_thread *t);
/* The turn is given up for something that waits for nobody, and taken again: that wait is not the call's own. */
void pd_engine_lets_go(struct pd_thread *t);
void pd_engine_goes_on(struct pd_thread *t);
/* Calls are slow, so others want the turn: it is worth giving up even for a send, which has to wake a peer. */
bool pd_engine_is_contended(const struct pd_thread *t);
/* The relief thread's whole life: false when the engine has stopped, true when the beat stands still (overdue.h). */
bool pd_engine_relief(struct pd_engine *e);

/* From now on no health check says that it is ready, and each response is the last of its connection; all is served. */
void pd_engine_unready(struct pd_engine *e);
/* Accepts what waits in the backlog, closes the listeners, serves all that came, at most for `drain_ms`. */
void pd_engine_stop(struct pd_engine *e, uint64_t drain_ms);

/* Readable when log lines wait. */
int pd_engine_log_fd(const struct pd_engine *e);
/* Takes up to `n` bytes of log lines ("CODE text\n"); 0 when there are none. */
size_t pd_engine_take_log(struct pd_engine *e, char *dst, size_t n);
/* Adds lines of the embedder's to them, from any thread; without room they are lost and counted. They begin on a line
 * of their own, as the engine's do; `say_more` goes on in the line of a text that did not end it. */
void pd_engine_say(struct pd_engine *e, struct pd_slice text);
void pd_engine_say_more(struct pd_engine *e, struct pd_slice text);
void pd_thread_say(struct pd_thread *t, struct pd_slice text);

/* Opens the access log, before the first thread runs. On failure `error` says what happened and what to do. */
bool pd_engine_open_access_log(struct pd_engine *e, const struct pd_access_config *config, char *error,
                               size_t error_n) PD_MUST_CHECK;
/*
 * The whole life of the thread that writes the access log; returns at once without one, else up to a second after
 * pd_engine_close_access_log(), which is to be called when the other threads have returned.
 */
void pd_engine_run_access_log(struct pd_engine *e);
void pd_engine_close_access_log(struct pd_engine *e);
/* After the file was renamed; a failure is told in the log. */
void pd_engine_reopen_access_log(struct pd_engine *e);

struct pd_stats {
    uint64_t requests;    /* handed to app threads */
    uint64_t refused;     /* answered by the engine itself */
    uint64_t connections; /* open now */
    uint64_t ready;       /* in the ready queue now */
    uint64_t running;     /* with app threads now */
    uint64_t dropped;     /* never started because the peer had left */
    uint64_t begun;       /* requests whose first bytes came; health checks do not count */
    uint64_t resets;      /* connections that were cut, so that a broken response is seen as broken */
    uint64_t overdue;     /* of those that run, past the time limit */
    uint64_t suspended;   /* wait without a thread now */
    uint64_t busy;        /* connections with a request that arrives, waits or runs, or with output, now */
};
void pd_engine_stats(struct pd_engine *e, struct pd_stats *out);

/* False: no directory for spill files works, large bodies are streamed. */
bool pd_engine_can_spill(const struct pd_engine *e);

#endif
