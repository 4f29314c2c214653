/* access.c - the access log's buffer and its lines (see access.h); access_write.c writes them. */
#define _GNU_SOURCE
#include "engine/access.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/notice.h"

enum {
    NS = 1000000000,
    FILE_MODE = 0640,
};

/* --- birth and end ------------------------------------------------------------------------------------------------ */

/*
 * O_NONBLOCK: a named pipe is opened only if somebody reads it, and writing to it never waits. The open file is our
 * own; one that was given to us is shared with others and stays as it is, but for a number of our own: the one we were
 * told may be closed by its owner, and be a client's connection the next moment.
 */
static int access_open(const struct pd_access *a)
{
    const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int fd;
    do
        fd = PD_SYS(a->host->sys, open, a->path, flags, FILE_MODE);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static int access_duplicate(const struct pd_access *a, int fd)
{
    return PD_SYS(a->host->sys, fcntl, fd, F_DUPFD_CLOEXEC, 0);
}

static bool access_copy(struct pd_access *a, const struct pd_access_config *config)
{
    const struct pd_sys *sys = a->host->sys;
    size_t sum = 0;
    for (size_t i = 0; i < config->nexclude; i++)
        sum += config->exclude[i].n;
    if (config->path) {
        size_t n = strlen(config->path) + 1;
        a->path = pd_alloc(sys, n);
        if (!a->path)
            return false;
        memcpy(a->path, config->path, n);
    }
    if (!config->nexclude)
        return true;
    a->exclude = pd_alloc(sys, config->nexclude * sizeof *a->exclude);
    a->exclude_text = pd_alloc(sys, sum + 1);
    if (!a->exclude || !a->exclude_text)
        return false;
    char *w = a->exclude_text;
    for (size_t i = 0; i < config->nexclude; i++) {
        struct pd_slice s = config->exclude[i];
        memcpy(w, s.p, s.n);
        a->exclude[i] = pd_slice(w, s.n);
        w += s.n;
    }
    a->nexclude = config->nexclude;
    return true;
}

/* Everything but the memory of the structure itself; errno on failure. */
static bool access_init(struct pd_access *a, const struct pd_access_config *config)
{
    const struct pd_sys *sys = a->host->sys;
    size_t buffer = config->buffer < PD_ACCESS_BUFFER_MIN ? PD_ACCESS_BUFFER_MIN : config->buffer;
    errno = ENOMEM;
    if (!access_copy(a, config) || !pd_ring_init(&a->lines, sys, buffer))
        return false;
    int r = pd_wakeup_init(&a->wakeup, sys);
    if (r < 0) {
        errno = -r;
        return false;
    }
    a->fd = a->path ? access_open(a) : access_duplicate(a, config->fd);
    return a->fd >= 0;
}

static void access_complain(const char *path, int why, char *error, size_t n)
{
    const char *way = why == ENXIO    ? "\nIt is a pipe that nobody reads: start the reader first."
                      : why == ENOENT ? "\nCreate its directory first."
                      : why == EACCES ? "\nLet this user write there, or choose another place."
                                      : "";
    pd_notice_say(error, n, PD_NOTICE_ACCESS_LOG_REFUSED, "cannot open the access log %s: %s%s", path, strerror(why),
                  way);
}

struct pd_access *pd_access_new(struct pd_host *host, const struct pd_access_config *config, char *error, size_t n)
{
    struct pd_access *a = pd_alloc(host->sys, sizeof *a);
    pd_notice_say(error, n, PD_NOTICE_ACCESS_LOG_REFUSED, "cannot begin the access log: out of memory");
    if (!a)
        return NULL;
    memset(a, 0, sizeof *a);
    a->host = host;
    a->form = config->form;
    a->fd = a->fresh_fd = a->wakeup.fd = -1;
    a->awake = true; /* the writer looks before it sleeps */
    pthread_mutex_init(&a->lock, NULL);
    if (access_init(a, config))
        return a;
    access_complain(a->path ? a->path : "on a descriptor that was given", errno, error, n);
    pd_access_free(a);
    return NULL;
}

/* What opening it would end with: 0 or an errno. Runs at start only, and so calls the C library for paths. */
static int access_foresee(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) ? EISDIR : faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0 ? errno : 0;
    const char *slash = strrchr(path, '/');
    char dir[PATH_MAX];
    if (errno != ENOENT || !slash || slash - path >= (ptrdiff_t)sizeof dir)
        return errno;
    snprintf(dir, sizeof dir, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0 ? errno : 0;
}

bool pd_access_check(const char *path, char *error, size_t n)
{
    int why = access_foresee(path);
    if (why)
        access_complain(path, why, error, n);
    return why == 0;
}

void pd_access_free(struct pd_access *a)
{
    const struct pd_sys *sys = a->host->sys;
    if (a->fd >= 0)
        PD_SYS(sys, close, a->fd);
    if (a->fresh_fd >= 0)
        PD_SYS(sys, close, a->fresh_fd);
    if (a->wakeup.fd >= 0)
        pd_wakeup_fini(&a->wakeup);
    pd_ring_fini(&a->lines);
    pd_release(sys, a->exclude);
    pd_release(sys, a->exclude_text);
    pd_release(sys, a->path);
    pthread_mutex_destroy(&a->lock);
    pd_release(sys, a);
}

void pd_access_stop(struct pd_access *a)
{
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    pthread_mutex_unlock(&a->lock);
    pd_wakeup_fire(&a->wakeup);
}

bool pd_access_reopen(struct pd_access *a)
{
    if (!a->path)
        return true;
    int fd = access_open(a);
    if (fd < 0)
        return false;
    pthread_mutex_lock(&a->lock);
    int older = a->fresh_fd;
    a->fresh_fd = fd;
    pthread_mutex_unlock(&a->lock);
    if (older >= 0)
        PD_SYS(a->host->sys, close, older);
    pd_wakeup_fire(&a->wakeup);
    return true;
}

/* --- from a request to its line ----------------------------------------------------------------------------------- */

/*
 * One clock is read for a line, the monotonic one. How far the wall clock is ahead of it, and local time of UTC, are
 * looked at once a second. Two threads that do so at once come to the same.
 */
static void access_look_at_clocks(struct pd_access *a, uint64_t now_ns)
{
    uint64_t wall_ns = PD_SYS0(a->host->sys, wall_ns);
    time_t wall_s = (time_t)(wall_ns / NS);
    struct tm local;
    int32_t offset = localtime_r(&wall_s, &local) ? (int32_t)local.tm_gmtoff : 0;
    atomic_store_explicit(&a->wall_ahead_ns, (int64_t)(wall_ns - now_ns), memory_order_relaxed);
    atomic_store_explicit(&a->offset_s, offset, memory_order_relaxed);
    atomic_store_explicit(&a->clock_due_ns, now_ns + NS, memory_order_relaxed);
}

static void access_set_times(struct pd_access *a, const struct pd_exchange *x, struct pd_access_entry *e)
{
    uint64_t now = PD_SYS0(a->host->sys, monotonic_ns);
    if (now >= atomic_load_explicit(&a->clock_due_ns, memory_order_relaxed))
        access_look_at_clocks(a, now);
    uint64_t queued_until = x->started_ns ? x->started_ns : now;
    e->wall_ns = (int64_t)x->begin_ns + atomic_load_explicit(&a->wall_ahead_ns, memory_order_relaxed);
    e->offset_s = atomic_load_explicit(&a->offset_s, memory_order_relaxed);
    e->total_ns = now > x->begin_ns ? now - x->begin_ns : 0;
    e->queue_ns = x->ready_ns && queued_until > x->ready_ns ? queued_until - x->ready_ns : 0;
}

/* The target as the client sent it, if we were told, else what the front end made of it. */
static void access_set_target(const struct pd_exchange *x, struct pd_slice uri, struct pd_access_entry *e)
{
    const struct pd_request *q = &x->request;
    size_t mark = pd_slice_find(uri, '?');
    e->path = uri.n ? pd_slice(uri.p, mark) : q->path;
    e->has_query = uri.n ? mark < uri.n : q->query.n > 0;
    e->query = uri.n && mark < uri.n ? pd_slice_from(uri, mark + 1) : uri.n ? PD_SLICE_NONE : q->query;
}

static void access_set_request(const struct pd_exchange *x, struct pd_access_entry *e)
{
    const struct pd_request *q = &x->request;
    struct pd_slice uri = PD_SLICE_NONE;
    for (size_t i = 0; i < q->nvars; i++) {
        struct pd_slice value = q->vars[i].value;
        switch (q->vars[i].id) {
        case PD_NAME_REQUEST_URI:
            uri = value;
            break;
        case PD_NAME_REMOTE_ADDR:
            e->peer = value;
            break;
        case PD_NAME_REMOTE_USER:
            e->user = value;
            break;
        case PD_NAME_SERVER_PROTOCOL:
            e->protocol = value;
            break;
        case PD_NAME_HTTP_REFERER:
            e->referer = value;
            break;
        case PD_NAME_HTTP_USER_AGENT:
            e->agent = value;
            break;
        default:
            break;
        }
    }
    e->method = q->method;
    access_set_target(x, uri, e);
    if (!e->peer.n)
        e->peer = pd_slice(x->conn->peer_addr, strlen(x->conn->peer_addr));
}

/* A `*` at the end of a rule stands for anything, and so does one at its beginning if there is one at the end, too. */
static bool access_fits(struct pd_slice rule, struct pd_slice path)
{
    bool open_end = rule.n && rule.p[rule.n - 1] == '*';
    rule.n -= open_end;
    if (!open_end || !rule.n || rule.p[0] != '*')
        return open_end ? pd_slice_has_prefix(path, rule) : pd_slice_eq(path, rule);
    rule = pd_slice_from(rule, 1);
    for (size_t i = 0; i < path.n; i++)
        if (pd_slice_has_prefix(pd_slice_from(path, i), rule))
            return true;
    return false;
}

static bool access_is_excluded(const struct pd_access *a, struct pd_slice path)
{
    for (size_t i = 0; i < a->nexclude; i++)
        if (access_fits(a->exclude[i], path))
            return true;
    return false;
}

/* True: the writer must be woken for this line. */
static bool access_put(struct pd_access *a, struct pd_slice line)
{
    pthread_mutex_lock(&a->lock);
    bool fire = false;
    if (!pd_ring_put(&a->lines, line))
        a->lost++;
    else if (!a->awake)
        fire = a->awake = true;
    else if (!a->urgent && pd_ring_used(&a->lines) >= a->lines.cap / 2)
        fire = a->urgent = true;
    pthread_mutex_unlock(&a->lock);
    return fire;
}

void pd_access_note(struct pd_access *a, const struct pd_exchange *x)
{
    char line[PD_ACCESS_LINE_MAX];
    if (atomic_load_explicit(&a->off, memory_order_relaxed) || x->is_health)
        return;
    if (!x->head_sent && !x->request.method.n)
        return; /* bytes that were no request, and got no answer */
    const struct pd_codec *codec = x->conn->codec;
    struct pd_access_entry e = {
        .id = x->id,
        .door = codec->gateway ? pd_slice(codec->name, strlen(codec->name)) : PD_SLICE("http"),
        .status = x->answered    ? x->answered
                  : x->head_sent ? x->response.status
                                 : 0,
        .bytes = x->body_sent,
        .broken = x->broken || !(x->head_sent || x->answered),
    };
    access_set_request(x, &e);
    if (a->nexclude && access_is_excluded(a, e.path))
        return;
    access_set_times(a, x, &e);
    if (access_put(a, pd_slice(line, pd_access_line(a->form, &e, line))))
        pd_wakeup_fire(&a->wakeup);
}
