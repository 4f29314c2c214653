/* The floor under every HTTP server: epoll, one read, a search for the end of the head, one write.
 *
 * It parses nothing and calls nobody; what a server costs above this is the work it does. One argument: the port. */
#define _GNU_SOURCE
#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD 8192

/* The fields that every server here sends, the date among them, so that the responses are as long. */
static const char RESPONSE[] = "HTTP/1.1 200 OK\r\nServer: floor\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\n"
                               "Content-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";

struct peer {
    int fd;
    size_t held; /* bytes of a head that has not ended yet */
    char head[HEAD];
};

static void drop(struct peer *peer)
{
    close(peer->fd);
    free(peer);
}

/* Takes one connection; whoever comes meanwhile is told by the next epoll_wait(). */
static void admit(int set, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct peer *peer = malloc(sizeof *peer);
    if (!peer) {
        close(fd);
        return;
    }
    peer->fd = fd;
    peer->held = 0;
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = peer };
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
        drop(peer);
}

/* Answers each head that is complete; false when the connection is over. */
static int serve(struct peer *peer)
{
    ssize_t got = read(peer->fd, peer->head + peer->held, sizeof peer->head - peer->held);
    if (got <= 0)
        return 0;
    peer->held += (size_t)got;
    const char *at = peer->head;
    size_t left = peer->held;
    for (const char *end; (end = memmem(at, left, "\r\n\r\n", 4)) != NULL; at = end + 4) {
        left -= (size_t)(end + 4 - at);
        if (write(peer->fd, RESPONSE, sizeof RESPONSE - 1) != (ssize_t)(sizeof RESPONSE - 1))
            return 0;
    }
    memmove(peer->head, at, left);
    peer->held = left;
    return left < sizeof peer->head;
}

static void serve_or_drop(void *mark)
{
    if (!serve(mark))
        drop(mark);
}

int main(int count, char **arguments)
{
    return floor_run(count, arguments, "PORT", admit, serve_or_drop);
}
