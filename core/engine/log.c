/* log.c - log lines wait in memory for a thread that may write them: the loop never waits for a log. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "engine/impl.h"

enum {
    LOG_METHOD_SIZE = 40,
    LOG_PATH_SIZE = 256,
    LOG_REST_SIZE = 64, /* of a path, behind a masked token */
};
static_assert(PD_LOG_REQUEST_SIZE >= LOG_METHOD_SIZE + LOG_PATH_SIZE + LOG_REST_SIZE + sizeof " ***", "all of it fits");

static bool log_is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '\\';
}

/* Escapes everything but printable ASCII; what is too long for `cap` is cut. Returns the end, where a NUL stands. */
static char *log_escape(char *dst, size_t cap, struct pd_slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n + 5 < cap; i++) {
        if (log_is_plain(s.p[i]))
            dst[n++] = s.p[i];
        else
            n += (size_t)snprintf(dst + n, cap - n, "\\x%02x", (unsigned)(unsigned char)s.p[i]);
    }
    dst[n] = '\0';
    return dst + n;
}

/* Where the path goes on behind "/.polydoor/", and with it the token of the diagnostics; else its length. */
static size_t log_find_token(struct pd_slice path)
{
    const struct pd_slice folder = PD_SLICE("/.polydoor/");
    for (size_t i = 0; i < path.n; i++)
        if (pd_slice_has_prefix(pd_slice_from(path, i), folder))
            return i + folder.n;
    return path.n;
}

void pd_log_request(char dst[PD_LOG_REQUEST_SIZE], const struct pd_request *q)
{
    size_t shown = log_find_token(q->path);
    char *end = log_escape(dst, LOG_METHOD_SIZE, q->method);
    if (!q->method.n || !q->path.n)
        return;
    *end++ = ' ';
    char *path = end;
    end = log_escape(path, LOG_PATH_SIZE, pd_slice(q->path.p, shown));
    struct pd_slice rest = pd_slice_from(q->path, shown);
    if (!rest.n)
        return;
    rest = pd_slice_from(rest, pd_slice_find(rest, '/'));
    end += snprintf(end, 4, "***");
    log_escape(end, LOG_REST_SIZE, rest);
}

/* Whether strangers have had us say this too often; `more` is what a line tells of those that were left out. */
static bool log_is_repeat(struct pd_engine *e, int number, char *more, size_t n)
{
    uint64_t now = e->host.now_ms;
    uint32_t left_out;
    pthread_mutex_lock(&e->log_lock);
    bool say = pd_repeats_may_say(&e->repeats, number, now, &left_out);
    if (!say && !e->repeats_ms)
        e->repeats_ms = now + PD_REPEATS_MS;
    pthread_mutex_unlock(&e->log_lock);
    if (left_out)
        snprintf(more, n, "; %u before it were left out", (unsigned)left_out);
    return !say;
}

void pd_log_count_repeats(struct pd_engine *e, bool at_once)
{
    int number = 0;
    for (;;) {
        uint32_t left_out;
        char line[80];
        pthread_mutex_lock(&e->log_lock);
        uint64_t now = e->host.now_ms;
        number = pd_repeats_left_out(&e->repeats, number, now, at_once, &left_out);
        if (!number)
            e->repeats_ms = pd_repeats_owes(&e->repeats) ? now + PD_REPEATS_MS : 0;
        pthread_mutex_unlock(&e->log_lock);
        if (!number)
            return;
        int n = snprintf(line, sizeof line, "polydoor: PD%04d: %u more lines like these were left out\n", number,
                         (unsigned)left_out);
        pd_engine_say(e, pd_slice(line, (size_t)n));
    }
}

void pd_log_line(struct pd_host *h, int number, const char *what, const struct pd_conn *c, const struct pd_exchange *x)
{
    struct pd_engine *e = pd_engine_of(h);
    char line[720];
    char more[40] = "";
    char request[PD_LOG_REQUEST_SIZE] = "";
    if (log_is_repeat(e, number, more, sizeof more))
        return;
    if (x)
        pd_log_request(request, &x->request);
    const char *peer = c ? c->peer_addr : "";
    char id[PD_EXCHANGE_ID_SIZE] = "";
    if (x)
        pd_exchange_id_put(x, id);
    int n = snprintf(line, sizeof line, "polydoor: PD%04d: %s%s%s%s%s%s%s%s\n", number, what, peer[0] ? "; peer " : "",
                     peer, request[0] ? "; request " : "", request, x ? "; id " : "", id, more);
    if (n >= (int)sizeof line)
        n = (int)sizeof line - 1;
    pd_engine_say(e, pd_slice(line, (size_t)n));
}

static void log_put(struct pd_engine *e, struct pd_slice text, bool begins)
{
    pthread_mutex_lock(&e->log_lock);
    if (begins && e->log_open && text.n && pd_buf_put(&e->log, PD_SLICE("\n")) == PD_BUF_OK)
        e->log_open = false;
    if (!begins && !e->log_open && text.n && text.p[0] == '\n')
        text = pd_slice_from(text, 1); /* the line that would end here was ended by somebody else's */
    if (pd_buf_put(&e->log, text) != PD_BUF_OK)
        e->log_lost++;
    else if (text.n)
        e->log_open = text.p[text.n - 1] != '\n';
    pthread_mutex_unlock(&e->log_lock);
    pd_wakeup_fire(&e->log_wakeup);
}

void pd_engine_say(struct pd_engine *e, struct pd_slice text)
{
    log_put(e, text, true);
}

void pd_engine_say_more(struct pd_engine *e, struct pd_slice text)
{
    log_put(e, text, false);
}

void pd_thread_say(struct pd_thread *t, struct pd_slice text)
{
    pd_engine_say(t->engine, text);
}

int pd_engine_log_fd(const struct pd_engine *e)
{
    return e->log_wakeup.fd;
}

size_t pd_engine_take_log(struct pd_engine *e, char *dst, size_t n)
{
    pd_wakeup_clear(&e->log_wakeup);
    pthread_mutex_lock(&e->log_lock);
    struct pd_slice s = pd_buf_view(&e->log);
    size_t got = s.n < n ? s.n : n;
    memcpy(dst, s.p, got);
    pd_buf_skip(&e->log, got);
    if (!got && e->log_lost && n >= 128) {
        got =
            (size_t)snprintf(dst, n, "%spolydoor: PD%04d: %llu %s\n", e->log_open ? "\n" : "", (int)PD_NOTICE_LOG_LOST,
                             (unsigned long long)e->log_lost, pd_notice_text(PD_NOTICE_LOG_LOST));
        e->log_lost = 0;
        e->log_open = false;
    }
    pthread_mutex_unlock(&e->log_lock);
    return got;
}

/* --- the access log ----------------------------------------------------------------------------------------------- */

static void log_note(struct pd_host *h, const struct pd_exchange *x)
{
    pd_access_note(pd_engine_of(h)->access, x);
}

bool pd_engine_open_access_log(struct pd_engine *e, const struct pd_access_config *config, char *error, size_t error_n)
{
    e->access = pd_access_new(&e->host, config, error, error_n);
    e->host.ended = e->access ? log_note : NULL;
    return e->access != NULL;
}

void pd_engine_run_access_log(struct pd_engine *e)
{
    if (e->access)
        pd_access_run(e->access);
}

void pd_engine_close_access_log(struct pd_engine *e)
{
    if (e->access)
        pd_access_stop(e->access);
}

void pd_engine_reopen_access_log(struct pd_engine *e)
{
    char text[160];
    if (!e->access || pd_access_reopen(e->access))
        return;
    snprintf(text, sizeof text, "the access log cannot be opened anew: %s; the old file is kept", strerror(errno));
    pd_log_line(&e->host, PD_NOTICE_ACCESS_LOG_KEPT, text, NULL, NULL);
}
