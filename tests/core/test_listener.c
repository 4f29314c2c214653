/* test_listener.c - TCP and inherited listeners, failing calls, the classes of accept errors. */
#define _GNU_SOURCE
#include "listener_fixture.h"

#include <arpa/inet.h>

static bool open_fd(int fd, bool is_gateway, struct pd_listener *l)
{
    struct pd_listener_config config;
    pd_listener_config_init(&config);
    config.kind = PD_LISTENER_FD;
    config.fd = fd;
    config.is_gateway = is_gateway;
    return open_with(&config, l);
}

static bool has_ipv6(void)
{
    struct pd_listener l;
    bool ok = open_tcp("::1", 0, &l);
    if (ok)
        pd_listener_close(&l);
    return ok;
}

static void test_tcp_reports_its_real_port(void)
{
    static const char *const hosts[] = { "127.0.0.1", "localhost" };
    for (size_t i = 0; i < 2; i++) {
        struct pd_listener l;
        char want[64];
        CHECK(open_tcp(hosts[i], 0, &l));
        CHECK(l.port != 0);
        snprintf(want, sizeof want, "127.0.0.1:%u", l.port);
        CHECK(strcmp(l.name, want) == 0);
        CHECK_INT(l.family, AF_INET);
        check_serves(&l, "127.0.0.1");
        pd_listener_close(&l);
        CHECK_INT(l.fd, -1);
    }
}

static void test_tcp_any_address(void)
{
    static const char *const hosts[] = { "", "*", "0.0.0.0" };
    for (size_t i = 0; i < 3; i++) {
        struct pd_listener l;
        CHECK(open_tcp(hosts[i], 0, &l));
        CHECK(strncmp(l.name, "0.0.0.0:", 8) == 0);
        check_serves(&l, "127.0.0.1");
        pd_listener_close(&l);
    }
}

/* reliability C16: IPv6 alone and both families on one socket. */
static void test_tcp_ipv6(void)
{
    struct pd_listener l;
    if (!has_ipv6()) {
        CHECK_ERR("::1");
        printf("no IPv6 here: the IPv6 listeners were not tested\n");
        return;
    }
    int only = -1;
    socklen_t len = sizeof only;
    CHECK(open_tcp("[::1]", 0, &l));
    CHECK(strncmp(l.name, "[::1]:", 6) == 0);
    CHECK_INT(getsockopt(l.fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &len), 0);
    CHECK_INT(only, 1);
    check_serves(&l, "::1");
    pd_listener_close(&l);

    CHECK(open_tcp("[::]", 0, &l));
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(l.port) };
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_INT(connect(client, (struct sockaddr *)&in, sizeof in), 0);
    struct pd_accepted a;
    char text[PD_ADDR_TEXT_MAX];
    CHECK_INT(pd_listener_accept(&l, &a), PD_ACCEPT_OK);
    pd_addr_text(&a.peer.sa, text, sizeof text);
    CHECK(strcmp(text, "127.0.0.1") == 0); /* not ::ffff:127.0.0.1 */
    close(a.fd);
    close(client);
    pd_listener_close(&l);
}

static void test_tcp_taken_port(void)
{
    struct pd_listener first, second;
    CHECK(open_tcp("127.0.0.1", 0, &first));
    CHECK(!open_tcp("127.0.0.1", first.port, &second));
    CHECK_ERR("PD0201: cannot listen on 127.0.0.1:");
    CHECK_ERR("the address is in use\nStop the program that listens there, or choose another port.");
    uint16_t port = first.port;
    int client = connect_to(&first);
    struct pd_accepted a;
    CHECK_INT(pd_listener_accept(&first, &a), PD_ACCEPT_OK);
    close(a.fd); /* closed by us first: TIME_WAIT on our side */
    close(client);
    pd_listener_close(&first);
    CHECK(open_tcp("127.0.0.1", port, &second));
    pd_listener_close(&second);
}

static void test_tcp_bad_addresses(void)
{
    static const char *const bad[] = {
        "example.org", "1.2.3",
        "[127.0.0.1]", "[::1",
        "::1]",        "127.0.0.1 ",
        "-",           "0123456789012345678901234567890123456789012345678901234567890123456789"
    };
    struct pd_listener l;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(!open_tcp(bad[i], 0, &l));
        CHECK_ERR("not a numeric address");
        CHECK(foreseen);
    }
    CHECK(!open_tcp("192.0.2.1", 0, &l)); /* TEST-NET-1 is nobody's */
    CHECK_ERR("192.0.2.1:0");
    CHECK_ERR("no interface of this machine");
}

static void test_tcp_options_and_backlog(void)
{
    struct pd_listener_config config;
    struct pd_listener l;
    pd_listener_config_init(&config);
    CHECK_INT(config.backlog, 2048);
    CHECK_INT(config.mode, 0660);
    CHECK(open_with(&config, &l));
    int value = 0;
    socklen_t len = sizeof value;
    CHECK_INT(getsockopt(l.fd, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
    CHECK(value > 0);
    CHECK_INT(fcntl(l.fd, F_GETFD), FD_CLOEXEC);
    pd_listener_close(&l);
}

static void test_gateway_exposure(void)
{
    static const char *const open_hosts[] = { "*", "0.0.0.0" };
    struct pd_listener_config config;
    struct pd_listener l;
    struct pd_peer_rule rule;
    CHECK(pd_peer_rule_parse("10.0.0.0/8", &rule));
    pd_listener_config_init(&config);
    config.is_gateway = true;
    for (size_t i = 0; i < 2; i++) {
        config.host = open_hosts[i];
        CHECK(!open_with(&config, &l));
        CHECK_ERR("PD0207: will not open the gateway 0.0.0.0:0 to the network");
        CHECK_ERR("Add ?allow= ");
    }
    config.allow = &rule;
    config.allow_n = 1;
    CHECK(open_with(&config, &l));
    pd_listener_close(&l);
    config.allow_n = 0;
    config.any_peer = true;
    CHECK(open_with(&config, &l));
    pd_listener_close(&l);
    config.any_peer = false;
    config.host = "127.0.0.1";
    CHECK(open_with(&config, &l));
    pd_listener_close(&l);
    config.is_gateway = false;
    config.host = "*";
    CHECK(open_with(&config, &l));
    /* An inherited descriptor is no way round the rule. */
    struct pd_listener inherited;
    CHECK(!open_fd(l.fd, true, &inherited));
    CHECK_ERR("will not open the gateway");
    CHECK(fcntl(l.fd, F_GETFD) >= 0); /* the giver's descriptor stays open */
    pd_listener_close(&l);
}

static void test_inherited(void)
{
    struct pd_listener given, l;
    CHECK(open_unix("given.sock", &given));
    int copy = dup(given.fd);
    CHECK_INT(fcntl(copy, F_SETFL, 0), 0);
    CHECK(open_fd(copy, true, &l));
    CHECK(strcmp(l.name, "unix:given.sock") == 0);
    CHECK_INT(fcntl(l.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK_INT(fcntl(l.fd, F_GETFD), FD_CLOEXEC);
    check_serves(&l, "");
    pd_listener_close(&l);
    CHECK(exists("given.sock")); /* reliability D17: never unlinked */
    check_serves(&given, "");
    pd_listener_close(&given);

    CHECK(open_tcp("127.0.0.1", 0, &given));
    CHECK(open_fd(dup(given.fd), true, &l));
    CHECK_INT(l.port, given.port);
    check_serves(&l, "127.0.0.1");
    pd_listener_close(&l);
    pd_listener_close(&given);

    char name[64];
    snprintf(name, sizeof name, "@pd-given-%ld", (long)getpid());
    CHECK(open_unix(name, &given));
    CHECK(open_fd(dup(given.fd), true, &l));
    CHECK(strcmp(l.name, given.name) == 0);
    pd_listener_close(&l);
    pd_listener_close(&given);
}

/* --- the last accept ---------------------------------------------------------------------------------------------- */

/* Begins to connect; on this machine a handshake that is answered is over when connect() returns. */
static int begin_to_connect(const struct pd_listener *l, bool *connected)
{
    union pd_local addr;
    socklen_t len = sizeof addr;
    CHECK_INT(getsockname(l->fd, &addr.sa, &len), 0);
    int fd = socket(addr.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(connect(fd, &addr.sa, len) < 0);
    CHECK_INT(errno, EINPROGRESS);
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    *connected = poll(&p, 1, 0) == 1;
    return fd;
}

static void test_a_listener_that_refuses_gives_out_what_waits(void)
{
    const char *hosts[] = { "127.0.0.1", "::1" };
    for (size_t i = 0; i < (has_ipv6() ? 2 : 1); i++) {
        struct pd_listener l;
        struct pd_accepted a;
        bool connected;
        CHECK(open_tcp(hosts[i], 0, &l));
        int before = begin_to_connect(&l, &connected);
        CHECK(connected);
        pd_listener_refuse(&l);
        pd_listener_refuse(&l);
        int after = begin_to_connect(&l, &connected);
        CHECK(!connected);
        CHECK_INT(pd_listener_accept(&l, &a), PD_ACCEPT_OK);
        CHECK_INT(send(before, "x", 1, 0), 1); /* its segments pass */
        char got;
        CHECK_INT(recv(a.fd, &got, 1, MSG_DONTWAIT), 1);
        close(a.fd);
        CHECK_INT(pd_listener_accept(&l, &a), PD_ACCEPT_EMPTY);
        pd_listener_close(&l);
        close(before);
        close(after);
    }
}

/* The kernel keeps it back until its first byte: on a busy machine it does until the handshake's last segment. */
static void test_a_listener_that_refuses_awaits_whom_it_has_not_given_out(void)
{
    const char *hosts[] = { "127.0.0.1", "::1" };
    for (size_t i = 0; i < (has_ipv6() ? 2 : 1); i++) {
        struct pd_listener l, copy;
        struct pd_accepted a;
        bool connected;
        int on = 1;
        CHECK(open_tcp(hosts[i], 0, &l));
        CHECK(open_fd(dup(l.fd), false, &copy));
        CHECK_INT(setsockopt(l.fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof on), 0);
        int peer = begin_to_connect(&l, &connected);
        CHECK(connected);
        CHECK_INT(pd_listener_awaits(&l), 0); /* not yet */
        CHECK_INT(pd_listener_awaits(&copy), 0);
        pd_listener_refuse(&l);
        CHECK_INT(pd_listener_accept(&l, &a), PD_ACCEPT_EMPTY);
        CHECK_INT(pd_listener_awaits(&l), 1);
        CHECK_INT(pd_listener_awaits(&copy), 1); /* that of a worker */
        CHECK_INT(send(peer, "x", 1, 0), 1);
        CHECK_INT(pd_listener_awaits(&l), 0);
        CHECK_INT(pd_listener_accept(&l, &a), PD_ACCEPT_OK);
        close(a.fd);
        close(peer);
        pd_listener_close(&copy);
        pd_listener_close(&l);
    }
}

static void test_a_unix_listener_that_refuses_gives_out_what_waits(void)
{
    struct pd_listener l;
    struct pd_accepted a;
    char name[64];
    snprintf(name, sizeof name, "@pd-refusing-%ld", (long)getpid());
    CHECK(open_unix(name, &l));
    int before = connect_to(&l);
    CHECK(before >= 0);
    pd_listener_refuse(&l);
    CHECK_INT(connect_to(&l), -ECONNREFUSED);
    CHECK_INT(pd_listener_accept(&l, &a), PD_ACCEPT_OK);
    close(a.fd);
    CHECK_INT(pd_listener_accept(&l, &a), PD_ACCEPT_EMPTY);
    pd_listener_close(&l);
    close(before);
}

static void test_an_inherited_listener_never_refuses(void)
{
    struct pd_listener given, l;
    CHECK(open_tcp("127.0.0.1", 0, &given));
    CHECK(open_fd(dup(given.fd), true, &l));
    pd_listener_refuse(&l);
    check_serves(&given, "127.0.0.1");
    pd_listener_close(&l);
    pd_listener_close(&given);
}

static void test_inherited_useless(void)
{
    struct pd_listener l;
    int pipe_fds[2];
    CHECK(!open_fd(-1, false, &l));
    CHECK_ERR("it is not open");
    CHECK(!open_fd(999999, false, &l));
    CHECK_ERR("fd://999999: it is not open");
    CHECK(foreseen);
    CHECK_INT(pipe(pipe_fds), 0);
    CHECK(!open_fd(pipe_fds[0], false, &l));
    CHECK_ERR("not a socket");
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(!open_fd(fd, false, &l));
    CHECK_ERR("not a stream socket");
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(!open_fd(fd, false, &l));
    CHECK_ERR("does not listen");
    CHECK(foreseen);
    CHECK_INT(close(fd), 0); /* was left open */
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

/* The n-th call through the table fails with `error`; -1: none. */
struct faulty {
    struct pd_sys sys;
    int calls, fail_at, error, open_fds;
};

static bool must_fail(struct faulty *f)
{
    errno = f->error;
    return ++f->calls == f->fail_at;
}

static int faulty_socket(void *ctx, int domain, int type, int protocol)
{
    struct faulty *f = ctx;
    int fd = must_fail(f) ? -1 : socket(domain, type, protocol);
    f->open_fds += fd >= 0;
    return fd;
}

static int faulty_bind(void *ctx, int fd, const struct sockaddr *addr, socklen_t len)
{
    return must_fail(ctx) ? -1 : bind(fd, addr, len);
}

static int faulty_listen(void *ctx, int fd, int backlog)
{
    return must_fail(ctx) ? -1 : listen(fd, backlog);
}

static int faulty_setsockopt(void *ctx, int fd, int level, int name, const void *value, socklen_t len)
{
    return must_fail(ctx) ? -1 : setsockopt(fd, level, name, value, len);
}

static int faulty_accept4(void *ctx, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    return must_fail(ctx) ? -1 : accept4(fd, addr, len, flags);
}

static int counting_close(void *ctx, int fd)
{
    ((struct faulty *)ctx)->open_fds--;
    return close(fd);
}

static void faulty_init(struct faulty *f, int fail_at, int error)
{
    *f = (struct faulty){ .sys = *pd_sys_default(), .fail_at = fail_at, .error = error };
    f->sys.socket = faulty_socket;
    f->sys.bind = faulty_bind;
    f->sys.listen = faulty_listen;
    f->sys.setsockopt = faulty_setsockopt;
    f->sys.accept4 = faulty_accept4;
    f->sys.close = counting_close;
    f->sys.ctx = f;
}

/* The lowest free descriptor: the same before and after when none leaked. */
static int lowest_fd(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

/* Every call of an opening fails once: a message, nothing left behind. */
static void test_each_call_fails(struct pd_listener_config *config)
{
    static const int errors[] = { EADDRINUSE, EADDRNOTAVAIL, EACCES, EAFNOSUPPORT, EMFILE, EINTR };
    for (size_t e = 0; e < sizeof errors / sizeof *errors; e++) {
        bool ok = false;
        int before = lowest_fd();
        for (int at = 1; !ok && at < 20; at++) {
            struct faulty f;
            struct pd_listener l;
            faulty_init(&f, at, errors[e]);
            err[0] = '\0';
            ok = pd_listener_open(config, &f.sys, &l, err, sizeof err);
            CHECK(ok == (f.calls < at));
            CHECK(ok == (err[0] == '\0'));
            if (ok)
                pd_listener_close(&l);
            CHECK_INT(lowest_fd(), before);
            CHECK(!config->path || (!exists(config->path) && !exists("torture.sock.lock")));
        }
        CHECK(ok);
    }
}

static void test_failing_calls(void)
{
    struct pd_listener_config config;
    pd_listener_config_init(&config);
    test_each_call_fails(&config);
    config.kind = PD_LISTENER_UNIX;
    config.path = "torture.sock";
    test_each_call_fails(&config);
}

/* reliability C1, C2: each error of accept4 has its class. */
static void test_accept_errors(void)
{
    static const struct {
        int error;
        enum pd_accept_result want;
    } cases[] = {
        { EAGAIN, PD_ACCEPT_EMPTY },      { EINTR, PD_ACCEPT_RETRY },      { ECONNABORTED, PD_ACCEPT_RETRY },
        { EPROTO, PD_ACCEPT_RETRY },      { ENETDOWN, PD_ACCEPT_RETRY },   { EHOSTUNREACH, PD_ACCEPT_RETRY },
        { EPERM, PD_ACCEPT_RETRY },       { EMFILE, PD_ACCEPT_EXHAUSTED }, { ENFILE, PD_ACCEPT_EXHAUSTED },
        { ENOBUFS, PD_ACCEPT_EXHAUSTED }, { ENOMEM, PD_ACCEPT_EXHAUSTED }, { EBADF, PD_ACCEPT_BROKEN },
        { EINVAL, PD_ACCEPT_BROKEN },
    };
    struct pd_listener l;
    CHECK(open_tcp("127.0.0.1", 0, &l));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct faulty f;
        struct pd_accepted a;
        faulty_init(&f, 1, cases[i].error);
        l.sys = &f.sys;
        int client = connect_to(&l);
        CHECK_INT(pd_listener_accept(&l, &a), cases[i].want);
        CHECK_INT(errno, cases[i].error);
        CHECK_INT(a.fd, -1);
        CHECK_INT(pd_listener_accept(&l, &a), PD_ACCEPT_OK); /* nothing was lost */
        close(a.fd);
        close(client);
    }
    l.sys = pd_sys_default();
    pd_listener_close(&l);
}

static void run_all(const char *dir)
{
    (void)dir;
    test_tcp_reports_its_real_port();
    test_tcp_any_address();
    test_tcp_ipv6();
    test_tcp_taken_port();
    test_tcp_bad_addresses();
    test_tcp_options_and_backlog();
    test_gateway_exposure();
    test_inherited();
    test_a_listener_that_refuses_gives_out_what_waits();
    test_a_listener_that_refuses_awaits_whom_it_has_not_given_out();
    test_a_unix_listener_that_refuses_gives_out_what_waits();
    test_an_inherited_listener_never_refuses();
    test_inherited_useless();
    test_failing_calls();
    test_accept_errors();
}

int main(void)
{
    return fixture_run(run_all);
}
