/*
 * head.h - a request head as the wire gave it: syntax checked, meaning not yet.
 */
#ifndef PD_HEAD_H
#define PD_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "codec/limits.h"

struct pd_field {
    struct pd_slice name;
    struct pd_slice value;
};

/* Where a codec puts the fields of a head; one per loop role, not per connection. */
struct pd_scratch {
    struct pd_field fields[PD_FIELDS_MAX];
    char reply[256]; /* bytes of a REPLY event */
};

enum pd_head_form {
    PD_HEAD_HTTP, /* method, target and header fields as in RFC 9112 */
    PD_HEAD_CGI,  /* CGI-style variables (RFC 3875 section 4.1) */
};

struct pd_head {
    enum pd_head_form form;
    struct pd_slice method;  /* HTTP form only */
    struct pd_slice target;  /* HTTP form only: the raw request target */
    struct pd_field *fields; /* in wire order; repeated names are repeated */
    size_t nfields;
    int64_t content_length; /* bytes of the body, or -1 when not announced */
    uint8_t http_minor;     /* HTTP form only: 0 or 1 */
    bool chunked;           /* HTTP form: the body has the chunked coding */
    bool expect_continue;   /* HTTP form: the client waits for 100 Continue */
    bool keep_alive;        /* the peer wants to reuse the connection */
    bool authorizer;        /* FastCGI role Authorizer */
};

#endif
