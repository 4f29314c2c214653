/* stuck.c - stacks of all threads without the interpreter, and then the end (see stuck.h). */
#define _GNU_SOURCE
#include "stuck.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <execinfo.h>
#endif

enum {
    PATIENCE_S = 2,       /* for all of it */
    WRITE_MS = 500,       /* for a reader that does not read */
    THREAD_MS = 100,      /* for a thread that does not show its stack */
    FRAMES = 64,          /* most of one stack */
    THREADS = 256,        /* most that are shown */
    SYSTEM_CALL_FAILED = -1,
};

static int shown_on;          /* where the handlers write */
static atomic_uint shown;     /* how many threads have */
static volatile sig_atomic_t end_with;

static void on_alarm(int number)
{
    (void)number;
    _exit((int)end_with);
}

void stuck_begin(int status)
{
    struct sigaction action = { .sa_handler = on_alarm };
    sigset_t alarms;
    end_with = status;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigaction(SIGALRM, &action, NULL);
    pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
    alarm(PATIENCE_S);
}

void stuck_write(int fd, const char *text, size_t n)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    while (n && poll(&p, 1, WRITE_MS) == 1) {
        ssize_t taken = write(fd, text, n);
        if (taken <= 0)
            return;
        text += taken;
        n -= (size_t)taken;
    }
}

static void put(int fd, const char *text)
{
    stuck_write(fd, text, strlen(text));
}

#ifdef __GLIBC__
static void on_show(int number)
{
    void *frames[FRAMES];
    (void)number;
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES), shown_on);
    shown++;
}

/* The name that the thread has for the kernel. */
static void put_title(int fd, const char *tid)
{
    char path[64];
    char name[32] = "";
    char line[96];
    snprintf(path, sizeof path, "/proc/self/task/%.20s/comm", tid);
    int comm = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = comm < 0 ? 0 : read(comm, name, sizeof name - 1);
    if (comm >= 0)
        close(comm);
    name[n > 0 ? strcspn(name, "\n") : 0] = '\0';
    snprintf(line, sizeof line, "Native stack of thread %.20s (%s), innermost call first:\n", tid, name);
    put(fd, line);
}

static void show_thread(int fd, int number, const char *tid)
{
    unsigned before = shown;
    put_title(fd, tid);
    if (syscall(SYS_tgkill, getpid(), (pid_t)atoi(tid), number) == SYSTEM_CALL_FAILED)
        return;
    for (int ms = 0; ms < THREAD_MS && shown == before; ms++)
        poll(NULL, 0, 1);
}

static void show_native(int fd, int number)
{
    struct sigaction action = { .sa_handler = on_show, .sa_flags = SA_RESTART };
    void *first[1];
    int left = THREADS;
    char own[16];
    shown_on = fd;
    (void)!backtrace(first, 1); /* loads the unwinder, which no handler may do */
    sigaction(number, &action, NULL);
    snprintf(own, sizeof own, "%ld", (long)syscall(SYS_gettid));
    DIR *tasks = opendir("/proc/self/task");
    for (const struct dirent *d; tasks && left && (d = readdir(tasks)) != NULL; left--)
        if (d->d_name[0] != '.' && strcmp(d->d_name, own) != 0)
            show_thread(fd, number, d->d_name);
}
#endif

_Noreturn void stuck_end(int fd, int number, int status)
{
    if (fd >= 0 && number > 0) {
        pthread_kill(pthread_self(), number);
#ifdef __GLIBC__
        show_native(fd, number);
#endif
    }
    _exit(status);
}
