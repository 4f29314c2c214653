/* The floor under every upload: it takes requests of one protocol, writes their bodies into a file that has no name,
 * and answers how long they were. One connection at a time. Arguments: PROTOCOL PORT|PATH. */
#define _GNU_SOURCE
#include "listen.h"

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK 262144

struct peer {
    int fd;
    int file;
    uint64_t size; /* of the body, so far */
    size_t at, held;
    unsigned char block[BLOCK]; /* what came and is not used yet: block[at] to block[held] */
};

/* A request; returns whether the connection goes on. */
typedef int serve_one(struct peer *p);

/* Has at least n bytes at hand, n being at most BLOCK. */
static int need(struct peer *p, size_t n)
{
    if (p->held - p->at >= n)
        return 1;
    memmove(p->block, p->block + p->at, p->held - p->at);
    p->held -= p->at;
    p->at = 0;
    while (p->held < n) {
        ssize_t got = read(p->fd, p->block + p->held, sizeof p->block - p->held);
        if (got <= 0)
            return 0;
        p->held += (size_t)got;
    }
    return 1;
}

static int put_all(int fd, const void *data, size_t n)
{
    const char *p = data;
    while (n > 0) {
        ssize_t put = write(fd, p, n);
        if (put <= 0)
            return 0;
        p += put;
        n -= (size_t)put;
    }
    return 1;
}

/* n bytes of the body go into the file. */
static int store(struct peer *p, uint64_t n)
{
    while (n > 0) {
        if (p->at == p->held && !need(p, 1))
            return 0;
        size_t here = p->held - p->at < n ? p->held - p->at : (size_t)n;
        if (!put_all(p->file, p->block + p->at, here))
            return 0;
        p->at += here;
        p->size += here;
        n -= here;
    }
    return 1;
}

static uint64_t number_behind(const struct peer *p, size_t n, const char *name, size_t skip)
{
    const char *found = memmem(p->block + p->at, n, name, strlen(name));
    return found ? strtoull(found + strlen(name) + skip, NULL, 10) : 0;
}

static int answer(struct peer *p, const char *first_line)
{
    char body[32], out[256];
    int n = snprintf(body, sizeof body, "%llu", (unsigned long long)p->size);
    n = snprintf(out, sizeof out, "%s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", first_line, n,
                 body);
    return put_all(p->fd, out, (size_t)n);
}

static int serve_http(struct peer *p)
{
    const unsigned char *end = NULL;
    for (size_t n = 1; !end; n = p->held - p->at + 1) {
        if (n > BLOCK || !need(p, n))
            return 0;
        end = memmem(p->block + p->at, p->held - p->at, "\r\n\r\n", 4);
    }
    size_t head = (size_t)(end + 4 - (p->block + p->at));
    uint64_t length = number_behind(p, head, "\r\nContent-Length:", 0);
    p->at += head;
    return store(p, length) && answer(p, "HTTP/1.1 200 OK");
}

/* A netstring whose first variable is CONTENT_LENGTH. */
static int serve_scgi(struct peer *p)
{
    if (!need(p, 16)) /* the shortest head is longer */
        return 0;
    char *colon;
    unsigned long n = strtoul((char *)p->block + p->at, &colon, 10);
    size_t prefix = (size_t)((unsigned char *)colon - (p->block + p->at)) + 1;
    if (*colon != ':' || n > BLOCK / 2 || !need(p, prefix + n + 1))
        return 0;
    uint64_t length = number_behind(p, prefix + n, "CONTENT_LENGTH", 1);
    p->at += prefix + n + 1;
    return store(p, length) && answer(p, "Status: 200 OK") && 0;
}

/* A block of names and values, each behind its length in two bytes, the low one first. */
static int serve_uwsgi(struct peer *p)
{
    if (!need(p, 4))
        return 0;
    size_t n = (size_t)p->block[p->at + 2] << 8 | p->block[p->at + 1];
    if (!need(p, 4 + n))
        return 0;
    uint64_t length = 0;
    const char *found = memmem(p->block + p->at, 4 + n, "CONTENT_LENGTH", 14);
    if (found) {
        char digits[24] = "";
        size_t size = (unsigned char)found[14];
        memcpy(digits, found + 16, size < sizeof digits ? size : sizeof digits - 1);
        length = strtoull(digits, NULL, 10);
    }
    p->at += 4 + n;
    return store(p, length) && answer(p, "HTTP/1.1 200 OK") && 0;
}

/* FCGI_STDOUT with the answer, and FCGI_END_REQUEST (FastCGI 1.0, section 5). */
static int answer_fastcgi(struct peer *p, const unsigned char id[2])
{
    char body[32], text[128];
    int n = snprintf(body, sizeof body, "%llu", (unsigned long long)p->size);
    n = snprintf(text, sizeof text, "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", n,
                 body);
    unsigned char out[8 + sizeof text + 16] = { 1, 6, id[0], id[1], 0, (unsigned char)n };
    const unsigned char end[16] = { 1, 3, id[0], id[1], 0, 8 };
    memcpy(out + 8, text, (size_t)n);
    memcpy(out + 8 + n, end, sizeof end);
    return put_all(p->fd, out, 8 + (size_t)n + sizeof end);
}

static int serve_fastcgi(struct peer *p)
{
    for (int is_kept = 0; need(p, 8);) {
        unsigned char head[8];
        memcpy(head, p->block + p->at, sizeof head);
        size_t n = (size_t)head[4] << 8 | head[5], padding = head[6];
        p->at += 8;
        if (head[1] == 5 && n == 0)
            return answer_fastcgi(p, head + 2) && is_kept;
        if (head[1] == 5) {
            if (!store(p, n) || !need(p, padding))
                return 0;
            p->at += padding;
            continue;
        }
        if (!need(p, n + padding))
            return 0;
        if (head[1] == 1)
            is_kept = p->block[p->at + 2] & 1;
        p->at += n + padding;
    }
    return 0;
}

/* SEND_HEADERS, SEND_BODY_CHUNK and END_RESPONSE that keeps the connection. */
static int answer_ajp(struct peer *p)
{
    static const char head[] = "AB\0\x0a\x04\0\xc8\0\x02OK\0\0\0";
    static const char end[] = "AB\0\x02\x05\x01";
    char body[32], out[96];
    int n = snprintf(body, sizeof body, "%llu", (unsigned long long)p->size);
    size_t at = sizeof head - 1;
    memcpy(out, head, at);
    memcpy(out + at, (const char[]){ 'A', 'B', 0, (char)(n + 4), 3, 0, (char)n }, 7);
    memcpy(out + at + 7, body, (size_t)n);
    out[at + 7 + (size_t)n] = 0;
    memcpy(out + at + 8 + n, end, sizeof end - 1);
    return put_all(p->fd, out, at + 8 + (size_t)n + sizeof end - 1);
}

/* The first packet of the body comes unasked; each other one is asked for, until one is empty. */
static int serve_ajp(struct peer *p)
{
    static const char more[] = "AB\0\x03\x06\x1f\xfa";
    for (int is_body = 0;; is_body = 1) {
        if (!need(p, 4))
            return 0;
        size_t n = (size_t)p->block[p->at + 2] << 8 | p->block[p->at + 3];
        p->at += 4;
        if (is_body && n == 0)
            return answer_ajp(p);
        if (!need(p, n < 2 ? n : 2))
            return 0;
        size_t size = is_body && n >= 2 ? (size_t)p->block[p->at] << 8 | p->block[p->at + 1] : 0;
        if (is_body && size == 0)
            return answer_ajp(p);
        if (is_body) {
            p->at += 2;
            if (!store(p, size) || !put_all(p->fd, more, sizeof more - 1))
                return 0;
            continue;
        }
        if (!need(p, n))
            return 0;
        p->at += n;
    }
}

static serve_one *door(const char *name)
{
    static const struct {
        const char *name;
        serve_one *serve;
    } all[] = { { "http", serve_http },
                { "scgi", serve_scgi },
                { "uwsgi", serve_uwsgi },
                { "fastcgi", serve_fastcgi },
                { "ajp", serve_ajp } };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!strcmp(all[i].name, name))
            return all[i].serve;
    return NULL;
}

/* A file without a name for each request, where temporary files are. */
static int new_file(void)
{
    const char *folder = getenv("TMPDIR");
    return open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

int main(int count, char **arguments)
{
    serve_one *serve = count == 3 ? door(arguments[1]) : NULL;
    if (!serve) {
        fprintf(stderr, "usage: %s http|fastcgi|scgi|uwsgi|ajp PORT|PATH\n", arguments[0]);
        return 2;
    }
    int listener = floor_listen(arguments[2]);
    static struct peer peer;
    for (;;) {
        struct pollfd wanted = { .fd = listener, .events = POLLIN };
        poll(&wanted, 1, -1);
        peer.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (peer.fd < 0)
            continue;
        peer.at = peer.held = 0;
        for (int goes_on = 1; goes_on;) {
            peer.size = 0;
            peer.file = new_file();
            goes_on = peer.file >= 0 && serve(&peer);
            close(peer.file);
        }
        close(peer.fd);
    }
}
