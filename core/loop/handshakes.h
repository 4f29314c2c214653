/*
 * handshakes.h - connections to a TCP port that its listener does not give out yet.
 *
 * The peer believes to be connected as soon as the kernel has answered its first segment. Its connection waits with the
 * kernel until the peer's next segment is there, or with TCP_DEFER_ACCEPT its first byte; who closes the listener
 * before that resets it. sock_diag(7) tells of them.
 */
#ifndef PD_HANDSHAKES_H
#define PD_HANDSHAKES_H

#include <stdint.h>

#include "base/sys.h"

/* 1: there are some on this port, on whatever address; 0: none; -1: the kernel does not say. */
int pd_handshakes_open(const struct pd_sys *sys, sa_family_t family, uint16_t port);

#endif
