#define _GNU_SOURCE
#include "listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 2048

static void check(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(EXIT_FAILURE);
    }
}

static int listen_unix(const char *path)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof name.sun_path) {
        fprintf(stderr, "the path is too long: %s\n", path);
        exit(EXIT_FAILURE);
    }
    memcpy(name.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    check(fd, "socket");
    check(bind(fd, (const struct sockaddr *)&name, sizeof name), path);
    return fd;
}

static int listen_port(const char *port)
{
    struct sockaddr_in name = { .sin_family = AF_INET };
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    name.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    check(fd, "socket");
    check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)), "SO_REUSEADDR");
    check(bind(fd, (const struct sockaddr *)&name, sizeof name), port);
    return fd;
}

int floor_listen(const char *address)
{
    signal(SIGPIPE, SIG_IGN); /* a peer that leaves early ends its connection, not the program */
    int fd = strchr(address, '/') ? listen_unix(address) : listen_port(address);
    check(listen(fd, BACKLOG), "listen");
    return fd;
}

void floor_multiply(unsigned long processes)
{
    pid_t first = getpid();
    for (unsigned long i = 1; i < processes; i++) {
        pid_t child = fork();
        check(child, "fork");
        if (child > 0)
            continue;
        check(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
        if (getppid() != first)
            exit(EXIT_FAILURE); /* it ended before prctl() */
        return;
    }
}

int floor_watch(int listener)
{
    int set = epoll_create1(EPOLL_CLOEXEC);
    check(set, "epoll_create1");
    /* Of several processes one wakes for a connection. */
    struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = NULL };
    check(epoll_ctl(set, EPOLL_CTL_ADD, listener, &event), "epoll_ctl");
    return set;
}
