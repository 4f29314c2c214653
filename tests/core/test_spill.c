/*
 * test_spill.c - how a large body gets into its file: received where it is written from, in whole steps.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "check.h"
#include "conn/body.h"
#include "engine/exchange_api.h"
#include "engine_peer.h"

enum { STEP = PD_BODY_STEP, BODY = 8 * STEP + 12345 };

struct scene {
    struct pd_sys sys; /* first: its address is the context of the table */
    struct pd_engine *engine;
    int peer;
    const char *tail;         /* sent behind the body */
    const char *received_end; /* behind the bytes that came last */
    unsigned writes;
    unsigned strays; /* writes that end within a step */
    unsigned copied; /* writes of bytes that were received elsewhere */
};

static char pattern(size_t i)
{
    return (char)(i * 2654435761u >> 13);
}

/* --- what happens inside of system calls -------------------------------------------------------------------------- */

static ssize_t note_recv(void *ctx, int fd, void *buf, size_t n, int flags)
{
    struct scene *s = ctx;
    ssize_t got = recv(fd, buf, n, flags);
    if (got > 0)
        s->received_end = (const char *)buf + got;
    return got;
}

static ssize_t note_pwrite(void *ctx, int fd, const void *buf, size_t n, off_t offset)
{
    struct scene *s = ctx;
    s->writes++;
    s->strays += ((size_t)offset + n) % STEP != 0;
    s->copied += (const char *)buf + n != s->received_end;
    return pwrite(fd, buf, n, offset);
}

/* --- the scene ---------------------------------------------------------------------------------------------------- */

static void *send_body(void *arg)
{
    const struct scene *s = arg;
    static char body[BODY];
    for (size_t i = 0; i < BODY; i++)
        body[i] = pattern(i);
    for (size_t sent = 0; sent < BODY;) {
        ssize_t n = send(s->peer, body + sent, BODY - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            abort();
        sent += n > 0 ? (size_t)n : 0;
    }
    peer_say(s->peer, pd_slice(s->tail, strlen(s->tail)));
    return NULL;
}

static size_t read_body(struct pd_thread *t, struct pd_exchange *x)
{
    static char part[PD_RECV_BYTES];
    size_t read = 0;
    for (size_t got = 0; pd_exchange_read(t, x, part, sizeof part, &got) == PD_READ_OK && got; read += got)
        for (size_t i = 0; i < got; i++)
            if (part[i] != pattern(read + i))
                return read + i;
    return read;
}

/* Has the body sent between `head` and `tail`, to the application's last byte. */
static void scene_play(struct scene *s, const struct pd_codec *codec, struct pd_slice head, const char *tail)
{
    struct pd_config config = PD_CONFIG_DEFAULT;
    *s = (struct scene){ .sys = *pd_sys_default(), .tail = tail };
    s->sys.ctx = s;
    s->sys.recv = note_recv;
    s->sys.pwrite = note_pwrite;
    s->engine = pd_engine_new(&config, "/tmp", PD_LOOP_EPOLL, &s->sys);
    struct sockaddr_in door = peer_door(s->engine, (struct pd_port){ .codec = codec });
    s->peer = peer_dial(&door);
    peer_say(s->peer, head);
    pthread_t sender;
    CHECK(pthread_create(&sender, NULL, send_body, s) == 0);
    struct pd_thread *t = pd_thread_new(s->engine);
    struct pd_exchange *x = pd_engine_next(t);
    CHECK_INT(read_body(t, x), BODY);
    pthread_join(sender, NULL);
    pd_exchange_fail(t, x);
    pd_engine_stop(s->engine, 0);
    CHECK(pd_engine_next(t) == NULL);
    pd_thread_free(t);
    pd_engine_free(s->engine);
    close(s->peer);
}

/* --- the tests ---------------------------------------------------------------------------------------------------- */

/* The first write is of what no longer may stay in memory; the last step may, when the end comes together with it. */
static void check_written_in_steps(const struct scene *s)
{
    CHECK(s->writes == BODY / STEP || s->writes == BODY / STEP + 1);
    CHECK_INT(s->strays, 1);
}

static void test_a_body_of_http_is_received_where_it_is_written_from(void)
{
    struct scene s;
    char head[100];
    int n = snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", BODY);
    scene_play(&s, &pd_codec_http1, pd_slice(head, (size_t)n), "");
    check_written_in_steps(&s);
    CHECK(s.copied <= 1);
}

static void test_a_body_of_scgi_is_received_where_it_is_written_from(void)
{
    struct scene s;
    char vars[100];
    char head[120];
    int n = snprintf(vars, sizeof vars, "CONTENT_LENGTH%c%d%cSCGI%c1%cREQUEST_METHOD%cPOST%cREQUEST_URI%c/%c", 0, BODY,
                     0, 0, 0, 0, 0, 0, 0);
    int head_n = snprintf(head, sizeof head, "%d:", n);
    memcpy(head + head_n, vars, (size_t)n);
    head[head_n + n] = ',';
    scene_play(&s, &pd_codec_scgi, pd_slice(head, (size_t)(head_n + n + 1)), "");
    check_written_in_steps(&s);
    CHECK(s.copied <= 1);
}

static void test_a_body_in_frames_is_written_in_steps(void)
{
    struct scene s;
    char head[120];
    int n = snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", BODY);
    scene_play(&s, &pd_codec_http1, pd_slice(head, (size_t)n), "\r\n0\r\n\r\n");
    check_written_in_steps(&s);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_a_body_of_http_is_received_where_it_is_written_from();
    test_a_body_of_scgi_is_received_where_it_is_written_from();
    test_a_body_in_frames_is_written_in_steps();
    return check_result();
}
