/*
 * loop_epoll.c - the epoll back end.
 *
 * The kernel keeps the set, so add, change and remove need no lock and reach
 * a thread that is already waiting.
 */
#include <errno.h>

#include "loop/loop_backend.h"

/* Entries fetched by one epoll_wait; they live on the waiter's stack (3 KiB). */
enum { BATCH_MAX = 256 };

static int epoll_init(struct pd_loop *loop)
{
    loop->epoll_fd = PD_SYS(loop->sys, epoll_create1, EPOLL_CLOEXEC);
    return loop->epoll_fd < 0 ? -errno : 0;
}

static void epoll_fini(struct pd_loop *loop)
{
    if (loop->epoll_fd >= 0)
        PD_SYS(loop->sys, close, loop->epoll_fd);
    loop->epoll_fd = -1;
}

static uint32_t to_kernel(uint32_t events)
{
    uint32_t k = 0;
    if (events & PD_READABLE)
        k |= EPOLLIN;
    if (events & PD_WRITABLE)
        k |= EPOLLOUT;
    if (events & PD_HALF_CLOSED)
        k |= EPOLLRDHUP;
    if (events & PD_EDGE)
        k |= EPOLLET;
    return k;
}

static uint32_t from_kernel(uint32_t k)
{
    uint32_t events = 0;
    if (k & EPOLLIN)
        events |= PD_READABLE;
    if (k & EPOLLOUT)
        events |= PD_WRITABLE;
    if (k & (EPOLLHUP | EPOLLERR))
        events |= PD_HANGUP;
    if (k & EPOLLRDHUP)
        events |= PD_HALF_CLOSED;
    return events;
}

static int control(struct pd_loop *loop, int op, int fd, uint32_t events, void *owner)
{
    struct epoll_event ev = { .events = to_kernel(events), .data.ptr = owner };
    return PD_SYS(loop->sys, epoll_ctl, loop->epoll_fd, op, fd, &ev) < 0 ? -errno : 0;
}

static int epoll_add(struct pd_loop *loop, int fd, uint32_t events, void *owner)
{
    return control(loop, EPOLL_CTL_ADD, fd, events, owner);
}

static int epoll_change(struct pd_loop *loop, int fd, uint32_t events, void *owner)
{
    return control(loop, EPOLL_CTL_MOD, fd, events, owner);
}

static int epoll_remove(struct pd_loop *loop, int fd)
{
    return control(loop, EPOLL_CTL_DEL, fd, 0, NULL);
}

static int epoll_wait_ready(struct pd_loop *loop, struct pd_ready *out, int max, int timeout_ms)
{
    struct epoll_event evs[BATCH_MAX];
    int n = PD_SYS(loop->sys, epoll_wait, loop->epoll_fd, evs, max < BATCH_MAX ? max : BATCH_MAX, timeout_ms);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < n; i++)
        out[i] = (struct pd_ready){ evs[i].data.ptr, from_kernel(evs[i].events) };
    return n;
}

const struct pd_loop_ops pd_loop_epoll_ops = {
    .init = epoll_init,
    .fini = epoll_fini,
    .add = epoll_add,
    .change = epoll_change,
    .remove = epoll_remove,
    .rearm = NULL,
    .wait = epoll_wait_ready,
};
