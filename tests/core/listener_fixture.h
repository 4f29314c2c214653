/*
 * listener_fixture.h - opens listeners for the tests and talks to them.
 *
 * Paths are relative to a directory of the test's own, see fixture_run().
 */
#ifndef PD_TEST_LISTENER_FIXTURE_H
#define PD_TEST_LISTENER_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "loop/listener.h"

static char err[512];
static bool foreseen; /* pd_listener_check() has refused it, too */

#define CHECK_ERR(part) check_err((part), __LINE__)

static inline void check_err(const char *part, int line)
{
    check_that(strstr(err, part) != NULL, __FILE__, line, part);
    if (!strstr(err, part))
        fprintf(stderr, "  the message is: %s\n", err);
}

static inline bool open_with(const struct pd_listener_config *config, struct pd_listener *l)
{
    char check_text[sizeof err] = "";
    err[0] = '\0';
    foreseen = !pd_listener_check(config, NULL, check_text, sizeof check_text);
    bool ok = pd_listener_open(config, pd_sys_default(), l, err, sizeof err);
    CHECK(!foreseen || (!ok && strcmp(err, check_text) == 0));
    CHECK(ok == (err[0] == '\0'));
    CHECK(ok == (l->fd >= 0));
    return ok;
}

static inline bool open_tcp(const char *host, uint16_t port, struct pd_listener *l)
{
    struct pd_listener_config config;
    pd_listener_config_init(&config);
    config.host = host;
    config.port = port;
    return open_with(&config, l);
}

static inline bool open_unix(const char *path, struct pd_listener *l)
{
    struct pd_listener_config config;
    pd_listener_config_init(&config);
    config.kind = PD_LISTENER_UNIX;
    config.path = path;
    return open_with(&config, l);
}

/* Connects to where the listener listens; the descriptor or -errno. */
static inline int connect_to(const struct pd_listener *l)
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
static inline void check_serves(struct pd_listener *l, const char *peer_text)
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

static inline bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* Runs the tests in a new directory, which they must leave empty; `dir` gets its path. */
static inline int fixture_run(void (*tests)(const char *dir))
{
    char dir[] = "/tmp/pd-listener-XXXXXX";
    if (!mkdtemp(dir) || chdir(dir) < 0)
        return 1;
    tests(dir);
    CHECK_INT(chdir("/"), 0);
    CHECK_INT(rmdir(dir), 0);
    return check_result();
}

#endif
