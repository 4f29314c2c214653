/*
 * answer.h - reads a response: head, then body, shared by the client halves of all protocols that send text heads.
 *
 * Strict where a reader could be led astray (lengths, codings, names), lenient where servers differ (RFC 9112 section
 * 2.2, RFC 3875 section 6): lines may end in LF, values may be folded, the phrase may be missing, Status may be.
 */
#ifndef PD_ANSWER_H
#define PD_ANSWER_H

#include "base/compiler.h"
#include "codec/chunked.h"
#include "codec/client.h"

enum pd_answer_form {
    PD_FORM_HTTP, /* a status line first */
    PD_FORM_CGI,  /* Status among the fields, or a status line; 200 without either, 302 with Location */
};

enum pd_reader_phase {
    PD_READER_HEAD,    /* the head is not complete */
    PD_READER_LENGTH,  /* `left` body bytes are still to come */
    PD_READER_CHUNKED, /* in a chunked body */
    PD_READER_REST,    /* all that comes is the body */
    PD_READER_SATED,   /* the body is complete; the end has not been told */
    PD_READER_ENDED,
    PD_READER_BAD,
};

struct pd_answer_reader {
    const struct pd_limits *limits;
    struct pd_buf bytes; /* the head so far */
    struct pd_answer_head head;
    union {
        uint64_t left; /* body bytes still to come */
        struct pd_chunked chunked;
    } u;
    size_t line;    /* bytes of the line that has not ended */
    size_t interim; /* bytes of interim heads; they count against the limit of the head, too */
    uint8_t form;   /* enum pd_answer_form */
    uint8_t phase;  /* enum pd_reader_phase */
    uint8_t reason; /* enum pd_reason, in the phase BAD */
    bool framed;    /* the protocol itself tells where the response ends */
    bool no_body;   /* the answer to HEAD */
    bool some;      /* a byte has come */
    bool after_cr;  /* the last byte of the line was CR */
    bool surplus;   /* bytes came behind the end */
};

void pd_answer_init(struct pd_answer_reader *r, enum pd_answer_form form, bool framed, const struct pd_sys *sys,
                    const struct pd_limits *limits);
void pd_answer_fini(struct pd_answer_reader *r);
/* The method that was asked: the answer to HEAD has no body, whatever it says of one. */
void pd_answer_to(struct pd_answer_reader *r, struct pd_slice method);
/* As struct pd_client_codec's; where the protocol has frames, of the bytes within them, and END is never given. */
void pd_answer_next(struct pd_answer_reader *r, struct pd_slice in, size_t *used, struct pd_scratch *scratch,
                    struct pd_answer *a);
/* Takes a head that was read elsewhere into r->head, its Content-Length among the fields (AJP13). */
void pd_answer_take_head(struct pd_answer_reader *r, struct pd_answer *a);
/* The end of the bytes: by the protocol's own mark (`marked`), by closing, or by a reset (not `clean`). */
void pd_answer_end(struct pd_answer_reader *r, bool marked, bool clean, struct pd_answer *a);
void pd_answer_bad(struct pd_answer_reader *r, enum pd_reason reason, struct pd_answer *a);

/*
 * Members of struct pd_client_codec for those whose state begins with the reader. `plain`: the state is the reader, the
 * response is of the CGI form, and neither body has frames.
 */
void pd_client_init_plain(void *state, const struct pd_sys *sys, const struct pd_limits *limits);
void pd_client_fini(void *state);
void pd_client_put_no_frame(void *state, size_t n, char *prefix, size_t *prefix_n, char *suffix, size_t *suffix_n);
size_t pd_client_put_no_end(void *state, char *dst);
void pd_client_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_answer *a);
void pd_client_eof(void *state, bool clean, struct pd_answer *a);

static inline bool pd_answer_has_ended(const struct pd_answer_reader *r)
{
    return r->phase >= PD_READER_ENDED;
}

#endif
