/* loop.c - chooses the back end and checks what callers owe to both. */
#include "loop/loop.h"

#include <assert.h>

#include "loop/loop_backend.h"

int pd_loop_init(struct pd_loop *loop, const struct pd_sys *sys, enum pd_loop_backend backend)
{
    loop->sys = sys;
    loop->ops = backend == PD_LOOP_POLL ? &pd_loop_poll_ops : &pd_loop_epoll_ops;
    loop->epoll_fd = loop->guest_fd = -1;
    loop->guest_owner = NULL;
    loop->poll = NULL;
    return loop->ops->init(loop);
}

void pd_loop_fini(struct pd_loop *loop)
{
    loop->ops->fini(loop);
}

int pd_loop_add(struct pd_loop *loop, int fd, uint32_t events, void *owner)
{
    assert(fd >= 0 && owner);
    return loop->ops->add(loop, fd, events, owner);
}

int pd_loop_change(struct pd_loop *loop, int fd, uint32_t events, void *owner)
{
    assert(fd >= 0 && owner);
    return loop->ops->change(loop, fd, events, owner);
}

int pd_loop_remove(struct pd_loop *loop, int fd)
{
    assert(fd >= 0);
    return loop->ops->remove(loop, fd);
}

void pd_loop_rearm(struct pd_loop *loop, int fd, uint32_t events)
{
    if (loop->ops->rearm)
        loop->ops->rearm(loop, fd, events);
}

int pd_loop_add_guest(struct pd_loop *loop, int fd, uint32_t events, uint64_t tag)
{
    assert(fd >= 0 && loop->guest_owner);
    return loop->ops->add_guest(loop, fd, events, tag);
}

int pd_loop_change_guest(struct pd_loop *loop, int fd, uint32_t events, uint64_t tag)
{
    assert(fd >= 0);
    return loop->ops->change_guest(loop, fd, events, tag);
}

void pd_loop_remove_guest(struct pd_loop *loop, int fd)
{
    assert(fd >= 0);
    loop->ops->remove_guest(loop, fd);
}

int pd_loop_wait(struct pd_loop *loop, struct pd_ready *out, int max, int timeout_ms)
{
    assert(max > 0);
    return loop->ops->wait(loop, out, max, timeout_ms);
}
