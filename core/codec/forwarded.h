/*
 * forwarded.h - whom a request really comes from, as trusted proxies tell it.
 *
 * A proxy that is believed says in X-Forwarded-* fields, or in Forwarded (RFC 7239), what it saw: the client's address,
 * the scheme, the host, the port. Each proxy appends to what it was sent, so a list is read from its end, and only as
 * far as every teller is believed; what stands before may be the client's own invention.
 */
#ifndef PD_FORWARDED_H
#define PD_FORWARDED_H

#include "base/net.h"
#include "codec/request.h"

/* Sets what the believed fields say in the finished variables, which must have room for PD_FORWARDED_VARS more. */
void pd_forwarded_apply(const struct pd_forwarders *f, struct pd_request *r);
/*
 * When the front end took the request, in microseconds since 1970; 0 when it does not say, or is not believed: over a
 * gateway protocol it always is. To be asked before REMOTE_ADDR is that of the visitor.
 */
uint64_t pd_forwarded_stamp(const struct pd_forwarders *f, const struct pd_request *r, bool gateway);

enum { PD_FORWARDED_VARS = 3 };

#endif
