/*
 * wakeup.h - makes a waiting loop return, from any thread or signal handler.
 *
 * Watch `fd` level-triggered for PD_READABLE. Any number of fires before a
 * clear counts as one.
 */
#ifndef PD_WAKEUP_H
#define PD_WAKEUP_H

#include "base/compiler.h"
#include "base/sys.h"

struct pd_wakeup {
    const struct pd_sys *sys;
    int fd;
};

/* 0 or -errno. */
int pd_wakeup_init(struct pd_wakeup *w, const struct pd_sys *sys) PD_MUST_CHECK;
void pd_wakeup_fini(struct pd_wakeup *w);

/* Async-signal-safe; leaves errno alone. */
void pd_wakeup_fire(struct pd_wakeup *w);
/* Call before looking at what the wake-up stands for, else one can be lost. */
void pd_wakeup_clear(struct pd_wakeup *w);

#endif
