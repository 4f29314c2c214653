/* forward.c - a CGI request as FastCGI records, and the records of its response (see forward.h). */
#define _GNU_SOURCE /* memfd_create */
#include "cmd/forward.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd/environ.h"
#include "cmd/page.h"
#include "codec/fastcgi.h"

enum phase { PHASE_BEGIN, PHASE_PARAMS, PHASE_STDIN, PHASE_COMPLETE };

enum {
    REQUEST_ID = 1,
    ROOM_MIN = 4096, /* less is not worth a record */
};

void pd_cgi_forward_init(struct pd_cgi_forward *f, const struct pd_sys *sys, char **env, int64_t body, bool may_repeat)
{
    memset(f, 0, offsetof(struct pd_cgi_forward, out));
    f->sys = sys;
    f->next = env;
    f->body = body;
    f->phase = PHASE_BEGIN;
    f->is_pure = true;
    f->may_repeat = may_repeat;
}

/* --- the request -------------------------------------------------------------------------------------------------- */

static size_t room(const struct pd_cgi_forward *f)
{
    return sizeof f->out - f->out_n;
}

/* The name-value pair of a variable from `offset` on, as much as fits; returns how much. */
static size_t put_pair(const char *string, size_t offset, char *dst, size_t n)
{
    char lengths[8];
    const char *equals = strchr(string, '=');
    struct pd_slice name = pd_slice(string, (size_t)(equals - string));
    struct pd_slice value = pd_slice(equals + 1, strlen(equals + 1));
    size_t lengths_n = (size_t)(fcgi_put_length(fcgi_put_length(lengths, name.n), value.n) - lengths);
    struct pd_slice parts[] = { { lengths, lengths_n }, name, value };
    char *p = dst;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t skip = offset < parts[i].n ? offset : parts[i].n;
        offset -= skip;
        struct pd_slice rest = pd_slice_from(parts[i], skip);
        if (rest.n > n)
            rest.n = n;
        n -= rest.n;
        p = pd_put(p, rest);
    }
    return (size_t)(p - dst);
}

/* One record of PARAMS with as many variables as fit. */
static void make_params(struct pd_cgi_forward *f)
{
    char *head = f->out + f->out_n;
    size_t n = room(f) - 2 * FCGI_HEADER_LEN; /* the end of the stream fits behind it */
    size_t used = 0;
    n = n < FCGI_CONTENT_MAX ? n : FCGI_CONTENT_MAX;
    while (*f->next && used < n) {
        if (!f->offset && !pd_cgi_environ_passes(*f->next)) {
            f->next++;
            continue;
        }
        size_t got = put_pair(*f->next, f->offset, head + FCGI_HEADER_LEN + used, n - used);
        used += got;
        f->offset += got;
        if (used < n || got == 0) {
            f->next++;
            f->offset = 0;
        }
    }
    char *end = head;
    if (used)
        end = fcgi_put_header(head, FCGI_PARAMS, REQUEST_ID, used) + used;
    if (!*f->next) {
        end = fcgi_put_header(end, FCGI_PARAMS, REQUEST_ID, 0);
        f->phase = PHASE_STDIN;
    }
    f->out_n = (size_t)(end - f->out);
}

static void make_begin(struct pd_cgi_forward *f)
{
    char *p = fcgi_put_header(f->out, FCGI_BEGIN_REQUEST, REQUEST_ID, FCGI_BODY_LEN);
    memset(p, 0, FCGI_BODY_LEN); /* FCGI_KEEP_CONN is not set */
    p[1] = FCGI_RESPONDER;
    f->out_n = FCGI_HEADER_LEN + FCGI_BODY_LEN;
    f->phase = PHASE_PARAMS;
}

static void make_end(struct pd_cgi_forward *f)
{
    f->out_n = (size_t)(fcgi_put_header(f->out + f->out_n, FCGI_STDIN, REQUEST_ID, 0) - f->out);
    f->body = 0;
    f->phase = PHASE_COMPLETE;
}

/* Makes what can be made without reading standard input. */
static void make(struct pd_cgi_forward *f)
{
    if (f->sent == f->out_n && room(f) < ROOM_MIN) {
        f->sent = f->out_n = 0;
        f->is_pure = false;
    }
    if (f->phase == PHASE_BEGIN)
        make_begin(f);
    while (f->phase == PHASE_PARAMS && room(f) >= ROOM_MIN)
        make_params(f);
    if (f->phase == PHASE_STDIN && !f->body && room(f) >= FCGI_HEADER_LEN)
        make_end(f);
}

static bool wants_input(const struct pd_cgi_forward *f)
{
    return f->phase == PHASE_STDIN && f->body && room(f) >= ROOM_MIN && !f->send_failed;
}

/* A body that ends early is ended, too: the daemon knows from CONTENT_LENGTH that it is not all. */
static void read_input(struct pd_cgi_forward *f)
{
    char *p = f->out + f->out_n;
    size_t n = room(f) - 2 * FCGI_HEADER_LEN;
    n = n < FCGI_CONTENT_MAX ? n : FCGI_CONTENT_MAX;
    n = (uint64_t)f->body < n ? (size_t)f->body : n;
    ssize_t r = PD_SYS(f->sys, read, STDIN_FILENO, p + FCGI_HEADER_LEN, n);
    if (r < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (r <= 0) {
        make_end(f);
        return;
    }
    f->has_read = true;
    fcgi_put_header(p, FCGI_STDIN, REQUEST_ID, (size_t)r);
    f->out_n += FCGI_HEADER_LEN + (size_t)r;
    f->body -= r;
    if (!f->body)
        make_end(f);
}

/* Waits for a byte of the body, or its end; false: nobody reads the response any more. */
static bool await_input(const struct pd_cgi_forward *f)
{
    struct pollfd p[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = STDOUT_FILENO } };
    int n;
    do
        n = PD_SYS(f->sys, poll, p, 2, -1);
    while (n < 0 && errno == EINTR);
    return n <= 0 || !(p[1].revents & (POLLERR | POLLHUP | POLLNVAL));
}

/* All of a body that fits, as one record. */
static bool collect_all(struct pd_cgi_forward *f)
{
    char *head = f->out + f->out_n;
    size_t n = 0;
    while (n < (uint64_t)f->body) {
        if (!await_input(f))
            return false;
        ssize_t r = PD_SYS(f->sys, read, STDIN_FILENO, head + FCGI_HEADER_LEN + n, (size_t)f->body - n);
        if (r < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (r <= 0)
            break; /* the daemon knows from CONTENT_LENGTH that it is not all */
        n += (size_t)r;
    }
    f->has_read = n > 0;
    if (n) {
        f->collected = pd_slice(fcgi_put_header(head, FCGI_STDIN, REQUEST_ID, n), n);
        f->out_n += FCGI_HEADER_LEN + n;
    }
    make_end(f);
    return true;
}

bool pd_cgi_forward_collect(struct pd_cgi_forward *f)
{
    make(f);
    if (!f->body)
        return true;
    f->is_large = f->phase != PHASE_STDIN || room(f) < 2 * FCGI_HEADER_LEN + (uint64_t)f->body;
    if (!f->may_repeat) /* an application that reads while the request arrives wants it now */
        return true;
    return f->is_large ? await_input(f) : collect_all(f);
}

bool pd_cgi_forward_put_back(struct pd_cgi_forward *f)
{
    if (!f->has_read)
        return true;
    struct pd_slice body = f->collected;
    int fd = body.n ? memfd_create("body", MFD_CLOEXEC) : -1;
    bool ok = fd >= 0 && PD_SYS(f->sys, pwrite, fd, body.p, body.n, 0) == (ssize_t)body.n &&
              dup2(fd, STDIN_FILENO) == STDIN_FILENO;
    if (fd >= 0)
        PD_SYS(f->sys, close, fd);
    return ok;
}

static void send_some(struct pd_cgi_forward *f, int fd)
{
    struct iovec v = { f->out + f->sent, f->out_n - f->sent };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    ssize_t n = PD_SYS(f->sys, sendmsg, fd, &m, MSG_NOSIGNAL);
    if (n >= 0) {
        f->sent += (size_t)n;
    } else if (errno != EAGAIN && errno != EINTR) {
        f->was_reset |= errno == ECONNRESET; /* told once: recv() would not say so again */
        f->send_failed = true;               /* there may be an answer nevertheless */
    }
}

/* --- the response ------------------------------------------------------------------------------------------------- */

/* The content of a record, as much as is there; false when the client does not take it. */
static bool take_content(struct pd_cgi_forward *f, const char *p, size_t n)
{
    if (f->type == FCGI_STDOUT) {
        f->has_answered = true;
        return pd_cgi_page_write(f->sys, STDOUT_FILENO, p, n);
    }
    if (f->type == FCGI_STDERR)
        (void)pd_cgi_page_write(f->sys, STDERR_FILENO, p, n);
    if (f->type == FCGI_END_REQUEST) {
        memcpy(f->head + FCGI_BODY_LEN - f->content, p, n); /* its content is FCGI_BODY_LEN bytes */
        if (f->content == n) {
            f->is_overloaded = f->head[4] == FCGI_OVERLOADED;
            f->has_ended = true;
        }
    }
    return true;
}

/* The head of a record is complete; false when it is none of FastCGI's. */
static bool take_head(struct pd_cgi_forward *f)
{
    const unsigned char *h = f->head;
    f->type = h[1];
    f->content = (uint32_t)h[4] << 8 | h[5];
    f->padding = h[6];
    f->head_n = 0;
    return h[0] == FCGI_VERSION && (h[1] != FCGI_END_REQUEST || f->content == FCGI_BODY_LEN);
}

static enum pd_cgi_end broken(const struct pd_cgi_forward *f)
{
    return f->has_answered ? PD_CGI_CUT : PD_CGI_BROKEN;
}

/* Bytes of the daemon; DONE while all is well. */
static enum pd_cgi_end take(struct pd_cgi_forward *f, const char *p, size_t n)
{
    while (n && !f->has_ended) {
        size_t step;
        if (f->content) {
            step = n < f->content ? n : f->content;
            if (!take_content(f, p, step))
                return PD_CGI_LEFT;
            f->content -= (uint32_t)step;
        } else if (f->padding) {
            step = n < f->padding ? n : f->padding;
            f->padding -= (uint32_t)step;
        } else {
            step = 1;
            f->head[f->head_n++] = (unsigned char)*p;
            if (f->head_n == FCGI_HEADER_LEN && !take_head(f))
                return broken(f);
        }
        p += step;
        n -= step;
    }
    return PD_CGI_DONE;
}

/* The daemon sends no more. */
static enum pd_cgi_end judge(const struct pd_cgi_forward *f)
{
    /*
     * The daemon calls no application before it has read the last record, and nothing follows that. A Unix socket says
     * ECONNRESET where its peer ended with bytes that it had not read, or before accept(): so none was called.
     */
    bool is_unread = f->was_reset || f->phase != PHASE_COMPLETE || f->sent < f->out_n;
    if (is_unread && !f->has_heard && f->is_pure && f->may_repeat)
        return PD_CGI_AGAIN;
    return broken(f);
}

/* *end is set when the request is over. */
static bool receive(struct pd_cgi_forward *f, int fd, enum pd_cgi_end *end)
{
    ssize_t n = PD_SYS(f->sys, recv, fd, f->in, sizeof f->in, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        f->was_reset |= n < 0 && errno == ECONNRESET;
        *end = judge(f);
        return true;
    }
    f->has_heard = true;
    *end = take(f, f->in, (size_t)n);
    if (*end != PD_CGI_DONE)
        return true;
    if (f->has_ended && !f->has_answered)
        *end = f->is_overloaded ? PD_CGI_LATE : PD_CGI_BROKEN;
    return f->has_ended;
}

/* --- both --------------------------------------------------------------------------------------------------------- */

static int64_t now_ms(const struct pd_cgi_forward *f)
{
    return (int64_t)(PD_SYS0(f->sys, monotonic_ns) / 1000000u);
}

/* Milliseconds to wait at most: only the daemon is waited for with a limit, the client is the web server's affair. */
static int time_left(const struct pd_cgi_forward *f, int64_t deadline)
{
    if (f->has_heard || (f->sent == f->out_n && f->phase != PHASE_COMPLETE))
        return -1;
    int64_t left = deadline - now_ms(f);
    return left > 0 ? (int)left : 0;
}

enum { AT_INPUT, AT_OUTPUT, AT_DAEMON, WATCHED };

static void watch(const struct pd_cgi_forward *f, int fd, struct pollfd p[WATCHED])
{
    p[AT_INPUT] = (struct pollfd){ .fd = wants_input(f) ? STDIN_FILENO : -1, .events = POLLIN };
    p[AT_OUTPUT] = (struct pollfd){ .fd = STDOUT_FILENO }; /* errors only: nobody reads any more */
    p[AT_DAEMON] = (struct pollfd){ .fd = fd, .events = POLLIN };
    if (f->sent < f->out_n && !f->send_failed)
        p[AT_DAEMON].events |= POLLOUT;
}

static enum pd_cgi_end exchange(struct pd_cgi_forward *f, int fd, int64_t patience_ms)
{
    int64_t deadline = now_ms(f) + patience_ms;
    struct pollfd p[WATCHED];
    for (;;) {
        enum pd_cgi_end end;
        make(f);
        if (!wants_input(f) && f->sent < f->out_n && !f->send_failed) {
            send_some(f, fd);
            make(f); /* there may be room again */
        }
        watch(f, fd, p);
        int n = PD_SYS(f->sys, poll, p, WATCHED, time_left(f, deadline));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return broken(f);
        if (n == 0 && !f->has_heard)
            return PD_CGI_LATE;
        if (p[AT_INPUT].revents)
            read_input(f);
        if (p[AT_DAEMON].revents & POLLOUT) {
            send_some(f, fd);
            deadline = now_ms(f) + patience_ms;
        }
        if (p[AT_DAEMON].revents & ~POLLOUT && receive(f, fd, &end))
            return end;
        if (p[AT_OUTPUT].revents & (POLLERR | POLLHUP | POLLNVAL))
            return PD_CGI_LEFT;
    }
}

enum pd_cgi_end pd_cgi_forward_run(struct pd_cgi_forward *f, int fd, int64_t patience_ms)
{
    f->sent = 0; /* all of it again, after PD_CGI_AGAIN */
    f->send_failed = f->was_reset = false;
    enum pd_cgi_end end = exchange(f, fd, patience_ms);
    PD_SYS(f->sys, close, fd);
    return end;
}
