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
    PD_HEAD_AJP,  /* method, target and header fields as in HTTP, then variables, then attributes of the request */
};

struct pd_head {
    enum pd_head_form form;
    uint16_t nheaders;       /* AJP form: the first fields, which are header fields */
    uint16_t nvariables;     /* AJP form: header fields and the variables behind them; then attributes */
    struct pd_slice method;  /* not in the CGI form */
    struct pd_slice target;  /* not in the CGI form: the raw request target; AJP: without query, or empty */
    struct pd_field *fields; /* in wire order; repeated names are repeated */
    size_t nfields;
    int64_t content_length; /* bytes of the body, or -1 when not announced */
    uint8_t http_minor;     /* HTTP form only: 0 or 1 */
    bool chunked;           /* HTTP form: the body has the chunked coding */
    bool expect_continue;   /* HTTP form: the client waits for 100 Continue */
    bool keep_alive;        /* the peer wants to reuse the connection */
    bool authorizer;        /* FastCGI role Authorizer */
    bool body_has_end;      /* the protocol itself says where a body ends whose length is not announced */
    bool process;           /* CGI form: the environment of a process that the web server started for this request */
};

#endif
