/*
 * forward.h - passes one CGI request on to the daemon, as FastCGI, and its response back.
 *
 * FastCGI, since its END_REQUEST proves that a response is whole: a Unix socket
 * knows no reset once all was read. What the daemon sends is CGI output already,
 * so it is passed on unread. Both bodies stream through two buffers.
 */
#ifndef PD_CMD_FORWARD_H
#define PD_CMD_FORWARD_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/slice.h"
#include "base/sys.h"

enum { PD_CGI_OUT_SIZE = 64 * 1024, PD_CGI_IN_SIZE = 64 * 1024 };

enum pd_cgi_end {
    PD_CGI_DONE,   /* the response is complete */
    PD_CGI_AGAIN,  /* no application has seen the request, and all of it can be sent again */
    PD_CGI_LATE,   /* no byte of a response in time, or the daemon has too much to do */
    PD_CGI_BROKEN, /* the daemon ended, or talks nonsense, before the first byte of the response */
    PD_CGI_CUT,    /* ... or behind it */
    PD_CGI_LEFT,   /* the client left */
};

struct pd_cgi_forward {
    const struct pd_sys *sys;
    char **next;     /* the next variable to be sent */
    size_t offset;   /* bytes of it that were put into a record already */
    int64_t body;    /* bytes of the request body that must still be read */
    int phase;       /* what of the request was made last */
    bool is_pure;    /* nothing was discarded: `out` holds the request from its first byte */
    bool may_repeat; /* the application is not called before all of the request was read */
    size_t out_n;    /* bytes in `out`, of which `sent` were sent */
    size_t sent;
    bool has_read;             /* bytes of standard input are gone */
    bool is_large;             /* the body does not fit into `out` */
    struct pd_slice collected; /* the body, where it was read before there was a daemon */
    bool send_failed;
    bool was_reset;
    bool has_heard;    /* a byte came from the daemon */
    bool has_answered; /* a byte went to the client */
    bool has_ended;    /* END_REQUEST */
    bool is_overloaded;
    uint8_t type; /* of the record that is being read */
    uint8_t head_n;
    uint32_t content, padding; /* bytes of it that must still come */
    unsigned char head[8];     /* of a record, or the content of END_REQUEST */
    char out[PD_CGI_OUT_SIZE];
    char in[PD_CGI_IN_SIZE];
};

/* `body` is what CONTENT_LENGTH says; so much of standard input is sent, and none behind it. */
void pd_cgi_forward_init(struct pd_cgi_forward *f, const struct pd_sys *sys, char **env, int64_t body, bool may_repeat);
/*
 * Before the daemon is asked: reads a body that fits into the buffer, and of another one waits for the first byte, so
 * that who sends nothing, or little at a time, takes no place of the daemon's. False: the client left.
 */
bool pd_cgi_forward_collect(struct pd_cgi_forward *f) PD_MUST_CHECK;
/* For a program that reads the body from standard input: puts back what was collected. False: that cannot be done. */
bool pd_cgi_forward_put_back(struct pd_cgi_forward *f) PD_MUST_CHECK;
/* Talks to the daemon through `fd`, and closes it. May be called again after PD_CGI_AGAIN. */
enum pd_cgi_end pd_cgi_forward_run(struct pd_cgi_forward *f, int fd, int64_t patience_ms) PD_MUST_CHECK;

#endif
