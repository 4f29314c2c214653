/* faulty_sys.c - a struct pd_sys whose n-th call fails (see faulty_sys.h). */
#include "faulty_sys.h"

#include <assert.h>
#include <errno.h>

static const char *const names[] = {
#define FAULTY_NAME(name, ...) #name,
    FAULTY_CALLS(FAULTY_NAME)
#undef FAULTY_NAME
};

enum { ERRORS_MAX = 12 };

/* Unused places are 0. */
static const int errors[FAULTY_CALLS_N][ERRORS_MAX] = {
#define FAULTY_ERRORS(name, ...) { __VA_ARGS__, FAULTY_SHORT },
    FAULTY_CALLS(FAULTY_ERRORS)
#undef FAULTY_ERRORS
};

static bool can_be_short(enum faulty_call call)
{
    switch (call) {
    case FAULTY_RECV:
    case FAULTY_SENDMSG:
    case FAULTY_SENDFILE:
    case FAULTY_PREAD:
    case FAULTY_PWRITE:
        return true;
    case FAULTY_MEMORY:
    case FAULTY_SOCKET:
    case FAULTY_BIND:
    case FAULTY_LISTEN:
    case FAULTY_ACCEPT4:
    case FAULTY_SETSOCKOPT:
    case FAULTY_GETSOCKOPT:
    case FAULTY_SHUTDOWN:
    case FAULTY_RECVMSG:
    case FAULTY_OPEN:
    case FAULTY_READ:
    case FAULTY_WRITE:
    case FAULTY_FSTAT:
    case FAULTY_FCNTL:
    case FAULTY_LOCK:
    case FAULTY_CONNECT:
    case FAULTY_CLOSE:
    case FAULTY_EPOLL_CREATE1:
    case FAULTY_EPOLL_CTL:
    case FAULTY_EPOLL_WAIT:
    case FAULTY_POLL:
    case FAULTY_EVENTFD:
    case FAULTY_GETRANDOM:
    case FAULTY_TIMERFD_CREATE:
    case FAULTY_TIMERFD_SETTIME:
    case FAULTY_CALLS_N:
        return false;
    }
    return false;
}

const char *faulty_name(enum faulty_call call)
{
    return names[call];
}

const int *faulty_errors(enum faulty_call call, size_t *n)
{
    *n = 0;
    while (errors[call][*n] && (errors[call][*n] != FAULTY_SHORT || can_be_short(call)))
        ++*n;
    return errors[call];
}

/* Counts a call; true when it must fail, with errno set. A short count is asked for through `work`. */
static bool strikes(struct faulty_sys *f, enum faulty_call call, size_t *work)
{
    size_t number = ++f->calls[call];
    const struct faulty_plan *p = &f->plan;
    if (!p->at || p->call != call || number < p->at || (number > p->at && !p->for_ever))
        return false;
    f->faults++;
    if (p->error == FAULTY_SHORT) {
        if (work && *work > 1)
            *work = 1;
        return false;
    }
    errno = p->error;
    return true;
}

static int opened(struct faulty_sys *f, int fd)
{
    if (fd >= 0)
        f->descriptors++;
    return fd;
}

/* --- memory --- */

static void *faulty_alloc(void *ctx, size_t n)
{
    struct faulty_sys *f = ctx;
    void *p = strikes(f, FAULTY_MEMORY, NULL) ? NULL : f->real->alloc(f->real->ctx, n);
    if (p)
        f->blocks++;
    return p;
}

static void *faulty_resize(void *ctx, void *old, size_t n)
{
    struct faulty_sys *f = ctx;
    void *p = strikes(f, FAULTY_MEMORY, NULL) ? NULL : f->real->resize(f->real->ctx, old, n);
    if (p && !old)
        f->blocks++;
    return p;
}

static void faulty_release(void *ctx, void *p)
{
    struct faulty_sys *f = ctx;
    assert(f->blocks > 0);
    f->blocks--;
    f->real->release(f->real->ctx, p);
}

/* --- sockets --- */

static int faulty_socket(void *ctx, int domain, int type, int protocol)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_SOCKET, NULL) ? -1 : opened(f, PD_SYS(f->real, socket, domain, type, protocol));
}

static int faulty_bind(void *ctx, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_BIND, NULL) ? -1 : PD_SYS(f->real, bind, fd, addr, len);
}

static int faulty_listen(void *ctx, int fd, int backlog)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_LISTEN, NULL) ? -1 : PD_SYS(f->real, listen, fd, backlog);
}

static int faulty_connect(void *ctx, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_CONNECT, NULL) ? -1 : PD_SYS(f->real, connect, fd, addr, len);
}

static int faulty_accept4(void *ctx, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_ACCEPT4, NULL) ? -1 : opened(f, PD_SYS(f->real, accept4, fd, addr, len, flags));
}

static int faulty_setsockopt(void *ctx, int fd, int level, int name, const void *value, socklen_t len)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_SETSOCKOPT, NULL) ? -1 : PD_SYS(f->real, setsockopt, fd, level, name, value, len);
}

static int faulty_getsockopt(void *ctx, int fd, int level, int name, void *value, socklen_t *len)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_GETSOCKOPT, NULL) ? -1 : PD_SYS(f->real, getsockopt, fd, level, name, value, len);
}

static int faulty_shutdown(void *ctx, int fd, int how)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_SHUTDOWN, NULL) ? -1 : PD_SYS(f->real, shutdown, fd, how);
}

static ssize_t faulty_recv(void *ctx, int fd, void *buf, size_t n, int flags)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_RECV, &n) ? -1 : PD_SYS(f->real, recv, fd, buf, n, flags);
}

/* Descriptors that come with a message are opened by it. */
static ssize_t faulty_recvmsg(void *ctx, int fd, struct msghdr *msg, int flags)
{
    struct faulty_sys *f = ctx;
    if (strikes(f, FAULTY_RECVMSG, NULL))
        return -1;
    ssize_t n = PD_SYS(f->real, recvmsg, fd, msg, flags);
    for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            f->descriptors += (long)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    return n;
}

/* To a plan, this and sendmsg() are one call: a connection uses either. */
static ssize_t faulty_send(void *ctx, int fd, const void *buf, size_t n, int flags)
{
    struct faulty_sys *f = ctx;
    size_t work = n;
    if (strikes(f, FAULTY_SENDMSG, &work))
        return -1;
    return PD_SYS(f->real, send, fd, buf, work, flags);
}

static ssize_t faulty_sendmsg(void *ctx, int fd, const struct msghdr *msg, int flags)
{
    struct faulty_sys *f = ctx;
    size_t work = 2; /* becomes 1 when only one byte may go */
    if (strikes(f, FAULTY_SENDMSG, &work))
        return -1;
    if (work == 2)
        return PD_SYS(f->real, sendmsg, fd, msg, flags);
    struct msghdr one = *msg;
    while (one.msg_iovlen > 1 && one.msg_iov->iov_len == 0) {
        one.msg_iov++;
        one.msg_iovlen--;
    }
    struct iovec byte = *one.msg_iov;
    byte.iov_len = byte.iov_len ? 1 : 0;
    one.msg_iov = &byte;
    one.msg_iovlen = 1;
    return PD_SYS(f->real, sendmsg, fd, &one, flags);
}

static ssize_t faulty_sendfile(void *ctx, int out, int in, off_t *offset, size_t n)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_SENDFILE, &n) ? -1 : PD_SYS(f->real, sendfile, out, in, offset, n);
}

/* --- files and descriptors --- */

static int faulty_open(void *ctx, const char *path, int flags, mode_t mode)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_OPEN, NULL) ? -1 : opened(f, PD_SYS(f->real, open, path, flags, mode));
}

static ssize_t faulty_pread(void *ctx, int fd, void *buf, size_t n, off_t offset)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_PREAD, &n) ? -1 : PD_SYS(f->real, pread, fd, buf, n, offset);
}

static ssize_t faulty_pwrite(void *ctx, int fd, const void *buf, size_t n, off_t offset)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_PWRITE, &n) ? -1 : PD_SYS(f->real, pwrite, fd, buf, n, offset);
}

static ssize_t faulty_read(void *ctx, int fd, void *buf, size_t n)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_READ, &n) ? -1 : PD_SYS(f->real, read, fd, buf, n);
}

static ssize_t faulty_write(void *ctx, int fd, const void *buf, size_t n)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_WRITE, &n) ? -1 : PD_SYS(f->real, write, fd, buf, n);
}

static int faulty_fstat(void *ctx, int fd, struct stat *st)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_FSTAT, NULL) ? -1 : PD_SYS(f->real, fstat, fd, st);
}

/* Used for nothing but to duplicate descriptors. */
static int faulty_fcntl(void *ctx, int fd, int command, int argument)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_FCNTL, NULL) ? -1 : opened(f, PD_SYS(f->real, fcntl, fd, command, argument));
}

static int faulty_lock(void *ctx, int fd, int command, struct flock *lock)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_LOCK, NULL) ? -1 : PD_SYS(f->real, lock, fd, command, lock);
}

/* Linux closes the descriptor whatever close() returns. */
static int faulty_close(void *ctx, int fd)
{
    struct faulty_sys *f = ctx;
    bool fails = strikes(f, FAULTY_CLOSE, NULL);
    f->descriptors--;
    int r = PD_SYS(f->real, close, fd);
    if (!fails)
        return r;
    errno = f->plan.error;
    return -1;
}

/* --- events --- */

static int faulty_epoll_create1(void *ctx, int flags)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_EPOLL_CREATE1, NULL) ? -1 : opened(f, PD_SYS(f->real, epoll_create1, flags));
}

static int faulty_epoll_ctl(void *ctx, int ep, int op, int fd, struct epoll_event *ev)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_EPOLL_CTL, NULL) ? -1 : PD_SYS(f->real, epoll_ctl, ep, op, fd, ev);
}

static int faulty_epoll_wait(void *ctx, int ep, struct epoll_event *evs, int max, int timeout_ms)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_EPOLL_WAIT, NULL) ? -1 : PD_SYS(f->real, epoll_wait, ep, evs, max, timeout_ms);
}

static int faulty_poll(void *ctx, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_POLL, NULL) ? -1 : PD_SYS(f->real, poll, fds, n, timeout_ms);
}

static int faulty_eventfd(void *ctx, unsigned initial, int flags)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_EVENTFD, NULL) ? -1 : opened(f, PD_SYS(f->real, eventfd, initial, flags));
}

/* --- chance --- */

static ssize_t faulty_getrandom(void *ctx, void *buf, size_t n, unsigned flags)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_GETRANDOM, NULL) ? -1 : PD_SYS(f->real, getrandom, buf, n, flags);
}

static int faulty_timerfd_create(void *ctx, int clock, int flags)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_TIMERFD_CREATE, NULL) ? -1 : opened(f, PD_SYS(f->real, timerfd_create, clock, flags));
}

static int faulty_timerfd_settime(void *ctx, int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
    struct faulty_sys *f = ctx;
    return strikes(f, FAULTY_TIMERFD_SETTIME, NULL) ? -1 : PD_SYS(f->real, timerfd_settime, fd, flags, value, old);
}

/* --- time --- */

static uint64_t faulty_monotonic_ns(void *ctx)
{
    struct faulty_sys *f = ctx;
    return f->own_clock ? f->now_ns : PD_SYS0(f->real, monotonic_ns);
}

static int64_t faulty_wall_s(void *ctx)
{
    struct faulty_sys *f = ctx;
    return PD_SYS0(f->real, wall_s);
}

static uint64_t faulty_wall_ns(void *ctx)
{
    struct faulty_sys *f = ctx;
    return PD_SYS0(f->real, wall_ns);
}

static struct pd_usage faulty_thread_usage(void *ctx)
{
    struct faulty_sys *f = ctx;
    return PD_SYS0(f->real, thread_usage);
}

static bool faulty_thread_batch(void *ctx, bool on)
{
    struct faulty_sys *f = ctx;
    return PD_SYS(f->real, thread_batch, on);
}

static uint64_t faulty_process_cpu_ns(void *ctx)
{
    struct faulty_sys *f = ctx;
    return PD_SYS0(f->real, process_cpu_ns);
}

static int faulty_thread_id(void *ctx)
{
    struct faulty_sys *f = ctx;
    return PD_SYS0(f->real, thread_id);
}

static bool faulty_thread_runs(void *ctx, int id)
{
    struct faulty_sys *f = ctx;
    return PD_SYS(f->real, thread_runs, id);
}

void faulty_init(struct faulty_sys *f)
{
    *f = (struct faulty_sys){ .real = pd_sys_default() };
    f->sys = (struct pd_sys){
        .alloc = faulty_alloc,
        .resize = faulty_resize,
        .release = faulty_release,
        .socket = faulty_socket,
        .bind = faulty_bind,
        .listen = faulty_listen,
        .connect = faulty_connect,
        .accept4 = faulty_accept4,
        .setsockopt = faulty_setsockopt,
        .getsockopt = faulty_getsockopt,
        .shutdown = faulty_shutdown,
        .recv = faulty_recv,
        .recvmsg = faulty_recvmsg,
        .send = faulty_send,
        .sendmsg = faulty_sendmsg,
        .sendfile = faulty_sendfile,
        .open = faulty_open,
        .pread = faulty_pread,
        .pwrite = faulty_pwrite,
        .read = faulty_read,
        .write = faulty_write,
        .fstat = faulty_fstat,
        .fcntl = faulty_fcntl,
        .lock = faulty_lock,
        .close = faulty_close,
        .epoll_create1 = faulty_epoll_create1,
        .epoll_ctl = faulty_epoll_ctl,
        .epoll_wait = faulty_epoll_wait,
        .poll = faulty_poll,
        .eventfd = faulty_eventfd,
        .getrandom = faulty_getrandom,
        .timerfd_create = faulty_timerfd_create,
        .timerfd_settime = faulty_timerfd_settime,
        .monotonic_ns = faulty_monotonic_ns,
        .wall_s = faulty_wall_s,
        .wall_ns = faulty_wall_ns,
        .thread_usage = faulty_thread_usage,
        .thread_batch = faulty_thread_batch,
        .process_cpu_ns = faulty_process_cpu_ns,
        .thread_id = faulty_thread_id,
        .thread_runs = faulty_thread_runs,
        .ctx = f,
    };
}

void faulty_set(struct faulty_sys *f, struct faulty_plan plan)
{
    f->plan = plan;
    f->faults = 0;
    for (size_t i = 0; i < FAULTY_CALLS_N; i++)
        f->calls[i] = 0;
}
