/*
 * authority.h - host[:port] as in Host and in an absolute request target.
 */
#ifndef PD_AUTHORITY_H
#define PD_AUTHORITY_H

#include "base/slice.h"

/*
 * True for uri-host [ ":" port ] of RFC 9110 section 7.2 with a host of RFC 3986 section 3.2.2: a name, an IPv4
 * address or an IPv6 address in brackets. Stricter than the grammar where no real name is lost: the host is not empty
 * (RFC 9110 section 4.2.1), the port is at most 65535, no IPvFuture, no userinfo.
 */
bool pd_authority_is_valid(struct pd_slice s);

/* True for digits up to 65535. Empty is allowed: RFC 3986 section 3.2.3 has port = *DIGIT. */
bool pd_port_is_valid(struct pd_slice s);

#endif
