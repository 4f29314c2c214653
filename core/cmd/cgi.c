/*
 * cgi.c - polydoor-cgi: a CGI program that passes requests on to a daemon, which it starts when there is none.
 *
 * Everything it is told comes from a file beside it and from the environment
 * that the web server makes. Its arguments are never read: a web server may put
 * words of the query there (RFC 3875 section 4.4; CVE-2012-1823).
 */
#define _GNU_SOURCE /* memfd_create */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/notice.h"
#include "cmd/config.h"
#include "cmd/environ.h"
#include "cmd/forward.h"
#include "cmd/page.h"
#include "cmd/place.h"
#include "cmd/spawn.h"
#include "cmd/start.h"
#include "codec/length.h"

extern char **environ;

enum { TRIES = 3, MS = 1000, USAGE = 2 };

struct stub {
    const struct pd_sys *sys;
    bool is_head;
    const char *config_path; /* or NULL */
    struct pd_cgi_config config;
    struct pd_cgi_place place;
    struct pd_cgi_start start;
    char self[PD_CGI_PATH_MAX];
    char path[PD_CGI_PATH_MAX];
    char err[PD_CGI_ERR_MAX];
    char text[PD_CGI_FILE_MAX + 1];
    struct pd_cgi_forward forward;
};

/* A closed standard descriptor must not become one of ours (reliability G10). */
static void fill_standard(const struct pd_sys *sys)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (PD_SYS(sys, fcntl, fd, F_GETFD, 0) >= 0)
            continue;
        if (PD_SYS(sys, open, "/dev/null", O_RDWR, 0) < 0)
            (void)memfd_create("null", 0); /* in an empty chroot; reads as nothing */
    }
}

static int answer(struct stub *s, enum pd_cgi_page page)
{
    if (s->err[0])
        pd_cgi_tell(s->sys, STDERR_FILENO, s->err);
    pd_cgi_page_send(s->sys, &s->config, page, s->is_head);
    return 0;
}

/* Bytes of standard input that belong to the request (RFC 3875 section 4.2). What is no number the daemon refuses. */
static int64_t body_length(void)
{
    const char *value = pd_cgi_environ_get(environ, "CONTENT_LENGTH");
    int64_t n = 0;
    if (value)
        (void)pd_length_parse(pd_slice(value, strlen(value)), INT64_MAX, &n);
    return n;
}

/* Reads the configuration; false with the reason in `err`. */
static bool configure(struct stub *s)
{
    const char *stub = (const char *)getauxval(AT_EXECFN); // NOLINT: the kernel gives an address
    const char *given = pd_cgi_environ_get(environ, "POLYDOOR_CGI_CONFIG");
    if (!stub || !pd_cgi_config_find(stub, s->self, s->path)) {
        pd_notice_say(s->err, sizeof s->err, PD_NOTICE_STUB_CONFIG, "the path of the stub is not known or too long");
        return false;
    }
    if (given && (given[0] != '/' || strlen(given) >= sizeof s->path)) {
        pd_notice_say(s->err, sizeof s->err, PD_NOTICE_STUB_CONFIG, "POLYDOOR_CGI_CONFIG needs an absolute path");
        return false;
    }
    if (given)
        snprintf(s->path, sizeof s->path, "%s", given);
    ssize_t n = pd_cgi_config_load(s->sys, s->path, stub, s->text, s->err, sizeof s->err);
    if (n < 0 && (s->err[0] || given || !pd_cgi_environ_get(environ, "POLYDOOR_CGI_APP"))) {
        if (!s->err[0])
            pd_notice_say(s->err, sizeof s->err, PD_NOTICE_STUB_CONFIG,
                          "there is no configuration %s\n`polydoor cgi init` writes it.", s->path);
        return false;
    }
    s->config_path = n < 0 ? NULL : s->path;
    return (n < 0 || pd_cgi_config_parse(&s->config, s->path, s->text, (size_t)n, s->err, sizeof s->err)) &&
           pd_cgi_config_variables(&s->config, environ, s->err, sizeof s->err) &&
           pd_cgi_config_check(&s->config, s->config_path, s->err, sizeof s->err) &&
           pd_cgi_place_find(&s->place, &s->config, s->config_path ? s->path : s->self, s->err, sizeof s->err);
}

/* An application that reads while the request arrives may have been called by a daemon that died. */
static bool may_repeat(const struct pd_cgi_config *c)
{
    for (size_t i = 0; i < c->options.n; i++)
        if (strncmp(c->options.at[i], "--stream", sizeof "--stream" - 1) == 0)
            return false;
    return true;
}

static int run(struct stub *s, int slot)
{
    if (!pd_cgi_forward_put_back(&s->forward))
        return answer(s, PD_CGI_PAGE_BROKEN);
    pd_cgi_become(&s->start, slot);
    return answer(s, PD_CGI_PAGE_ERROR);
}

/* The daemon cannot be started: a few requests at a time do without. */
static int run_in_slot(struct stub *s)
{
    if (s->err[0])
        pd_cgi_tell(s->sys, STDERR_FILENO, s->err);
    s->err[0] = '\0';
    if (pd_gate_take_slot(&s->start.gate))
        return run(s, s->start.gate.fd);
    pd_notice_say(s->err, sizeof s->err, PD_NOTICE_STUB_BUSY,
                  "busy: the daemon does not start (see %s), and %d requests run without it", s->place.log,
                  PD_GATE_SLOTS);
    return answer(s, PD_CGI_PAGE_BUSY);
}

static int busy(struct stub *s, const char *why)
{
    pd_notice_say(s->err, sizeof s->err, PD_NOTICE_STUB_BUSY, "busy: %s", why);
    return answer(s, PD_CGI_PAGE_BUSY);
}

/* There is no room for a lock file with its slots: one request at a time does without, by the folder's own lock. */
static int run_alone(struct stub *s)
{
    char *end = strrchr(s->place.lock, '/');
    pd_cgi_tell(s->sys, STDERR_FILENO, s->err);
    s->err[0] = *end = '\0';
    if (!pd_cgi_forward_collect(&s->forward))
        return 0;
    int fd = PD_SYS(s->sys, open, s->place.lock, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return run(s, fd);
    return busy(s, "there is no room for the lock file, and another request runs without it");
}

/* The exit status. */
static int conclude(struct stub *s, enum pd_cgi_end end)
{
    switch (end) {
    case PD_CGI_DONE:
    case PD_CGI_LEFT:
        return 0;
    case PD_CGI_LATE:
        return busy(s, "the daemon does not answer in time");
    case PD_CGI_AGAIN:
    case PD_CGI_BROKEN:
        pd_notice_say(s->err, sizeof s->err, PD_NOTICE_STUB_BROKEN,
                      "the daemon ended before it answered; its log is %s", s->place.log);
        return answer(s, PD_CGI_PAGE_BROKEN);
    case PD_CGI_CUT:
        break;
    }
    pd_notice_say(s->err, sizeof s->err, PD_NOTICE_STUB_CUT, "the daemon ended within a response; its log is %s",
                  s->place.log);
    pd_cgi_tell(s->sys, STDERR_FILENO, s->err);
    return 1;
}

static int serve(struct stub *s)
{
    if (!pd_cgi_forward_collect(&s->forward))
        return conclude(s, PD_CGI_LEFT);
    if (s->forward.is_large && !pd_gate_take_upload(&s->start.gate, (int)s->config.uploads))
        return busy(s, "as many large uploads as `uploads` allows are on their way");
    enum pd_cgi_end end = PD_CGI_AGAIN;
    for (int i = 0; end == PD_CGI_AGAIN && i <= TRIES; i++) {
        int fd;
        bool is_ready;
        switch (pd_cgi_start_find(&s->start, &fd, &is_ready)) {
        case PD_CGI_WAY_DAEMON:
            break;
        case PD_CGI_WAY_RUN:
            return run(s, -1);
        case PD_CGI_WAY_SLOT:
            return run_in_slot(s);
        case PD_CGI_WAY_BUSY:
            return busy(s, "as many requests as `backlog` allows wait for the daemon");
        case PD_CGI_WAY_HELD:
            return busy(s, "other processes hold the lock file all the time");
        case PD_CGI_WAY_ERROR:
            return answer(s, PD_CGI_PAGE_ERROR);
        }
        int64_t limit = s->config.patience;
        if (!is_ready && s->config.start_timeout > limit)
            limit = s->config.start_timeout;
        end = pd_cgi_forward_run(&s->forward, fd, limit * MS);
        if (s->err[0]) /* not earlier: the log may be slow, and others wait at the gate or for the daemon */
            pd_cgi_tell(s->sys, STDERR_FILENO, s->err);
        s->err[0] = '\0';
        s->start.is_again = true;
    }
    return conclude(s, end);
}

int main(void)
{
    struct stub s;
    const char *method = pd_cgi_environ_get(environ, "REQUEST_METHOD");
    s.sys = pd_sys_default();
    s.err[0] = '\0';
    pd_cgi_config_init(&s.config);
    fill_standard(s.sys);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL); /* where a web server ignores it, nobody here or in Python could wait */
    (void)signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is an error of write() */
    if (!method) {
        pd_notice_say(s.err, sizeof s.err, PD_NOTICE_STUB_NO_REQUEST,
                      "there is no CGI request in the environment\nA web server starts this program for each request.");
        pd_cgi_tell(s.sys, STDERR_FILENO, s.err);
        return USAGE;
    }
    s.is_head = strcmp(method, "HEAD") == 0;
    if (getauxval(AT_SECURE)) {
        pd_notice_say(s.err, sizeof s.err, PD_NOTICE_STUB_CONFIG,
                      "a setuid or setgid stub is refused\nTake the bit away (chmod ug-s); suEXEC changes the user.");
        return answer(&s, PD_CGI_PAGE_ERROR);
    }
    if (!configure(&s))
        return answer(&s, PD_CGI_PAGE_ERROR);
    pd_cgi_forward_init(&s.forward, s.sys, environ, body_length(), may_repeat(&s.config));
    s.start = (struct pd_cgi_start){
        .sys = s.sys,
        .config = &s.config,
        .place = &s.place,
        .config_path = s.config_path,
        .env = environ,
        .err = s.err,
    };
    if (pd_cgi_start_init(&s.start))
        return serve(&s);
    return s.start.is_full ? run_alone(&s) : answer(&s, PD_CGI_PAGE_ERROR);
}
