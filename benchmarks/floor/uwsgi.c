/* The floor under every uwsgi server: it waits until the block of variables is complete and looks at nothing in it.
 *
 * Requests have no body here. Arguments: see run.h. */
#define _GNU_SOURCE
#include "single.h"

#define BLOCK_HEAD 4

static const char RESPONSE[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";

/* Answers when all has come: a modifier, the size of the block with its low byte first, a modifier, the block. */
static int answer(const struct single_peer *peer)
{
    const unsigned char *head = (const unsigned char *)peer->head;
    return peer->held >= BLOCK_HEAD && peer->held >= BLOCK_HEAD + ((size_t)head[2] << 8 | head[1]) &&
           single_write(peer, RESPONSE, sizeof RESPONSE - 1);
}

int main(int count, char **arguments)
{
    return single_run(count, arguments);
}
