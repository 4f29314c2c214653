/*
 * suspend.h - how an app thread lets a request wait for a descriptor or its own body, and what it gets back (waits.h).
 */
#ifndef PD_SUSPEND_H
#define PD_SUSPEND_H

#include "engine/exchange_api.h"

/* What a request waits for. */
struct pd_wait_for {
    int fd;             /* less than 0: for nothing; it goes on as soon as others had their turn */
    uint32_t events;    /* PD_READABLE or PD_WRITABLE, see loop.h */
    int64_t timeout_ns; /* less than 0: for ever */
    void *tag;          /* given back by pd_exchange_waited() */
    bool body;          /* for more of its own body, or the end of that, and not for the descriptor */
};
enum pd_suspend {
    PD_SUSPEND_OK,   /* it is in other hands from now on */
    PD_SUSPEND_OVER, /* there is nothing to wait for: the peer has left, its time is up, or the engine stops */
    PD_SUSPEND_FULL, /* as many are suspended as may be, or there is no memory */
};

/*
 * Parks the exchange until what it waits for is ready, its time is up or nobody wants its response any more. It comes
 * out of pd_engine_next() again, of this same thread unless the engine resumes anywhere; also after the engine has
 * stopped.
 */
enum pd_suspend pd_exchange_suspend(struct pd_thread *t, struct pd_exchange *x,
                                    const struct pd_wait_for *what) PD_MUST_CHECK;

static inline bool pd_exchange_was_suspended(const struct pd_exchange *x)
{
    return x->wait != NULL;
}

enum pd_wait_end {
    PD_WAIT_READY,   /* or broken: whoever uses it will see */
    PD_WAIT_TIMEOUT, /* not ready within its time */
    PD_WAIT_OVER,    /* nobody wants the response: it is to be failed */
};
/* What became of it, and the tag that it was suspended with. */
void *pd_exchange_waited(const struct pd_exchange *x, enum pd_wait_end *end);

/* Refuses it in the place of the application, as an overload; a begun response breaks off. It is gone afterwards. */
void pd_exchange_overload(struct pd_thread *t, struct pd_exchange *x);

#endif
