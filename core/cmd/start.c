/* start.c - one request's way to a daemon that listens (see start.h). */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include "cmd/start.h"

#include <errno.h>

#include "base/notice.h"
#include "cmd/spawn.h"

enum { PAUSE_MAX_MS = 16 };

static bool open_gate(struct pd_cgi_start *s)
{
    if (pd_gate_open(&s->gate, s->sys, s->place->lock))
        return true;
    s->is_full = errno == ENOSPC || errno == EDQUOT;
    pd_notice_say(s->err, PD_CGI_ERR_MAX, PD_NOTICE_STUB_PLACE, "cannot use the lock file %s: %s\n%s", s->place->lock,
                  strerror(errno),
                  s->is_full ? "Make room on that disk."
                             : "It must be a plain file of this user's own, which nobody else can write to.");
    return false;
}

bool pd_cgi_start_init(struct pd_cgi_start *s)
{
    if (!open_gate(s))
        return false;
    if (s->config->exec_below)
        (void)pd_gate_arrive(&s->gate);
    return true;
}

/* What a result of the gate comes to, but for ABSENT. */
static enum pd_cgi_way way_of(struct pd_cgi_start *s, enum pd_gate_result r)
{
    int error = errno;
    switch (r) {
    case PD_GATE_OK:
        return PD_CGI_WAY_DAEMON;
    case PD_GATE_FULL:
        return PD_CGI_WAY_BUSY;
    case PD_GATE_LATE:
    case PD_GATE_PENDING:
    case PD_GATE_ABSENT:
        return PD_CGI_WAY_HELD;
    case PD_GATE_FOREIGN:
        pd_notice_say(s->err, PD_CGI_ERR_MAX, PD_NOTICE_STUB_FOREIGN,
                      "at %s another user listens, or lies no socket of this user\n"
                      "See whose it is; remove it, or give `socket` another path.",
                      s->place->socket);
        return PD_CGI_WAY_ERROR;
    case PD_GATE_FAILED:
        break;
    }
    pd_notice_say(s->err, PD_CGI_ERR_MAX, PD_NOTICE_STUB_PLACE,
                  "the lock file %s or the socket %s cannot be used: %s\nGive `state` a directory on a local disk.",
                  s->place->lock, s->place->socket, strerror(error));
    return PD_CGI_WAY_ERROR;
}

/* With the gate held exclusively. */
static enum pd_cgi_way start_locked(struct pd_cgi_start *s, int *fd)
{
    int listener;
    enum pd_gate_result r = pd_gate_connect(&s->gate, s->place->socket, fd);
    if (r != PD_GATE_ABSENT)
        return way_of(s, r);
    struct pd_gate_record record = pd_gate_read(&s->gate);
    /* A request that saw a start fail does not wait for another one, however long ago the boot began. */
    if (pd_gate_backoff_ms(&record, pd_gate_now_ms(&s->gate)) > 0 || (s->is_again && record.failures && record.pid))
        return PD_CGI_WAY_SLOT;
    r = pd_gate_listen(&s->gate, s->place->socket, &listener, fd);
    if (r != PD_GATE_OK) {
        enum pd_cgi_way way = way_of(s, r);
        return r == PD_GATE_FAILED ? PD_CGI_WAY_SLOT : way; /* the disk is full, or there are no sockets here */
    }
    bool ok = pd_cgi_spawn(s, listener);
    PD_SYS(s->sys, close, listener);
    if (ok)
        return PD_CGI_WAY_DAEMON;
    PD_SYS(s->sys, close, *fd);
    return PD_CGI_WAY_SLOT;
}

static bool is_quiet(struct pd_cgi_start *s)
{
    return s->config->exec_below && pd_gate_rate(&s->gate) < (uint64_t)s->config->exec_below;
}

/* Once through the gate; ABSENT: somebody else is busy there. */
static enum pd_gate_result go_once(struct pd_cgi_start *s, int *fd, int wait_ms, enum pd_cgi_way *way)
{
    enum pd_gate_result r = pd_gate_lock(&s->gate, PD_GATE_SHARED, wait_ms);
    if (r == PD_GATE_OK) {
        r = pd_gate_connect(&s->gate, s->place->socket, fd);
        int error = errno;
        pd_gate_unlock(&s->gate);
        errno = error;
    }
    *way = way_of(s, r);
    if (r != PD_GATE_ABSENT)
        return r;
    if (is_quiet(s)) {
        *way = PD_CGI_WAY_RUN;
        return PD_GATE_OK;
    }
    r = pd_gate_lock(&s->gate, PD_GATE_EXCLUSIVE, 0);
    if (r == PD_GATE_LATE)
        return PD_GATE_ABSENT;
    if (r == PD_GATE_OK && !pd_gate_is_current(&s->gate, s->place->lock)) {
        pd_gate_close(&s->gate); /* a cleaner of /tmp has been here: another file is the gate now */
        *way = open_gate(s) ? PD_CGI_WAY_HELD : PD_CGI_WAY_ERROR;
        return *way == PD_CGI_WAY_ERROR ? PD_GATE_FAILED : PD_GATE_ABSENT;
    }
    *way = r == PD_GATE_OK ? start_locked(s, fd) : way_of(s, r);
    pd_gate_unlock(&s->gate);
    return r;
}

enum pd_cgi_way pd_cgi_start_find(struct pd_cgi_start *s, int *fd, bool *is_ready)
{
    uint64_t start = PD_SYS0(s->sys, monotonic_ns);
    int64_t limit = s->config->start_timeout * 1000;
    enum pd_cgi_way way;
    for (int pause = 1;; pause = pause < PAUSE_MAX_MS ? pause * 2 : pause) {
        int64_t left = limit - (int64_t)((PD_SYS0(s->sys, monotonic_ns) - start) / 1000000u);
        if (go_once(s, fd, left > 0 ? (int)left : 0, &way) != PD_GATE_ABSENT || left <= 0)
            break;
        (void)PD_SYS(s->sys, poll, NULL, 0, pause);
    }
    if (way == PD_CGI_WAY_DAEMON)
        *is_ready = pd_gate_read(&s->gate).is_ready;
    return way;
}
