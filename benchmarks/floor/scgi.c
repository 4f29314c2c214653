/* The floor under every SCGI server: it waits until the netstring is complete and looks at nothing in it.
 *
 * Requests have no body here. Arguments: see run.h. */
#define _GNU_SOURCE
#include "single.h"

static const char RESPONSE[] = "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";

/* Answers a whole netstring: LENGTH, a colon, that many bytes, a comma. */
static int answer(const struct single_peer *peer)
{
    char *colon;
    unsigned long size = strtoul(peer->head, &colon, 10);
    return *colon == ':' && (size_t)(colon - peer->head) + size + 2 <= peer->held &&
           single_write(peer, RESPONSE, sizeof RESPONSE - 1);
}

int main(int count, char **arguments)
{
    return single_run(count, arguments);
}
