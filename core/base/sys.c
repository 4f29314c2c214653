/* sys.c - the table of struct pd_sys that calls the C library itself. */
#define _GNU_SOURCE
#include "base/sys.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

static void *real_alloc(void *ctx, size_t n)
{
    (void)ctx;
    return malloc(n);
}

static void *real_resize(void *ctx, void *p, size_t n)
{
    (void)ctx;
    return realloc(p, n);
}

static void real_release(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

static int real_socket(void *ctx, int domain, int type, int protocol)
{
    (void)ctx;
    return socket(domain, type, protocol);
}

static int real_bind(void *ctx, int fd, const struct sockaddr *addr, socklen_t len)
{
    (void)ctx;
    return bind(fd, addr, len);
}

static int real_listen(void *ctx, int fd, int backlog)
{
    (void)ctx;
    return listen(fd, backlog);
}

static int real_connect(void *ctx, int fd, const struct sockaddr *addr, socklen_t len)
{
    (void)ctx;
    return connect(fd, addr, len);
}

static int real_accept4(void *ctx, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    (void)ctx;
    return accept4(fd, addr, len, flags);
}

static int real_setsockopt(void *ctx, int fd, int level, int name, const void *value, socklen_t len)
{
    (void)ctx;
    return setsockopt(fd, level, name, value, len);
}

static int real_getsockopt(void *ctx, int fd, int level, int name, void *value, socklen_t *len)
{
    (void)ctx;
    return getsockopt(fd, level, name, value, len);
}

static int real_shutdown(void *ctx, int fd, int how)
{
    (void)ctx;
    return shutdown(fd, how);
}

static ssize_t real_recv(void *ctx, int fd, void *buf, size_t n, int flags)
{
    (void)ctx;
    return recv(fd, buf, n, flags);
}

static ssize_t real_recvmsg(void *ctx, int fd, struct msghdr *msg, int flags)
{
    (void)ctx;
    return recvmsg(fd, msg, flags);
}

static ssize_t real_send(void *ctx, int fd, const void *buf, size_t n, int flags)
{
    (void)ctx;
    return send(fd, buf, n, flags);
}

static ssize_t real_sendmsg(void *ctx, int fd, const struct msghdr *msg, int flags)
{
    (void)ctx;
    return sendmsg(fd, msg, flags);
}

static ssize_t real_sendfile(void *ctx, int out, int in, off_t *offset, size_t n)
{
    (void)ctx;
    return sendfile(out, in, offset, n);
}

static int real_open(void *ctx, const char *path, int flags, mode_t mode)
{
    (void)ctx;
    return open(path, flags, mode);
}

static ssize_t real_pread(void *ctx, int fd, void *buf, size_t n, off_t offset)
{
    (void)ctx;
    return pread(fd, buf, n, offset);
}

static ssize_t real_pwrite(void *ctx, int fd, const void *buf, size_t n, off_t offset)
{
    (void)ctx;
    return pwrite(fd, buf, n, offset);
}

static ssize_t real_read(void *ctx, int fd, void *buf, size_t n)
{
    (void)ctx;
    return read(fd, buf, n);
}

static ssize_t real_write(void *ctx, int fd, const void *buf, size_t n)
{
    (void)ctx;
    return write(fd, buf, n);
}

static int real_fcntl(void *ctx, int fd, int command, int argument)
{
    (void)ctx;
    return fcntl(fd, command, argument);
}

static int real_lock(void *ctx, int fd, int command, struct flock *lock)
{
    (void)ctx;
    return fcntl(fd, command, lock);
}

static int real_fstat(void *ctx, int fd, struct stat *st)
{
    (void)ctx;
    return fstat(fd, st);
}

static int real_close(void *ctx, int fd)
{
    (void)ctx;
    return close(fd);
}

static int real_epoll_create1(void *ctx, int flags)
{
    (void)ctx;
    return epoll_create1(flags);
}

static int real_epoll_ctl(void *ctx, int ep, int op, int fd, struct epoll_event *ev)
{
    (void)ctx;
    return epoll_ctl(ep, op, fd, ev);
}

static int real_epoll_wait(void *ctx, int ep, struct epoll_event *evs, int max, int timeout_ms)
{
    (void)ctx;
    return epoll_wait(ep, evs, max, timeout_ms);
}

static int real_poll(void *ctx, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    (void)ctx;
    return poll(fds, n, timeout_ms);
}

static int real_eventfd(void *ctx, unsigned initial, int flags)
{
    (void)ctx;
    return eventfd(initial, flags);
}

static ssize_t real_getrandom(void *ctx, void *buf, size_t n, unsigned flags)
{
    (void)ctx;
    return getrandom(buf, n, flags);
}

static int real_timerfd_create(void *ctx, int clock, int flags)
{
    (void)ctx;
    return timerfd_create(clock, flags);
}

static int real_timerfd_settime(void *ctx, int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
    (void)ctx;
    return timerfd_settime(fd, flags, value, old);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t real_monotonic_ns(void *ctx)
{
    (void)ctx;
    return clock_ns(CLOCK_MONOTONIC);
}

static int64_t real_wall_s(void *ctx)
{
    (void)ctx;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME_COARSE, &ts);
    return (int64_t)ts.tv_sec;
}

static uint64_t real_wall_ns(void *ctx)
{
    (void)ctx;
    return clock_ns(CLOCK_REALTIME);
}

static uint64_t microseconds(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static struct pd_usage real_thread_usage(void *ctx)
{
    (void)ctx;
    struct rusage usage = { 0 };
    getrusage(RUSAGE_THREAD, &usage); /* cannot fail */
    uint64_t cpu_us = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
    return (struct pd_usage){ .cpu_us = cpu_us, .waits = (uint64_t)usage.ru_nvcsw };
}

static bool real_thread_batch(void *ctx, bool on)
{
    (void)ctx;
    const struct sched_param none = { 0 };
    int from = on ? SCHED_OTHER : SCHED_BATCH;
    int to = on ? SCHED_BATCH : SCHED_OTHER;
    return sched_getscheduler(0) == from && sched_setscheduler(0, to, &none) == 0; /* 0: this thread */
}

static uint64_t real_process_cpu_ns(void *ctx)
{
    (void)ctx;
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int real_thread_id(void *ctx)
{
    (void)ctx;
    return gettid();
}

/* proc_pid_stat(5): "ID (NAME) STATE ...", where the name may have anything in it but is at most 15 bytes long. */
static bool real_thread_runs(void *ctx, int id)
{
    (void)ctx;
    char text[64];
    snprintf(text, sizeof text, "/proc/self/task/%d/stat", id);
    int fd = open(text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    const char *end = n > 0 ? memrchr(text, ')', (size_t)n) : NULL;
    return end && end + 2 < text + n && end[2] == 'R';
}

const struct pd_sys *pd_sys_default(void)
{
    static const struct pd_sys table = {
        .alloc = real_alloc,
        .resize = real_resize,
        .release = real_release,
        .socket = real_socket,
        .bind = real_bind,
        .listen = real_listen,
        .connect = real_connect,
        .accept4 = real_accept4,
        .setsockopt = real_setsockopt,
        .getsockopt = real_getsockopt,
        .shutdown = real_shutdown,
        .recv = real_recv,
        .recvmsg = real_recvmsg,
        .send = real_send,
        .sendmsg = real_sendmsg,
        .sendfile = real_sendfile,
        .open = real_open,
        .pread = real_pread,
        .pwrite = real_pwrite,
        .read = real_read,
        .write = real_write,
        .fstat = real_fstat,
        .fcntl = real_fcntl,
        .lock = real_lock,
        .close = real_close,
        .epoll_create1 = real_epoll_create1,
        .epoll_ctl = real_epoll_ctl,
        .epoll_wait = real_epoll_wait,
        .poll = real_poll,
        .eventfd = real_eventfd,
        .getrandom = real_getrandom,
        .timerfd_create = real_timerfd_create,
        .timerfd_settime = real_timerfd_settime,
        .monotonic_ns = real_monotonic_ns,
        .wall_s = real_wall_s,
        .wall_ns = real_wall_ns,
        .thread_usage = real_thread_usage,
        .thread_batch = real_thread_batch,
        .process_cpu_ns = real_process_cpu_ns,
        .thread_id = real_thread_id,
        .thread_runs = real_thread_runs,
        .ctx = NULL,
    };
    return &table;
}
