/* What the floors share that have a connection per request: one accept, one read, one write, one close.
 *
 * A connection gets into the epoll set only when its request was not there yet. */
#ifndef FLOOR_SINGLE_H
#define FLOOR_SINGLE_H

#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SINGLE_HEAD 16384

enum single_outcome {
    SINGLE_OVER, /* answered, or nothing to answer */
    SINGLE_MORE, /* the request is not complete */
};

struct single_peer {
    int fd;
    size_t held;
    char head[SINGLE_HEAD]; /* a zero stands behind what is held */
};

/* Answers the peer if its request is complete, which the program tells by its protocol; false: it is not. */
static int answer(const struct single_peer *peer);

/* Returns true: a socket this young takes it all, and a peer that has gone needs nothing: any result is the end. */
static inline int single_write(const struct single_peer *peer, const char *response, size_t size)
{
    ssize_t put = write(peer->fd, response, size);
    (void)put;
    return 1;
}

static inline enum single_outcome single_read(struct single_peer *peer)
{
    ssize_t got = read(peer->fd, peer->head + peer->held, sizeof peer->head - 1 - peer->held);
    if (got < 0)
        return SINGLE_MORE;
    peer->held += (size_t)got;
    peer->head[peer->held] = '\0';
    return answer(peer) || got == 0 ? SINGLE_OVER : SINGLE_MORE;
}

/* Takes one connection and serves it on the spot if its request is there; else it goes into the set. */
static void single_admit(int set, int listener)
{
    struct single_peer first;
    first.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    first.held = 0;
    if (first.fd < 0)
        return;
    struct single_peer *waiting = NULL;
    if (single_read(&first) == SINGLE_MORE && (waiting = malloc(sizeof *waiting)) != NULL) {
        waiting->fd = first.fd;
        waiting->held = first.held;
        memcpy(waiting->head, first.head, first.held);
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = waiting };
        if (epoll_ctl(set, EPOLL_CTL_ADD, first.fd, &event) == 0)
            return;
    }
    free(waiting);
    close(first.fd);
}

static void single_serve(void *mark)
{
    struct single_peer *peer = mark;
    if (single_read(peer) == SINGLE_OVER) {
        close(peer->fd);
        free(peer);
    }
}

static inline int single_run(int count, char **arguments)
{
    return floor_run(count, arguments, single_admit, single_serve);
}

#endif
