/*
 * faulty_sys.h - a struct pd_sys whose n-th call fails, for torture tests.
 *
 * The table passes every call on to the real one, counts it by kind, and lets
 * the planned one fail: with an errno, or by doing only one byte of the work.
 * A loop over n = 1, 2, 3 ... until the fault is no longer reached has failed
 * every call site that the tested work goes through.
 */
#ifndef FAULTY_SYS_H
#define FAULTY_SYS_H

#include <stdbool.h>

#include "base/sys.h"

/* One row for each kind of call: enum suffix, and the errnos its manual page documents that can happen to us. */
/* clang-format off */
#define FAULTY_CALLS(X) \
    X(MEMORY, ENOMEM) /* alloc and resize */ \
    X(SOCKET, EMFILE, ENFILE, ENOMEM, ENOBUFS, EACCES, EAFNOSUPPORT) \
    X(BIND, EADDRINUSE, EACCES, EADDRNOTAVAIL, ENOENT, ENOTDIR, EROFS) \
    X(LISTEN, EADDRINUSE, EOPNOTSUPP) \
    X(CONNECT, EAGAIN, ECONNREFUSED, ENOENT, EACCES, EINTR) \
    X(ACCEPT4, EINTR, EAGAIN, ECONNABORTED, EMFILE, ENFILE, ENOMEM, ENOBUFS, EPERM, EPROTO) \
    X(SETSOCKOPT, EINVAL, ENOPROTOOPT, ENOMEM) \
    X(GETSOCKOPT, EINVAL, ENOPROTOOPT) \
    X(SHUTDOWN, ENOTCONN) \
    X(RECV, EINTR, EAGAIN, ECONNRESET, ETIMEDOUT, ENOMEM) \
    X(RECVMSG, EINTR, EAGAIN, ENOMEM) \
    X(SENDMSG, EINTR, EAGAIN, ECONNRESET, EPIPE, ENOBUFS, ENOMEM, ETIMEDOUT) \
    X(SENDFILE, EINTR, EAGAIN, EIO, EINVAL, ENOSYS, EOPNOTSUPP, ENOMEM, EPIPE, ECONNRESET) \
    X(OPEN, EINTR, EACCES, EMFILE, ENFILE, ENOENT, ENOSPC, EOPNOTSUPP, EROFS) \
    X(PREAD, EINTR, EIO) \
    X(PWRITE, EINTR, EIO, ENOSPC, EDQUOT, EFBIG) \
    X(READ, EINTR, EAGAIN, EIO) \
    X(WRITE, EINTR, EAGAIN, EIO, ENOSPC, EPIPE) \
    X(FSTAT, EBADF, EIO) \
    X(FCNTL, EMFILE, EBADF) \
    X(LOCK, EAGAIN, EINTR, ENOLCK) \
    X(CLOSE, EINTR, EIO) \
    X(EPOLL_CREATE1, EMFILE, ENFILE, ENOMEM) \
    X(EPOLL_CTL, ENOMEM, ENOSPC) \
    X(EPOLL_WAIT, EINTR) \
    X(POLL, EINTR, ENOMEM) \
    X(EVENTFD, EMFILE, ENFILE, ENOMEM) \
    X(GETRANDOM, EINTR, EAGAIN, ENOSYS) \
    X(TIMERFD_CREATE, EMFILE, ENFILE, ENODEV, ENOMEM) \
    X(TIMERFD_SETTIME, EINVAL)
/* clang-format on */

enum faulty_call {
#define FAULTY_ENUM(name, ...) FAULTY_##name,
    FAULTY_CALLS(FAULTY_ENUM)
#undef FAULTY_ENUM
        FAULTY_CALLS_N
};

enum { FAULTY_SHORT = -1 }; /* in place of an errno: only one byte of the work is done */

struct faulty_plan {
    enum faulty_call call;
    size_t at; /* the number of the call that fails, from 1; 0: none */
    bool for_ever;
    int error; /* an errno, or FAULTY_SHORT */
};

struct faulty_sys {
    struct pd_sys sys; /* hand this to what is tested; must not be copied */
    const struct pd_sys *real;
    struct faulty_plan plan;
    size_t calls[FAULTY_CALLS_N]; /* since faulty_plan() */
    size_t faults;                /* ... of which were made to fail */
    size_t blocks;                /* allocated and not released */
    long descriptors;             /* opened and not closed */
    bool own_clock;               /* monotonic_ns gives now_ns */
    uint64_t now_ns;
};

void faulty_init(struct faulty_sys *f);
/* Sets the plan and the counters back; what is allocated stays counted. */
void faulty_set(struct faulty_sys *f, struct faulty_plan plan);

const char *faulty_name(enum faulty_call call);
/* The errnos of a kind of call, and how many; FAULTY_SHORT is the last one where a short count is possible. */
const int *faulty_errors(enum faulty_call call, size_t *n);

#endif
