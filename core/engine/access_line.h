/*
 * access_line.h - one line of the access log (docs/reference/access-log.md).
 *
 * What a peer sent is escaped, so that no request can forge a line, break a
 * field or steer a terminal, and cut, so that a line has a bound.
 */
#ifndef PD_ACCESS_LINE_H
#define PD_ACCESS_LINE_H

#include <stdint.h>

#include "base/slice.h"

enum pd_access_form { PD_ACCESS_SHORT, PD_ACCESS_COMBINED, PD_ACCESS_JSON };

enum {
    PD_ACCESS_LINE_MAX = 4096, /* PIPE_BUF: a pipe takes so many bytes whole or not at all (pipe(7)) */
    /* most characters of a field as it is written, escapes counted */
    PD_ACCESS_PATH_MAX = 1024,
    PD_ACCESS_QUERY_MAX = 1024,
    PD_ACCESS_REFERER_MAX = 768,
    PD_ACCESS_AGENT_MAX = 512,
    PD_ACCESS_WORD_MAX = 64, /* peer, user */
    PD_ACCESS_TOKEN_MAX = 32 /* method, protocol */
};

/* What is known of a request whose response has ended. Slices may be empty: not known, or not sent. */
struct pd_access_entry {
    int64_t wall_ns;  /* when its first byte came, since 1970 */
    int32_t offset_s; /* local time minus UTC */
    uint64_t id;
    struct pd_slice peer;
    struct pd_slice user;
    struct pd_slice door; /* how we were spoken to: plain text of our own */
    struct pd_slice method;
    struct pd_slice path;
    struct pd_slice query;
    bool has_query; /* a question mark stood there */
    struct pd_slice protocol;
    unsigned status; /* 0: it was not answered */
    uint64_t bytes;  /* of the response body */
    uint64_t total_ns;
    uint64_t queue_ns; /* ... of which it waited for a thread */
    struct pd_slice referer;
    struct pd_slice agent;
    bool broken; /* the response was broken off */
};

/* Writes the line with its line feed and returns its length. */
size_t pd_access_line(enum pd_access_form form, const struct pd_access_entry *e, char dst[PD_ACCESS_LINE_MAX]);

#endif
