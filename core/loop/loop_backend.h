/* loop_backend.h - the private interface between loop.c and its back ends. */
#ifndef PD_LOOP_BACKEND_H
#define PD_LOOP_BACKEND_H

#include "loop/loop.h"

struct pd_loop_ops {
    int (*init)(struct pd_loop *loop);
    void (*fini)(struct pd_loop *loop);
    int (*add)(struct pd_loop *loop, int fd, uint32_t events, void *owner);
    int (*change)(struct pd_loop *loop, int fd, uint32_t events, void *owner);
    int (*remove)(struct pd_loop *loop, int fd);
    void (*rearm)(struct pd_loop *loop, int fd, uint32_t events); /* NULL: nothing to do */
    int (*add_guest)(struct pd_loop *loop, int fd, uint32_t events, uint64_t tag);
    int (*change_guest)(struct pd_loop *loop, int fd, uint32_t events, uint64_t tag);
    void (*remove_guest)(struct pd_loop *loop, int fd);
    int (*wait)(struct pd_loop *loop, struct pd_ready *out, int max, int timeout_ms);
};

extern const struct pd_loop_ops pd_loop_epoll_ops;
extern const struct pd_loop_ops pd_loop_poll_ops;

#endif
