/*
 * hand.c - what the CGI stub executes in tests instead of Python when it runs a request as CGI: it hands descriptors
 * and environment to the process that FORKER names (tests/support/cgi_forker.py), which has loaded Python already, and
 * ends as that says.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PASSED = 2, STATUS_MAX = 16, FAILED = 70 };

extern char **environ;

static int fail(const char *what)
{
    perror(what);
    return FAILED;
}

static int connect_to(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof a.sun_path)
        return -1;
    memcpy(a.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    return fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) ? -1 : fd;
}

/* The strings of the environment, each with its NUL; they lie one behind the other only until somebody sets one. */
static char *joined(size_t *n)
{
    *n = 0;
    for (char **e = environ; *e; e++)
        *n += strlen(*e) + 1;
    char *all = malloc(*n + 1), *p = all;
    for (char **e = environ; all && *e; e++)
        p = stpcpy(p, *e) + 1;
    return all;
}

static bool send_all(int fd, char *data, size_t n)
{
    const int fds[PASSED] = { STDIN_FILENO, STDOUT_FILENO };
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof fds)];
    } control = { 0 };
    struct iovec io = { .iov_base = data, .iov_len = n };
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(c), fds, sizeof fds);
    return sendmsg(fd, &m, 0) == (ssize_t)n;
}

int main(void)
{
    const char *path = getenv("FORKER");
    size_t n;
    char *all = joined(&n), status[STATUS_MAX] = { 0 };
    int fd = path ? connect_to(path) : -1;
    if (fd < 0 || !all)
        return fail("hand: FORKER");
    if (!send_all(fd, all, n))
        return fail("hand: sendmsg");
    close(STDIN_FILENO);
    close(STDOUT_FILENO); /* the other's alone, as if it were this process */
    if (recv(fd, status, sizeof status - 1, 0) <= 0)
        return fail("hand: recv");
    free(all);
    return (int)strtol(status, NULL, 10);
}
