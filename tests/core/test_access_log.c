/* test_access_log.c - the access log's buffer and writer: nothing is split, nobody waits, what is lost is told. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "engine/access.h"
#include "faulty_sys.h"

struct scene {
    struct pd_host host; /* first: the access log gives this pointer back */
    struct faulty_sys faulty;
    struct pd_sys plain;
    char said[2048]; /* what came into the engine's log */
    size_t room;     /* bytes that the disk still has; then ENOSPC */
    struct pd_conn conn;
    struct pd_exchange x;
    struct pd_var vars[2];
};

static void take_note(struct pd_host *h, int number, const char *what, const struct pd_conn *c,
                      const struct pd_exchange *x)
{
    struct scene *s = (struct scene *)h;
    size_t n = strlen(s->said);
    CHECK(!c && !x);
    snprintf(s->said + n, sizeof s->said - n, "%d: %s\n", number, what);
}

static void scene_init(struct scene *s)
{
    memset(s, 0, sizeof *s);
    faulty_init(&s->faulty);
    s->plain = s->faulty.sys;
    s->faulty.own_clock = true;
    s->faulty.now_ns = 5000000000;
    s->host.sys = &s->faulty.sys;
    s->host.log = take_note;
    s->conn.codec = &pd_codec_http1;
    s->conn.host = &s->host;
    s->vars[0] = (struct pd_var){ .id = PD_NAME_REQUEST_URI, .value = PD_SLICE("/a?b") };
    s->vars[1] = (struct pd_var){ .id = PD_NAME_REMOTE_ADDR, .value = PD_SLICE("::1") };
    s->x.conn = &s->conn;
    s->x.head_sent = true;
    s->x.response.status = 200;
    s->x.begin_ns = s->faulty.now_ns;
    s->x.request = (struct pd_request){ .vars = s->vars, .nvars = 2, .method = PD_SLICE("GET") };
}

static struct pd_access *begin(struct scene *s, struct pd_access_config config)
{
    char error[256];
    struct pd_access *a = pd_access_new(&s->host, &config, error, sizeof error);
    CHECK(a != NULL);
    if (!a)
        exit(1);
    return a;
}

static void note(struct pd_access *a, struct scene *s, const char *uri)
{
    s->vars[0].value = pd_slice(uri, strlen(uri));
    pd_access_note(a, &s->x);
}

/* What the writer's thread would do from now on until the end. */
static void finish(struct pd_access *a)
{
    pd_access_stop(a);
    pd_access_run(a);
    pd_access_free(a);
}

static void check_read(int fd, const char *want)
{
    char got[8192];
    ssize_t n = read(fd, got, sizeof got);
    CHECK_SLICE(pd_slice(got, n < 0 ? 0 : (size_t)n), pd_slice(want, strlen(want)));
}

/* The lines of short form, without their time. */
static void check_lines(int fd, const char *want)
{
    char got[8192];
    char cut[8192] = "";
    ssize_t n = read(fd, got, sizeof got - 1);
    got[n < 0 ? 0 : n] = '\0';
    for (char *line = got; *line; line = strchr(line, '\n') + 1)
        snprintf(cut + strlen(cut), sizeof cut - strlen(cut), "%.*s", (int)(strchr(line, '\n') + 1 - line) - 9,
                 line + 9);
    CHECK_SLICE(pd_slice(cut, strlen(cut)), pd_slice(want, strlen(want)));
}

/* --- what makes a line -------------------------------------------------------------------------------------------- */

static void test_requests_become_lines(void)
{
    static struct scene s;
    int pipe_fd[2];
    scene_init(&s);
    CHECK(pipe(pipe_fd) == 0);
    struct pd_access *a = begin(&s, (struct pd_access_config){ .fd = pipe_fd[1] });
    s.x.id = 0xab;
    s.x.body_sent = 12;
    note(a, &s, "/a?b");
    s.x.broken = true;
    note(a, &s, "/b");
    s.x.head_sent = false; /* it left before there was a response */
    note(a, &s, "/c");
    s.x.request.method = PD_SLICE_NONE; /* bytes that were no request */
    note(a, &s, "/d");
    finish(a);
    close(pipe_fd[1]);
    check_lines(pipe_fd[0], "::1 GET /a?b 200 12B 0.0ms 00000000000000ab\n"
                            "::1 GET /b 200 12B 0.0ms 00000000000000ab broken\n"
                            "::1 GET /c - 12B 0.0ms 00000000000000ab broken\n");
    close(pipe_fd[0]);
    CHECK_INT(s.faulty.blocks, 0);
    CHECK_STR(pd_slice(s.said, strlen(s.said)), "");
}

static void test_what_the_front_end_says_when_there_is_no_target(void)
{
    static struct scene s;
    int pipe_fd[2];
    scene_init(&s);
    CHECK(pipe(pipe_fd) == 0);
    struct pd_access *a = begin(&s, (struct pd_access_config){ .fd = pipe_fd[1] });
    s.vars[1].value = PD_SLICE(""); /* nor a peer: the other end of the connection */
    memcpy(s.conn.peer_addr, "10.0.0.1", 9);
    s.x.request.path = PD_SLICE("/p");
    s.x.request.query = PD_SLICE("q");
    note(a, &s, "");
    s.x.request.query = PD_SLICE_NONE;
    note(a, &s, "");
    finish(a);
    close(pipe_fd[1]);
    check_lines(pipe_fd[0], "10.0.0.1 GET /p?q 200 0B 0.0ms 0000000000000000\n"
                            "10.0.0.1 GET /p 200 0B 0.0ms 0000000000000000\n");
    close(pipe_fd[0]);
}

static void test_excluded_paths(void)
{
    static struct scene s;
    const struct pd_slice exclude[] = { PD_SLICE("/health"), PD_SLICE("/static/*") };
    int pipe_fd[2];
    scene_init(&s);
    CHECK(pipe(pipe_fd) == 0);
    struct pd_access *a = begin(&s, (struct pd_access_config){ .fd = pipe_fd[1], .exclude = exclude, .nexclude = 2 });
    const char *const paths[] = {
        "/health", "/health?x", "/healthy", "/health/", "/static/", "/static/a?b", "/static"
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        note(a, &s, paths[i]);
    finish(a);
    close(pipe_fd[1]);
    check_lines(pipe_fd[0], "::1 GET /healthy 200 0B 0.0ms 0000000000000000\n"
                            "::1 GET /health/ 200 0B 0.0ms 0000000000000000\n"
                            "::1 GET /static 200 0B 0.0ms 0000000000000000\n");
    close(pipe_fd[0]);
}

/* --- readers that do not read, disks that are full ---------------------------------------------------------------- */

/* Nothing is ready, and the time that was asked for passes. */
static int poll_in_vain(void *ctx, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    struct faulty_sys *f = ctx;
    for (nfds_t i = 0; i < n; i++)
        fds[i].revents = 0;
    CHECK(timeout_ms >= 0);
    f->now_ns += (uint64_t)timeout_ms * 1000000;
    return 0;
}

static void test_a_stalled_reader_costs_lines_and_no_time(void)
{
    static struct scene s;
    scene_init(&s);
    s.faulty.sys.poll = poll_in_vain;
    struct pd_access *a = begin(&s, (struct pd_access_config){ .fd = STDIN_FILENO });
    size_t fires = 0;
    for (int i = 0; i < 1000; i++) {
        size_t before = s.faulty.calls[FAULTY_WRITE];
        note(a, &s, "/a");
        fires += s.faulty.calls[FAULTY_WRITE] - before;
    }
    CHECK_INT(fires, 1); /* when it is half full; until then the writer is awake anyway */
    CHECK(a->lost > 0 && pd_ring_used(&a->lines) <= PD_ACCESS_BUFFER_MIN);
    uint64_t began = s.faulty.now_ns;
    pd_access_stop(a);
    pd_access_run(a);
    CHECK((s.faulty.now_ns - began) / 1000000 <= 1001);
    CHECK_STR(pd_slice(s.said, strlen(s.said)),
              "312: dropped lines of the access log: 1000; its reader is too slow, or its disk full\n");
    pd_access_free(a);
    CHECK_INT(s.faulty.blocks, 0);
}

static void test_a_reader_that_has_left_switches_it_off(void)
{
    static struct scene s;
    int pipe_fd[2];
    scene_init(&s);
    CHECK(pipe(pipe_fd) == 0);
    close(pipe_fd[0]);
    struct pd_access *a = begin(&s, (struct pd_access_config){ .fd = pipe_fd[1] });
    note(a, &s, "/a");
    pd_access_stop(a);
    pd_access_run(a);
    CHECK_STR(pd_slice(s.said, strlen(s.said)),
              "311: the access log cannot be written: Broken pipe; it is off from now on\n");
    note(a, &s, "/b");
    CHECK_INT(pd_ring_used(&a->lines), 0);
    pd_access_free(a);
    CHECK(fcntl(pipe_fd[1], F_GETFD) >= 0); /* it was lent */
    close(pipe_fd[1]);
}

/* An application may close standard output; its number is a client's connection then. */
static void test_what_becomes_of_the_number_is_not_followed(void)
{
    static struct scene s;
    int pipe_fd[2];
    int other[2];
    char byte;
    scene_init(&s);
    CHECK(pipe(pipe_fd) == 0 && pipe(other) == 0);
    struct pd_access *a = begin(&s, (struct pd_access_config){ .fd = pipe_fd[1] });
    CHECK(dup2(other[1], pipe_fd[1]) == pipe_fd[1]);
    note(a, &s, "/a");
    pd_access_stop(a);
    pd_access_run(a);
    pd_access_free(a);
    CHECK_INT(s.faulty.descriptors, 0);
    close(pipe_fd[1]);
    close(other[1]);
    CHECK_INT(read(other[0], &byte, 1), 0);
    check_lines(pipe_fd[0], "::1 GET /a 200 0B 0.0ms 0000000000000000\n");
    close(pipe_fd[0]);
    close(other[0]);
}

static void test_a_closed_number_is_refused(void)
{
    static struct scene s;
    char error[256];
    scene_init(&s);
    const struct pd_access_config config = { .form = PD_ACCESS_SHORT, .fd = -1, .buffer = PD_ACCESS_BUFFER_MIN };
    CHECK(pd_access_new(&s.host, &config, error, sizeof error) == NULL);
    CHECK_STR(pd_slice(error, strlen(error)),
              "PD0310: cannot open the access log on a descriptor that was given: Bad file descriptor");
    CHECK_INT(s.faulty.blocks, 0);
}

static ssize_t write_while_room(void *ctx, int fd, const void *buf, size_t n)
{
    struct scene *s = (struct scene *)(void *)((char *)ctx - offsetof(struct scene, faulty));
    if (n == sizeof(uint64_t)) /* a wake-up */
        return s->plain.write(ctx, fd, buf, n);
    if (!s->room) {
        errno = ENOSPC;
        return -1;
    }
    n = n < s->room ? n : s->room;
    s->room -= n;
    return s->plain.write(ctx, fd, buf, n);
}

/* One batch, as the writer's thread writes it; each end tells what was lost. */
static void write_now(struct pd_access *a)
{
    a->deadline_ns = 0;
    pd_access_stop(a);
    pd_access_run(a);
    a->stopping = false;
}

static void test_a_full_disk_costs_lines_and_splits_none(void)
{
    static struct scene s;
    char path[] = "/tmp/access-log-XXXXXX";
    scene_init(&s);
    s.faulty.sys.write = write_while_room;
    close(mkstemp(path));
    struct pd_access *a = begin(&s, (struct pd_access_config){ .path = path });
    s.room = 46; /* the line has 50 bytes */
    note(a, &s, "/a");
    write_now(a);
    note(a, &s, "/b");
    write_now(a);
    s.room = 1000;
    note(a, &s, "/c");
    write_now(a);
    pd_access_free(a);
    CHECK_STR(pd_slice(s.said, strlen(s.said)),
              "311: the access log cannot be written: No space left on device; its lines are lost until "
              "it can\n"
              "312: dropped lines of the access log: 1; its reader is too slow, or its disk full\n"
              "312: dropped lines of the access log: 1; its reader is too slow, or its disk full\n");
    int fd = open(path, O_RDONLY);
    check_lines(fd, "::1 GET /a 200 0B 0.0ms 0000000000000\n::1 GET /c 200 0B 0.0ms 0000000000000000\n");
    close(fd);
    unlink(path);
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static void test_a_file_is_appended_to_and_reopened(void)
{
    static struct scene s;
    char folder[] = "/tmp/access-log-XXXXXX";
    char path[64];
    char old[64];
    scene_init(&s);
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(old, sizeof old, "%s/old", folder);
    umask(0);
    struct pd_access *a = begin(&s, (struct pd_access_config){ .path = path });
    struct stat st;
    CHECK(fstat(a->fd, &st) == 0 && (st.st_mode & 0777) == 0640);
    CHECK(fcntl(a->fd, F_GETFD) & FD_CLOEXEC);
    CHECK((fcntl(a->fd, F_GETFL) & O_APPEND) != 0);
    note(a, &s, "/a");
    write_now(a);
    CHECK(rename(path, old) == 0);
    CHECK(pd_access_reopen(a) && pd_access_reopen(a));
    note(a, &s, "/b");
    finish(a);
    int fds[2] = { open(old, O_RDONLY), open(path, O_RDONLY) };
    check_lines(fds[0], "::1 GET /a 200 0B 0.0ms 0000000000000000\n");
    check_lines(fds[1], "::1 GET /b 200 0B 0.0ms 0000000000000000\n");
    close(fds[0]);
    close(fds[1]);
    unlink(old);
    unlink(path);
    CHECK(rmdir(folder) == 0);
    CHECK_INT(s.faulty.descriptors, 0);
}

static void test_what_cannot_be_opened_is_said(void)
{
    static struct scene s;
    char error[256];
    char path[] = "/tmp/access-log-XXXXXX";
    scene_init(&s);
    struct pd_access_config config = { .path = "/nowhere/at/all" };
    CHECK(pd_access_new(&s.host, &config, error, sizeof error) == NULL);
    CHECK_STR(pd_slice(error, strlen(error)), "PD0310: cannot open the access log /nowhere/at/all: No such file or "
                                              "directory\nCreate its directory first.");
    char foreseen[sizeof error];
    CHECK(!pd_access_check(config.path, foreseen, sizeof foreseen));
    CHECK(strcmp(foreseen, error) == 0);
    CHECK(!pd_access_check("/tmp", foreseen, sizeof foreseen));
    CHECK(strstr(foreseen, "Is a directory") != NULL);
    close(mkstemp(path));
    unlink(path);
    CHECK(pd_access_check(path, foreseen, sizeof foreseen) && access(path, F_OK) < 0); /* nothing is made there */
    CHECK(mkfifo(path, 0600) == 0);
    config.path = path;
    CHECK(pd_access_new(&s.host, &config, error, sizeof error) == NULL);
    CHECK(strstr(error, "\nIt is a pipe that nobody reads: start the reader first.") != NULL);
    unlink(path);
    CHECK_INT(s.faulty.blocks, 0);
}

/* A named pipe, whose reader reads nothing at first: the writer waits in poll(), not in write(). */
static void test_a_named_pipe(void)
{
    static struct scene s;
    char path[] = "/tmp/access-log-XXXXXX";
    scene_init(&s);
    close(mkstemp(path));
    unlink(path);
    CHECK(mkfifo(path, 0600) == 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    struct pd_access *a = begin(&s, (struct pd_access_config){ .path = path });
    note(a, &s, "/a");
    finish(a);
    check_lines(reader, "::1 GET /a 200 0B 0.0ms 0000000000000000\n");
    check_read(reader, "");
    close(reader);
    unlink(path);
}

/* --- every call fails --------------------------------------------------------------------------------------------- */

/* From birth to end; the lines that came through. */
static long live(struct scene *s, const char *path)
{
    char error[256];
    char got[4096];
    struct pd_access_config config = { .path = path, .exclude = &PD_SLICE("/no"), .nexclude = 1 };
    CHECK(truncate(path, 0) == 0);
    struct pd_access *a = pd_access_new(&s->host, &config, error, sizeof error);
    if (!a)
        return -1;
    note(a, s, "/a");
    bool reopened = pd_access_reopen(a);
    note(a, s, "/b");
    (void)reopened;
    finish(a);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, got, sizeof got);
    close(fd);
    long lines = 0;
    for (ssize_t i = 0; i < n; i++)
        lines += got[i] == '\n';
    CHECK(n == 0 || got[n - 1] == '\n');
    return lines;
}

static void torture_one(const char *path, struct faulty_plan plan)
{
    static struct scene s;
    scene_init(&s);
    faulty_set(&s.faulty, plan);
    long lines = live(&s, path);
    unsigned lost = 0;
    const char *lost_text = "312: dropped lines of the access log: ";
    const char *told = strstr(s.said, lost_text);
    if (told)
        lost = (unsigned)strtoul(told + strlen(lost_text), NULL, 10);
    CHECK(lines < 0 || lines + lost == 2); /* what is not there is told */
    CHECK(lines == 2 || plan.error != EINTR || plan.for_ever);
    CHECK_INT(s.faulty.blocks, 0);
    CHECK_INT(s.faulty.descriptors, 0);
}

static void test_every_call_may_fail(void)
{
    static struct scene s;
    char path[] = "/tmp/access-log-XXXXXX";
    close(mkstemp(path));
    scene_init(&s);
    CHECK_INT(live(&s, path), 2);
    for (int call = 0; call < FAULTY_CALLS_N; call++) {
        size_t n;
        const int *errors = faulty_errors((enum faulty_call)call, &n);
        for (size_t at = 1; at <= s.faulty.calls[call]; at++)
            for (size_t i = 0; i < n; i++) {
                torture_one(path, (struct faulty_plan){ (enum faulty_call)call, at, false, errors[i] });
                if (errors[i] != EINTR)
                    torture_one(path, (struct faulty_plan){ (enum faulty_call)call, at, true, errors[i] });
            }
    }
    unlink(path);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_requests_become_lines();
    test_what_the_front_end_says_when_there_is_no_target();
    test_excluded_paths();
    test_a_stalled_reader_costs_lines_and_no_time();
    test_a_reader_that_has_left_switches_it_off();
    test_what_becomes_of_the_number_is_not_followed();
    test_a_closed_number_is_refused();
    test_a_full_disk_costs_lines_and_splits_none();
    test_a_file_is_appended_to_and_reopened();
    test_what_cannot_be_opened_is_said();
    test_a_named_pipe();
    test_every_call_may_fail();
    return check_result();
}
