/*
 * fastcgi.h - the records of FastCGI 1.0: their numbers and how they are written.
 *
 * Section numbers are those of the FastCGI specification. The writers return
 * the place behind what they wrote. Padding and reserved bytes are zero, never
 * stale memory (CVE-2023-0836).
 */
#ifndef PD_FASTCGI_H
#define PD_FASTCGI_H

#include <assert.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    FCGI_VERSION = 1,
    FCGI_HEADER_LEN = 8,
    FCGI_BODY_LEN = 8,        /* BEGIN_REQUEST, END_REQUEST, UNKNOWN_TYPE content */
    FCGI_CONTENT_MAX = 65535, /* contentLength has 16 bits */
    FCGI_LENGTH_SHORT = 127   /* of a name or a value; longer ones take four bytes to say so (section 3.4) */
};

enum fcgi_type {
    FCGI_BEGIN_REQUEST = 1,
    FCGI_ABORT_REQUEST = 2,
    FCGI_END_REQUEST = 3,
    FCGI_PARAMS = 4,
    FCGI_STDIN = 5,
    FCGI_STDOUT = 6,
    FCGI_STDERR = 7,
    FCGI_DATA = 8,
    FCGI_GET_VALUES = 9,
    FCGI_GET_VALUES_RESULT = 10,
    FCGI_UNKNOWN_TYPE = 11,
};

enum fcgi_role { FCGI_RESPONDER = 1, FCGI_AUTHORIZER = 2 };
enum fcgi_status { FCGI_REQUEST_COMPLETE = 0, FCGI_OVERLOADED = 2, FCGI_UNKNOWN_ROLE = 3 };
enum { FCGI_KEEP_CONN = 1 }; /* bit 0 of the flags of BEGIN_REQUEST; the others are reserved */

static inline char *fcgi_put_header(char *p, enum fcgi_type type, uint32_t id, size_t n)
{
    assert(n <= FCGI_CONTENT_MAX);
    p[0] = FCGI_VERSION;
    p[1] = (char)type;
    p[2] = (char)(id >> 8 & 0xff);
    p[3] = (char)(id & 0xff);
    p[4] = (char)(n >> 8 & 0xff);
    p[5] = (char)(n & 0xff);
    p[6] = 0;
    p[7] = 0;
    return p + FCGI_HEADER_LEN;
}

/* The length of a name or a value (section 3.4). */
static inline char *fcgi_put_length(char *p, size_t n)
{
    if (n <= FCGI_LENGTH_SHORT) {
        *p++ = (char)n;
        return p;
    }
    *p++ = (char)(0x80 | (n >> 24 & 0x7f));
    *p++ = (char)(n >> 16 & 0xff);
    *p++ = (char)(n >> 8 & 0xff);
    *p++ = (char)(n & 0xff);
    return p;
}

static inline char *fcgi_put_end_request(char *p, uint32_t id, enum fcgi_status status)
{
    p = fcgi_put_header(p, FCGI_END_REQUEST, id, FCGI_BODY_LEN);
    memset(p, 0, FCGI_BODY_LEN); /* appStatus 0 */
    p[4] = (char)status;
    return p + FCGI_BODY_LEN;
}

#endif
