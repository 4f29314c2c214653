/* The floor under every AJP13 server: a packet is a request, and the answer is three packets in one write.
 *
 * CPing is answered, nothing else is looked at; requests have no body here. Arguments: see run.h. */
#define _GNU_SOURCE
#include "kept.h"

#define PACKET_HEAD     4
#define FORWARD_REQUEST 2
#define CPING           10

/* SEND_HEADERS with 200 OK, type and length of the content; SEND_BODY_CHUNK; END_RESPONSE that keeps the connection. */
static const char RESPONSE[] = "AB\0\x20\x04\0\xc8\0\x02OK\0\0\x02\xa0\x01\0\x0atext/plain\0\xa0\x03\0\x02"
                               "13\0"
                               "AB\0\x11\x03\0\x0dHello, World!\0"
                               "AB\0\x02\x05\x01";
static const char CPONG[] = "AB\0\x01\x09";

static inline size_t answer(int fd, const unsigned char *at, size_t left)
{
    if (left < PACKET_HEAD)
        return 0;
    size_t size = PACKET_HEAD + ((size_t)at[2] << 8 | at[3]);
    if (left < size)
        return 0;
    int is_right = size > PACKET_HEAD && at[0] == 0x12 && at[1] == 0x34;
    if (is_right && at[PACKET_HEAD] == FORWARD_REQUEST)
        is_right = kept_write(fd, RESPONSE, sizeof RESPONSE - 1);
    else
        is_right = is_right && at[PACKET_HEAD] == CPING && kept_write(fd, CPONG, sizeof CPONG - 1);
    return is_right ? size : KEPT_OVER;
}

static void serve(void *mark)
{
    kept_serve(mark, answer);
}

int main(int count, char **arguments)
{
    return floor_run(count, arguments, kept_admit, serve);
}
