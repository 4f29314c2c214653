/* The floor under every SCGI server: a connection per request, one accept, one read, one write, one close.
 *
 * It waits until the netstring is complete and looks at nothing in it; requests have no body here. A connection gets
 * into the epoll set only when its request was not there yet. One argument: a port, or the path of a Unix socket. */
#define _GNU_SOURCE
#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD 16384

static const char RESPONSE[] = "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";

enum outcome {
    OVER, /* answered, or nothing to answer */
    MORE, /* the request is not complete */
};

struct peer {
    int fd;
    size_t held;
    char head[HEAD];
};

/* Whether the peer has sent a whole netstring: LENGTH, a colon, that many bytes, a comma. */
static int is_complete(const struct peer *peer)
{
    char *colon;
    unsigned long size = strtoul(peer->head, &colon, 10);
    return *colon == ':' && (size_t)(colon - peer->head) + size + 2 <= peer->held;
}

static enum outcome serve(struct peer *peer)
{
    ssize_t got = read(peer->fd, peer->head + peer->held, sizeof peer->head - 1 - peer->held);
    if (got < 0)
        return MORE;
    peer->held += (size_t)got;
    peer->head[peer->held] = '\0';
    if (!is_complete(peer))
        return got == 0 ? OVER : MORE;
    /* A socket this young takes it all, and a peer that has gone needs nothing: any result is the end. */
    ssize_t put = write(peer->fd, RESPONSE, sizeof RESPONSE - 1);
    (void)put;
    return OVER;
}

/* Takes one connection and serves it on the spot if its request is there; else it goes into the set. */
static void admit(int set, int listener)
{
    struct peer first;
    first.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    first.held = 0;
    if (first.fd < 0)
        return;
    struct peer *waiting = NULL;
    if (serve(&first) == MORE && (waiting = malloc(sizeof *waiting)) != NULL) {
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

static void serve_or_close(void *mark)
{
    struct peer *peer = mark;
    if (serve(peer) == OVER) {
        close(peer->fd);
        free(peer);
    }
}

int main(int count, char **arguments)
{
    return floor_run(count, arguments, "PORT|PATH", admit, serve_or_close);
}
