/*
 * response.h - the one response head that all protocols start from.
 *
 * The bridge fills it field by field; every rule about what an application may
 * send (PEP 3333 "start_response", RFC 9110 section 5) is checked here, when
 * the field is added. The fields are kept in wire form, "Name: value\r\n".
 */
#ifndef PD_RESPONSE_H
#define PD_RESPONSE_H

#include "base/buf.h"
#include "codec/reason.h"

struct pd_response {
    uint16_t status;
    struct pd_buf line;     /* "200 OK": the status line without version */
    struct pd_buf fields;   /* "Name: value\r\n" ... */
    int64_t content_length; /* announced by the application, or -1 */
    /* set from the request before put_head */
    uint8_t http_minor;     /* the client's HTTP/1.minor */
    bool is_head;           /* answer to HEAD */
    bool keep_alive;        /* the connection may be reused */
    struct pd_slice date;   /* value for Date when the application set none */
    struct pd_slice server; /* value for Server when the application set none; empty: none is added */
    bool may_send_file;     /* fields by which a front end sends a file of its own are passed on */
    bool status_last;       /* CGI-style heads: Status stands behind the fields (PD_FIX_STATUS_LAST) */
    /* set by pd_response_add */
    bool has_date;
    bool has_server;
    bool dropped_file; /* such a field was left out */
    /* set by put_head */
    bool bodiless; /* HEAD, 1xx, 204, 304: body bytes are never sent */
    bool chunked;  /* HTTP: the body has the chunked coding */
    bool close;    /* the connection closes behind this response */
};

void pd_response_init(struct pd_response *r, const struct pd_sys *sys, size_t head_limit);
void pd_response_fini(struct pd_response *r);

/* As new, for the next request; keeps the buffers' memory. */
void pd_response_reset(struct pd_response *r);

/* Begins (or begins anew) with a status such as "404 Not Found"; drops all fields. */
enum pd_reason pd_response_start(struct pd_response *r, struct pd_slice status) PD_MUST_CHECK;
/* Checks and appends one header field; bytes are latin-1. */
enum pd_reason pd_response_add(struct pd_response *r, struct pd_slice name, struct pd_slice value) PD_MUST_CHECK;

/* Adds the Content-Length that the application left out; it must not have been added. */
enum pd_reason pd_response_set_length(struct pd_response *r, uint64_t n) PD_MUST_CHECK;

/*
 * Makes it a response without a body whose field `name` has the front end send a file. False: it cannot be one (another
 * status, a part or an encoding of something, no room), and it is unchanged.
 */
bool pd_response_hand_over(struct pd_response *r, struct pd_slice name, struct pd_slice value) PD_MUST_CHECK;

/* A field was refused: the head must not be sent as it stands. */
static inline void pd_response_spoil(struct pd_response *r)
{
    r->status = 0;
}

/* True for statuses that never have a body: 1xx, 204, 304 (RFC 9110 section 6.4.1). */
bool pd_status_is_bodiless(unsigned status);

/* True when no byte of a body may be sent: the answer to HEAD, those statuses, and 205 (RFC 9110 section 15.3.6). */
bool pd_response_has_no_body(const struct pd_response *r);
/* The field that 205 has instead of the application's Content-Length; nothing for other statuses. */
struct pd_slice pd_response_forced_length(const struct pd_response *r);

/* Writes the IMF-fixdate of `wall_s` (seconds since 1970), 29 bytes (RFC 9110 section 5.6.7). */
enum { PD_DATE_LEN = 29 };
void pd_date_put(int64_t wall_s, char dst[PD_DATE_LEN]);

/* Makes room for `n` more bytes of a response head. */
enum pd_reason pd_response_reserve(struct pd_buf *out, size_t n) PD_MUST_CHECK;

/*
 * The response head of gateway protocols: what `label` says before "200 OK\r\n", the fields and the empty line.
 * Content-Length is the application's; the front end adds what is its own. Sets r->bodiless.
 */
enum pd_reason pd_response_put_gateway(struct pd_response *r, struct pd_slice label, struct pd_buf *out) PD_MUST_CHECK;
/* That of all CGI-style protocols (FastCGI, SCGI, CGI), whose label is "Status: "; its place follows r->status_last. */
enum pd_reason pd_response_put_cgi(struct pd_response *r, struct pd_buf *out) PD_MUST_CHECK;

#endif
