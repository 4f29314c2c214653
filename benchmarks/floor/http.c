/* The floor under every HTTP server: epoll, one read, a search for the end of the head, one write.
 *
 * It parses nothing and calls nobody; what a server costs above this is the work it does. Arguments: see run.h. */
#define _GNU_SOURCE
#include "kept.h"

/* The fields that every server here sends, the date among them, so that the responses are as long. */
static const char RESPONSE[] = "HTTP/1.1 200 OK\r\nServer: floor\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\n"
                               "Content-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";

static inline size_t answer(int fd, const unsigned char *at, size_t left)
{
    const unsigned char *end = memmem(at, left, "\r\n\r\n", 4);
    if (!end)
        return 0;
    return kept_write(fd, RESPONSE, sizeof RESPONSE - 1) ? (size_t)(end + 4 - at) : KEPT_OVER;
}

static void serve(void *mark)
{
    kept_serve(mark, answer);
}

int main(int count, char **arguments)
{
    return floor_run(count, arguments, kept_admit, serve);
}
