/*
 * net.h - IP addresses and networks as text and as bytes.
 *
 * ::ffff:a.b.c.d is how a dual-stack socket writes an IPv4 address; everywhere here it is that IPv4 address.
 */
#ifndef PD_NET_H
#define PD_NET_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/slice.h"

struct pd_ip {
    uint8_t n; /* bytes: 4, 16, or 0 when it is no address */
    uint8_t bytes[16];
};

enum { PD_IP_TEXT = 46 }; /* INET6_ADDRSTRLEN */

/* All addresses that begin with the same bits, e.g. 10.0.0.0/8. */
struct pd_net {
    struct pd_ip ip;
    uint8_t prefix; /* bits that must agree */
};

/* The address of 4 or 16 bytes. */
struct pd_ip pd_ip(const uint8_t *bytes, size_t n);
/* Reads "10.1.2.3" or "fd00::1", without brackets, port or zone. */
bool pd_ip_parse(struct pd_slice text, struct pd_ip *out) PD_MUST_CHECK;
/* Writes an address as text, with a NUL, to PD_IP_TEXT bytes; the text without the NUL. */
struct pd_slice pd_ip_put(const struct pd_ip *ip, char *dst);

/* True for 127.0.0.0/8 and ::1. */
bool pd_ip_is_loopback(const struct pd_ip *ip);

/* Reads "10.1.2.3", "10.0.0.0/8", "fd00::/8", "[::1]", "localhost"; bits past the prefix must be 0. */
bool pd_net_parse(struct pd_slice text, struct pd_net *out) PD_MUST_CHECK;
/* Never true for what is no address. */
bool pd_net_has(const struct pd_net *net, const struct pd_ip *ip);

#endif
