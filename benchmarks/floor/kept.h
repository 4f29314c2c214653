/* What the floors share whose connections are kept: connections that read, and answer each request that is complete. */
#ifndef FLOOR_KEPT_H
#define FLOOR_KEPT_H

#include "run.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEPT_HEAD 16384
#define KEPT_OVER SIZE_MAX /* the connection is over */

struct kept_peer {
    int fd;
    size_t held; /* bytes of a request that is not complete yet */
    unsigned char head[KEPT_HEAD];
};

/* Answers the request at `at` if all of it is there. Returns how long it was, 0 if it is not complete, or KEPT_OVER. */
typedef size_t kept_answer(int fd, const unsigned char *at, size_t left);

static void kept_drop(struct kept_peer *peer)
{
    close(peer->fd);
    free(peer);
}

/* Takes one connection; whoever comes meanwhile is told by the next epoll_wait(). */
static void kept_admit(int set, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct kept_peer *peer = malloc(sizeof *peer);
    if (!peer) {
        close(fd);
        return;
    }
    peer->fd = fd;
    peer->held = 0;
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = peer };
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
        kept_drop(peer);
}

/* Reads once and answers each request that is complete; drops the connection when it is over. */
static inline void kept_serve(struct kept_peer *peer, kept_answer *answer)
{
    ssize_t got = read(peer->fd, peer->head + peer->held, sizeof peer->head - peer->held);
    if (got <= 0) {
        kept_drop(peer);
        return;
    }
    peer->held += (size_t)got;
    const unsigned char *at = peer->head;
    size_t left = peer->held;
    for (size_t size; left > 0 && (size = answer(peer->fd, at, left)) != 0; at += size, left -= size) {
        if (size == KEPT_OVER) {
            kept_drop(peer);
            return;
        }
    }
    memmove(peer->head, at, left);
    peer->held = left;
    if (left == sizeof peer->head)
        kept_drop(peer);
}

/* Writes a whole response, which a socket that its peer reads always takes. */
static inline int kept_write(int fd, const void *response, size_t size)
{
    return write(fd, response, size) == (ssize_t)size;
}

#endif
