/* wakeup.c - a wake-up is one non-blocking eventfd. */
#include "loop/wakeup.h"

#include <errno.h>
#include <sys/eventfd.h>

int pd_wakeup_init(struct pd_wakeup *w, const struct pd_sys *sys)
{
    w->sys = sys;
    w->fd = PD_SYS(sys, eventfd, 0, EFD_CLOEXEC | EFD_NONBLOCK);
    return w->fd < 0 ? -errno : 0;
}

void pd_wakeup_fini(struct pd_wakeup *w)
{
    if (w->fd >= 0)
        PD_SYS(w->sys, close, w->fd);
    w->fd = -1;
}

void pd_wakeup_fire(struct pd_wakeup *w)
{
    int saved = errno;
    const uint64_t one = 1;
    /*
     * EAGAIN means that the counter is full, so the waiter is awake anyway. A
     * non-blocking eventfd never sleeps and so is not interrupted; the bounded
     * retry keeps that assumption from costing a wake-up.
     */
    for (int tries = 0; tries < 3; tries++)
        if (PD_SYS(w->sys, write, w->fd, &one, sizeof one) >= 0 || errno != EINTR)
            break;
    errno = saved;
}

void pd_wakeup_clear(struct pd_wakeup *w)
{
    uint64_t count;
    /* A failed read leaves the descriptor readable: the loop comes again. */
    ssize_t n = PD_SYS(w->sys, read, w->fd, &count, sizeof count);
    (void)n;
}
