/*
 * threads_engine.c - a real engine with seven threads: four run the application, one is the relief thread, one writes
 * the access log, and the main thread plays all clients. Built with ThreadSanitizer: what it reports fails the test.
 *
 * threads_engine PROTOCOL ROUNDS [crowded], with http or fastcgi: prints how many requests were sent, answered and run.
 * Where it is crowded requests make way for each other, and calls begin and end as if they took turns.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/suspend.h"
#include "engine_peer.h"
#include "fastcgi_text.h"

enum { APP_THREADS = 4, CLIENTS = 8, LARGE = 700000, BODY = 150000, PART = 30000, QUIET_MS = 5, LIMIT_MS = 1 };
enum { COMPUTE_NS = 3000000 };

struct scene {
    struct pd_engine *engine;
    _Atomic unsigned long served;
    _Atomic unsigned kind; /* turns through the ways to answer */
    _Atomic(struct pd_exchange *) parked;
    int pair[2]; /* never anything to read, always room to write */
    int file;    /* LARGE bytes */
    bool takes_turns;
    pthread_mutex_t turn; /* as that of an interpreter, but that calls leave it to others at once */
    char large[LARGE];
};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(2);
}

/* --- the application ---------------------------------------------------------------------------------------------- */

static void drain_body(struct pd_thread *t, struct pd_exchange *x)
{
    char buf[8192];
    size_t got = 0;
    while (pd_exchange_read(t, x, buf, sizeof buf, &got) == PD_READ_OK && got)
        ;
}

static void start(struct pd_exchange *x)
{
    struct pd_response *r = pd_exchange_response(x);
    must(pd_response_start(r, PD_SLICE("200 OK")) == PD_R_NONE, "status");
    must(pd_response_add(r, PD_SLICE("Content-Type"), PD_SLICE("text/plain")) == PD_R_NONE, "field");
}

static void finish(struct pd_thread *t, struct pd_exchange *x, struct pd_slice last)
{
    enum pd_send sent = pd_exchange_last(t, x, last, true);
    must(sent != PD_SEND_AGAIN && sent != PD_SEND_BAD_HEAD, "last block");
}

/* Another thread of the application, which the end of the exchange must wait for. */
static void *guest_thread(void *arg)
{
    struct pd_exchange *x = arg;
    (void)pd_exchange_client_gone(x);
    (void)!pd_exchange_write(x, PD_SLICE("from a guest\n"), true);
    pd_exchange_leave(x);
    return NULL;
}

static void invite(struct pd_exchange *x)
{
    pthread_t guest;
    pd_exchange_enter(x);
    must(pthread_create(&guest, NULL, guest_thread, x) == 0 && pthread_detach(guest) == 0, "guest");
}

/* For longer than a vacancy of the role lasts before the relief thread comes. */
static void compute(void)
{
    const struct pd_sys *sys = pd_sys_default();
    uint64_t end = PD_SYS0(sys, monotonic_ns) + COMPUTE_NS;
    while (PD_SYS0(sys, monotonic_ns) < end)
        continue;
}

static void answer(struct scene *s, struct pd_thread *t, struct pd_exchange *x)
{
    drain_body(t, x);
    start(x);
    switch (atomic_fetch_add(&s->kind, 1) % 8) {
    case 0:
        usleep(300); /* long enough for the role to be handed on */
        break;
    case 1:
        (void)!pd_exchange_write(x, pd_slice(s->large, LARGE), true);
        break;
    case 2:
        (void)!pd_exchange_file(t, x, dup(s->file), 0, LARGE);
        break;
    case 3:
        pd_exchange_fail(t, x);
        return;
    case 4:
        (void)pd_exchange_client_gone(x);
        compute();
        break;
    case 5:
        invite(x);
        break;
    case 6:
        usleep(4 * LIMIT_MS * 1000); /* it is answered meanwhile */
        break;
    default:
        break;
    }
    finish(t, x, PD_SLICE("done\n"));
}

/* One request in a while is parked by the thread that got it and resumed by the next one that comes by. */
static bool park(struct scene *s, struct pd_exchange *x)
{
    struct pd_exchange *none = NULL;
    struct pd_exchange *waiting = atomic_exchange(&s->parked, NULL);
    if (waiting)
        pd_exchange_resume(waiting);
    if (waiting || atomic_load(&s->kind) % 7 != 0 || x->was_parked)
        return false;
    pd_exchange_park(x);
    if (atomic_compare_exchange_strong(&s->parked, &none, x))
        return true;
    pd_exchange_resume(x);
    return true;
}

/* Others wait for a descriptor that all of them share. */
static bool suspend(struct scene *s, struct pd_thread *t, struct pd_exchange *x)
{
    unsigned kind = atomic_load(&s->kind);
    struct pd_wait_for what = { s->pair[0], kind % 2 ? PD_READABLE : PD_WRITABLE, 2000000, x, false };
    if (x->was_parked || kind % 5 > 1)
        return false;
    return pd_exchange_suspend(t, x, &what) == PD_SUSPEND_OK;
}

static void check_wait(const struct pd_exchange *x)
{
    enum pd_wait_end end;
    must(!pd_exchange_was_suspended(x) || pd_exchange_waited(x, &end) == x, "tag");
}

static void take_turn(struct scene *s, struct pd_thread *t, void (*what)(struct pd_thread *t))
{
    if (!s->takes_turns)
        return;
    pthread_mutex_lock(&s->turn);
    what(t);
    pthread_mutex_unlock(&s->turn);
}

static void *app_thread(void *arg)
{
    struct scene *s = arg;
    struct pd_thread *t = pd_thread_new(s->engine);
    struct pd_exchange *x;
    must(t != NULL, "thread");
    for (unsigned n = 1; (x = pd_engine_next(t)) != NULL; n++) {
        check_wait(x);
        if (park(s, x))
            continue;
        if (suspend(s, t, x)) {
            if (n % 4 == 0) { /* as one that breaks: others go on with its requests, which may just be resumed */
                pd_thread_free(t);
                t = pd_thread_new(s->engine);
                must(t != NULL, "thread");
            }
            continue;
        }
        atomic_fetch_add(&s->served, 1);
        take_turn(s, t, pd_engine_begins);
        answer(s, t, x);
        take_turn(s, t, pd_engine_ends);
    }
    pd_thread_free(t);
    return NULL;
}

static void *log_thread(void *arg)
{
    pd_engine_run_access_log(((struct scene *)arg)->engine);
    return NULL;
}

static void *relief_thread(void *arg)
{
    must(!pd_engine_relief(((struct scene *)arg)->engine), "relief");
    return NULL;
}

/* --- the clients -------------------------------------------------------------------------------------------------- */

/* Sends what one visit says; the server may close before it has taken all of it. */
static unsigned speak_http(int fd, unsigned visit)
{
    static const char get[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char post[] = "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 150000\r\n\r\n";
    static char body[BODY];
    if (visit % 3 == 0) {
        send(fd, post, sizeof post - 1, MSG_NOSIGNAL);
        send(fd, body, visit % 2 ? BODY : BODY / 2, MSG_NOSIGNAL);
        return 1;
    }
    unsigned n = 1 + visit % 4; /* pipelined */
    for (unsigned i = 0; i < n; i++)
        send(fd, get, sizeof get - 1, MSG_NOSIGNAL);
    return n;
}

/* Requests on one connection, whose bodies come in turns; some are given up, and some never end. */
static unsigned speak_fastcgi(int fd, unsigned visit)
{
    static char body[PART];
    struct text t = { 0 };
    unsigned n = 1 + visit % 6;
    for (unsigned i = 1; i <= n; i++)
        fastcgi_put_head(&t, (int)i, "/a", i % 2 ? "150000" : "", false);
    for (size_t sent = 0; sent < BODY; sent += PART)
        for (unsigned i = 1; i <= n; i += 2)
            fastcgi_put_record(&t, FCGI_STDIN, (int)i, pd_slice(body, PART));
    fastcgi_put_record(&t, FCGI_GET_VALUES, 0, PD_SLICE("\015\000FCGI_MAX_REQS"));
    for (unsigned i = 1; i <= n; i++)
        if (visit % 4 || i > 1)
            fastcgi_put_record(&t, visit % 7 == i ? FCGI_ABORT_REQUEST : FCGI_STDIN, (int)i, PD_SLICE_NONE);
    send(fd, t.p, t.n, MSG_NOSIGNAL);
    text_fini(&t);
    return n;
}

static unsigned long listen_to(int fd, unsigned visit)
{
    static char buf[65536];
    struct pollfd p = { .fd = fd, .events = POLLIN };
    unsigned long got = 0;
    if (visit % 5 == 4)
        return 0; /* leaves at once */
    while (poll(&p, 1, QUIET_MS) == 1) {
        ssize_t n = recv(fd, buf, sizeof buf, 0);
        if (n <= 0)
            break;
        got += (unsigned long)n;
    }
    return got;
}

static void play(struct pd_engine *e, const struct pd_codec *codec, const struct sockaddr_in *doors, unsigned rounds)
{
    unsigned long sent = 0;
    unsigned long got = 0;
    struct pd_stats stats;
    for (unsigned round = 0; round < rounds; round++) {
        int fds[CLIENTS];
        for (unsigned i = 0; i < CLIENTS; i++) {
            fds[i] = peer_dial(&doors[(round + i) % 2]);
            sent += (codec->multiplexed ? speak_fastcgi : speak_http)(fds[i], round + i);
        }
        pd_engine_stats(e, &stats);
        for (unsigned i = 0; i < CLIENTS; i++) {
            got += listen_to(fds[i], round + i);
            close(fds[i]);
        }
    }
    printf("%lu requests sent, %lu bytes answered\n", sent, got);
}

/* --- all together ------------------------------------------------------------------------------------------------- */

/* The access log goes into a file of memory; a small buffer, so that it wraps around. */
static int open_log(struct pd_engine *e)
{
    char error[256];
    int fd = memfd_create("access", MFD_CLOEXEC);
    struct pd_access_config config = { .form = PD_ACCESS_JSON, .fd = fd, .buffer = PD_ACCESS_BUFFER_MIN };
    must(fd >= 0 && pd_engine_open_access_log(e, &config, error, sizeof error), "access log");
    return fd;
}

/* Every line is whole. */
static void check_log(int fd)
{
    static char text[1 << 22];
    ssize_t n = pread(fd, text, sizeof text, 0);
    size_t lines = 0;
    must(n > 0 && text[n - 1] == '\n', "the access log has lines");
    for (char *line = text; line < text + n; lines++) {
        char *end = memchr(line, '\n', (size_t)(text + n - line));
        must(end - line > 100 && memcmp(line, "{\"time\":\"", 9) == 0 && end[-1] == '}', "a line is whole");
        line = end + 1;
    }
    must(lines > 0, "lines");
    close(fd);
}

int main(int argc, char **argv)
{
    static struct scene s;
    static struct pd_config config;
    const bool fastcgi = argc > 1 && strcmp(argv[1], "fastcgi") == 0;
    const struct pd_codec *codec = fastcgi ? &pd_codec_fastcgi : &pd_codec_http1;
    pthread_t threads[APP_THREADS + 1];
    pthread_t writer;
    config = PD_CONFIG_DEFAULT;
    config.stream_window = 65536; /* streamed bodies that share a connection go to their spill files */
    if (argc > 3) {
        config.newest_first = true; /* requests make way for each other, and what stays expires soon */
        config.ready_max = 2;
        config.timeouts.queue = 2;
    }
    config.timeouts.request = LIMIT_MS;
    s.takes_turns = argc > 3;
    pthread_mutex_init(&s.turn, NULL);
    signal(SIGPIPE, SIG_IGN); /* sendfile() has no flag for it; Python ignores it, too */
    s.engine = pd_engine_new(&config, NULL, PD_LOOP_EPOLL, NULL);
    s.file = memfd_create("large", MFD_CLOEXEC);
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s.pair) == 0, "pair");
    must(s.engine && s.file >= 0 && ftruncate(s.file, LARGE) == 0, "engine");
    int lines = open_log(s.engine);
    must(pthread_create(&writer, NULL, log_thread, &s) == 0, "thread");
    struct sockaddr_in doors[2];
    for (int i = 0; i < 2; i++)
        doors[i] = peer_door(s.engine, (struct pd_port){ .codec = codec, .stream = i == 1 });
    for (int i = 0; i <= APP_THREADS; i++)
        must(pthread_create(&threads[i], NULL, i < APP_THREADS ? app_thread : relief_thread, &s) == 0, "thread");
    play(s.engine, codec, doors, argc > 2 ? (unsigned)atoi(argv[2]) : 50);
    struct pd_exchange *waiting = atomic_exchange(&s.parked, NULL);
    if (waiting)
        pd_exchange_resume(waiting);
    pd_engine_stop(s.engine, 3000);
    for (int i = 0; i <= APP_THREADS; i++)
        pthread_join(threads[i], NULL);
    pd_engine_close_access_log(s.engine);
    pthread_join(writer, NULL);
    check_log(lines);
    printf("%lu calls\n", atomic_load(&s.served));
    pd_engine_free(s.engine);
    close(s.file);
    close(s.pair[0]);
    close(s.pair[1]);
    return 0;
}
