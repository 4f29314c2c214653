/*
 * http1_state.h - what the HTTP/1.1 codec keeps per connection; for http1.c and http1_head.c only.
 */
#ifndef PD_HTTP1_STATE_H
#define PD_HTTP1_STATE_H

#include "codec/chunked.h"
#include "codec/codec.h"

enum pd_http1_phase {
    PD_HTTP1_IDLE,    /* between requests */
    PD_HTTP1_METHOD,  /* a head has begun; its method is not complete */
    PD_HTTP1_TARGET,  /* in the request target */
    PD_HTTP1_VERSION, /* behind the target */
    PD_HTTP1_FIELDS,  /* in the field lines */
    PD_HTTP1_LENGTH,  /* in a body of known length (or none) */
    PD_HTTP1_CHUNKED, /* in a chunked body */
    PD_HTTP1_ANSWER,  /* the request is complete, its response is not */
    PD_HTTP1_CLOSED,  /* the last response was sent; nothing behind it is served */
    PD_HTTP1_BAD,     /* refused; `reason` says why */
};

/* Which fields with a meaning for framing the head had so far. */
enum pd_http1_seen {
    PD_SEEN_HOST = 0x01,
    PD_SEEN_LENGTH = 0x02,
    PD_SEEN_ENCODING = 0x04,
    PD_SEEN_CLOSE = 0x08,
    PD_SEEN_KEEP_ALIVE = 0x10,
};

struct pd_http1 {
    const struct pd_limits *limits;
    struct pd_head head;
    union {
        struct {
            uint32_t line;     /* where the first part that is not yet checked begins */
            uint32_t scan;     /* how far that part was searched for its end */
            uint32_t target_n; /* length of the target, behind the method and a space */
        } at;                  /* offsets in the head */
        uint64_t left;         /* PD_HTTP1_LENGTH: body bytes still to come */
        struct pd_chunked chunked;
    } u;
    uint8_t phase;  /* enum pd_http1_phase */
    uint8_t seen;   /* enum pd_http1_seen */
    uint8_t reason; /* enum pd_reason: the first thing that is wrong, in a head before its end is there */
    uint8_t method_n;
    uint8_t empty_lines;
    bool answered; /* put_end or drop came for the current request */
    bool last;     /* no request is served behind the current one */
};

_Static_assert(sizeof(struct pd_http1) <= 128, "an idle connection must stay small");
_Static_assert(PD_R_COUNT_ <= UINT8_MAX, "a reason fits one byte");

enum pd_http1_step {
    PD_STEP_DONE,
    PD_STEP_MORE,
    PD_STEP_BAD, /* st->reason is set; st->head.fields too when all of the head could be read */
};

/* Makes ready for a head that begins at the first byte of the input. */
void pd_http1_head_begin(struct pd_http1 *st);
/*
 * Parses the head, whose first byte is the first of `win` and of which no byte behind `win` may be looked at. Goes on
 * where the last call stopped. Fills the scratch and st->head when it is done; u.at.line is then the length of the
 * head.
 */
enum pd_http1_step pd_http1_head_parse(struct pd_http1 *st, struct pd_slice win, struct pd_scratch *scratch);

#endif
