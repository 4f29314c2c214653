/*
 * race.c - many CGI stubs at once, while their daemon starts, leaves when idle, is stopped, and stubs are killed.
 *
 *      race STUB LOCK REQUESTS JOBS SEED
 *
 * Each job asks one request after the other; the request's number is its query. A line each on standard output: "daemon
 * NUMBER PID" or "cgi NUMBER PID" for an answer, "killed NUMBER" for a stub that was killed, "stopped" for a daemon
 * that was asked to leave, and "lost NUMBER: ..." for anything else. The environment is passed on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loop/gate.h"

enum { OUTPUT_MAX = 4096, LIFE_US = 1500, IDLE_US = 4000, VARIABLES_MAX = 256 };

struct job {
    const char *stub;
    struct pd_gate gate;
    uint64_t state; /* of the generator */
};

extern char **environ;

static _Noreturn void give_up(const char *why)
{
    perror(why);
    exit(2);
}

/* xorshift64: any sequence does, if it is the same each time. */
static uint32_t chance(struct job *j, uint32_t below)
{
    j->state ^= j->state << 13;
    j->state ^= j->state >> 7;
    j->state ^= j->state << 17;
    return (uint32_t)(j->state >> 32) % below;
}

static void pause_us(uint32_t us)
{
    struct timespec t = { 0, (long)us * 1000 };
    (void)nanosleep(&t, NULL);
}

/* Asks the daemon that is ready now to leave; never a process that only has its number. */
static void stop_daemon(struct job *j)
{
    struct pd_gate_record record = pd_gate_read(&j->gate);
    if (!record.is_ready || !record.pid)
        return;
    int fd = (int)syscall(SYS_pidfd_open, record.pid, 0);
    struct pd_gate_record again = pd_gate_read(&j->gate);
    if (fd >= 0 && again.is_ready && again.pid == record.pid && pd_gate_is_held(&j->gate) &&
        syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) == 0)
        puts("stopped");
    if (fd >= 0)
        close(fd);
}

static pid_t start(const struct job *j, long number, int *out)
{
    char query[64];
    char *env[VARIABLES_MAX];
    char *words[] = { (char *)(uintptr_t)j->stub, NULL };
    int ends[2];
    size_t n = 0;
    posix_spawn_file_actions_t actions;
    pid_t pid;
    snprintf(query, sizeof query, "QUERY_STRING=%ld", number);
    for (; environ[n] && n < VARIABLES_MAX - 2; n++)
        env[n] = environ[n];
    env[n++] = query;
    env[n] = NULL;
    if (pipe2(ends, O_CLOEXEC) < 0 || posix_spawn_file_actions_init(&actions) ||
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) ||
        posix_spawn(&pid, j->stub, &actions, NULL, words, env))
        give_up("spawn");
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *out = ends[0];
    return pid;
}

static size_t read_output(int fd, char *p)
{
    size_t n = 0;
    for (ssize_t r; n < OUTPUT_MAX - 1 && (r = read(fd, p + n, OUTPUT_MAX - 1 - n)) != 0;) {
        if (r < 0)
            give_up("read");
        n += (size_t)r;
    }
    p[n] = '\0';
    close(fd);
    return n;
}

static void judge(long number, int status, const char *output)
{
    static const char head[] = "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n";
    const char *body = output + sizeof head - 1;
    if (status == 0 && strncmp(output, head, sizeof head - 1) == 0 && strncmp(body, "daemon ", 7) == 0)
        printf("daemon %ld %ld\n", number, strtol(body + 7, NULL, 10));
    else if (status == 0 && strncmp(output, head, sizeof head - 1) == 0 && strncmp(body, "cgi ", 4) == 0)
        printf("cgi %ld %ld\n", number, strtol(body + 4, NULL, 10));
    else
        printf("lost %ld: status %d, %.40s\n", number, status, output);
}

static void ask(struct job *j, long number)
{
    char output[OUTPUT_MAX];
    int out, status;
    bool kills = chance(j, 10) == 0;
    if (chance(j, 8) == 0)
        pause_us(chance(j, IDLE_US)); /* long enough for a daemon to leave, or nearly */
    if (chance(j, 20) == 0)
        stop_daemon(j);
    pid_t pid = start(j, number, &out);
    if (kills) {
        pause_us(chance(j, LIFE_US));
        (void)kill(pid, SIGKILL);
    }
    (void)read_output(out, output);
    if (waitpid(pid, &status, 0) != pid)
        give_up("waitpid");
    if (kills && WIFSIGNALED(status))
        printf("killed %ld\n", number);
    else
        judge(number, status, output);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    long requests = strtol(argv[3], NULL, 10), jobs = strtol(argv[4], NULL, 10);
    int failed = 0, status;
    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* lines of several jobs do not mix */
    for (long i = 0; i < jobs; i++) {
        struct job j = { .stub = argv[1], .state = strtoull(argv[5], NULL, 10) * 1000 + (uint64_t)i + 1 };
        if (fork() != 0)
            continue;
        if (!pd_gate_open(&j.gate, pd_sys_default(), argv[2]))
            give_up("lock");
        for (int k = 0; k < 16; k++)
            (void)chance(&j, 2); /* small seeds begin alike */
        for (long number = i; number < requests; number += jobs)
            ask(&j, number);
        exit(0);
    }
    while (wait(&status) > 0)
        failed |= status;
    return failed ? 1 : 0;
}
