/* gate.c - locks, record and socket of the gate (see gate.h). */
#define _GNU_SOURCE /* F_OFD_SETLK, struct ucred */
#include "loop/gate.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    BYTE_GATE = 0,
    BYTE_SLOT = 1,
    BYTE_DAEMON = BYTE_SLOT + PD_GATE_SLOTS,
    BYTE_UPLOAD = 1024, /* a byte that is locked need not be there */
    RECORD_AT = 16,
    COUNT_AT = RECORD_AT + PD_GATE_RECORD_SIZE,
    WAIT_MIN_MS = 1,
    WAIT_MAX_MS = 16,
    BACKOFF_MS = 1000,
    FAILURES_MAX = 1000,
    MINUTE_S = 60,
};

#define MAGIC "pdgate1" /* another make of the record gets another one */

/* As the record lies in the file. That never leaves the machine, so the byte order is the machine's own. */
struct stored {
    char magic[sizeof MAGIC];
    int64_t started_ms;
    uint64_t dev;
    uint64_t ino;
    uint32_t failures;
    int32_t pid;
    uint32_t is_ready;
    uint32_t reserved;
};

static_assert(sizeof(struct stored) == PD_GATE_RECORD_SIZE, "no padding");

/* The count of arrivals, behind the record. */
struct stored_count {
    int64_t minute;
    uint32_t now;    /* in that minute */
    uint32_t before; /* in the one before it */
};

bool pd_gate_open(struct pd_gate *g, const struct pd_sys *sys, const char *path)
{
    struct stat st;
    *g = (struct pd_gate){ .sys = sys, .fd = -1 };
    int fd = PD_SYS(sys, open, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0)
        return false;
    if (PD_SYS(sys, fstat, fd, &st) == 0) {
        if (S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH))) {
            g->fd = fd;
            return true;
        }
        errno = EPERM;
    }
    int error = errno;
    PD_SYS(sys, close, fd);
    errno = error;
    return false;
}

void pd_gate_adopt(struct pd_gate *g, const struct pd_sys *sys, int fd)
{
    *g = (struct pd_gate){ .sys = sys, .fd = fd };
    struct pd_gate_record record = pd_gate_read(g);
    g->dev = record.dev;
    g->ino = record.ino;
}

void pd_gate_close(struct pd_gate *g)
{
    if (g->fd >= 0)
        PD_SYS(g->sys, close, g->fd);
    g->fd = -1;
}

/* --- locks --- */

/* Tries once; OK, LATE or FAILED. */
static enum pd_gate_result try_byte(struct pd_gate *g, short type, off_t at)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
    int r;
    do
        r = PD_SYS(g->sys, lock, g->fd, F_OFD_SETLK, &lock);
    while (r < 0 && errno == EINTR);
    if (r == 0)
        return PD_GATE_OK;
    return errno == EAGAIN || errno == EACCES ? PD_GATE_LATE : PD_GATE_FAILED;
}

/*
 * Waiting in the kernel (F_OFD_SETLKW) can only be ended by a signal, which a process with threads cannot aim. The gate
 * is held for microseconds, so a few short sleeps come to the same.
 */
enum pd_gate_result pd_gate_lock(struct pd_gate *g, enum pd_gate_mode mode, int wait_ms)
{
    uint64_t start = PD_SYS0(g->sys, monotonic_ns);
    int pause = WAIT_MIN_MS;
    for (;;) {
        enum pd_gate_result r = try_byte(g, mode == PD_GATE_SHARED ? F_RDLCK : F_WRLCK, BYTE_GATE);
        int64_t left = wait_ms - (int64_t)((PD_SYS0(g->sys, monotonic_ns) - start) / 1000000u);
        if (r != PD_GATE_LATE || left <= 0)
            return r;
        (void)PD_SYS(g->sys, poll, NULL, 0, left < pause ? (int)left : pause);
        pause = pause < WAIT_MAX_MS ? pause * 2 : WAIT_MAX_MS;
    }
}

void pd_gate_unlock(struct pd_gate *g)
{
    (void)try_byte(g, F_UNLCK, BYTE_GATE); /* where that fails, closing does it */
}

bool pd_gate_is_current(const struct pd_gate *g, const char *path)
{
    struct stat held, named;
    return PD_SYS(g->sys, fstat, g->fd, &held) == 0 && lstat(path, &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

bool pd_gate_hold(struct pd_gate *g)
{
    return try_byte(g, F_WRLCK, BYTE_DAEMON) == PD_GATE_OK;
}

bool pd_gate_is_held(struct pd_gate *g)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = BYTE_DAEMON, .l_len = 1 };
    return PD_SYS(g->sys, lock, g->fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static bool take_one(struct pd_gate *g, int first, int n)
{
    for (int i = 0; i < n; i++)
        if (try_byte(g, F_WRLCK, first + i) == PD_GATE_OK)
            return true;
    return false;
}

bool pd_gate_take_slot(struct pd_gate *g)
{
    return take_one(g, BYTE_SLOT, PD_GATE_SLOTS);
}

bool pd_gate_take_upload(struct pd_gate *g, int n)
{
    return take_one(g, BYTE_UPLOAD, n);
}

/* --- the socket --- */

static bool put_address(struct sockaddr_un *un, const char *path)
{
    size_t n = strlen(path);
    *un = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (n >= sizeof un->sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(un->sun_path, path, n);
    return true;
}

/* Closes after a failure, and leaves errno as it was. */
static enum pd_gate_result give_up(struct pd_gate *g, int fd, enum pd_gate_result r)
{
    int error = errno;
    PD_SYS(g->sys, close, fd);
    errno = error;
    return r;
}

/* Where the directory is right nobody else can listen there; with a `socket` of the user's choice, somebody could. */
static enum pd_gate_result check_peer(struct pd_gate *g, int fd)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (PD_SYS(g->sys, getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
        return PD_GATE_FAILED;
    return peer.uid == geteuid() || peer.uid == 0 ? PD_GATE_OK : PD_GATE_FOREIGN;
}

enum pd_gate_result pd_gate_connect(struct pd_gate *g, const char *socket_path, int *out)
{
    struct sockaddr_un un;
    if (!put_address(&un, socket_path))
        return PD_GATE_FAILED;
    int fd = PD_SYS(g->sys, socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return PD_GATE_FAILED;
    if (PD_SYS(g->sys, connect, fd, (const struct sockaddr *)&un, sizeof un) < 0) {
        if (errno == ENOENT || errno == ECONNREFUSED)
            return give_up(g, fd, PD_GATE_ABSENT);
        return give_up(g, fd, errno == EAGAIN ? PD_GATE_FULL : PD_GATE_FAILED);
    }
    enum pd_gate_result r = check_peer(g, fd);
    if (r != PD_GATE_OK)
        return give_up(g, fd, r);
    *out = fd;
    return PD_GATE_OK;
}

/* Nobody listens: takes a socket of ours away that a killed process left. */
static enum pd_gate_result clear_stale(const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? PD_GATE_OK : PD_GATE_FAILED;
    if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
        return PD_GATE_FOREIGN;
    return unlink(path) == 0 || errno == ENOENT ? PD_GATE_OK : PD_GATE_FAILED;
}

/* bind() and listen(); nobody can connect before listen(), and the file never has another mode than 0600. */
static enum pd_gate_result bind_listener(struct pd_gate *g, const char *path, int fd)
{
    struct sockaddr_un un;
    struct stat st;
    if (!put_address(&un, path))
        return PD_GATE_FAILED;
    mode_t old = umask(0177);
    int r = PD_SYS(g->sys, bind, fd, (const struct sockaddr *)&un, sizeof un);
    umask(old);
    if (r < 0 || lstat(path, &st) < 0 || PD_SYS(g->sys, listen, fd, PD_GATE_BOOT_BACKLOG) < 0)
        return PD_GATE_FAILED;
    g->dev = st.st_dev;
    g->ino = st.st_ino;
    return PD_GATE_OK;
}

/* Each start counts as failed until the daemon says that it is ready; one whose stub was killed on the way, as none. */
static enum pd_gate_result note_start(struct pd_gate *g)
{
    struct pd_gate_record old = pd_gate_read(g);
    struct pd_gate_record record = {
        .started_ms = pd_gate_now_ms(g),
        .dev = g->dev,
        .ino = g->ino,
        .failures = old.pid || !old.failures ? old.failures + 1 : old.failures,
    };
    return pd_gate_write(g, &record) ? PD_GATE_OK : PD_GATE_FAILED;
}

enum pd_gate_result pd_gate_listen(struct pd_gate *g, const char *socket_path, int *listener, int *own)
{
    enum pd_gate_result r = clear_stale(socket_path);
    if (r != PD_GATE_OK)
        return r;
    int fd = PD_SYS(g->sys, socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return PD_GATE_FAILED;
    r = bind_listener(g, socket_path, fd);
    if (r == PD_GATE_OK)
        r = note_start(g);
    if (r == PD_GATE_OK)
        r = pd_gate_connect(g, socket_path, own);
    if (r != PD_GATE_OK)
        return give_up(g, fd, PD_GATE_FAILED);
    *listener = fd;
    return PD_GATE_OK;
}

/* --- the record --- */

struct pd_gate_record pd_gate_parse(struct pd_slice bytes, int64_t now_ms)
{
    struct pd_gate_record record = { .started_ms = 0 };
    struct stored s;
    if (bytes.n < sizeof s)
        return record;
    memcpy(&s, bytes.p, sizeof s);
    if (memcmp(s.magic, MAGIC, sizeof MAGIC) != 0)
        return record;
    /* A clock that was set back must not stop starts for as long. */
    record.started_ms = s.started_ms > 0 && s.started_ms <= now_ms ? s.started_ms : 0;
    record.dev = s.dev;
    record.ino = s.ino;
    record.failures = s.failures < FAILURES_MAX ? s.failures : FAILURES_MAX;
    record.pid = s.pid > 0 ? s.pid : 0;
    record.is_ready = s.is_ready == 1;
    return record;
}

int64_t pd_gate_now_ms(const struct pd_gate *g)
{
    return (int64_t)(PD_SYS0(g->sys, wall_ns) / 1000000u);
}

struct pd_gate_record pd_gate_read(struct pd_gate *g)
{
    char bytes[sizeof(struct stored)];
    ssize_t n = PD_SYS(g->sys, pread, g->fd, bytes, sizeof bytes, RECORD_AT);
    return pd_gate_parse(pd_slice(bytes, n > 0 ? (size_t)n : 0), pd_gate_now_ms(g));
}

bool pd_gate_write(struct pd_gate *g, const struct pd_gate_record *record)
{
    struct stored s = {
        .magic = MAGIC,
        .started_ms = record->started_ms,
        .dev = record->dev,
        .ino = record->ino,
        .failures = record->failures,
        .pid = record->pid,
        .is_ready = record->is_ready,
    };
    return PD_SYS(g->sys, pwrite, g->fd, &s, sizeof s, RECORD_AT) == (ssize_t)sizeof s;
}

int64_t pd_gate_backoff_ms(const struct pd_gate_record *record, int64_t now_ms)
{
    if (!record->failures || !record->pid)
        return 0;
    int64_t pause = BACKOFF_MS;
    for (uint32_t i = 1; i < record->failures && pause < PD_GATE_BACKOFF_MAX_MS; i++)
        pause *= 2;
    pause = pause < PD_GATE_BACKOFF_MAX_MS ? pause : PD_GATE_BACKOFF_MAX_MS;
    int64_t left = record->started_ms + pause - now_ms;
    return left > 0 ? left : 0;
}

/* --- the daemon --- */

bool pd_gate_ready(struct pd_gate *g, int listener, int backlog)
{
    if (g->has_left)
        return false;
    struct pd_gate_record record = pd_gate_read(g);
    /* Somebody who took the socket away has made room for a successor, of which the record tells now. */
    if (record.dev != g->dev || record.ino != g->ino)
        return false;
    record.pid = (int32_t)getpid();
    record.failures = 0;
    record.is_ready = true;
    bool ok = pd_gate_write(g, &record);
    return PD_SYS(g->sys, listen, listener, backlog) == 0 && ok;
}

bool pd_gate_is_mine(const struct pd_gate *g, const char *socket_path)
{
    struct stat st;
    return lstat(socket_path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_dev == g->dev && st.st_ino == g->ino;
}

static bool is_awaited(struct pd_gate *g, int listener)
{
    struct pollfd p = { .fd = listener, .events = POLLIN };
    return PD_SYS(g->sys, poll, &p, 1, 0) != 0; /* where that fails, stay */
}

enum pd_gate_result pd_gate_leave(struct pd_gate *g, const char *socket_path, int listener, bool if_idle, int wait_ms)
{
    enum pd_gate_result r = pd_gate_lock(g, PD_GATE_EXCLUSIVE, if_idle ? 0 : wait_ms);
    if (if_idle && r != PD_GATE_OK)
        return r;
    if (if_idle && is_awaited(g, listener)) {
        pd_gate_unlock(g);
        return PD_GATE_PENDING;
    }
    /* Without the gate still right: nobody replaces the socket of a daemon that listens. */
    if (pd_gate_is_mine(g, socket_path)) {
        struct pd_gate_record record = pd_gate_read(g);
        record.failures = record.is_ready ? 0 : record.failures;
        record.pid = record.is_ready ? 0 : record.pid; /* a start that failed counts as one, and delays the next */
        record.is_ready = false;
        (void)pd_gate_write(g, &record);
        (void)unlink(socket_path);
    }
    g->has_left = true;
    (void)try_byte(g, F_UNLCK, BYTE_DAEMON);
    pd_gate_unlock(g);
    return r;
}

/* --- arrivals --- */

/* How many in the last 60 s: this minute's, and of the last one the share that is not yet 60 s ago. */
static uint32_t estimate(const struct stored_count *c, int64_t now_s)
{
    uint64_t rest = (uint64_t)(MINUTE_S - now_s % MINUTE_S);
    uint64_t sum = c->now + c->before * rest / MINUTE_S;
    return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

/* Two at once may count as one: that is harmless, and a lock is not. */
static struct stored_count read_count(struct pd_gate *g, int64_t now_s)
{
    struct stored_count c;
    int64_t minute = now_s / MINUTE_S;
    if (PD_SYS(g->sys, pread, g->fd, &c, sizeof c, COUNT_AT) != (ssize_t)sizeof c || c.minute > minute)
        return (struct stored_count){ .minute = minute };
    if (c.minute == minute)
        return c;
    return (struct stored_count){ .minute = minute, .before = c.minute == minute - 1 ? c.now : 0 };
}

uint32_t pd_gate_arrive(struct pd_gate *g)
{
    int64_t now_s = PD_SYS0(g->sys, wall_s);
    struct stored_count c = read_count(g, now_s);
    c.now += c.now < UINT32_MAX;
    (void)PD_SYS(g->sys, pwrite, g->fd, &c, sizeof c, COUNT_AT);
    return estimate(&c, now_s);
}

uint32_t pd_gate_rate(struct pd_gate *g)
{
    int64_t now_s = PD_SYS0(g->sys, wall_s);
    struct stored_count c = read_count(g, now_s);
    return estimate(&c, now_s);
}
