/* The floor under every SCGI server: it waits until the netstring is complete and looks at nothing in it.
 *
 * Requests have no body here. Arguments: see run.h. */
#define _GNU_SOURCE
#include "single.h"

static const char RESPONSE[] = "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";

/* Whether the peer has sent a whole netstring: LENGTH, a colon, that many bytes, a comma. */
static int is_complete(const struct single_peer *peer)
{
    char *colon;
    unsigned long size = strtoul(peer->head, &colon, 10);
    return *colon == ':' && (size_t)(colon - peer->head) + size + 2 <= peer->held;
}

static const struct single_door DOOR = { is_complete, RESPONSE, sizeof RESPONSE - 1 };

static void admit(int set, int listener)
{
    single_admit(set, listener, &DOOR);
}

static void serve(void *mark)
{
    single_serve_or_close(mark, &DOOR);
}

int main(int count, char **arguments)
{
    return floor_run(count, arguments, admit, serve);
}
