/*
 * loop.h - readiness of many descriptors: one waiter, two back ends.
 *
 * One thread at a time calls pd_loop_wait(); every thread may call the other
 * functions at any time, also while another one waits.
 *
 * Listeners and wake-ups are watched level-triggered. Connections are watched
 * edge-triggered (PD_EDGE): a direction that was reported is reported again
 * only after the descriptor was used until EAGAIN and pd_loop_rearm() was
 * called. epoll does that by itself and rearm costs nothing there; poll
 * forgets the direction after each report. Written for both, a user:
 *   - treats a report as "try it"; a report may be spurious, none is missed;
 *   - calls pd_loop_rearm() whenever it means to wait for the next edge.
 *
 * Guests are descriptors of somebody else, who may close them without a word.
 * They are watched apart, so that whatever becomes of their numbers meets no
 * other owner. Each is reported once, and again after pd_loop_change_guest().
 *
 * An entry that pd_loop_wait() has handed out may name an owner that another
 * thread has removed since. So memory behind `owner` may only be reused after
 * the waiter has dealt with its entries.
 */
#ifndef PD_LOOP_H
#define PD_LOOP_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/sys.h"

enum pd_loop_event {
    PD_READABLE = 1 << 0,    /* bytes, a connection or the end of the stream */
    PD_WRITABLE = 1 << 1,    /* the kernel takes bytes again */
    PD_HANGUP = 1 << 2,      /* both ways closed, or reset; always watched */
    PD_HALF_CLOSED = 1 << 3, /* the peer will send no more; comes with PD_READABLE */
    PD_EDGE = 1 << 4,        /* not an event: watch edge-triggered */
};

enum pd_loop_backend {
    PD_LOOP_EPOLL, /* Linux: the cost of a wait does not grow with idle connections */
    PD_LOOP_POLL,  /* any POSIX system: each wait passes over all descriptors */
};

/* One descriptor that is ready, with the PD_* bits it is ready for. */
struct pd_ready {
    void *owner;
    uint32_t events;
    uint64_t tag; /* a guest's */
};

struct pd_loop_ops;
struct pd_loop_poll;

struct pd_loop {
    const struct pd_sys *sys;
    const struct pd_loop_ops *ops;
    int epoll_fd;              /* epoll back end, else -1 */
    int guest_fd;              /* the same for guests, -1 until there is one */
    void *guest_owner;         /* comes back in struct pd_ready for all guests; set before the first one is added */
    struct pd_loop_poll *poll; /* poll back end, else NULL */
};

/* All functions that return int give 0 (or a count) or -errno. */
int pd_loop_init(struct pd_loop *loop, const struct pd_sys *sys, enum pd_loop_backend backend) PD_MUST_CHECK;
void pd_loop_fini(struct pd_loop *loop);

/* Watches `fd` for `events`; `owner` comes back in struct pd_ready. */
int pd_loop_add(struct pd_loop *loop, int fd, uint32_t events, void *owner) PD_MUST_CHECK;
/* Replaces events and owner. What is ready already is reported (again). */
int pd_loop_change(struct pd_loop *loop, int fd, uint32_t events, void *owner) PD_MUST_CHECK;
/*
 * Ends the watch. Must come before close(): a child process may hold a copy
 * of the descriptor, and epoll would then go on to report the freed owner.
 */
int pd_loop_remove(struct pd_loop *loop, int fd);
/* After EAGAIN on an edge-triggered descriptor: report these directions again. */
void pd_loop_rearm(struct pd_loop *loop, int fd, uint32_t events);

/*
 * Guests; only for the thread that waits, and not while it does. PD_HANGUP also stands for an error or urgent data.
 * -EPERM: always ready. -EBADF, -ENOENT: the descriptor is closed, or another one than was added.
 */
int pd_loop_add_guest(struct pd_loop *loop, int fd, uint32_t events, uint64_t tag) PD_MUST_CHECK;
int pd_loop_change_guest(struct pd_loop *loop, int fd, uint32_t events, uint64_t tag) PD_MUST_CHECK;
/* It may be closed already. */
void pd_loop_remove_guest(struct pd_loop *loop, int fd);

/*
 * Waits at most `timeout_ms` (-1: for ever, 0: only looks) and fills at most
 * `max` entries. Gives their number; 0 after the time, a signal or a change
 * made by another thread; or -errno.
 */
int pd_loop_wait(struct pd_loop *loop, struct pd_ready *out, int max, int timeout_ms) PD_MUST_CHECK;

#endif
