/*
 * relay.h - passes bytes between a socket of ours and the standard input and output of a process.
 *
 * A CGI program is given two descriptors of any kind, of which the web server
 * has the other ends. A connection wants one socket that tells when its peer
 * has left. The relay stands between them: it reads `input` only as far as the
 * body goes, writes to `output` as bytes come, and neither direction waits for
 * the other. The descriptors may be blocking ones, and are left as they are:
 * whoever has the other ends shares their flags.
 */
#ifndef PD_RELAY_H
#define PD_RELAY_H

#include <stdbool.h>

#include "base/slice.h"
#include "base/sys.h"

enum { PD_RELAY_BYTES = 65536 };

/* Bytes on their way in one direction. */
struct pd_relay_run {
    struct pd_slice left;
    char bytes[PD_RELAY_BYTES];
};

struct pd_relay {
    const struct pd_sys *sys;
    int input;
    int output;
    int socket;    /* connected; closed by the relay when it ends */
    uint64_t body; /* bytes of `input` that are still to be read */
    uint64_t written;
    struct pd_relay_run in;
    struct pd_relay_run out;
};

enum pd_relay_end {
    PD_RELAY_DONE, /* the socket has ended, and all that came from it is written */
    PD_RELAY_GONE, /* nobody reads `output` any more */
};

/* `head` goes to the socket first, and must live until the end. */
void pd_relay_init(struct pd_relay *r, const struct pd_sys *sys, int input, int output, int socket,
                   struct pd_slice head, uint64_t body);
/* The whole life of a thread: returns when the response has ended or its reader is gone. */
enum pd_relay_end pd_relay_run(struct pd_relay *r);

#endif
