/*
 * test_relay.c - the relay between a connection and standard input and output: nothing is read past the body, each
 * end is told on, and no failing call loses or doubles a byte.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "faulty_sys.h"
#include "loop/relay.h"

#define HEAD "A=b\0\0"
enum { LARGE = 300000 };

/* One relay with all its ends. */
struct scene {
    struct pd_relay *relay;
    int input;  /* written by the test */
    int output; /* read by the test */
    int socket; /* the connection's end */
    pthread_t thread;
    enum pd_relay_end end;
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void *run(void *arg)
{
    struct scene *s = arg;
    s->end = pd_relay_run(s->relay);
    return NULL;
}

static void scene_init(struct scene *s, const struct pd_sys *sys, uint64_t body)
{
    int in[2], out[2], pair[2];
    must(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    s->relay = malloc(sizeof *s->relay);
    must(s->relay != NULL);
    s->input = in[1];
    s->output = out[0];
    s->socket = pair[1];
    pd_relay_init(s->relay, sys, in[0], out[1], pair[0], pd_slice(HEAD, sizeof HEAD - 1), body);
}

static void scene_start(struct scene *s)
{
    must(pthread_create(&s->thread, NULL, run, s) == 0);
}

static void scene_join(struct scene *s)
{
    pthread_join(s->thread, NULL);
}

static void end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void scene_fini(struct scene *s)
{
    end(&s->relay->input);
    end(&s->relay->output);
    end(&s->input);
    end(&s->output);
    end(&s->socket);
    free(s->relay);
}

static void read_all(int fd, char *dst, size_t n)
{
    for (size_t got = 0; got < n;) {
        ssize_t r = read(fd, dst + got, n - got);
        must(r > 0);
        got += (size_t)r;
    }
}

static void test_the_head_comes_first_and_the_body_has_an_end(void)
{
    struct scene s;
    char got[32];
    scene_init(&s, NULL, 5);
    must(write(s.input, "hello, world", 12) == 12);
    scene_start(&s);
    read_all(s.socket, got, sizeof HEAD - 1 + 5);
    CHECK_SLICE(pd_slice(got, sizeof HEAD - 1 + 5), PD_SLICE(HEAD "hello"));
    must(write(s.socket, "answer", 6) == 6);
    end(&s.socket);
    scene_join(&s);
    CHECK_INT(s.end, PD_RELAY_DONE);
    CHECK_INT(s.relay->written, 6);
    read_all(s.output, got, 6);
    CHECK_SLICE(pd_slice(got, 6), PD_SLICE("answer"));
    read_all(s.relay->input, got, 7); /* what is behind the body was left alone */
    CHECK_SLICE(pd_slice(got, 7), PD_SLICE(", world"));
    scene_fini(&s);
}

static void test_a_body_that_ends_early_ends_the_connections_input(void)
{
    struct scene s;
    char got[32];
    scene_init(&s, NULL, 5);
    must(write(s.input, "he", 2) == 2);
    end(&s.input);
    scene_start(&s);
    read_all(s.socket, got, sizeof HEAD - 1 + 2);
    CHECK_INT(read(s.socket, got, 1), 0);
    must(write(s.socket, "400", 3) == 3); /* it can still be answered */
    end(&s.socket);
    scene_join(&s);
    CHECK_INT(s.end, PD_RELAY_DONE);
    CHECK_INT(s.relay->written, 3);
    scene_fini(&s);
}

static void test_a_complete_body_leaves_the_connection_open(void)
{
    struct scene s;
    char got[32];
    scene_init(&s, NULL, 2);
    must(write(s.input, "hi", 2) == 2);
    end(&s.input);
    scene_start(&s);
    read_all(s.socket, got, sizeof HEAD - 1 + 2);
    struct pollfd p = { .fd = s.socket, .events = POLLIN | POLLRDHUP };
    CHECK_INT(poll(&p, 1, 20), 0);
    end(&s.socket);
    scene_join(&s);
    CHECK_INT(s.end, PD_RELAY_DONE);
    scene_fini(&s);
}

/* Nothing is being written: the reader's leaving is seen all the same. */
static void test_a_reader_that_leaves_closes_the_connection(void)
{
    struct scene s;
    char got[32];
    scene_init(&s, NULL, 100);
    scene_start(&s);
    read_all(s.socket, got, sizeof HEAD - 1);
    end(&s.output);
    scene_join(&s);
    CHECK_INT(s.end, PD_RELAY_GONE);
    CHECK_INT(read(s.socket, got, 1), 0);
    scene_fini(&s);
}

/* An answer without the body: what is not sent yet is let go, and the answer comes through. */
static void test_an_answer_may_come_before_the_body(void)
{
    struct scene s;
    scene_init(&s, NULL, LARGE);
    must(fcntl(s.input, F_SETPIPE_SZ, 1 << 20) > LARGE);
    char *large = calloc(1, LARGE);
    must(large && write(s.input, large, LARGE) == LARGE);
    scene_start(&s);
    must(write(s.socket, "413", 3) == 3);
    end(&s.socket); /* with unread input: the relay gets an error, not an end */
    scene_join(&s);
    CHECK_INT(s.end, PD_RELAY_DONE);
    CHECK_INT(s.relay->written, 3);
    free(large);
    scene_fini(&s);
}

/* Each call fails in turn, once: the bytes are the same, or the end says that they are not. */
static void test_calls_may_fail(void)
{
    static const enum faulty_call kinds[] = { FAULTY_READ, FAULTY_WRITE, FAULTY_RECV, FAULTY_SENDMSG, FAULTY_POLL };
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        size_t errors_n;
        const int *errors = faulty_errors(kinds[k], &errors_n);
        for (size_t i = 0; i < errors_n; i++) {
            struct faulty_sys faulty;
            struct scene s;
            char got[16] = "";
            faulty_init(&faulty);
            faulty_set(&faulty, (struct faulty_plan){ kinds[k], 1, false, errors[i] });
            scene_init(&s, &faulty.sys, 2);
            must(write(s.input, "hi", 2) == 2 && write(s.socket, "answer", 6) == 6);
            must(shutdown(s.socket, SHUT_WR) == 0);
            scene_start(&s);
            scene_join(&s);
            end(&s.relay->output);
            ssize_t n = read(s.output, got, sizeof got);
            CHECK(faulty.faults == 1 || kinds[k] == FAULTY_READ || kinds[k] == FAULTY_SENDMSG);
            CHECK(n >= 0 && memcmp(got, "answer", (size_t)n) == 0);
            CHECK(n == 6 || s.end == PD_RELAY_GONE || kinds[k] == FAULTY_RECV);
            CHECK_INT(s.relay->written, n);
            scene_fini(&s);
        }
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_the_head_comes_first_and_the_body_has_an_end();
    test_a_body_that_ends_early_ends_the_connections_input();
    test_a_complete_body_leaves_the_connection_open();
    test_a_reader_that_leaves_closes_the_connection();
    test_an_answer_may_come_before_the_body();
    test_calls_may_fail();
    return check_result();
}
