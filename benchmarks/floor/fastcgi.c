/* The floor under every FastCGI server: it finds the end of the request in the heads of the records, and answers.
 *
 * A request ends with an empty FCGI_STDIN; the connection is kept if FCGI_BEGIN_REQUEST says so (FastCGI 1.0, 3.5 and
 * 5.1). Requests have no body here, and one connection has one at a time. Arguments: see run.h. */
#define _GNU_SOURCE
#include "kept.h"

#define RECORD_HEAD   8
#define BEGIN_REQUEST 1
#define STDIN         5
#define KEEP_CONN     1
#define BODY          "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!"
#define BODY_SIZE     (sizeof BODY - 1)

static size_t size_of(const unsigned char *record)
{
    return RECORD_HEAD + ((size_t)record[4] << 8 | record[5]) + record[6];
}

/* FCGI_STDOUT with all of the response, and FCGI_END_REQUEST, in one write. */
static int respond(int fd, const unsigned char *record)
{
    unsigned char out[RECORD_HEAD + BODY_SIZE + RECORD_HEAD + 8] = { 1, 6, record[2], record[3], 0, BODY_SIZE };
    const unsigned char end[RECORD_HEAD] = { 1, 3, record[2], record[3], 0, 8 };
    memcpy(out + RECORD_HEAD, BODY, BODY_SIZE);
    memcpy(out + RECORD_HEAD + BODY_SIZE, end, sizeof end);
    return kept_write(fd, out, sizeof out);
}

static inline size_t answer(int fd, const unsigned char *at, size_t left)
{
    int is_kept = 1;
    for (const unsigned char *record = at; left - (size_t)(record - at) >= RECORD_HEAD; record += size_of(record)) {
        if (left - (size_t)(record - at) < size_of(record))
            return 0;
        if (record[1] == BEGIN_REQUEST)
            is_kept = record[RECORD_HEAD + 2] & KEEP_CONN;
        if (record[1] == STDIN && size_of(record) - record[6] == RECORD_HEAD)
            return respond(fd, record) && is_kept ? (size_t)(record - at) + size_of(record) : KEPT_OVER;
    }
    return 0;
}

static void serve(void *mark)
{
    kept_serve(mark, answer);
}

int main(int count, char **arguments)
{
    return floor_run(count, arguments, kept_admit, serve);
}
