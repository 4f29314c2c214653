/*
 * listener.h - sockets that take connections: opening, accepting, who may.
 *
 * Opening happens at start and speaks to the operator: each failure ends in
 * one line that says what happened, where, and what to do about it.
 */
#ifndef PD_LISTENER_H
#define PD_LISTENER_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/sys.h"
#include "loop/addr.h"
#include "loop/unix_path.h"

enum pd_listener_kind {
    PD_LISTENER_TCP,  /* host and port */
    PD_LISTENER_UNIX, /* path, or "@name" for the abstract name space */
    PD_LISTENER_FD,   /* fd: inherited, listening already */
};

struct pd_listener_config {
    enum pd_listener_kind kind;
    const char *host; /* see pd_addr_parse() */
    uint16_t port;    /* 0: the kernel chooses, see pd_listener.port */
    const char *path; /* at most 107 bytes */
    mode_t mode;      /* of the path, whatever the umask says */
    uid_t uid;        /* owner of the path, or (uid_t)-1 */
    gid_t gid;        /* group of the path, or (gid_t)-1 */
    int fd;
    int backlog;
    bool is_gateway;                  /* FastCGI, SCGI, AJP, uwsgi: the peer's word is trusted */
    bool lacks_secret;                /* AJP: the peer need not show that it knows one */
    bool any_peer;                    /* the operator wants a gateway open to the network */
    const struct pd_peer_rule *allow; /* who may connect; none: everybody. Must outlive the listener. */
    size_t allow_n;
};

/* The defaults: TCP on a port of 127.0.0.1, mode 0660, backlog 2048. */
void pd_listener_config_init(struct pd_listener_config *config);

struct pd_listener {
    const struct pd_sys *sys;
    int fd; /* watch it level-triggered; -1 when closed */
    sa_family_t family;
    bool inherited; /* others may have it, too, or use it again */
    bool refusing;  /* see pd_listener_refuse() */
    uint16_t port;  /* the real one; 0 for a Unix socket */
    const struct pd_peer_rule *allow;
    size_t allow_n;
    struct pd_unix_path path;
    char name[PD_ADDR_TEXT_MAX]; /* "127.0.0.1:8000", "[::1]:8000", "unix:/path" */
};

/* On failure false, and the reason in `err`; nothing is left behind. */
bool pd_listener_open(const struct pd_listener_config *config, const struct pd_sys *sys, struct pd_listener *out,
                      char *err, size_t err_n) PD_MUST_CHECK;
/* What can be seen without opening anything, as pd_listener_open() would say it; `sys` as in pd_engine_new(). */
bool pd_listener_check(const struct pd_listener_config *config, const struct pd_sys *sys, char *err,
                       size_t err_n) PD_MUST_CHECK;
/*
 * Before the last accept: from now on nobody can connect, so that none is lost who does at the last moment. On a Unix
 * socket connect() fails at once; on TCP it waits, to be refused when the listener is closed. An inherited socket is
 * left as it is: who comes later may be served by somebody else.
 */
void pd_listener_refuse(struct pd_listener *l);
/*
 * Once it refuses: 1 while peers that believe to be connected are not given out yet (see loop/handshakes.h), 0 when all
 * are, or wait for pd_listener_accept(); -1 when the kernel does not say.
 */
int pd_listener_awaits(const struct pd_listener *l);
/* Closes the descriptor; unlinks a path if this process bound it. */
void pd_listener_close(struct pd_listener *l);

enum pd_accept_result {
    PD_ACCEPT_OK,        /* one connection in `out` */
    PD_ACCEPT_EMPTY,     /* none waits */
    PD_ACCEPT_RETRY,     /* this one is lost or the call was interrupted; try again, but not for ever in one turn */
    PD_ACCEPT_EXHAUSTED, /* no descriptors or memory: pause accepting by a timer, else the loop spins */
    PD_ACCEPT_BROKEN,    /* the socket does not listen any more: remove it from the loop */
};

struct pd_accepted {
    int fd; /* non-blocking, close-on-exec, TCP_NODELAY (inherited from the listener) */
    union pd_sockaddr peer;
};

/* One accept4(). After anything but PD_ACCEPT_OK, errno tells why. */
enum pd_accept_result pd_listener_accept(struct pd_listener *l, struct pd_accepted *out) PD_MUST_CHECK;

/*
 * True when the listener's rules let this peer in: one over the network when there is none or one that names its
 * address, one over a Unix socket when no rule names a user (the mode of the path decides) or one names its own.
 */
bool pd_listener_admits(const struct pd_listener *l, const struct pd_accepted *in);
/* The same for who may do more than others: without any rule only this machine itself. */
bool pd_listener_lists(const struct pd_listener *l, const struct pd_ip *ip);

#endif
