/* test_gate.c - the gate of the CGI stub: locks, start, leave, record and count. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "faulty_sys.h"
#include "loop/gate.h"

static struct pd_gate open_gate(void)
{
    struct pd_gate g;
    CHECK(pd_gate_open(&g, pd_sys_default(), "lock"));
    return g;
}

static void start_again(void)
{
    (void)unlink("lock");
    (void)unlink("socket");
}

/* Two descriptions of one file stand for two processes: OFD locks do not look at the process. */
static void test_shared_and_exclusive(void)
{
    struct pd_gate a = open_gate(), b = open_gate();
    CHECK_INT(pd_gate_lock(&a, PD_GATE_SHARED, 0), PD_GATE_OK);
    CHECK_INT(pd_gate_lock(&b, PD_GATE_SHARED, 0), PD_GATE_OK);
    CHECK_INT(pd_gate_lock(&b, PD_GATE_EXCLUSIVE, 0), PD_GATE_LATE);
    CHECK_INT(pd_gate_lock(&b, PD_GATE_EXCLUSIVE, 3), PD_GATE_LATE);
    pd_gate_unlock(&a);
    CHECK_INT(pd_gate_lock(&b, PD_GATE_EXCLUSIVE, 0), PD_GATE_OK);
    CHECK_INT(pd_gate_lock(&a, PD_GATE_SHARED, 0), PD_GATE_LATE);
    pd_gate_close(&b); /* as a killed process */
    CHECK_INT(pd_gate_lock(&a, PD_GATE_SHARED, 0), PD_GATE_OK);
    pd_gate_close(&a);
    start_again();
}

/* A lock that another process gives back while it is waited for. */
static void test_waiting(void)
{
    int told[2];
    CHECK_INT(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
        struct pd_gate b = open_gate();
        char c = 0;
        _exit(pd_gate_lock(&b, PD_GATE_EXCLUSIVE, 0) == PD_GATE_OK && write(told[1], &c, 1) == 1 && pause() ? 0 : 1);
    }
    struct pd_gate a = open_gate();
    char c;
    CHECK_INT(read(told[0], &c, 1), 1);
    CHECK_INT(pd_gate_lock(&a, PD_GATE_EXCLUSIVE, 0), PD_GATE_LATE);
    CHECK_INT(kill(child, SIGKILL), 0);
    CHECK_INT(pd_gate_lock(&a, PD_GATE_EXCLUSIVE, 60000), PD_GATE_OK);
    CHECK_INT(waitpid(child, NULL, 0), child);
    pd_gate_close(&a);
    close(told[0]);
    close(told[1]);
    start_again();
}

static void test_slots(void)
{
    struct pd_gate g[PD_GATE_SLOTS + 1];
    for (int i = 0; i <= PD_GATE_SLOTS; i++) {
        g[i] = open_gate();
        CHECK(pd_gate_take_slot(&g[i]) == (i < PD_GATE_SLOTS));
    }
    pd_gate_close(&g[1]);
    CHECK(pd_gate_take_slot(&g[PD_GATE_SLOTS]));
    CHECK(!pd_gate_is_held(&g[0])); /* the daemon's byte is another one */
    CHECK_INT(pd_gate_lock(&g[0], PD_GATE_EXCLUSIVE, 0), PD_GATE_OK);
    for (int i = 0; i <= PD_GATE_SLOTS; i++)
        pd_gate_close(&g[i]);
    start_again();
}

/* reliability G12: nothing that somebody else planted is used. */
static void test_refused_files(void)
{
    struct pd_gate g;
    CHECK_INT(symlink("elsewhere", "lock"), 0);
    CHECK(!pd_gate_open(&g, pd_sys_default(), "lock"));
    CHECK_INT(errno, ELOOP);
    CHECK_INT(access("elsewhere", F_OK), -1);
    CHECK_INT(unlink("lock"), 0);
    CHECK_INT(mkfifo("lock", 0600), 0);
    CHECK(!pd_gate_open(&g, pd_sys_default(), "lock"));
    CHECK_INT(errno, EPERM);
    CHECK_INT(unlink("lock"), 0);
    g = open_gate();
    CHECK_INT(fchmod(g.fd, 0622), 0);
    struct pd_gate other;
    CHECK(!pd_gate_open(&other, pd_sys_default(), "lock"));
    CHECK_INT(errno, EPERM);
    CHECK(pd_gate_is_current(&g, "lock"));
    CHECK_INT(unlink("lock"), 0);
    CHECK(!pd_gate_is_current(&g, "lock"));
    struct pd_gate again = open_gate();
    CHECK(!pd_gate_is_current(&g, "lock"));
    CHECK(pd_gate_is_current(&again, "lock"));
    pd_gate_close(&again);
    pd_gate_close(&g);
    start_again();
}

/* Opens a listener as the starting stub does; the gate stays locked. */
static int begin(struct pd_gate *g, int *own)
{
    int listener = -1;
    *own = -1;
    CHECK_INT(pd_gate_lock(g, PD_GATE_EXCLUSIVE, 0), PD_GATE_OK);
    CHECK_INT(pd_gate_connect(g, "socket", own), PD_GATE_ABSENT);
    CHECK_INT(pd_gate_listen(g, "socket", &listener, own), PD_GATE_OK);
    return listener;
}

static void test_start(void)
{
    struct pd_gate g = open_gate(), daemon;
    struct stat st;
    int own, fd;
    mode_t old = umask(0);
    int listener = begin(&g, &own);
    CHECK_INT(umask(old), 0);
    CHECK_INT(lstat("socket", &st), 0);
    CHECK_INT(st.st_mode & 07777, 0600);
    CHECK(fcntl(listener, F_GETFD) & fcntl(own, F_GETFD) & FD_CLOEXEC);
    CHECK(fcntl(own, F_GETFL) & O_NONBLOCK);
    struct pd_gate_record record = pd_gate_read(&g);
    CHECK_INT(record.failures, 1);
    CHECK(!record.is_ready && record.pid == 0 && record.started_ms > 0);

    CHECK(pd_gate_open(&daemon, g.sys, "lock") && pd_gate_hold(&daemon));
    int kept = daemon.fd;
    pd_gate_adopt(&daemon, g.sys, kept);
    pd_gate_unlock(&g);
    CHECK(pd_gate_is_held(&g) && !pd_gate_is_held(&daemon));
    CHECK(pd_gate_is_mine(&daemon, "socket"));
    CHECK_INT(pd_gate_connect(&g, "socket", &fd), PD_GATE_OK);
    CHECK(pd_gate_ready(&daemon, listener, 2));
    record = pd_gate_read(&g);
    CHECK(record.is_ready && record.pid == (int32_t)getpid() && record.failures == 0);
    /* A backlog of 2 holds three; two sit there already. */
    int third, none;
    CHECK_INT(pd_gate_connect(&g, "socket", &third), PD_GATE_OK);
    CHECK_INT(pd_gate_connect(&g, "socket", &none), PD_GATE_FULL);
    /* A killed daemon: its byte is free, its socket stale. */
    close(listener);
    pd_gate_close(&daemon);
    CHECK(!pd_gate_is_held(&g));
    CHECK_INT(pd_gate_connect(&g, "socket", &none), PD_GATE_ABSENT);
    close(own);
    close(fd);
    close(third);
    for (uint32_t i = 1; i <= 3; i++) {
        listener = begin(&g, &own); /* over the stale one */
        close(listener);
        close(own);
        record = pd_gate_read(&g);
        CHECK_INT(record.failures, i);
        record.pid = (int32_t)getpid();
        CHECK(pd_gate_write(&g, &record));
        pd_gate_unlock(&g);
    }
    pd_gate_close(&g);
    start_again();
}

static void test_leave(void)
{
    struct pd_gate g = open_gate(), daemon = open_gate();
    int own, fd;
    int listener = begin(&g, &own);
    CHECK(pd_gate_hold(&daemon));
    int kept = daemon.fd;
    pd_gate_adopt(&daemon, g.sys, kept);
    CHECK_INT(pd_gate_leave(&daemon, "socket", listener, true, 0), PD_GATE_LATE); /* the stub has the gate */
    pd_gate_unlock(&g);
    CHECK_INT(pd_gate_leave(&daemon, "socket", listener, true, 0), PD_GATE_PENDING);
    CHECK_INT(pd_gate_lock(&g, PD_GATE_EXCLUSIVE, 0), PD_GATE_OK); /* it was given back */
    pd_gate_unlock(&g);
    int served = accept(listener, NULL, NULL);
    CHECK(pd_gate_ready(&daemon, listener, 4));
    CHECK_INT(pd_gate_leave(&daemon, "socket", listener, true, 0), PD_GATE_OK);
    CHECK_INT(access("socket", F_OK), -1);
    CHECK(!pd_gate_is_held(&g));
    CHECK_INT(pd_gate_read(&g).pid, 0);
    CHECK_INT(pd_gate_read(&g).failures, 0);
    CHECK(!pd_gate_ready(&daemon, listener, 4)); /* too late */
    CHECK_INT(pd_gate_connect(&g, "socket", &fd), PD_GATE_ABSENT);
    close(listener);
    close(served);
    close(own);
    pd_gate_close(&daemon);
    pd_gate_close(&g);
    start_again();
}

/* Who gives up before it serves counts as a failed start, and the next one waits. */
static void test_leave_unready(void)
{
    struct pd_gate g = open_gate(), daemon = open_gate();
    int own;
    int listener = begin(&g, &own);
    struct pd_gate_record record = pd_gate_read(&g);
    record.pid = (int32_t)getpid();
    CHECK(pd_gate_write(&g, &record));
    pd_gate_unlock(&g);
    int kept = daemon.fd;
    pd_gate_adopt(&daemon, g.sys, kept);
    CHECK_INT(pd_gate_leave(&daemon, "socket", listener, false, 0), PD_GATE_OK);
    CHECK_INT(access("socket", F_OK), -1);
    record = pd_gate_read(&g);
    CHECK(record.failures == 1 && record.pid == (int32_t)getpid() && !record.is_ready);
    CHECK(pd_gate_backoff_ms(&record, record.started_ms) > 0);
    close(listener);
    close(own);
    pd_gate_close(&daemon);
    pd_gate_close(&g);
    start_again();
}

/* A stop does not depend on the gate, and never takes the path of a successor away. */
static void test_leave_at_once(void)
{
    struct pd_gate g = open_gate(), daemon = open_gate(), next = open_gate();
    int own, own_next;
    int listener = begin(&g, &own);
    int kept = daemon.fd;
    pd_gate_adopt(&daemon, g.sys, kept);
    CHECK_INT(unlink("socket"), 0); /* a cleaner of /tmp did it */
    CHECK(!pd_gate_is_mine(&daemon, "socket"));
    pd_gate_unlock(&g);
    int listener_next = begin(&next, &own_next);
    CHECK(!pd_gate_ready(&daemon, listener, 4)); /* it boots slowly, and the record tells of its successor now */
    CHECK(!pd_gate_read(&g).is_ready && pd_gate_read(&g).failures == 1);
    CHECK_INT(pd_gate_leave(&daemon, "socket", listener, false, 2), PD_GATE_LATE);
    CHECK_INT(access("socket", F_OK), 0);
    CHECK_INT(pd_gate_read(&g).failures, 1);
    struct pd_gate second = open_gate();
    kept = second.fd;
    pd_gate_adopt(&second, g.sys, kept);
    CHECK_INT(pd_gate_leave(&second, "socket", listener_next, false, 0), PD_GATE_LATE);
    CHECK_INT(access("socket", F_OK), -1);
    CHECK_INT(pd_gate_read(&g).failures, 1); /* it never was ready */
    close(listener);
    close(listener_next);
    close(own);
    close(own_next);
    pd_gate_close(&second);
    pd_gate_close(&next);
    pd_gate_close(&daemon);
    pd_gate_close(&g);
    start_again();
}

static void test_foreign(void)
{
    struct pd_gate g = open_gate();
    int listener = -1, own = -1;
    int file = open("socket", O_CREAT | O_WRONLY, 0600);
    CHECK_INT(pd_gate_connect(&g, "socket", &own), PD_GATE_ABSENT);
    CHECK_INT(pd_gate_listen(&g, "socket", &listener, &own), PD_GATE_FOREIGN);
    CHECK_INT(access("socket", F_OK), 0);
    CHECK_INT(unlink("socket"), 0);
    CHECK_INT(symlink("elsewhere", "socket"), 0);
    CHECK_INT(pd_gate_listen(&g, "socket", &listener, &own), PD_GATE_FOREIGN);
    CHECK_INT(unlink("socket"), 0);
    char far[200];
    memset(far, 'x', sizeof far);
    far[sizeof far - 1] = '\0';
    CHECK_INT(pd_gate_connect(&g, far, &own), PD_GATE_FAILED);
    CHECK_INT(errno, ENAMETOOLONG);
    CHECK_INT(pd_gate_listen(&g, far, &listener, &own), PD_GATE_FAILED);
    CHECK_INT(listener, -1);
    CHECK_INT(own, -1);
    close(file);
    pd_gate_close(&g);
    start_again();
}

/* Somebody else's listener (reliability G12); only root can make one in a test. */
static void test_foreign_peer(void)
{
    if (geteuid() != 0)
        return;
    struct pd_gate g = open_gate();
    int told[2], fd = -1;
    char c;
    CHECK_INT(pipe(told), 0);
    CHECK_INT(chmod(".", 0777), 0);
    pid_t child = fork();
    if (child == 0) {
        struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "socket" };
        int s = socket(AF_UNIX, SOCK_STREAM, 0);
        bool ok = setuid(65534) == 0 && bind(s, (struct sockaddr *)&un, sizeof un) == 0 && listen(s, 5) == 0;
        _exit(ok && write(told[1], "", 1) == 1 && pause() ? 0 : 1);
    }
    CHECK_INT(read(told[0], &c, 1), 1);
    CHECK_INT(pd_gate_connect(&g, "socket", &fd), PD_GATE_FOREIGN);
    CHECK_INT(fd, -1);
    CHECK_INT(kill(child, SIGKILL), 0);
    CHECK_INT(waitpid(child, NULL, 0), child);
    CHECK_INT(pd_gate_connect(&g, "socket", &fd), PD_GATE_ABSENT);
    int listener;
    CHECK_INT(pd_gate_listen(&g, "socket", &listener, &fd), PD_GATE_FOREIGN); /* stale, but not ours */
    close(told[0]);
    close(told[1]);
    pd_gate_close(&g);
    start_again();
}

static void test_record(void)
{
    struct pd_gate g = open_gate();
    struct pd_gate_record record = pd_gate_read(&g);
    CHECK(!record.started_ms && !record.failures && !record.pid && !record.is_ready && !record.ino);
    record = (struct pd_gate_record){ 1000, 2, 3, 4, 5, true };
    CHECK(pd_gate_write(&g, &record));
    char bytes[PD_GATE_RECORD_SIZE];
    CHECK_INT(pread(g.fd, bytes, sizeof bytes, 16), sizeof bytes);
    struct pd_slice whole = pd_slice(bytes, sizeof bytes);
    record = pd_gate_parse(whole, 2000);
    CHECK(record.started_ms == 1000 && record.dev == 2 && record.ino == 3 && record.failures == 4 && record.pid == 5);
    CHECK(record.is_ready);
    CHECK_INT(pd_gate_parse(whole, 999).started_ms, 0); /* the clock was set back */
    for (size_t n = 0; n < sizeof bytes; n++)
        CHECK_INT(pd_gate_parse(pd_slice(bytes, n), 2000).ino, 0);
    bytes[6]++;
    CHECK_INT(pd_gate_parse(whole, 2000).ino, 0);
    pd_gate_close(&g);
    start_again();
}

static void test_backoff(void)
{
    struct pd_gate_record record = { .started_ms = 5000, .pid = 7 };
    CHECK_INT(pd_gate_backoff_ms(&record, 5000), 0);
    record.failures = 1;
    CHECK_INT(pd_gate_backoff_ms(&record, 5000), 1000);
    CHECK_INT(pd_gate_backoff_ms(&record, 5999), 1);
    CHECK_INT(pd_gate_backoff_ms(&record, 6000), 0);
    record.pid = 0; /* the stub was killed before there was a daemon: nothing is wrong with that */
    CHECK_INT(pd_gate_backoff_ms(&record, 5000), 0);
    record.pid = 7;
    record.failures = 4;
    CHECK_INT(pd_gate_backoff_ms(&record, 5000), 8000);
    record.failures = 1000;
    CHECK_INT(pd_gate_backoff_ms(&record, 5000), PD_GATE_BACKOFF_MAX_MS);
    record.started_ms = 0; /* not known */
    CHECK_INT(pd_gate_backoff_ms(&record, 1700000000000), 0);
}

static int64_t wall;

static int64_t given_wall_s(void *ctx)
{
    (void)ctx;
    return wall;
}

static void test_arrivals(void)
{
    struct pd_gate g = open_gate();
    struct pd_sys sys = *pd_sys_default();
    sys.wall_s = given_wall_s;
    g.sys = &sys;
    wall = 60000;
    CHECK_INT(pd_gate_rate(&g), 0);
    for (uint32_t i = 1; i <= 30; i++)
        CHECK_INT(pd_gate_arrive(&g), i);
    wall = 60060; /* a minute later all of them count, half a minute later half */
    CHECK_INT(pd_gate_rate(&g), 30);
    wall = 60090;
    CHECK_INT(pd_gate_arrive(&g), 16);
    wall = 60180;
    CHECK_INT(pd_gate_rate(&g), 0);
    wall = 50000; /* the clock was set back */
    CHECK_INT(pd_gate_arrive(&g), 1);
    char full[16];
    memset(full, 0xff, sizeof full);
    memset(full, 0, 8);
    wall = 1;
    CHECK_INT(pwrite(g.fd, full, sizeof full, 16 + PD_GATE_RECORD_SIZE), sizeof full);
    CHECK_INT(pd_gate_arrive(&g), UINT32_MAX);
    pd_gate_close(&g);
    start_again();
}

/* A stub's way through the gate and the daemon's, for the loop below; any result is right but a crash or a leak. */
static void go_through(const struct pd_sys *sys)
{
    struct pd_gate g, daemon;
    int fd = -1, own = -1, listener = -1;
    if (!pd_gate_open(&g, sys, "lock"))
        return;
    (void)pd_gate_arrive(&g);
    if (pd_gate_lock(&g, PD_GATE_EXCLUSIVE, 0) == PD_GATE_OK && pd_gate_connect(&g, "socket", &fd) == PD_GATE_ABSENT &&
        pd_gate_listen(&g, "socket", &listener, &own) == PD_GATE_OK) {
        CHECK(listener >= 0 && own >= 0);
        pd_gate_unlock(&g);
        if (pd_gate_open(&daemon, sys, "lock")) {
            bool holds = pd_gate_hold(&daemon);
            int kept = daemon.fd;
            pd_gate_adopt(&daemon, sys, kept);
            CHECK(pd_gate_is_held(&g) <= holds);
            (void)pd_gate_ready(&daemon, listener, 3);
            if (pd_gate_leave(&daemon, "socket", listener, true, 0) == PD_GATE_OK)
                CHECK(daemon.has_left);
            enum pd_gate_result r = pd_gate_leave(&daemon, "socket", listener, false, 0);
            CHECK(r == PD_GATE_OK || r == PD_GATE_LATE || r == PD_GATE_FAILED);
            pd_gate_close(&daemon);
        }
    }
    CHECK(pd_gate_is_current(&g, "lock") || errno);
    for (int *p = (int[]){ fd, own, listener, -1 }, i = 0; i < 3; i++)
        if (p[i] >= 0)
            (void)sys->close(sys->ctx, p[i]);
    pd_gate_close(&g);
}

static void test_torture(void)
{
    struct faulty_sys f;
    faulty_init(&f);
    for (enum faulty_call call = 0; call < FAULTY_CALLS_N; call++) {
        size_t n;
        const int *errors = faulty_errors(call, &n);
        for (size_t e = 0; e < n; e++)
            for (size_t at = 1;; at++) {
                faulty_set(&f, (struct faulty_plan){ .call = call, .at = at, .error = errors[e] });
                go_through(&f.sys);
                CHECK_INT(f.descriptors, 0);
                start_again();
                if (!f.faults)
                    break;
            }
    }
}

int main(void)
{
    char dir[] = "/tmp/pd-gate-XXXXXX";
    if (!mkdtemp(dir) || chdir(dir) < 0)
        return 1;
    test_shared_and_exclusive();
    test_waiting();
    test_slots();
    test_refused_files();
    test_start();
    test_leave();
    test_leave_unready();
    test_leave_at_once();
    test_foreign();
    test_foreign_peer();
    test_record();
    test_backoff();
    test_arrivals();
    test_torture();
    CHECK_INT(chdir("/"), 0);
    CHECK_INT(rmdir(dir), 0);
    return check_result();
}
