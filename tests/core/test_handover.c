/*
 * test_handover.c - two engines as two workers: the turn to accept passes from one that is not heard of, and idle
 * connections pass from the one that retires to the other, with what is known of them. Whatever the system calls do,
 * nothing is left open. Also run under ThreadSanitizer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "check.h"
#include "engine/exchange_api.h"
#include "engine/impl.h"
#include "engine_peer.h"
#include "open_descriptors.h"

enum { DRAIN_MS = 20000, WORKERS = 2, THREADS = 3 };

struct worker {
    struct pd_sys sys; /* first: its address is the context of the table */
    struct pd_engine *engine;
    char name; /* of the worker, in its answers */
    _Atomic int fail_send;
    _Atomic int fail_receive;
    _Atomic bool forked;        /* from then on a child has a copy of what is accepted, */
    int copy;                   /* ... the last of which is this */
    _Atomic int ticks;          /* of timers that come at once; the others never do */
    int error;                  /* with which they fail */
    pthread_t threads[THREADS]; /* the last is the relief thread */
};

struct scene {
    struct pd_board *board;
    int wake_fds[WORKERS];
    int pair[2];
    int listener;
    struct sockaddr_in door;
    struct worker workers[WORKERS];
    int descriptors; /* open before */
};

/* --- system calls ------------------------------------------------------------------------------------------------- */

static ssize_t worker_sendmsg(void *ctx, int fd, const struct msghdr *msg, int flags)
{
    struct worker *w = ctx;
    if (msg->msg_controllen && atomic_load(&w->fail_send) && atomic_fetch_sub(&w->fail_send, 1)) {
        errno = w->error;
        return -1;
    }
    return sendmsg(fd, msg, flags);
}

static ssize_t worker_recvmsg(void *ctx, int fd, struct msghdr *msg, int flags)
{
    struct worker *w = ctx;
    if (atomic_load(&w->fail_receive) && atomic_fetch_sub(&w->fail_receive, 1)) {
        errno = w->error;
        return -1;
    }
    return recvmsg(fd, msg, flags);
}

static int worker_accept(void *ctx, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    struct worker *w = ctx;
    int accepted = accept4(fd, addr, len, flags);
    if (accepted >= 0 && atomic_load(&w->forked))
        w->copy = dup(accepted);
    return accepted;
}

/* The relief thread's timer, which has an interval, runs; that of the beat ticks when it is told to. */
static int worker_settime(void *ctx, int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
    struct worker *w = ctx;
    struct itimerspec now = *value;
    if (!now.it_interval.tv_nsec && (now.it_value.tv_sec || now.it_value.tv_nsec > 1)) {
        bool soon = atomic_load(&w->ticks) && atomic_fetch_sub(&w->ticks, 1);
        now.it_value = (struct timespec){ .tv_nsec = soon };
    }
    return timerfd_settime(fd, flags, &now, old);
}

/* --- the workers -------------------------------------------------------------------------------------------------- */

/* Answers "A http 203.0.113.7": who, which protocol, and the peer. */
static void *app_thread(void *arg)
{
    struct worker *w = arg;
    struct pd_thread *t = pd_thread_new(w->engine);
    struct pd_exchange *x;
    char text[100];
    while (t && (x = pd_engine_next(t)) != NULL) {
        int n = snprintf(text, sizeof text, "%c %s %s\n", w->name, pd_exchange_protocol(x), pd_exchange_peer(x));
        if (pd_response_start(pd_exchange_response(x), PD_SLICE("200 OK")) != PD_R_NONE ||
            pd_response_set_length(pd_exchange_response(x), (uint64_t)n) != PD_R_NONE ||
            pd_exchange_last(t, x, pd_slice(text, (size_t)n), true) != PD_SEND_OK)
            abort();
    }
    pd_thread_free(t);
    return NULL;
}

static void *relief_thread(void *arg)
{
    pd_engine_relief(((struct worker *)arg)->engine);
    return NULL;
}

/* `port` may differ between workers, as options do. */
static struct worker *worker_begin(struct scene *s, unsigned slot, const struct pd_port *port)
{
    struct worker *w = &s->workers[slot];
    struct pd_config config = PD_CONFIG_DEFAULT;
    struct pd_listener_config listener;
    struct pd_join join = { .board = s->board,
                            .slot = slot,
                            .worker = slot + 1,
                            .wake_fds = s->wake_fds,
                            .receive_fd = s->pair[0],
                            .send_fd = s->pair[1] };
    char name[PD_ADDR_TEXT_MAX];
    char error[512];
    w->sys = *pd_sys_default();
    w->sys.ctx = w;
    w->sys.sendmsg = worker_sendmsg;
    w->sys.recvmsg = worker_recvmsg;
    w->sys.timerfd_settime = worker_settime;
    w->sys.accept4 = worker_accept;
    config.forked = &w->forked;
    config.timeouts.gil = 10000;
    w->name = (char)('A' + slot);
    w->engine = pd_engine_new(&config, NULL, PD_LOOP_EPOLL, &w->sys);
    pd_listener_config_init(&listener);
    listener.kind = PD_LISTENER_FD;
    listener.fd = dup(s->listener);
    if (!w->engine || !pd_engine_listen(w->engine, &listener, port, name, sizeof name, error, sizeof error) ||
        !pd_engine_join(w->engine, &join))
        abort();
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&w->threads[i], NULL, i < THREADS - 1 ? app_thread : relief_thread, w))
            abort();
    while (atomic_load(&s->board->slot[slot].state) != PD_SLOT_ACCEPTS)
        sched_yield();
    return w;
}

static void worker_end(struct worker *w)
{
    for (int i = 0; i < THREADS; i++)
        pthread_join(w->threads[i], NULL);
    pd_engine_free(w->engine);
    w->engine = NULL;
}

static void worker_stop(struct worker *w)
{
    pd_engine_stop(w->engine, DRAIN_MS);
    worker_end(w);
}

static void scene_init(struct scene *s)
{
    socklen_t len = sizeof s->door;
    memset(s, 0, sizeof *s);
    s->descriptors = open_descriptors();
    s->door = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    s->board = aligned_alloc(PD_BOARD_LINE, pd_board_size(WORKERS));
    if (!s->board || bind(s->listener, (struct sockaddr *)&s->door, len) || listen(s->listener, 64) ||
        getsockname(s->listener, (struct sockaddr *)&s->door, &len) || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s->pair))
        abort();
    memset(s->board, 0, pd_board_size(WORKERS));
    pd_board_init(s->board, WORKERS);
    for (int i = 0; i < WORKERS; i++)
        s->wake_fds[i] = eventfd(0, EFD_NONBLOCK);
}

/* Everything that was opened since is closed again. */
static void scene_fini(struct scene *s)
{
    for (int i = 0; i < WORKERS; i++)
        close(s->wake_fds[i]);
    close(s->pair[0]);
    close(s->pair[1]);
    close(s->listener);
    free(s->board);
    CHECK_INT(open_descriptors(), s->descriptors);
}

/* --- the peer ----------------------------------------------------------------------------------------------------- */

/* The body of the next answer, which ends in a line feed; "" when the connection ended. */
static void read_line(int fd, char *line, size_t n)
{
    char text[1000];
    size_t got = 0;
    const char *body;
    for (;;) {
        text[got] = '\0';
        body = strstr(text, "\r\n\r\n");
        if (body && strchr(body + 4, '\n'))
            break;
        ssize_t r = recv(fd, text + got, sizeof text - 1 - got, 0);
        if (r <= 0) {
            *line = '\0';
            return;
        }
        got += (size_t)r;
    }
    snprintf(line, n, "%s", body + 4);
}

static void check_answer(int fd, const char *want)
{
    char line[200];
    read_line(fd, line, sizeof line);
    CHECK_SLICE(pd_slice(line, strlen(line)), pd_slice(want, strlen(want)));
}

static void ask(int fd, const char *want)
{
    peer_say(fd, PD_SLICE("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    check_answer(fd, want);
}

static const struct pd_port PLAIN = { .codec = &pd_codec_http1 };
static const struct pd_port FINDING = { .codec = &pd_codec_http1, .detect = true, .proxied = true };

/* --- whose turn it is --------------------------------------------------------------------------------------------- */

static void wait_for_turn(struct scene *s, uint32_t slot)
{
    while (atomic_load(&s->board->watcher) != slot)
        sched_yield();
}

/* Asks when both threads of that worker are idle: one that has none passes its turn on. */
static void dial_and_ask(struct scene *s, unsigned slot, int *fd, const char *want)
{
    while (atomic_load(&s->board->slot[slot].idle) < THREADS - 1)
        sched_yield();
    *fd = peer_dial(&s->door);
    ask(*fd, want);
}

static void test_who_is_not_heard_of_accepts_only_where_nobody_else_can(void)
{
    struct scene s;
    int fds[5];
    scene_init(&s);
    struct worker *a = worker_begin(&s, 0, &PLAIN);
    struct worker *b = worker_begin(&s, 1, &PLAIN);
    pd_engine_beat(a->engine);
    dial_and_ask(&s, 0, &fds[0], "A http 127.0.0.1\n");
    a->ticks = 1; /* the next beat is late */
    pd_engine_beat(a->engine);
    wait_for_turn(&s, 1);
    CHECK_INT(s.board->slot[0].silent, 1);
    dial_and_ask(&s, 1, &fds[1], "B http 127.0.0.1\n");
    CHECK(pd_board_silence(s.board, 1)); /* so does the supervisor, and wakes all */
    for (int i = 0; i < WORKERS; i++)
        CHECK_INT(eventfd_write(s.wake_fds[i], 1), 0);
    dial_and_ask(&s, 1, &fds[2], "B http 127.0.0.1\n");
    pd_engine_beat(a->engine);
    wait_for_turn(&s, 0);
    CHECK_INT(s.board->slot[0].silent, 0);
    dial_and_ask(&s, 0, &fds[3], "A http 127.0.0.1\n");
    pd_engine_beat(b->engine);
    CHECK_INT(s.board->slot[1].silent, 0);
    dial_and_ask(&s, 0, &fds[4], "A http 127.0.0.1\n");
    worker_stop(a);
    worker_stop(b);
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        close(fds[i]);
    scene_fini(&s);
}

/* --- what is passed on -------------------------------------------------------------------------------------------- */

static void test_a_kept_connection_goes_on_at_the_other_worker(void)
{
    struct scene s;
    scene_init(&s);
    struct worker *a = worker_begin(&s, 0, &PLAIN);
    int fd = peer_dial(&s.door);
    int silent = peer_dial(&s.door);
    ask(fd, "A http 127.0.0.1\n");
    struct worker *b = worker_begin(&s, 1, &PLAIN);
    CHECK_INT(s.board->slot[0].connections, 2);
    pd_engine_retire(a->engine, DRAIN_MS);
    worker_end(a);
    ask(fd, "B http 127.0.0.1\n");
    ask(silent, "B http 127.0.0.1\n");
    CHECK_INT(s.board->watcher, 1);
    CHECK_INT(s.board->slot[0].state, PD_SLOT_AWAY);
    a = worker_begin(&s, 0, &PLAIN); /* and back */
    pd_engine_retire(b->engine, 0);
    worker_end(b);
    ask(fd, "A http 127.0.0.1\n");
    worker_stop(a);
    close(fd);
    close(silent);
    scene_fini(&s);
}

/* Only the last worker ends it, and the peer sees that although a child of the first one has it, too. */
static void test_a_connection_that_a_child_has_ends_where_it_went(void)
{
    struct scene s;
    char end;
    scene_init(&s);
    struct worker *a = worker_begin(&s, 0, &PLAIN);
    atomic_store(&a->forked, true);
    int fd = peer_dial(&s.door);
    ask(fd, "A http 127.0.0.1\n");
    struct worker *b = worker_begin(&s, 1, &PLAIN);
    pd_engine_retire(a->engine, DRAIN_MS);
    worker_end(a);
    ask(fd, "B http 127.0.0.1\n");
    peer_say(fd, PD_SLICE("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    check_answer(fd, "B http 127.0.0.1\n");
    CHECK_INT(recv(fd, &end, 1, 0), 0);
    worker_stop(b);
    close(fd);
    close(a->copy);
    scene_fini(&s);
}

/* The address of a PROXY header and the protocol that was found out come only once; or they have not come yet. */
static void test_what_is_known_of_a_connection_goes_with_it(void)
{
    const struct pd_slice proxy = PD_SLICE("PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n");
    struct scene s;
    scene_init(&s);
    struct worker *a = worker_begin(&s, 0, &FINDING);
    int known = peer_dial(&s.door);
    int silent = peer_dial(&s.door);
    int named = peer_dial(&s.door);
    peer_say(known, proxy);
    ask(known, "A http 203.0.113.7\n");
    peer_say(named, proxy);
    while (atomic_load(&a->engine->nclients) < 3)
        sched_yield();
    struct worker *b = worker_begin(&s, 1, &FINDING);
    pd_engine_retire(a->engine, DRAIN_MS);
    worker_end(a);
    ask(known, "B http 203.0.113.7\n");
    ask(named, "B http 203.0.113.7\n");
    peer_say(silent, proxy);
    ask(silent, "B http 203.0.113.7\n");
    worker_stop(b);
    close(known);
    close(silent);
    close(named);
    scene_fini(&s);
}

static void test_a_listener_that_is_no_more_is_not_served(void)
{
    struct scene s;
    const struct pd_port other = { .codec = &pd_codec_fastcgi };
    scene_init(&s);
    struct worker *a = worker_begin(&s, 0, &PLAIN);
    int fd = peer_dial(&s.door);
    ask(fd, "A http 127.0.0.1\n");
    struct worker *b = worker_begin(&s, 1, &other);
    pd_engine_retire(a->engine, DRAIN_MS);
    worker_end(a);
    check_answer(fd, "");
    worker_stop(b);
    close(fd);
    scene_fini(&s);
}

static void test_where_nobody_else_accepts_it_is_closed(void)
{
    struct scene s;
    scene_init(&s);
    struct worker *a = worker_begin(&s, 0, &PLAIN);
    int fd = peer_dial(&s.door);
    ask(fd, "A http 127.0.0.1\n");
    pd_engine_retire(a->engine, DRAIN_MS);
    worker_end(a);
    check_answer(fd, "");
    close(fd);
    scene_fini(&s);
}

/* --- system calls that fail --------------------------------------------------------------------------------------- */

static void test_a_full_pair_is_tried_again(void)
{
    static const int errors[] = { EAGAIN, ETOOMANYREFS, ENOBUFS };
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct scene s;
        scene_init(&s);
        struct worker *a = worker_begin(&s, 0, &PLAIN);
        int fd = peer_dial(&s.door);
        ask(fd, "A http 127.0.0.1\n");
        struct worker *b = worker_begin(&s, 1, &PLAIN);
        a->error = errors[i];
        a->fail_send = 3;
        pd_engine_retire(a->engine, DRAIN_MS);
        worker_end(a);
        CHECK_INT(a->fail_send, 0);
        ask(fd, "B http 127.0.0.1\n");
        worker_stop(b);
        close(fd);
        scene_fini(&s);
    }
}

static void test_at_last_it_is_closed(void)
{
    struct scene s;
    scene_init(&s);
    struct worker *a = worker_begin(&s, 0, &PLAIN);
    int fd = peer_dial(&s.door);
    ask(fd, "A http 127.0.0.1\n");
    struct worker *b = worker_begin(&s, 1, &PLAIN);
    a->error = EAGAIN;
    a->fail_send = 1 << 30;
    pd_engine_retire(a->engine, 50);
    worker_end(a);
    check_answer(fd, "");
    worker_stop(b);
    close(fd);
    scene_fini(&s);
}

static void test_a_receiver_without_memory_tries_again(void)
{
    static const int errors[] = { EINTR, EAGAIN, ENOMEM };
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct scene s;
        scene_init(&s);
        struct worker *a = worker_begin(&s, 0, &PLAIN);
        int fd = peer_dial(&s.door);
        ask(fd, "A http 127.0.0.1\n");
        s.workers[1].error = errors[i];
        s.workers[1].fail_receive = 2;
        struct worker *b = worker_begin(&s, 1, &PLAIN);
        pd_engine_retire(a->engine, DRAIN_MS);
        worker_end(a);
        ask(fd, "B http 127.0.0.1\n");
        worker_stop(b);
        close(fd);
        scene_fini(&s);
    }
}

/* A message of another version, or of nobody: its descriptor is closed, and what comes behind is served. */
static void test_messages_of_others_are_dropped(void)
{
    struct scene s;
    int ends[2];
    char text[96] = { 99 };
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } ancillary = { .align = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
    struct iovec data = { text, sizeof text };
    struct msghdr msg = { .msg_iov = &data, .msg_iovlen = 1 };
    scene_init(&s);
    struct worker *a = worker_begin(&s, 0, &PLAIN);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
        abort();
    CHECK_INT(sendmsg(s.pair[1], &msg, 0), sizeof text); /* no descriptor at all */
    memcpy(CMSG_DATA(&ancillary.align), &ends[0], sizeof ends[0]);
    msg.msg_control = &ancillary;
    msg.msg_controllen = sizeof ancillary.room;
    CHECK_INT(sendmsg(s.pair[1], &msg, 0), sizeof text);
    data.iov_len = 10;
    CHECK_INT(sendmsg(s.pair[1], &msg, 0), 10);
    close(ends[0]);
    char byte;
    CHECK_INT(recv(ends[1], &byte, 1, 0), 0);
    close(ends[1]);
    int fd = peer_dial(&s.door);
    ask(fd, "A http 127.0.0.1\n");
    worker_stop(a);
    close(fd);
    scene_fini(&s);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    alarm(120);
    test_who_is_not_heard_of_accepts_only_where_nobody_else_can();
    test_a_kept_connection_goes_on_at_the_other_worker();
    test_a_connection_that_a_child_has_ends_where_it_went();
    test_what_is_known_of_a_connection_goes_with_it();
    test_a_listener_that_is_no_more_is_not_served();
    test_where_nobody_else_accepts_it_is_closed();
    test_a_full_pair_is_tried_again();
    test_at_last_it_is_closed();
    test_a_receiver_without_memory_tries_again();
    test_messages_of_others_are_dropped();
    return check_result();
}
