/*
 * proxy.h - the PROXY protocol, versions 1 and 2: who the client of a proxy is.
 *
 * From haproxy/haproxy doc/proxy-protocol.txt, whose section numbers are cited.
 * It stands before every other protocol and is never guessed: the operator says
 * that each connection begins with it, and then one that does not is refused.
 */
#ifndef PD_PROXY_H
#define PD_PROXY_H

#include "base/slice.h"
#include "codec/reason.h"

enum {
    PD_PROXY_V1_MAX = 107, /* section 2.1, with its CR LF */
    PD_PROXY_MAX = 4096,   /* most bytes of a header of version 2; certificates of clients are not wanted */
};

enum pd_proxy_step {
    PD_PROXY_MORE, /* the header is not complete */
    PD_PROXY_DONE,
    PD_PROXY_BAD, /* the connection can only be closed */
};

struct pd_proxied {
    bool named;    /* there is an address; else the peer itself counts (LOCAL, UNKNOWN, Unix sockets) */
    char addr[46]; /* INET6_ADDRSTRLEN; in its usual form; an IPv4 address in IPv6 clothes as IPv4 */
    char port[6];
};

/*
 * Looks at all bytes of a connection that have come. DONE: `*used` of them are the header; BAD: `*reason` says why.
 * Nothing is read before it is complete but what shows at once that it is none.
 */
enum pd_proxy_step pd_proxy_parse(struct pd_slice in, struct pd_proxied *out, size_t *used, enum pd_reason *reason);

#endif
