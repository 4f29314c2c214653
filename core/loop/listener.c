/* listener.c - opens listening sockets safely and takes connections off them. */
#define _GNU_SOURCE
#include "loop/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/notice.h"
#include "loop/handshakes.h"

enum {
    BACKLOG_DEFAULT = 2048,
    MODE_DEFAULT = 0660,
};

/* Where a message goes while a listener is being opened. */
struct complaint {
    char *text;
    size_t n;
};

void pd_listener_config_init(struct pd_listener_config *config)
{
    *config = (struct pd_listener_config){
        .kind = PD_LISTENER_TCP,
        .host = "127.0.0.1",
        .mode = MODE_DEFAULT,
        .uid = (uid_t)-1,
        .gid = (gid_t)-1,
        .fd = -1,
        .backlog = BACKLOG_DEFAULT,
    };
}

static bool complain_errno(struct complaint c, const char *what, const char *name, int error)
{
    pd_notice_say(c.text, c.n, PD_NOTICE_CANNOT_LISTEN, "cannot listen on %s: cannot %s: %s", name, what,
                  strerror(error));
    return false;
}

/* The usual reasons for which an address cannot be had, each with its remedy. */
static bool complain_bind(struct complaint c, const char *name, int error)
{
    bool is_unix = strncmp(name, "unix:", 5) == 0;
    enum pd_notice notice = PD_NOTICE_CANNOT_LISTEN;
    const char *remedy = "";
    switch (error) {
    case EADDRINUSE:
        notice = PD_NOTICE_ADDRESS_IN_USE;
        remedy = is_unix ? "\nStop the program that listens there, or choose another path."
                         : "\nStop the program that listens there, or choose another port.";
        break;
    case EADDRNOTAVAIL:
        notice = PD_NOTICE_ADDRESS_NOT_HERE;
        remedy = "\nChoose one that `ip addr` shows, 127.0.0.1 for this machine alone, or 0.0.0.0 for all interfaces.";
        break;
    case EACCES:
    case EPERM:
        notice = PD_NOTICE_ADDRESS_FORBIDDEN;
        remedy = is_unix ? "\nThis user may not write to the directory: choose another one, or change its owner."
                         : "\nPorts below 1024 need root or the capability CAP_NET_BIND_SERVICE: choose a higher one.";
        break;
    case EAFNOSUPPORT:
        notice = PD_NOTICE_NO_SUCH_NETWORK;
        remedy = "\nUse 127.0.0.1 or 0.0.0.0.";
        break;
    default:
        break;
    }
    const char *what = notice == PD_NOTICE_CANNOT_LISTEN ? strerror(error) : pd_notice_text(notice);
    pd_notice_say(c.text, c.n, notice, "cannot listen on %s: %s%s", name, what, remedy);
    return false;
}

static bool set_option(struct pd_listener *l, int level, int option, int value, const char *what, struct complaint c)
{
    if (PD_SYS(l->sys, setsockopt, l->fd, level, option, &value, sizeof value) == 0)
        return true;
    return complain_errno(c, what, l->name, errno);
}

/*
 * Accepted sockets inherit TCP_NODELAY on Linux: one call here instead of one
 * per connection. Responses leave in whole writes, so Nagle could only delay.
 */
static bool set_tcp_options(struct pd_listener *l, struct complaint c)
{
    return set_option(l, IPPROTO_TCP, TCP_NODELAY, 1, "set TCP_NODELAY", c);
}

/* A gateway protocol lets its peer set REMOTE_USER and REMOTE_ADDR: that is for the front end alone. */
static bool check_exposure(const struct pd_listener_config *config, const union pd_local *addr, const char *name,
                           struct complaint c)
{
    if (!config->is_gateway || config->any_peer || pd_addr_is_loopback(&addr->sa))
        return true;
    if (config->lacks_secret) {
        pd_notice_say(c.text, c.n, PD_NOTICE_GATEWAY_UNPROTECTED,
                      "will not open %s to the network without a secret: whoever connects there can pose as the web "
                      "server\n"
                      "Add secret=file:PATH or secret=env:NAME, the same as in the web server, or listen on 127.0.0.1 "
                      "or a Unix socket.",
                      name);
        return false;
    }
    if (config->allow_n)
        return true;
    pd_notice_say(c.text, c.n, PD_NOTICE_GATEWAY_EXPOSED,
                  "will not open the gateway %s to the network: whoever connects there can pose as the web server\n"
                  "Add ?allow= with the web server's address, or listen on 127.0.0.1 or a Unix socket.",
                  name);
    return false;
}

/* Asks the kernel for the address, so that the name tells the real port. */
static bool learn_name(struct pd_listener *l, union pd_local *addr, struct complaint c)
{
    socklen_t len = sizeof *addr;
    memset(addr, 0, sizeof *addr);
    if (getsockname(l->fd, &addr->sa, &len) < 0)
        return complain_errno(c, "find its address", l->name, errno);
    l->family = addr->sa.sa_family;
    l->port = pd_addr_port(&addr->sa);
    pd_addr_name(addr, len, l->name, sizeof l->name);
    return true;
}

static bool new_socket(struct pd_listener *l, int family, struct complaint c)
{
    l->fd = PD_SYS(l->sys, socket, family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return l->fd >= 0 || complain_bind(c, l->name, errno);
}

/* The address that is asked for, unless it is none or must not be served; its length, or 0. */
static socklen_t tcp_address(const struct pd_listener_config *config, struct pd_listener *l, union pd_local *addr,
                             struct complaint c)
{
    const char *host = config->host ? config->host : "";
    socklen_t len = pd_addr_parse(host, config->port, addr);
    if (len == 0) {
        pd_notice_say(c.text, c.n, PD_NOTICE_NOT_AN_ADDRESS,
                      "cannot listen on %.100s: that is not a numeric address\n"
                      "Names are not looked up: write 127.0.0.1, another address that `ip addr` shows, or * for all.",
                      host);
        return 0;
    }
    pd_addr_name(addr, len, l->name, sizeof l->name);
    return check_exposure(config, addr, l->name, c) ? len : 0;
}

static bool open_tcp(const struct pd_listener_config *config, struct pd_listener *l, struct complaint c)
{
    union pd_local addr;
    socklen_t len = tcp_address(config, l, &addr, c);
    if (len == 0 || !new_socket(l, addr.sa.sa_family, c))
        return false;
    /* "[::]" takes IPv4 too; an explicit IPv6 address is nothing but that. */
    if (addr.sa.sa_family == AF_INET6 &&
        !set_option(l, IPPROTO_IPV6, IPV6_V6ONLY, !IN6_IS_ADDR_UNSPECIFIED(&addr.in6.sin6_addr), "set IPV6_V6ONLY", c))
        return false;
    /* Connections of a predecessor in TIME_WAIT must not keep us from its port. */
    if (!set_option(l, SOL_SOCKET, SO_REUSEADDR, 1, "set SO_REUSEADDR", c) || !set_tcp_options(l, c))
        return false;
    /* Linux may report a taken port at listen() only, as SO_REUSEADDR lets two sockets bind. */
    if (PD_SYS(l->sys, bind, l->fd, &addr.sa, len) < 0 || PD_SYS(l->sys, listen, l->fd, config->backlog) < 0)
        return complain_bind(c, l->name, errno);
    return learn_name(l, &addr, c);
}

/* The length of the address, or 0. */
static socklen_t unix_address(const char *path, struct pd_listener *l, union pd_local *addr, struct complaint c)
{
    size_t n = strlen(path);
    memset(addr, 0, sizeof *addr);
    addr->un.sun_family = AF_UNIX;
    if (n == 0 || n >= sizeof addr->un.sun_path) {
        pd_notice_say(c.text, c.n, PD_NOTICE_BAD_SOCKET_PATH,
                      "cannot listen on unix:%.120s: the path must have 1 to %zu bytes, but has %zu", path,
                      sizeof addr->un.sun_path - 1, n);
        return 0;
    }
    memcpy(addr->un.sun_path, path, n);
    snprintf(l->name, sizeof l->name, "unix:%s", path);
    bool is_abstract = path[0] == '@';
    if (is_abstract)
        addr->un.sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (is_abstract ? 0 : 1));
}

static bool open_unix(const struct pd_listener_config *config, struct pd_listener *l, struct complaint c)
{
    const char *path = config->path ? config->path : "";
    union pd_local addr;
    socklen_t len = unix_address(path, l, &addr, c);
    if (len == 0)
        return false;
    bool is_abstract = path[0] == '@';
    if (!is_abstract && !pd_unix_path_claim(&l->path, l->sys, path, config->uid, c.text, c.n))
        return false;
    if (!new_socket(l, AF_UNIX, c))
        return false;
    if (PD_SYS(l->sys, bind, l->fd, &addr.sa, len) < 0)
        return complain_bind(c, l->name, errno);
    if (!is_abstract && !pd_unix_path_bound(&l->path, path, config->mode, config->uid, config->gid, c.text, c.n))
        return false;
    if (PD_SYS(l->sys, listen, l->fd, config->backlog) < 0)
        return complain_bind(c, l->name, errno);
    l->family = AF_UNIX;
    return true;
}

/* What makes an inherited descriptor useless, or NULL. */
static const char *why_no_listener(struct pd_listener *l)
{
    int value = 0;
    socklen_t len = sizeof value;
    if (l->fd < 0 || fcntl(l->fd, F_GETFD) < 0)
        return "it is not open";
    if (PD_SYS(l->sys, getsockopt, l->fd, SOL_SOCKET, SO_TYPE, &value, &len) < 0)
        return "it is not a socket";
    if (value != SOCK_STREAM)
        return "it is not a stream socket";
    len = sizeof value;
    if (PD_SYS(l->sys, getsockopt, l->fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) < 0 || !value)
        return "it is a socket that does not listen";
    return NULL;
}

static bool inspect_inherited(const struct pd_listener_config *config, struct pd_listener *l, struct complaint c)
{
    snprintf(l->name, sizeof l->name, "fd://%d", config->fd);
    l->fd = config->fd;
    l->inherited = true;
    const char *reason = why_no_listener(l);
    union pd_local addr;
    if (reason)
        pd_notice_say(c.text, c.n, PD_NOTICE_BAD_DESCRIPTOR,
                      "cannot listen on %s: %s\nPass a listening stream socket under that number.", l->name, reason);
    return !reason && learn_name(l, &addr, c) && check_exposure(config, &addr, l->name, c);
}

static bool open_inherited(const struct pd_listener_config *config, struct pd_listener *l, struct complaint c)
{
    if (inspect_inherited(config, l, c) && (l->family == AF_UNIX || set_tcp_options(l, c))) {
        int flags = fcntl(l->fd, F_GETFL);
        if (flags >= 0 && fcntl(l->fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(l->fd, F_SETFD, FD_CLOEXEC) == 0)
            return true;
        complain_errno(c, "make it non-blocking", l->name, errno);
    }
    l->fd = -1; /* it stays the giver's */
    return false;
}

static bool open_kind(const struct pd_listener_config *config, struct pd_listener *l, struct complaint c)
{
    switch (config->kind) {
    case PD_LISTENER_TCP:
        return open_tcp(config, l, c);
    case PD_LISTENER_UNIX:
        return open_unix(config, l, c);
    case PD_LISTENER_FD:
        return open_inherited(config, l, c);
    }
    return false;
}

bool pd_listener_open(const struct pd_listener_config *config, const struct pd_sys *sys, struct pd_listener *out,
                      char *err, size_t err_n)
{
    *out = (struct pd_listener){
        .sys = sys,
        .fd = -1,
        .allow = config->allow,
        .allow_n = config->any_peer ? 0 : config->allow_n,
    };
    pd_unix_path_init(&out->path);
    if (open_kind(config, out, (struct complaint){ err, err_n }))
        return true;
    pd_listener_close(out);
    return false;
}

bool pd_listener_check(const struct pd_listener_config *config, const struct pd_sys *sys, char *err, size_t err_n)
{
    struct pd_listener l = { .sys = sys ? sys : pd_sys_default(), .fd = -1 };
    struct complaint c = { err, err_n };
    const char *path = config->path ? config->path : "";
    union pd_local addr;
    switch (config->kind) {
    case PD_LISTENER_TCP:
        return tcp_address(config, &l, &addr, c) != 0;
    case PD_LISTENER_UNIX:
        return unix_address(path, &l, &addr, c) != 0 &&
               (path[0] == '@' || pd_unix_path_check(path, l.sys, config->uid, err, err_n));
    case PD_LISTENER_FD:
        return inspect_inherited(config, &l, c);
    }
    return false;
}

/* Drops segments that ask for a connection (SYN without ACK), and lets those of handshakes that have begun pass. */
static void refuse_tcp(struct pd_listener *l)
{
    enum { TCP_FLAGS = 13, FLAG_SYN = 0x02, FLAG_ACK = 0x10 }; /* RFC 9293 section 3.1 */
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_FLAGS),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, FLAG_SYN | FLAG_ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FLAG_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = { .len = sizeof code / sizeof *code, .filter = code };
    PD_SYS(l->sys, setsockopt, l->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program); /* else as without */
}

void pd_listener_refuse(struct pd_listener *l)
{
    if (l->refusing || l->inherited || l->fd < 0)
        return;
    l->refusing = true;
    pd_unix_path_fini(&l->path, l->sys);
    if (l->family == AF_UNIX)
        PD_SYS(l->sys, shutdown, l->fd, SHUT_RD); /* what waits can still be accepted: unix(7) keeps its queue */
    else
        refuse_tcp(l);
}

/* The filter is the socket's: a worker sees that of the process that bound it. */
static bool is_refusing(const struct pd_listener *l)
{
    socklen_t len = 0; /* asks how long it is, not for its code */
    return l->refusing || (PD_SYS(l->sys, getsockopt, l->fd, SOL_SOCKET, SO_GET_FILTER, NULL, &len) == 0 && len);
}

int pd_listener_awaits(const struct pd_listener *l)
{
    if (l->fd < 0 || l->family == AF_UNIX || !is_refusing(l))
        return 0;
    return pd_handshakes_open(l->sys, l->family, l->port);
}

void pd_listener_close(struct pd_listener *l)
{
    /* The path goes first: who finds it must find somebody who accepts. */
    pd_unix_path_fini(&l->path, l->sys);
    if (l->fd >= 0)
        PD_SYS(l->sys, close, l->fd);
    l->fd = -1;
}

static enum pd_accept_result classify(int error)
{
    switch (error) {
    case EAGAIN:
        return PD_ACCEPT_EMPTY;
    /* accept(2): errors already pending on the new connection, and firewalls (EPERM) */
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPERM:
        return PD_ACCEPT_RETRY;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
        return PD_ACCEPT_BROKEN;
    default: /* EMFILE, ENFILE, ENOBUFS, ENOMEM; a pause is right for unknown ones too */
        return PD_ACCEPT_EXHAUSTED;
    }
}

enum pd_accept_result pd_listener_accept(struct pd_listener *l, struct pd_accepted *out)
{
    socklen_t len = sizeof out->peer;
    memset(&out->peer, 0, sizeof out->peer);
    out->fd = PD_SYS(l->sys, accept4, l->fd, &out->peer.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (out->fd < 0) /* a Unix socket that refuses says EINVAL when its queue is empty */
        return l->refusing && errno == EINVAL ? PD_ACCEPT_EMPTY : classify(errno);
    /* An unnamed Unix peer may come with no address at all. */
    if (l->family == AF_UNIX)
        out->peer.sa.sa_family = AF_UNIX;
    return PD_ACCEPT_OK;
}

/* The user whose process connected, as the kernel noted it then; (uid_t)-1 when it does not say. */
static uid_t peer_user(const struct pd_listener *l, int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    bool known = PD_SYS(l->sys, getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && len == sizeof peer;
    return known ? peer.uid : (uid_t)-1;
}

bool pd_listener_admits(const struct pd_listener *l, const struct pd_accepted *in)
{
    bool is_unix = in->peer.sa.sa_family == AF_UNIX;
    struct pd_ip ip = pd_addr_ip(&in->peer.sa);
    uid_t user = (uid_t)-1;
    bool asked = false; /* some rule is about this kind of peer */
    for (size_t i = 0; i < l->allow_n; i++) {
        const struct pd_peer_rule *rule = &l->allow[i];
        if (rule->is_user != is_unix)
            continue;
        if (is_unix && !asked)
            user = peer_user(l, in->fd);
        asked = true;
        if (is_unix ? user != (uid_t)-1 && user == rule->uid : pd_net_has(&rule->net, &ip))
            return true;
    }
    return is_unix ? !asked : l->allow_n == 0;
}

bool pd_listener_lists(const struct pd_listener *l, const struct pd_ip *ip)
{
    for (size_t i = 0; i < l->allow_n; i++)
        if (!l->allow[i].is_user && pd_net_has(&l->allow[i].net, ip))
            return true;
    return l->allow_n == 0 && pd_ip_is_loopback(ip);
}
