/* test_listener.c - opening, guarding and accepting. Paths lie in a directory of its own. */
#define _GNU_SOURCE
#include "loop/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static char err[512];

#define CHECK_ERR(part) check_err((part), __LINE__)

static void check_err(const char *part, int line)
{
    check_that(strstr(err, part) != NULL, __FILE__, line, part);
    if (!strstr(err, part))
        fprintf(stderr, "  the message is: %s\n", err);
}

static bool open_with(const struct pd_listener_config *config, struct pd_listener *l)
{
    err[0] = '\0';
    bool ok = pd_listener_open(config, pd_sys_default(), l, err, sizeof err);
    CHECK(ok == (err[0] == '\0'));
    CHECK(ok == (l->fd >= 0));
    return ok;
}

static bool open_tcp(const char *host, uint16_t port, struct pd_listener *l)
{
    struct pd_listener_config config;
    pd_listener_config_init(&config);
    config.host = host;
    config.port = port;
    return open_with(&config, l);
}

static bool open_unix(const char *path, struct pd_listener *l)
{
    struct pd_listener_config config;
    pd_listener_config_init(&config);
    config.kind = PD_LISTENER_UNIX;
    config.path = path;
    return open_with(&config, l);
}

static bool open_fd(int fd, bool is_gateway, struct pd_listener *l)
{
    struct pd_listener_config config;
    pd_listener_config_init(&config);
    config.kind = PD_LISTENER_FD;
    config.fd = fd;
    config.is_gateway = is_gateway;
    return open_with(&config, l);
}

/* Connects to where the listener listens; the descriptor or -errno. */
static int connect_to(const struct pd_listener *l)
{
    union pd_local addr;
    socklen_t len = sizeof addr;
    memset(&addr, 0, sizeof addr);
    CHECK_INT(getsockname(l->fd, &addr.sa, &len), 0);
    int fd = socket(addr.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, &addr.sa, len) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

/* One connection goes through; `peer_text` is what its address must look like. */
static void check_serves(struct pd_listener *l, const char *peer_text)
{
    struct pd_accepted a;
    char text[PD_ADDR_TEXT_MAX];
    CHECK_INT(pd_listener_accept(l, &a), PD_ACCEPT_EMPTY);
    int client = connect_to(l);
    CHECK(client >= 0);
    CHECK_INT(pd_listener_accept(l, &a), PD_ACCEPT_OK);
    CHECK_INT(fcntl(a.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK_INT(fcntl(a.fd, F_GETFD), FD_CLOEXEC);
    pd_addr_text(&a.peer.sa, text, sizeof text);
    CHECK_SLICE(pd_slice(text, strlen(text)), pd_slice(peer_text, strlen(peer_text)));
    if (l->family != AF_UNIX) {
        int value = 0;
        socklen_t len = sizeof value;
        CHECK_INT(getsockopt(a.fd, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
        CHECK(value != 0); /* inherited from the listener */
        CHECK(pd_addr_port(&a.peer.sa) != 0);
    }
    close(a.fd);
    close(client);
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static bool has_ipv6(void)
{
    struct pd_listener l;
    bool ok = open_tcp("::1", 0, &l);
    if (ok)
        pd_listener_close(&l);
    return ok;
}

/* --- TCP --------------------------------------------------------------- */

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
    CHECK_ERR("address already in use: 127.0.0.1:");
    CHECK_ERR("stop it or choose another port");
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
        CHECK_ERR("not an address");
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
    config.defer_accept = true;
    CHECK(open_with(&config, &l));
    int value = 0;
    socklen_t len = sizeof value;
    CHECK_INT(getsockopt(l.fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &value, &len), 0);
    CHECK(value > 0);
    CHECK_INT(fcntl(l.fd, F_GETFD), FD_CLOEXEC);
    pd_listener_close(&l);
}

/* --- who may connect ----------------------------------------------------- */

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
        CHECK_ERR("refusing to open the gateway 0.0.0.0:0 to the network");
        CHECK_ERR("set its allow list");
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
    CHECK_ERR("refusing to open the gateway");
    CHECK(fcntl(l.fd, F_GETFD) >= 0); /* the giver's descriptor stays open */
    pd_listener_close(&l);
}

static bool matches(const char *rule_text, const char *peer_text)
{
    struct pd_peer_rule rule;
    union pd_local peer;
    CHECK(pd_peer_rule_parse(rule_text, &rule));
    CHECK(pd_addr_parse(peer_text, 1, &peer) > 0);
    struct pd_listener l = { .allow = &rule, .allow_n = 1 };
    return pd_listener_peer_allowed(&l, &peer.sa);
}

static void test_peer_rules(void)
{
    static const char *const bad[] = {
        "",           "*",         "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "10.0.0.0/-1", "/8",
        "10.1.0.0/8", "fd00::1/8", "fd00::/129",  "host",      "[::1/128",    "10.0/16",     "10.0.0.0/4294967304"
    };
    CHECK(matches("10.0.0.0/8", "10.255.0.1"));
    CHECK(!matches("10.0.0.0/8", "11.0.0.1"));
    CHECK(matches("10.0.0.0/9", "10.127.255.255"));
    CHECK(!matches("10.0.0.0/9", "10.128.0.0"));
    CHECK(matches("10.1.2.3", "10.1.2.3"));
    CHECK(!matches("10.1.2.3", "10.1.2.2"));
    CHECK(matches("0.0.0.0/0", "203.0.113.9"));
    CHECK(!matches("0.0.0.0/0", "::1"));
    CHECK(matches("fd00::/8", "fdff::1"));
    CHECK(!matches("fd00::/8", "fe00::1"));
    CHECK(matches("[::1]", "::1"));
    CHECK(matches("::/0", "2001:db8::1"));
    CHECK(!matches("::/0", "10.0.0.1"));
    CHECK(matches("10.0.0.0/8", "::ffff:10.0.0.1")); /* a dual-stack socket's IPv4 peer */
    CHECK(!matches("::/0", "::ffff:10.0.0.1"));
    CHECK(matches("localhost", "127.0.0.1"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pd_peer_rule rule;
        CHECK(!pd_peer_rule_parse(bad[i], &rule));
    }
    struct pd_peer_rule two[2];
    union pd_local peer;
    CHECK(pd_peer_rule_parse("10.0.0.1", &two[0]) && pd_peer_rule_parse("::1", &two[1]));
    struct pd_listener l = { .allow = two, .allow_n = 2 };
    CHECK(pd_addr_parse("::1", 1, &peer) > 0);
    CHECK(pd_listener_peer_allowed(&l, &peer.sa));
    CHECK(pd_addr_parse("::2", 1, &peer) > 0);
    CHECK(!pd_listener_peer_allowed(&l, &peer.sa));
    CHECK(pd_listener_peer_allowed(&l, &(struct sockaddr){ .sa_family = AF_UNIX }));
    l.allow_n = 0;
    CHECK(pd_listener_peer_allowed(&l, &peer.sa));
}

static void test_loopback(void)
{
    static const char *const yes[] = { "127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1" };
    static const char *const no[] = { "128.0.0.1", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1", "fe80::1" };
    union pd_local addr;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        CHECK(pd_addr_parse(yes[i], 0, &addr) && pd_addr_is_loopback(&addr.sa));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        CHECK(pd_addr_parse(no[i], 0, &addr) && !pd_addr_is_loopback(&addr.sa));
}

/* --- Unix ------------------------------------------------------------------ */

/* reliability D16: the mode holds whatever the umask is. */
static void test_unix_mode_and_cleanup(void)
{
    static const mode_t masks[] = { 0, 022, 0777 };
    for (size_t i = 0; i < 3; i++) {
        struct pd_listener l;
        struct stat st;
        mode_t old = umask(masks[i]);
        bool ok = open_unix("a.sock", &l);
        umask(old);
        CHECK(ok);
        if (!ok)
            continue;
        CHECK(strcmp(l.name, "unix:a.sock") == 0);
        CHECK_INT(lstat("a.sock", &st), 0);
        CHECK(S_ISSOCK(st.st_mode));
        CHECK_INT(st.st_mode & 07777, 0660);
        CHECK(exists("a.sock.lock"));
        check_serves(&l, "");
        pd_listener_close(&l);
        CHECK(!exists("a.sock"));
        CHECK(!exists("a.sock.lock"));
    }
}

static void test_unix_owner(void)
{
    struct pd_listener_config config;
    struct pd_listener l;
    struct stat st;
    pd_listener_config_init(&config);
    config.kind = PD_LISTENER_UNIX;
    config.path = "owned.sock";
    config.mode = 0600;
    config.uid = geteuid();
    config.gid = getegid();
    CHECK(open_with(&config, &l));
    CHECK_INT(lstat("owned.sock", &st), 0);
    CHECK_INT(st.st_mode & 07777, 0600);
    CHECK_INT(st.st_uid, geteuid());
    pd_listener_close(&l);
    config.uid = geteuid() + 1;
    bool ok = open_with(&config, &l);
    CHECK(ok == (geteuid() == 0)); /* only root may give files away */
    if (ok) {
        CHECK_INT(lstat("owned.sock", &st), 0);
        CHECK_INT(st.st_uid, config.uid);
        pd_listener_close(&l);
    } else {
        CHECK_ERR("start as root or leave the owner out");
    }
    CHECK(!exists("owned.sock"));
}

/* reliability D13: the second server fails with a message, the first is untouched. */
static void test_unix_live_socket_is_refused(void)
{
    struct pd_listener first, second;
    CHECK(open_unix("live.sock", &first));
    CHECK(!open_unix("live.sock", &second));
    CHECK_ERR("address already in use: unix:live.sock");
    CHECK_ERR("holds live.sock.lock");
    CHECK(exists("live.sock.lock"));
    check_serves(&first, "");
    /* Also without the lock file, as with another program that listens there. */
    CHECK_INT(unlink("live.sock.lock"), 0);
    CHECK(!open_unix("live.sock", &second));
    CHECK_ERR("another program listens there");
    struct pd_accepted probe; /* the question itself arrives as a connection */
    CHECK_INT(pd_listener_accept(&first, &probe), PD_ACCEPT_OK);
    close(probe.fd);
    check_serves(&first, "");
    pd_listener_close(&first);
    CHECK(!exists("live.sock"));
}

/* reliability D14: what a killed server left behind is taken over. */
static void test_unix_stale_socket_is_taken_over(void)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "stale.sock" };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    CHECK_INT(listen(fd, 1), 0);
    close(fd);
    close(open("stale.sock.lock", O_CREAT | O_RDWR, 0600));
    struct pd_listener l;
    CHECK(open_unix("stale.sock", &l));
    check_serves(&l, "");
    pd_listener_close(&l);
    CHECK(!exists("stale.sock") && !exists("stale.sock.lock"));
}

/* reliability D15: nothing but a stale socket of our own is replaced. */
static void test_unix_strange_paths_are_refused(void)
{
    struct pd_listener l;
    CHECK_INT(symlink("nowhere", "link.sock"), 0);
    CHECK(!open_unix("link.sock", &l));
    CHECK_ERR("symbolic link");
    close(open("file.sock", O_CREAT | O_WRONLY, 0600));
    CHECK(!open_unix("file.sock", &l));
    CHECK_ERR("not a socket");
    CHECK_INT(mkdir("dir.sock", 0700), 0);
    CHECK(!open_unix("dir.sock", &l));
    CHECK_ERR("not a socket");
    CHECK(exists("link.sock") && exists("file.sock") && exists("dir.sock") && !exists("nowhere"));
    CHECK(!exists("link.sock.lock") && !exists("file.sock.lock"));
    CHECK(!open_unix("missing/a.sock", &l));
    CHECK_ERR("create it first");
    CHECK(!open_unix("dir.sock/", &l));
    CHECK_ERR("must end in a file name");
    CHECK_INT(chmod("dir.sock", 0777), 0);
    CHECK(!open_unix("dir.sock/a", &l));
    CHECK_ERR("unsafe directory");
    CHECK_INT(chmod("dir.sock", 01777), 0);
    CHECK(open_unix("dir.sock/a", &l)); /* like /tmp */
    pd_listener_close(&l);
    CHECK_INT(symlink("file.sock", "b.sock.lock"), 0);
    CHECK(!open_unix("b.sock", &l));
    CHECK_ERR("cannot open the lock file b.sock.lock");
    struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "dgram.sock" };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    CHECK(!open_unix("dgram.sock", &l));
    CHECK_ERR("cannot tell whether unix:dgram.sock is in use");
    close(fd);
}

static void test_unix_other_users_socket_is_refused(void)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "other.sock" };
    struct pd_listener l;
    if (geteuid() != 0)
        return; /* only root can make such a file */
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    close(fd);
    CHECK_INT(chown("other.sock", 12345, (gid_t)-1), 0);
    CHECK(!open_unix("other.sock", &l));
    CHECK_ERR("belongs to another user");
    CHECK(exists("other.sock"));
}

/* reliability C16: 107 bytes fit, 108 do not. */
static void test_unix_path_length(void)
{
    char path[200];
    struct pd_listener l;
    memset(path, 'p', sizeof path);
    path[107] = '\0';
    CHECK(open_unix(path, &l));
    CHECK_INT(strlen(l.name), 5 + 107);
    check_serves(&l, "");
    pd_listener_close(&l);
    CHECK(!exists(path));
    path[107] = 'p';
    path[108] = '\0';
    CHECK(!open_unix(path, &l));
    CHECK_ERR("1 to 107 bytes but has 108");
    CHECK(!open_unix("", &l));
    CHECK_ERR("socket path missing");
}

static void test_unix_abstract(void)
{
    char name[64];
    struct pd_listener l, second;
    snprintf(name, sizeof name, "@pd-test-%ld", (long)getpid());
    CHECK(open_unix(name, &l));
    CHECK(strncmp(l.name, "unix:@pd-test-", 14) == 0);
    CHECK(!exists(name));
    check_serves(&l, "");
    CHECK(!open_unix(name, &second));
    CHECK_ERR("address already in use");
    struct pd_listener inherited;
    CHECK(open_fd(dup(l.fd), false, &inherited));
    CHECK(strcmp(inherited.name, l.name) == 0);
    pd_listener_close(&inherited);
    pd_listener_close(&l);
}

/* What was put there since by somebody else is not ours to unlink. */
static void test_unix_close_unlinks_only_its_own(void)
{
    struct pd_listener l;
    CHECK(open_unix("swap.sock", &l));
    CHECK_INT(rename("swap.sock", "kept.sock"), 0);
    close(open("swap.sock", O_CREAT | O_WRONLY, 0600));
    pd_listener_close(&l);
    CHECK(exists("swap.sock"));
    CHECK(exists("kept.sock"));
}

static void test_unix_child_does_not_unlink(void)
{
    struct pd_listener l;
    int status = -1;
    CHECK(open_unix("fork.sock", &l));
    pid_t pid = fork();
    if (pid == 0) {
        pd_listener_close(&l);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(exists("fork.sock") && exists("fork.sock.lock"));
    struct pd_listener second;
    CHECK(!open_unix("fork.sock", &second)); /* the lock is still held */
    CHECK_INT(chdir("/"), 0);                /* closing finds the path nevertheless */
    pd_listener_close(&l);
    CHECK_INT(chdir(getenv("PD_TEST_DIR")), 0);
    CHECK(!exists("fork.sock") && !exists("fork.sock.lock"));
}

/* --- inherited descriptors ---------------------------------------------------- */

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
}

static void test_inherited_useless(void)
{
    struct pd_listener l;
    int pipe_fds[2];
    CHECK(!open_fd(-1, false, &l));
    CHECK_ERR("it is not open");
    CHECK(!open_fd(999999, false, &l));
    CHECK_ERR("fd://999999: it is not open");
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
    CHECK_INT(close(fd), 0); /* was left open */
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

/* --- failing calls --------------------------------------------------------------- */

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
    config.defer_accept = true;
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

/* Works in a directory of its own, emptied at the end. */
static int run_all(void)
{
    test_tcp_reports_its_real_port();
    test_tcp_any_address();
    test_tcp_ipv6();
    test_tcp_taken_port();
    test_tcp_bad_addresses();
    test_tcp_options_and_backlog();
    test_gateway_exposure();
    test_peer_rules();
    test_loopback();
    test_unix_mode_and_cleanup();
    test_unix_owner();
    test_unix_live_socket_is_refused();
    test_unix_stale_socket_is_taken_over();
    test_unix_strange_paths_are_refused();
    test_unix_other_users_socket_is_refused();
    test_unix_path_length();
    test_unix_abstract();
    test_unix_close_unlinks_only_its_own();
    test_unix_child_does_not_unlink();
    test_inherited();
    test_inherited_useless();
    test_failing_calls();
    test_accept_errors();
    return check_result();
}

int main(void)
{
    static const char *const leftovers[] = { "link.sock",  "file.sock", "b.sock.lock", "dgram.sock",
                                             "other.sock", "kept.sock", "swap.sock" };
    char dir[] = "/tmp/pd-listener-XXXXXX";
    if (!mkdtemp(dir) || chdir(dir) < 0 || setenv("PD_TEST_DIR", dir, 1) < 0)
        return 1;
    int rc = run_all();
    for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++)
        unlink(leftovers[i]);
    rmdir("dir.sock");
    if (chdir("/") < 0 || rmdir(dir) < 0) {
        perror("files were left behind");
        return 1;
    }
    return rc;
}
