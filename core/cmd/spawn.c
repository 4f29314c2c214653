/* spawn.c - fork and exec (see spawn.h). */
#define _GNU_SOURCE /* O_CLOEXEC, F_DUPFD_CLOEXEC */
#include "cmd/spawn.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/notice.h"
#include "cmd/environ.h"
#include "cmd/page.h"

enum {
    COMPLAINT_FD = PD_CGI_LOCK_FD + 1, /* the web server's log, until exec */
    KEPT_N = COMPLAINT_FD + 1,
    PARK_FD = KEPT_N,        /* descriptors are moved above here before they take their places */
    DESCRIPTORS_MAX = 65536, /* looked at where there is no close_range() */
    WORDS_MAX = PD_CGI_WORDS_MAX + 8,
};

/* On one line, as the web server's log has them: what is wrong and what to do are two sentences. */
void pd_cgi_tell(const struct pd_sys *sys, int fd, const char *message)
{
    char line[PD_CGI_ERR_MAX + 32] = "polydoor-cgi: ";
    size_t n = strlen(line);
    for (const char *s = message; *s && n + 3 < sizeof line; s++) {
        if (*s == '\n')
            line[n++] = '.';
        line[n++] = *s == '\n' ? ' ' : *s;
    }
    line[n++] = '\n';
    (void)pd_cgi_page_write(sys, fd, line, n);
}

/* exec's prototype takes char *, but writes nothing. */
static char *word(const char *s)
{
    return (char *)(uintptr_t)s;
}

static void set_signals(void)
{
    sigset_t none;
    for (int i = 1; i < NSIG; i++)
        (void)signal(i, SIG_DFL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_from(const struct pd_sys *sys, int first)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, ~0u, 0u) == 0)
        return;
#endif
    for (int fd = first; fd < DESCRIPTORS_MAX; fd++)
        (void)PD_SYS(sys, close, fd);
}

/* Gives each descriptor its place; all others are closed. */
static bool arrange(const struct pd_sys *sys, const int from[KEPT_N])
{
    int parked[KEPT_N];
    for (int i = 0; i < KEPT_N; i++) {
        parked[i] = PD_SYS(sys, fcntl, from[i], F_DUPFD_CLOEXEC, PARK_FD);
        if (parked[i] < 0)
            return false;
    }
    for (int i = 0; i < KEPT_N; i++)
        if (dup2(parked[i], i) < 0)
            return false;
    close_from(sys, KEPT_N);
    return PD_SYS(sys, fcntl, COMPLAINT_FD, F_SETFD, FD_CLOEXEC) == 0;
}

static void complain(struct pd_cgi_start *s, enum pd_notice notice, const char *what, const char *path)
{
    pd_notice_say(s->err, PD_CGI_ERR_MAX, notice, "cannot %s %s: %s", what, path, strerror(errno));
}

static void execute(struct pd_cgi_start *s, enum pd_notice notice, char *const words[], char *const env[])
{
    if (chdir(s->config->directory) < 0) {
        complain(s, notice, "enter the directory", s->config->directory);
        return;
    }
    execve(s->config->python, words, env);
    complain(s, notice, "execute", s->config->python);
}

/*
 * Puts this process's number into the record: from now on a start that fails counts, and nobody tries again at once.
 * First it is that of the process in between, as the daemon may die, or not even be forked, before it can tell its own.
 */
static void note_process(struct pd_cgi_start *s, int lock)
{
    struct pd_gate gate = { .sys = s->sys, .fd = lock };
    struct pd_gate_record record = pd_gate_read(&gate);
    record.pid = (int32_t)getpid();
    (void)pd_gate_write(&gate, &record);
}

/* The process that becomes the daemon. */
static void become_daemon(struct pd_cgi_start *s, const int fds[KEPT_N])
{
    char *env[PD_CGI_OWN_MAX];
    char *words[] = { word(s->config->python), word("-m"), word("polydoor"), word("cgi"), word("daemon"),
                      word(s->config_path),    NULL };
    note_process(s, fds[PD_CGI_LOCK_FD]);
    if (!arrange(s->sys, fds)) {
        complain(s, PD_NOTICE_STUB_START, "pass descriptors to", s->config->python);
        pd_cgi_tell(s->sys, fds[COMPLAINT_FD], s->err); /* where it still was */
        return;
    }
    set_signals();
    umask(077);
    pd_cgi_environ_own(s->config, s->env, env);
    execute(s, PD_NOTICE_STUB_START, words, env);
    pd_cgi_tell(s->sys, COMPLAINT_FD, s->err);
    pd_cgi_tell(s->sys, STDERR_FILENO, s->err);
}

/* Twice, so that nobody has to wait for the daemon, and with a session of its own. */
static bool fork_daemon(struct pd_cgi_start *s, const int fds[KEPT_N])
{
    pid_t child = fork();
    if (child == 0) {
        pd_gate_close(&s->gate); /* which the stub holds: it may be killed, and this process wait for a slow log */
        note_process(s, fds[PD_CGI_LOCK_FD]);
        pid_t daemon = setsid() < 0 ? -1 : fork();
        if (daemon == 0)
            become_daemon(s, fds);
        _exit(daemon > 0 ? 0 : 127);
    }
    if (child < 0) {
        int error = errno;
        note_process(s, fds[PD_CGI_LOCK_FD]);
        errno = error;
        return false;
    }
    int status = 0;
    pid_t r;
    do
        r = waitpid(child, &status, 0);
    while (r < 0 && errno == EINTR);
    errno = EAGAIN;
    return r > 0 && status == 0;
}

/* Where others can write to the folder, one of them may have been there before us, to read what is written. */
static bool is_foreign(struct pd_cgi_start *s, int fd)
{
    struct stat st;
    if (PD_SYS(s->sys, fstat, fd, &st) < 0)
        return true;
    errno = EPERM;
    return st.st_uid != geteuid() && st.st_uid != 0;
}

static int open_log(struct pd_cgi_start *s, int null)
{
    int fd = PD_SYS(s->sys, open, s->place->log,
                    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    bool refused = fd >= 0 && is_foreign(s, fd);
    if (fd >= 0 && !refused)
        return fd;
    complain(s, PD_NOTICE_STUB_START, "write the log", s->place->log); /* the daemon can do without */
    if (refused)
        PD_SYS(s->sys, close, fd);
    return null;
}

bool pd_cgi_spawn(struct pd_cgi_start *s, int listener)
{
    struct pd_gate own;
    bool ok = false;
    int null = PD_SYS(s->sys, open, "/dev/null", O_RDWR | O_CLOEXEC, 0);
    if (null < 0) {
        complain(s, PD_NOTICE_STUB_START, "open", "/dev/null");
        return false;
    }
    if (pd_gate_open(&own, s->sys, s->place->lock)) {
        /* Where it is taken, its holder is a daemon without a path; ours takes it when that has ended. */
        bool holds = pd_gate_hold(&own);
        (void)holds;
        int log = open_log(s, null);
        const int fds[KEPT_N] = {
            null, log, log, [PD_CGI_LISTENER_FD] = listener, [PD_CGI_LOCK_FD] = own.fd, [COMPLAINT_FD] = STDERR_FILENO,
        };
        ok = fork_daemon(s, fds);
        if (!ok)
            complain(s, PD_NOTICE_STUB_START, "fork for", s->config->python);
        if (log != null)
            PD_SYS(s->sys, close, log);
        pd_gate_close(&own);
    } else {
        complain(s, PD_NOTICE_STUB_START, "open", s->place->lock);
    }
    PD_SYS(s->sys, close, null);
    return ok;
}

void pd_cgi_become(struct pd_cgi_start *s, int slot)
{
    const struct pd_cgi_config *c = s->config;
    char *words[WORDS_MAX];
    size_t n = 0;
    words[n++] = word(c->python);
    words[n++] = word("-m");
    words[n++] = word("polydoor");
    words[n++] = word("cgi");
    for (size_t i = 0; i < c->options.n; i++)
        words[n++] = word(c->options.at[i]);
    words[n++] = word(c->app); /* behind it nothing is read: a query may put words there (RFC 3875 section 4.4) */
    words[n] = NULL;
    char **env = pd_cgi_environ_request(s->sys, c, s->env);
    if (!env || (slot >= 0 && PD_SYS(s->sys, fcntl, slot, F_SETFD, 0) < 0)) {
        complain(s, PD_NOTICE_STUB_RUN, "execute", c->python);
    } else {
        (void)signal(SIGPIPE, SIG_DFL);
        (void)signal(SIGXFSZ, SIG_DFL);
        execute(s, PD_NOTICE_STUB_RUN, words, env);
        (void)signal(SIGPIPE, SIG_IGN);
    }
    pd_release(s->sys, env);
}
