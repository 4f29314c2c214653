/*
 * loop_epoll.c - the epoll back end.
 *
 * The kernel keeps the set, so add, change and remove need no lock and reach
 * a thread that is already waiting. Guests have a set of their own, which is
 * a member of the first. A guest that was closed while another process, or a
 * copy, holds its file open stays in the kernel's set, where nobody can take
 * it out any more; as each reports once only, that does no harm.
 */
#include <errno.h>
#include <stdbool.h>

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
    if (loop->guest_fd >= 0)
        PD_SYS(loop->sys, close, loop->guest_fd);
    if (loop->epoll_fd >= 0)
        PD_SYS(loop->sys, close, loop->epoll_fd);
    loop->epoll_fd = loop->guest_fd = -1;
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

/* --- guests ------------------------------------------------------------------------------------------------------- */

static int guest_control(struct pd_loop *loop, int op, int fd, uint32_t events, uint64_t tag)
{
    struct epoll_event ev = { .events = to_kernel(events) | EPOLLPRI | EPOLLONESHOT, .data.u64 = tag };
    return PD_SYS(loop->sys, epoll_ctl, loop->guest_fd, op, fd, &ev) < 0 ? -errno : 0;
}

/* The set of guests; in the other one it is the member without an owner. */
static int guests_open(struct pd_loop *loop)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };
    int fd = PD_SYS(loop->sys, epoll_create1, EPOLL_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (PD_SYS(loop->sys, epoll_ctl, loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
        int error = errno;
        PD_SYS(loop->sys, close, fd);
        return -error;
    }
    loop->guest_fd = fd;
    return 0;
}

static int epoll_add_guest(struct pd_loop *loop, int fd, uint32_t events, uint64_t tag)
{
    int r = loop->guest_fd < 0 ? guests_open(loop) : 0;
    if (r == 0)
        r = guest_control(loop, EPOLL_CTL_ADD, fd, events, tag);
    /* The same file under the same number as one that could not be taken out. */
    return r == -EEXIST ? guest_control(loop, EPOLL_CTL_MOD, fd, events, tag) : r;
}

static int epoll_change_guest(struct pd_loop *loop, int fd, uint32_t events, uint64_t tag)
{
    return guest_control(loop, EPOLL_CTL_MOD, fd, events, tag);
}

static void epoll_remove_guest(struct pd_loop *loop, int fd)
{
    guest_control(loop, EPOLL_CTL_DEL, fd, 0, 0);
}

static int take_guests(struct pd_loop *loop, struct epoll_event *evs, struct pd_ready *out, int max)
{
    int n = PD_SYS(loop->sys, epoll_wait, loop->guest_fd, evs, max < BATCH_MAX ? max : BATCH_MAX, 0);
    for (int i = 0; i < n; i++) {
        uint32_t urgent = evs[i].events & EPOLLPRI ? PD_HANGUP : 0;
        out[i] = (struct pd_ready){ loop->guest_owner, from_kernel(evs[i].events) | urgent, evs[i].data.u64 };
    }
    return n < 0 ? 0 : n; /* what is left is reported next time */
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static int epoll_wait_ready(struct pd_loop *loop, struct pd_ready *out, int max, int timeout_ms)
{
    struct epoll_event evs[BATCH_MAX];
    int n = PD_SYS(loop->sys, epoll_wait, loop->epoll_fd, evs, max < BATCH_MAX ? max : BATCH_MAX, timeout_ms);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    int found = 0;
    bool guests = false;
    for (int i = 0; i < n; i++)
        if (evs[i].data.ptr)
            out[found++] = (struct pd_ready){ evs[i].data.ptr, from_kernel(evs[i].events), 0 };
        else
            guests = true;
    return guests ? found + take_guests(loop, evs, out + found, max - found) : found;
}

const struct pd_loop_ops pd_loop_epoll_ops = {
    .init = epoll_init,
    .fini = epoll_fini,
    .add = epoll_add,
    .change = epoll_change,
    .remove = epoll_remove,
    .rearm = NULL,
    .add_guest = epoll_add_guest,
    .change_guest = epoll_change_guest,
    .remove_guest = epoll_remove_guest,
    .wait = epoll_wait_ready,
};
