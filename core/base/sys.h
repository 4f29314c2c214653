/*
 * sys.h - everything the core asks of the operating system, in one table.
 *
 * Memory, system calls and the clock are reached only through a struct pd_sys,
 * so that a test can make the n-th allocation or the n-th call fail, return
 * short, or move time. The functions keep the contract of the calls whose
 * names they bear: -1 with errno set on failure.
 */
#ifndef PD_SYS_H
#define PD_SYS_H

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>

/* What a thread has had of the processor. */
struct pd_usage {
    uint64_t cpu_us;
    uint64_t waits; /* how often it has let go of it to wait for something */
};

struct pd_sys {
    /* memory */
    void *(*alloc)(void *ctx, size_t n);
    void *(*resize)(void *ctx, void *p, size_t n);
    void (*release)(void *ctx, void *p);
    /* sockets */
    int (*socket)(void *ctx, int domain, int type, int protocol);
    int (*bind)(void *ctx, int fd, const struct sockaddr *addr, socklen_t len);
    int (*listen)(void *ctx, int fd, int backlog);
    int (*connect)(void *ctx, int fd, const struct sockaddr *addr, socklen_t len);
    int (*accept4)(void *ctx, int fd, struct sockaddr *addr, socklen_t *len, int flags);
    int (*setsockopt)(void *ctx, int fd, int level, int name, const void *value, socklen_t len);
    int (*getsockopt)(void *ctx, int fd, int level, int name, void *value, socklen_t *len);
    int (*shutdown)(void *ctx, int fd, int how);
    ssize_t (*recv)(void *ctx, int fd, void *buf, size_t n, int flags);
    ssize_t (*recvmsg)(void *ctx, int fd, struct msghdr *msg, int flags);
    ssize_t (*send)(void *ctx, int fd, const void *buf, size_t n, int flags);
    ssize_t (*sendmsg)(void *ctx, int fd, const struct msghdr *msg, int flags);
    ssize_t (*sendfile)(void *ctx, int out, int in, off_t *offset, size_t n);
    /* files and descriptors */
    int (*open)(void *ctx, const char *path, int flags, mode_t mode);
    ssize_t (*pread)(void *ctx, int fd, void *buf, size_t n, off_t offset);
    ssize_t (*pwrite)(void *ctx, int fd, const void *buf, size_t n, off_t offset);
    ssize_t (*read)(void *ctx, int fd, void *buf, size_t n);
    ssize_t (*write)(void *ctx, int fd, const void *buf, size_t n);
    int (*fstat)(void *ctx, int fd, struct stat *st);
    int (*fcntl)(void *ctx, int fd, int command, int argument);
    int (*lock)(void *ctx, int fd, int command, struct flock *lock); /* fcntl() with a lock */
    int (*close)(void *ctx, int fd);
    /* events */
    int (*epoll_create1)(void *ctx, int flags);
    int (*epoll_ctl)(void *ctx, int ep, int op, int fd, struct epoll_event *ev);
    int (*epoll_wait)(void *ctx, int ep, struct epoll_event *evs, int max, int timeout_ms);
    int (*poll)(void *ctx, struct pollfd *fds, nfds_t n, int timeout_ms);
    int (*eventfd)(void *ctx, unsigned initial, int flags);
    /* chance */
    ssize_t (*getrandom)(void *ctx, void *buf, size_t n, unsigned flags);
    int (*timerfd_create)(void *ctx, int clock, int flags);
    int (*timerfd_settime)(void *ctx, int fd, int flags, const struct itimerspec *value, struct itimerspec *old);
    /* time */
    uint64_t (*monotonic_ns)(void *ctx);
    int64_t (*wall_s)(void *ctx);
    uint64_t (*wall_ns)(void *ctx); /* the same, finer and dearer */
    /* threads */
    struct pd_usage (*thread_usage)(void *ctx); /* of this one */
    /* This one is to take the processor from no other when it wakes (SCHED_BATCH), or as usual. False: it cannot be
     * changed, or does not have the other one of these policies, so that somebody chose it. */
    bool (*thread_batch)(void *ctx, bool on);
    uint64_t (*process_cpu_ns)(void *ctx);  /* what all threads have had of the processors */
    int (*thread_id)(void *ctx);            /* of this one */
    bool (*thread_runs)(void *ctx, int id); /* it computes, or would; false: it sleeps, or nobody knows */
    void *ctx;
};

/* The table that really calls the C library. Shared and constant. */
const struct pd_sys *pd_sys_default(void);

/* Short forms, so that call sites read like the calls they make. */
#define PD_SYS(sys, call, ...) ((sys)->call((sys)->ctx, __VA_ARGS__))
#define PD_SYS0(sys, call)     ((sys)->call((sys)->ctx))

static inline void *pd_alloc(const struct pd_sys *sys, size_t n)
{
    return sys->alloc(sys->ctx, n);
}

static inline void pd_release(const struct pd_sys *sys, void *p)
{
    if (p)
        sys->release(sys->ctx, p);
}

#endif
