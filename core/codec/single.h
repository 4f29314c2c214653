/*
 * single.h - what SCGI, uwsgi and CGI share: one request for each connection, whose body is CONTENT_LENGTH bytes long
 * and not framed, and a response that ends with the connection. Whatever follows the body is swallowed and can never
 * become a second request.
 *
 * The codec's state begins with a struct pd_single; it reads the head, and all else is here.
 */
#ifndef PD_SINGLE_H
#define PD_SINGLE_H

#include "codec/codec.h"

enum { PD_SINGLE_STREAM = 1 };

enum pd_single_phase {
    PD_SINGLE_HEAD,   /* the head is not complete */
    PD_SINGLE_OPENED, /* it is, and announced by OPEN, but not yet parsed */
    PD_SINGLE_BODY,   /* `left` bytes of the body are still to come */
    PD_SINGLE_DONE,   /* the body is complete, or nobody wants it: ignore what comes */
};

struct pd_single {
    const struct pd_limits *limits;
    uint64_t left;
    enum pd_single_phase phase;
    bool some; /* a byte of the request has come */
    struct pd_head head;
};

/* The events of a head, each of which ends a call of next(). A refusal is fatal: there is no second request to save. */
void pd_single_open(struct pd_single *s, struct pd_event *ev);
void pd_single_give_head(struct pd_single *s, struct pd_event *ev);
void pd_single_refuse_head(struct pd_single *s, enum pd_reason reason, struct pd_event *ev);
void pd_single_refuse(enum pd_reason reason, struct pd_event *ev);
/* How a codec reads its head: until pd_single_open(), and then, with all of it there, until its event. */
struct pd_single_reader {
    void (*open)(void *state, struct pd_slice in, struct pd_event *ev);
    void (*head)(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev);
};
/* next() of struct pd_codec, but for how the head is read. */
void pd_single_next(void *state, const struct pd_single_reader *reader, struct pd_slice in, size_t *used,
                    struct pd_scratch *scratch, struct pd_event *ev);

/* Members of struct pd_codec. The response is of the CGI form. */
uint64_t pd_single_body_ahead(const void *state);
bool pd_single_at_boundary(const void *state);
enum pd_reason pd_single_put_head(void *state, uint32_t stream, struct pd_response *r, struct pd_buf *out);
void pd_single_put_frame(void *state, uint32_t stream, const struct pd_response *r, size_t n, char *prefix,
                         size_t *prefix_n, char *suffix, size_t *suffix_n);
size_t pd_single_put_end(void *state, uint32_t stream, struct pd_response *r, char *dst);
void pd_single_drop(void *state, uint32_t stream);

#endif
