/*
 * standin.c - what the CGI stub executes in tests instead of Python: a daemon in C behind the real gate, and a CGI
 * program.
 *
 *      standin -m polydoor cgi daemon [CONFIG]      serves FastCGI on descriptor 3, one request after the other
 *      standin -m polydoor cgi OPTIONS... APP       answers one CGI request with its arguments and environment
 *
 * PATH_INFO says what the application does: /echo lists the variables, /die ends the process before an answer, /cut
 * within one, /wait never answers, /overload says FCGI_OVERLOADED, /flood answers QUERY_STRING times 64 KiB, and any
 * other name gives the process's number. Variables of its own rule its life: STANDIN_IDLE_MS, STANDIN_BACKLOG,
 * STANDIN_FAIL (it ends after so many ms), STANDIN_HANG (it never gets ready), STANDIN_JOURNAL (a file in which each
 * call of the application is a line) and STANDIN_ALONE (a file that a daemon locks while it listens, so that a second
 * one is found out).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/un.h>
#include <unistd.h>

#include "codec/fastcgi.h"
#include "loop/gate.h"

enum { LISTENER = 3, LOCK = 4, PARAMS_MAX = 1 << 20, PIECE = 65528, STOP_WAIT_MS = 5000 };

struct daemon {
    struct pd_gate gate;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    int journal, alone, stop;
};

struct asked {
    size_t params_n, body_n;
    char params[PARAMS_MAX];
};

extern char **environ;

static int number(const char *name, int usual)
{
    const char *s = getenv(name);
    return s ? (int)strtol(s, NULL, 10) : usual;
}

static _Noreturn void give_up(const char *why)
{
    dprintf(STDERR_FILENO, "standin: %s: %s\n", why, strerror(errno));
    _exit(70);
}

/* --- one request --- */

static bool read_all(int fd, char *p, size_t n)
{
    while (n) {
        ssize_t r = read(fd, p, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return false;
        p += r;
        n -= (size_t)r;
    }
    return true;
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t r = write(fd, p, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return false;
        p += r;
        n -= (size_t)r;
    }
    return true;
}

/* Reads up to the end of STDIN, as a daemon does that calls no application earlier. */
static bool read_request(int fd, struct asked *a)
{
    unsigned char h[FCGI_HEADER_LEN];
    static char skipped[FCGI_CONTENT_MAX + 256];
    a->params_n = a->body_n = 0;
    while (read_all(fd, (char *)h, sizeof h)) {
        size_t n = (size_t)h[4] << 8 | h[5];
        if (h[0] != FCGI_VERSION || h[3] != 1 || h[6])
            give_up("no record of the stub");
        if (h[1] == FCGI_STDIN && n == 0)
            return true;
        if (h[1] == FCGI_PARAMS && n <= sizeof a->params - a->params_n) {
            if (!read_all(fd, a->params + a->params_n, n))
                return false;
            a->params_n += n;
        } else if (!read_all(fd, skipped, n)) {
            return false;
        } else if (h[1] == FCGI_STDIN) {
            a->body_n += n;
        }
    }
    return false;
}

static size_t take_length(struct pd_slice *s)
{
    const unsigned char *u = (const unsigned char *)s->p;
    size_t wide = s->n && u[0] & 0x80 ? 4 : 1;
    if (s->n < wide)
        give_up("a pair is cut");
    size_t n = wide == 1 ? u[0] : (size_t)(u[0] & 0x7f) << 24 | (size_t)u[1] << 16 | (size_t)u[2] << 8 | (size_t)u[3];
    *s = pd_slice_from(*s, wide);
    return n;
}

static bool take_pair(struct pd_slice *rest, struct pd_slice *name, struct pd_slice *value)
{
    if (!rest->n)
        return false;
    size_t n = take_length(rest);
    size_t v = take_length(rest);
    if (n + v > rest->n)
        give_up("a pair is cut");
    *name = pd_slice(rest->p, n);
    *value = pd_slice(rest->p + n, v);
    *rest = pd_slice_from(*rest, n + v);
    return true;
}

static struct pd_slice variable(const struct asked *a, const char *wanted)
{
    struct pd_slice rest = pd_slice(a->params, a->params_n), name, value;
    while (take_pair(&rest, &name, &value))
        if (pd_slice_eq(name, pd_slice(wanted, strlen(wanted))))
            return value;
    return pd_slice("", 0);
}

static bool is(struct pd_slice s, const char *text)
{
    return pd_slice_eq(s, pd_slice(text, strlen(text)));
}

static void put(int fd, const char *p, size_t n)
{
    char h[FCGI_HEADER_LEN];
    for (size_t step; n; p += step, n -= step) {
        step = n < PIECE ? n : PIECE;
        fcgi_put_header(h, FCGI_STDOUT, 1, step);
        if (!write_all(fd, h, sizeof h) || !write_all(fd, p, step))
            return;
    }
}

static void put_text(int fd, const char *s)
{
    put(fd, s, strlen(s));
}

static void end(int fd, enum fcgi_status status)
{
    char h[FCGI_HEADER_LEN + FCGI_BODY_LEN];
    fcgi_put_end_request(h, 1, status);
    (void)write_all(fd, h, sizeof h);
}

static void echo(int fd, const struct asked *a)
{
    char line[64];
    struct pd_slice rest = pd_slice(a->params, a->params_n), name, value;
    snprintf(line, sizeof line, "body %zu\n", a->body_n);
    put_text(fd, line);
    while (take_pair(&rest, &name, &value)) {
        put(fd, name.p, name.n);
        put_text(fd, "=");
        put(fd, value.p, value.n < 100 ? value.n : 100);
        snprintf(line, sizeof line, " (%zu)\n", value.n);
        put_text(fd, line);
    }
}

static void flood(int fd, struct pd_slice count)
{
    static char piece[PIECE];
    memset(piece, 'x', sizeof piece);
    for (long n = strtol(count.p, NULL, 10); n > 0; n--)
        put(fd, piece, sizeof piece);
}

static void answer(const struct daemon *d, int fd, const struct asked *a)
{
    struct pd_slice path = variable(a, "PATH_INFO"), query = variable(a, "QUERY_STRING");
    char line[256];
    int n = snprintf(line, sizeof line, "%.*s\n", (int)query.n, query.p);
    if (d->journal >= 0 && !write_all(d->journal, line, (size_t)n))
        give_up("journal");
    if (is(path, "/die"))
        _exit(1);
    while (is(path, "/wait"))
        pause();
    if (is(path, "/overload")) {
        end(fd, FCGI_OVERLOADED);
        return;
    }
    put_text(fd, "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n");
    if (is(path, "/cut"))
        _exit(1);
    snprintf(line, sizeof line, "daemon %ld\n", (long)getpid());
    put_text(fd, line);
    if (is(path, "/echo"))
        echo(fd, a);
    if (is(path, "/flood"))
        flood(fd, query);
    end(fd, FCGI_REQUEST_COMPLETE);
}

static void serve(const struct daemon *d, int fd)
{
    static struct asked a;
    if (read_request(fd, &a))
        answer(d, fd, &a);
    close(fd);
}

/* --- the daemon's life --- */

static int open_to_append(const char *name)
{
    const char *path = getenv(name);
    return path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
}

static void become_alone(struct daemon *d)
{
    if (d->alone >= 0 && flock(d->alone, LOCK_EX | LOCK_NB) < 0)
        (void)write_all(d->alone, "two daemons listen\n", 19);
}

/* True when the path is given up; what sits in the backlog must then still be served. */
static bool leave(struct daemon *d, bool if_idle)
{
    if (d->alone >= 0)
        (void)flock(d->alone, LOCK_UN); /* a little early, as leave() opens the gate for the next one */
    if (pd_gate_leave(&d->gate, d->path, LISTENER, if_idle, STOP_WAIT_MS) == PD_GATE_OK)
        return true;
    if (!if_idle)
        give_up("the gate could not be had");
    become_alone(d);
    return false;
}

static void serve_backlog(const struct daemon *d)
{
    int fd;
    while ((fd = accept4(LISTENER, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == EINTR)
        if (fd >= 0) {
            (void)fcntl(fd, F_SETFL, 0);
            serve(d, fd);
        }
}

static void run_daemon(struct daemon *d)
{
    int idle_ms = number("STANDIN_IDLE_MS", -1);
    struct pollfd p[2] = { { .fd = LISTENER, .events = POLLIN }, { .fd = d->stop, .events = POLLIN } };
    for (bool gone = false; !gone;) {
        int n = poll(p, 2, idle_ms);
        if (n < 0 && errno != EINTR)
            give_up("poll");
        if (n > 0 && p[1].revents)
            gone = leave(d, false);
        else if (n > 0)
            serve_backlog(d);
        else if (n == 0)
            gone = leave(d, true);
    }
    serve_backlog(d);
}

static int stop_pipe[2];

static void on_term(int number_of_signal)
{
    (void)number_of_signal;
    int error = errno;
    (void)!write(stop_pipe[1], "", 1);
    errno = error;
}

static int be_daemon(void)
{
    struct daemon d = { .journal = open_to_append("STANDIN_JOURNAL"), .alone = open_to_append("STANDIN_ALONE") };
    struct sockaddr_un un;
    socklen_t n = sizeof un;
    memset(&un, 0, sizeof un);
    if (getenv("STANDIN_FAIL")) {
        (void)poll(NULL, 0, number("STANDIN_FAIL", 0));
        return 3;
    }
    if (getsockname(LISTENER, (struct sockaddr *)&un, &n) < 0 || pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        give_up("descriptors");
    snprintf(d.path, sizeof d.path, "%s", un.sun_path);
    d.stop = stop_pipe[0];
    struct sigaction sa = { .sa_handler = on_term };
    if (sigaction(SIGTERM, &sa, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        give_up("signals");
    pd_gate_adopt(&d.gate, pd_sys_default(), LOCK);
    if (!pd_gate_hold(&d.gate) && d.alone >= 0)
        (void)write_all(d.alone, "the daemon's byte is taken\n", 27);
    become_alone(&d);
    while (getenv("STANDIN_HANG"))
        pause();
    if (fcntl(LISTENER, F_SETFL, O_NONBLOCK) < 0 || !pd_gate_ready(&d.gate, LISTENER, number("STANDIN_BACKLOG", 64)))
        give_up("ready");
    run_daemon(&d);
    return 0;
}

static int be_cgi(int argc, char **argv)
{
    printf("Status: 200 OK\r\nContent-Type: text/plain\r\n\r\ncgi %ld\n", (long)getpid());
    for (int i = 1; i < argc; i++)
        printf("word %s\n", argv[i]);
    for (char **p = environ; *p; p++)
        printf("%.120s (%zu)\n", *p, strlen(*p));
    if (getenv("CONTENT_LENGTH")) {
        char piece[4096];
        size_t n = 0;
        for (ssize_t r; (r = read(STDIN_FILENO, piece, sizeof piece)) > 0;)
            n += (size_t)r;
        printf("body %zu\n", n);
    }
    fflush(stdout);
    const char *path = getenv("PATH_INFO");
    while (path && strcmp(path, "/wait") == 0)
        pause();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 5 && strcmp(argv[4], "daemon") == 0)
        return be_daemon();
    return be_cgi(argc, argv);
}
