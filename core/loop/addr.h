/*
 * addr.h - socket addresses: parsing, text, and who may connect.
 *
 * An IPv4 peer of a dual-stack socket arrives as ::ffff:a.b.c.d; everywhere
 * here it counts, and is written, as the IPv4 address that it is.
 */
#ifndef PD_ADDR_H
#define PD_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "base/compiler.h"
#include "base/net.h"
#include "base/sys.h"

/* The peer of a connection. A Unix peer has a family and nothing else. */
union pd_sockaddr {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* An address of our own. */
union pd_local {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage any;
};

/* Long enough for "unix:" and any path, and for any "[address]:port". */
enum { PD_ADDR_TEXT_MAX = 128 };

/* Who may connect: the members of a network, or over a Unix socket the processes of a user. */
struct pd_peer_rule {
    bool is_user;
    uid_t uid;
    struct pd_net net;
};

/*
 * Turns a host into an address: a numeric one (IPv6 with or without brackets),
 * "localhost" (127.0.0.1), or "*" and "" (0.0.0.0). No name is looked up, so
 * starting never waits for a name server. Gives the length, 0 when it is none.
 */
socklen_t pd_addr_parse(const char *host, uint16_t port, union pd_local *out) PD_MUST_CHECK;

/* "127.0.0.1", "::1", or "" for a Unix socket. */
void pd_addr_text(const struct sockaddr *addr, char *out, size_t n);
/* The TCP port, 0 for a Unix socket. */
uint16_t pd_addr_port(const struct sockaddr *addr);
/* "127.0.0.1:8000", "[::1]:8000", "unix:/path", "unix:@name". */
void pd_addr_name(const union pd_local *addr, socklen_t len, char *out, size_t n);

/* The IP address; none for a Unix socket. */
struct pd_ip pd_addr_ip(const struct sockaddr *addr);
/* True for Unix sockets and 127.0.0.0/8, ::1. */
bool pd_addr_is_loopback(const struct sockaddr *addr);

/* Reads "uid:33", or a network as pd_net_parse() does. */
bool pd_peer_rule_parse(const char *text, struct pd_peer_rule *out) PD_MUST_CHECK;

#endif
