/*
 * loop_poll.c - the poll back end, for systems without epoll and for tests.
 *
 * The set is an array behind a mutex. The waiter copies what is armed into its
 * own array of pollfd, polls without the lock and then looks each result up
 * again: the serial number tells whether the descriptor still is the one that
 * was polled. A change made while somebody polls wakes the poller up.
 *
 * Edge-triggering is emulated: a direction that was reported is disarmed until
 * pd_loop_rearm() or pd_loop_change(). poll() reports hang-ups even when not
 * asked, so a descriptor whose hang-up was reported is left out altogether.
 *
 * A guest that was closed is found by poll() at once. Whether its number names
 * another file since cannot be told: then that one is waited for.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "loop/loop_backend.h"
#include "loop/wakeup.h"

struct poll_slot {
    int fd;
    uint32_t interest;
    uint32_t armed; /* the part of `interest` (and PD_HANGUP) still to be reported */
    uint64_t serial;
    void *owner;
    uint64_t tag;
    bool is_guest;
};

/* By descriptor: index into slots + 1, or 0. */
struct poll_index {
    uint32_t *at;
    size_t cap;
};

struct pd_loop_poll {
    pthread_mutex_t lock;
    struct pd_wakeup wakeup;
    struct poll_slot *slots;
    size_t n, cap;
    struct poll_index where[2]; /* the second one is that of guests */
    uint64_t last_serial;
    bool is_polling;
    /* Used by the waiter only; entry 0 is the wake-up. */
    struct pollfd *fds;
    uint64_t *serials;
    size_t fds_cap;
};

/* Doubles an array until it has room for `want` elements of `size` bytes. */
static void *grow(struct pd_loop *loop, void *p, size_t *cap, size_t want, size_t size)
{
    size_t n = *cap ? *cap : 16;
    while (n < want)
        n *= 2;
    void *q = PD_SYS(loop->sys, resize, p, n * size);
    if (q)
        *cap = n;
    return q;
}

static int poll_init(struct pd_loop *loop)
{
    struct pd_loop_poll *ps = pd_alloc(loop->sys, sizeof *ps);
    if (!ps)
        return -ENOMEM;
    *ps = (struct pd_loop_poll){ .last_serial = 0 };
    int rc = pd_wakeup_init(&ps->wakeup, loop->sys);
    if (rc == 0) {
        rc = -pthread_mutex_init(&ps->lock, NULL);
        if (rc != 0)
            pd_wakeup_fini(&ps->wakeup);
    }
    if (rc != 0) {
        pd_release(loop->sys, ps);
        return rc;
    }
    loop->poll = ps;
    return 0;
}

static void poll_fini(struct pd_loop *loop)
{
    struct pd_loop_poll *ps = loop->poll;
    if (!ps)
        return;
    pthread_mutex_destroy(&ps->lock);
    pd_wakeup_fini(&ps->wakeup);
    pd_release(loop->sys, ps->slots);
    pd_release(loop->sys, ps->where[0].at);
    pd_release(loop->sys, ps->where[1].at);
    pd_release(loop->sys, ps->fds);
    pd_release(loop->sys, ps->serials);
    pd_release(loop->sys, ps);
    loop->poll = NULL;
}

static struct poll_slot *find(struct pd_loop_poll *ps, int fd, bool guest)
{
    const struct poll_index *where = &ps->where[guest];
    size_t i = (size_t)fd;
    return i < where->cap && where->at[i] ? &ps->slots[where->at[i] - 1] : NULL;
}

static bool reserve(struct pd_loop *loop, struct pd_loop_poll *ps, int fd, bool guest)
{
    if (ps->n == ps->cap) {
        void *slots = grow(loop, ps->slots, &ps->cap, ps->n + 1, sizeof *ps->slots);
        if (!slots)
            return false;
        ps->slots = slots;
    }
    struct poll_index *where = &ps->where[guest];
    if ((size_t)fd >= where->cap) {
        size_t old = where->cap;
        uint32_t *at = grow(loop, where->at, &where->cap, (size_t)fd + 1, sizeof *at);
        if (!at)
            return false;
        memset(at + old, 0, (where->cap - old) * sizeof *at);
        where->at = at;
    }
    return true;
}

static void set_interest(struct poll_slot *slot, uint32_t events, void *owner)
{
    slot->interest = events;
    slot->armed = (events & ~(uint32_t)PD_EDGE) | PD_HANGUP;
    slot->owner = owner;
}

/* Lets go of the lock; a thread that polls an older set starts over. */
static int unlock_changed(struct pd_loop_poll *ps, int rc)
{
    bool must_wake = rc == 0 && ps->is_polling;
    pthread_mutex_unlock(&ps->lock);
    if (must_wake)
        pd_wakeup_fire(&ps->wakeup);
    return rc;
}

static int slot_add(struct pd_loop *loop, int fd, uint32_t events, const struct poll_slot *like)
{
    struct pd_loop_poll *ps = loop->poll;
    pthread_mutex_lock(&ps->lock);
    if (find(ps, fd, like->is_guest))
        return unlock_changed(ps, -EEXIST);
    if (!reserve(loop, ps, fd, like->is_guest))
        return unlock_changed(ps, -ENOMEM);
    struct poll_slot *slot = &ps->slots[ps->n++];
    *slot = *like;
    slot->fd = fd;
    slot->serial = ++ps->last_serial;
    set_interest(slot, events, like->owner);
    ps->where[slot->is_guest].at[fd] = (uint32_t)ps->n;
    return unlock_changed(ps, 0);
}

static int slot_change(struct pd_loop *loop, int fd, uint32_t events, const struct poll_slot *like)
{
    struct pd_loop_poll *ps = loop->poll;
    pthread_mutex_lock(&ps->lock);
    struct poll_slot *slot = find(ps, fd, like->is_guest);
    if (!slot)
        return unlock_changed(ps, -ENOENT);
    set_interest(slot, events, like->owner);
    slot->tag = like->tag;
    return unlock_changed(ps, 0);
}

static int slot_remove(struct pd_loop *loop, int fd, bool guest)
{
    struct pd_loop_poll *ps = loop->poll;
    pthread_mutex_lock(&ps->lock);
    struct poll_slot *slot = find(ps, fd, guest);
    if (!slot)
        return unlock_changed(ps, -ENOENT);
    struct poll_slot *last = &ps->slots[ps->n - 1];
    ps->where[last->is_guest].at[last->fd] = ps->where[guest].at[fd];
    ps->where[guest].at[fd] = 0;
    *slot = *last;
    ps->n--;
    /* A poll() that goes on would hold the descriptor open after its close(). */
    return unlock_changed(ps, 0);
}

static int poll_add(struct pd_loop *loop, int fd, uint32_t events, void *owner)
{
    return slot_add(loop, fd, events, &(struct poll_slot){ .owner = owner });
}

static int poll_change(struct pd_loop *loop, int fd, uint32_t events, void *owner)
{
    return slot_change(loop, fd, events, &(struct poll_slot){ .owner = owner });
}

static int poll_remove(struct pd_loop *loop, int fd)
{
    return slot_remove(loop, fd, false);
}

static bool is_open(struct pd_loop *loop, int fd)
{
    return PD_SYS(loop->sys, fcntl, fd, F_GETFD, 0) >= 0;
}

static int poll_add_guest(struct pd_loop *loop, int fd, uint32_t events, uint64_t tag)
{
    if (!is_open(loop, fd)) /* before its number makes the index grow */
        return -EBADF;
    return slot_add(loop, fd, events, &(struct poll_slot){ .owner = loop->guest_owner, .tag = tag, .is_guest = true });
}

static int poll_change_guest(struct pd_loop *loop, int fd, uint32_t events, uint64_t tag)
{
    if (!is_open(loop, fd))
        return -EBADF;
    return slot_change(loop, fd, events,
                       &(struct poll_slot){ .owner = loop->guest_owner, .tag = tag, .is_guest = true });
}

static void poll_remove_guest(struct pd_loop *loop, int fd)
{
    slot_remove(loop, fd, true);
}

static void poll_rearm(struct pd_loop *loop, int fd, uint32_t events)
{
    struct pd_loop_poll *ps = loop->poll;
    pthread_mutex_lock(&ps->lock);
    struct poll_slot *slot = find(ps, fd, false);
    uint32_t armed = slot ? slot->armed | (slot->interest & events) | PD_HANGUP : 0;
    bool is_news = slot && armed != slot->armed;
    if (is_news)
        slot->armed = armed;
    unlock_changed(ps, is_news ? 0 : -ENOENT);
}

static short to_kernel(uint32_t armed)
{
    int k = 0;
    if (armed & PD_READABLE)
        k |= POLLIN;
    if (armed & PD_WRITABLE)
        k |= POLLOUT;
    if (armed & PD_HALF_CLOSED)
        k |= POLLRDHUP;
    return (short)k;
}

static uint32_t from_kernel(short k)
{
    uint32_t events = 0;
    if (k & POLLIN)
        events |= PD_READABLE;
    if (k & POLLOUT)
        events |= PD_WRITABLE;
    if (k & (POLLHUP | POLLERR | POLLNVAL | POLLPRI)) /* the last one is asked for guests only */
        events |= PD_HANGUP;
    if (k & POLLRDHUP)
        events |= PD_HALF_CLOSED;
    return events;
}

/* Copies the armed descriptors for poll(); gives their number or 0: no memory. */
static size_t collect(struct pd_loop *loop, struct pd_loop_poll *ps)
{
    size_t want = ps->n + 1;
    if (want > ps->fds_cap) {
        size_t cap = ps->fds_cap;
        void *serials = grow(loop, ps->serials, &cap, want, sizeof *ps->serials);
        if (!serials)
            return 0;
        ps->serials = serials;
        void *fds = grow(loop, ps->fds, &ps->fds_cap, want, sizeof *ps->fds);
        if (!fds)
            return 0;
        ps->fds = fds;
    }
    ps->fds[0] = (struct pollfd){ .fd = ps->wakeup.fd, .events = POLLIN };
    size_t n = 1;
    for (size_t i = 0; i < ps->n; i++) {
        const struct poll_slot *slot = &ps->slots[i];
        if (!(slot->armed & PD_HANGUP))
            continue;
        short urgent = slot->is_guest ? POLLPRI : 0;
        ps->fds[n] = (struct pollfd){ .fd = slot->fd, .events = (short)(to_kernel(slot->armed) | urgent) };
        ps->serials[n++] = slot->serial;
    }
    return n;
}

/* The slot that this result is of; NULL: nobody waits for it any more. */
static struct poll_slot *polled(struct pd_loop_poll *ps, size_t i)
{
    struct poll_slot *slot = find(ps, ps->fds[i].fd, false);
    if (!slot || slot->serial != ps->serials[i])
        slot = find(ps, ps->fds[i].fd, true);
    return slot && slot->serial == ps->serials[i] ? slot : NULL;
}

/* Turns one result into an entry; false when there is nothing to tell. */
static bool report(struct pd_loop_poll *ps, size_t i, struct pd_ready *out)
{
    struct poll_slot *slot = polled(ps, i);
    if (!slot)
        return false;
    uint32_t events = from_kernel(ps->fds[i].revents) & slot->armed;
    if (!events)
        return false;
    /* As with epoll, the end of the stream always is something to read. */
    if (events & PD_HALF_CLOSED)
        events |= slot->interest & PD_READABLE;
    if (slot->is_guest)
        slot->armed = 0;
    else if (slot->interest & PD_EDGE)
        slot->armed &= ~events;
    *out = (struct pd_ready){ slot->owner, events, slot->tag };
    return true;
}

static int poll_wait_ready(struct pd_loop *loop, struct pd_ready *out, int max, int timeout_ms)
{
    struct pd_loop_poll *ps = loop->poll;
    pthread_mutex_lock(&ps->lock);
    assert(!ps->is_polling);
    size_t n = collect(loop, ps);
    ps->is_polling = n > 0;
    pthread_mutex_unlock(&ps->lock);
    if (n == 0)
        return -ENOMEM;

    int rc = PD_SYS(loop->sys, poll, ps->fds, n, timeout_ms);
    int error = rc < 0 ? errno : 0;

    pthread_mutex_lock(&ps->lock);
    ps->is_polling = false;
    int found = 0;
    /* Where `out` is full the rest stays armed and comes with the next wait. */
    for (size_t i = 1; rc > 0 && i < n && found < max; i++)
        if (ps->fds[i].revents && report(ps, i, &out[found]))
            found++;
    pthread_mutex_unlock(&ps->lock);
    if (rc > 0 && ps->fds[0].revents)
        pd_wakeup_clear(&ps->wakeup);
    return error == 0 || error == EINTR ? found : -error;
}

const struct pd_loop_ops pd_loop_poll_ops = {
    .init = poll_init,
    .fini = poll_fini,
    .add = poll_add,
    .change = poll_change,
    .remove = poll_remove,
    .rearm = poll_rearm,
    .add_guest = poll_add_guest,
    .change_guest = poll_change_guest,
    .remove_guest = poll_remove_guest,
    .wait = poll_wait_ready,
};
