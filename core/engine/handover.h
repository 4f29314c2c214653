/*
 * handover.h - idle connections pass from a worker that retires to those that serve on.
 *
 * Each is one message through a SOCK_SEQPACKET pair that all workers of a service share: the descriptor and a record of
 * what a fresh connection could not know. What the peer sends meanwhile stays in the socket, so nothing can be lost or
 * be read twice. Whose turn it is to accept receives.
 */
#ifndef PD_HANDOVER_H
#define PD_HANDOVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/owner.h"

struct pd_client;
struct pd_engine;
struct pd_thread;

struct pd_handover {
    int receive_fd; /* -1: there is none */
    int send_fd;
    enum pd_owner owner; /* of receive_fd, in the loop */
    bool watched;
    _Atomic bool full; /* no message fits in until somebody receives: the next scan tries again */
};

void pd_handover_init(struct pd_handover *h, int receive_fd, int send_fd);
void pd_handover_watch(struct pd_engine *e);
void pd_handover_unwatch(struct pd_engine *e);

/* Whether this worker retires, and others are there to take what it has; or one of them should have some of it. */
bool pd_handover_is_on(const struct pd_engine *e);
/* Before all connections are looked at again; and how long that is to wait. */
void pd_handover_scan(struct pd_engine *e);
uint64_t pd_handover_scan_ms(const struct pd_engine *e);
/* True when the connection is in the state that a message can tell: between requests. conn.lock is held. */
bool pd_handover_fits(const struct pd_client *cl);
/* Sends it, if it fits; then it is closed here. Called by the role's holder, conn.lock is held. */
bool pd_handover_pass(struct pd_client *cl);
/* Receives up to `burst` connections and serves them as if they had been accepted. */
void pd_handover_ready(struct pd_engine *e, struct pd_thread *t, size_t burst);

#endif
