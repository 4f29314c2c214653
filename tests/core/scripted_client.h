/*
 * scripted_client.h - a peer that never blocks, for engine tests in one thread.
 *
 * It makes one connection after the other, sends a script on each in small
 * pieces, reads only when it is told to be patient no longer, and keeps what
 * it got. It uses the C library itself, never a struct pd_sys.
 */
#ifndef SCRIPTED_CLIENT_H
#define SCRIPTED_CLIENT_H

#include <sys/socket.h>

#include "text.h"

enum { VISITS_MAX = 8 };

/* Bytes that are sent only once what was answered ends so. */
struct script_wait {
    size_t at; /* of the script's bytes: how many are sent before */
    struct pd_slice answer;
};

/* What is sent on one connection. */
struct script {
    struct pd_slice bytes;
    const struct script_wait *waits; /* in order */
    size_t waits_n;
};

struct scripted_client {
    struct sockaddr_storage address;
    socklen_t address_n;
    const struct script *scripts; /* one for each connection */
    size_t visits;
    size_t piece; /* most bytes sent at once */
    size_t at;    /* the connection we are at; == visits: all is done */
    int fd;       /* -1 between connections */
    size_t sent;
    size_t waited; /* waits that are over */
    struct text got[VISITS_MAX];
    bool reset[VISITS_MAX]; /* it ended with a reset, not in order */
};

void client_init(struct scripted_client *c, const struct script *scripts, size_t visits, size_t piece);
void client_fini(struct scripted_client *c);
/* Does what can be done without waiting. False: nothing could be done. */
bool client_step(struct scripted_client *c, bool read);

#endif
