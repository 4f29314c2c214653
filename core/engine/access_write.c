/* access_write.c - the thread that writes the access log (see access.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/notice.h"
#include "engine/access.h"

enum {
    BATCH_MS = 50,                  /* how long the first line of a batch waits for others */
    FILE_STEP = 65536,              /* most bytes of one write to a regular file */
    PIPE_STEP = PD_ACCESS_LINE_MAX, /* ... to all else: what poll() promised room for */
    STOP_NS = 1000000000,           /* how long the end waits for a reader that does not read */
};

/* What became of some bytes. */
enum outcome { WRITTEN, FAILED, HELD_UP };

/* --- waiting ------------------------------------------------------------------------------------------------------ */

/* What is left until the end must come, as a timeout for poll(); -1: it is not coming. */
static int write_time_left(struct pd_access *a)
{
    pthread_mutex_lock(&a->lock);
    bool stopping = a->stopping;
    pthread_mutex_unlock(&a->lock);
    if (!stopping)
        return -1;
    uint64_t now = PD_SYS0(a->host->sys, monotonic_ns);
    if (!a->deadline_ns)
        a->deadline_ns = now + STOP_NS;
    return now < a->deadline_ns ? (int)((a->deadline_ns - now) / 1000000) + 1 : 0;
}

static void write_sleep(struct pd_access *a, int timeout_ms)
{
    struct pollfd p = { .fd = a->wakeup.fd, .events = POLLIN };
    if (PD_SYS(a->host->sys, poll, &p, 1, timeout_ms) > 0)
        pd_wakeup_clear(&a->wakeup);
}

/* Returns when a batch is to be written, or the file is to be changed, or the end has come. */
static void write_await_batch(struct pd_access *a)
{
    bool due = false;
    while (!due) {
        pthread_mutex_lock(&a->lock);
        due = a->urgent || a->stopping || a->fresh_fd >= 0;
        bool begun = pd_ring_used(&a->lines) > 0;
        a->awake = due || begun;
        pthread_mutex_unlock(&a->lock);
        if (!due)
            write_sleep(a, begun ? BATCH_MS : -1);
        due |= begun;
    }
}

/* True when the descriptor takes bytes, or tells us what is wrong with it; false: no more waiting. */
static bool write_await_room(struct pd_access *a)
{
    for (;;) {
        struct pollfd p[2] = { { .fd = a->fd, .events = POLLOUT }, { .fd = a->wakeup.fd, .events = POLLIN } };
        int timeout = write_time_left(a);
        int n = PD_SYS(a->host->sys, poll, p, 2, timeout);
        if (n > 0 && p[1].revents)
            pd_wakeup_clear(&a->wakeup);
        if (n > 0 && p[0].revents)
            return true;
        pthread_mutex_lock(&a->lock);
        bool changed = a->fresh_fd >= 0;
        pthread_mutex_unlock(&a->lock);
        if (changed || timeout == 0 || (n < 0 && errno != EINTR))
            return false;
    }
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static uint64_t count_lines(struct pd_slice s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\n';
    return n;
}

/* The first bytes of `s` that end in a line feed, at most `max` of them; every line is shorter than that. */
static struct pd_slice whole_lines(struct pd_slice s, size_t max)
{
    size_t n = s.n < max ? s.n : max;
    while (n && s.p[n - 1] != '\n')
        n--;
    return pd_slice(s.p, n);
}

static enum outcome write_bytes(struct pd_access *a, struct pd_slice s, size_t *done)
{
    for (*done = 0; *done < s.n;) {
        if (!a->is_file && !write_await_room(a))
            return HELD_UP;
        ssize_t n = PD_SYS(a->host->sys, write, a->fd, s.p + *done, s.n - *done);
        if (n > 0)
            *done += (size_t)n;
        else if (n == 0 || (errno != EINTR && (errno != EAGAIN || a->is_file)))
            return FAILED;
    }
    return WRITTEN;
}

/* Nothing can be done about a failure but to say so, once. A reader that left a pipe given to us never comes back. */
static void write_failed(struct pd_access *a)
{
    char text[160];
    bool gone = !a->path && (errno == EPIPE || errno == EBADF);
    const char *then = gone ? "it is off from now on" : "its lines are lost until it can";
    snprintf(text, sizeof text, "the access log cannot be written: %s; %s", strerror(errno), then);
    if (!a->failing)
        a->host->log(a->host, PD_NOTICE_ACCESS_LOG_FAILED, text, NULL, NULL);
    a->failing = true;
    if (gone)
        atomic_store_explicit(&a->off, true, memory_order_relaxed);
}

/* Tells how many lines are missing, now that there is room again. */
static void write_tell_lost(struct pd_access *a)
{
    char text[120];
    pthread_mutex_lock(&a->lock);
    uint64_t lost = a->lost;
    a->lost = 0;
    pthread_mutex_unlock(&a->lock);
    if (!lost)
        return;
    snprintf(text, sizeof text, "dropped lines of the access log: %llu; its reader is too slow, or its disk full",
             (unsigned long long)lost);
    a->host->log(a->host, PD_NOTICE_ACCESS_LOG_LOST, text, NULL, NULL);
}

/* Writes some whole lines; what cannot be written is dropped. False: held up. */
static bool write_lines(struct pd_access *a, struct pd_slice lines)
{
    size_t done = 0;
    enum outcome r = WRITTEN;
    if (a->torn)
        r = write_bytes(a, PD_SLICE("\n"), &done);
    a->torn &= r != WRITTEN;
    done = 0;
    if (r == WRITTEN)
        r = write_bytes(a, lines, &done);
    if (done)
        a->torn = lines.p[done - 1] != '\n';
    if (r == FAILED)
        write_failed(a);
    /* held up, the lines wait on, but for one of which a part is out: it would be begun anew */
    size_t drop = r == HELD_UP ? done : lines.n;
    while (r == HELD_UP && drop && lines.p[drop - 1] != '\n')
        drop++;
    pthread_mutex_lock(&a->lock);
    if (!atomic_load_explicit(&a->off, memory_order_relaxed))
        a->lost += count_lines(pd_slice_from(pd_slice(lines.p, drop), done));
    pd_ring_skip(&a->lines, drop);
    pthread_mutex_unlock(&a->lock);
    if (r == WRITTEN) {
        a->failing = false;
        write_tell_lost(a);
    }
    return r != HELD_UP;
}

/* Writes what waits now; what comes meanwhile is the next batch. */
static void write_batch(struct pd_access *a)
{
    pthread_mutex_lock(&a->lock);
    size_t left = pd_ring_used(&a->lines);
    a->urgent = false;
    pthread_mutex_unlock(&a->lock);
    while (left) {
        pthread_mutex_lock(&a->lock);
        struct pd_slice waiting = pd_ring_view(&a->lines);
        pthread_mutex_unlock(&a->lock);
        struct pd_slice lines = whole_lines(waiting, a->is_file ? FILE_STEP : PIPE_STEP);
        left -= lines.n < left ? lines.n : left;
        if (!write_lines(a, lines))
            return;
    }
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static void write_look_at_file(struct pd_access *a)
{
    struct stat st;
    a->is_file = PD_SYS(a->host->sys, fstat, a->fd, &st) == 0 && S_ISREG(st.st_mode);
}

static void write_change_file(struct pd_access *a)
{
    pthread_mutex_lock(&a->lock);
    int fd = a->fresh_fd;
    a->fresh_fd = -1;
    pthread_mutex_unlock(&a->lock);
    if (fd < 0)
        return;
    PD_SYS(a->host->sys, close, a->fd);
    a->fd = fd;
    a->torn = a->failing = false;
    write_look_at_file(a);
}

/* True: nothing waits any more, or its time is over. What is left counts as lost. */
static bool write_is_over(struct pd_access *a)
{
    if (write_time_left(a) < 0)
        return false;
    pthread_mutex_lock(&a->lock);
    size_t left = pd_ring_used(&a->lines);
    pthread_mutex_unlock(&a->lock);
    return left == 0 || write_time_left(a) == 0;
}

static void write_give_up(struct pd_access *a)
{
    struct pd_slice s;
    pthread_mutex_lock(&a->lock);
    while ((s = pd_ring_view(&a->lines)).n) {
        a->lost += count_lines(s);
        pd_ring_skip(&a->lines, s.n);
    }
    pthread_mutex_unlock(&a->lock);
    write_tell_lost(a);
}

void pd_access_run(struct pd_access *a)
{
    write_look_at_file(a);
    while (!write_is_over(a)) {
        write_await_batch(a);
        write_change_file(a);
        write_batch(a);
    }
    write_give_up(a);
}
