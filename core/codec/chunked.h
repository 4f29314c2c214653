/*
 * chunked.h - the chunked transfer coding, RFC 9112 section 7.1.
 *
 * The decoder is one automaton over bytes: it consumes what it is given, keeps
 * no bytes, and finds the same at any split. It is stricter than the RFC where
 * leniency has become request smuggling elsewhere: CR LF only, no white space
 * round sizes and extensions, no sign, at most 16 digits. Trailers are checked
 * and discarded (RFC 9110 section 6.5.1).
 */
#ifndef PD_CHUNKED_H
#define PD_CHUNKED_H

#include <stdint.h>

#include "base/slice.h"
#include "codec/limits.h"
#include "codec/reason.h"

enum pd_chunked_result {
    PD_CHUNKED_MORE, /* all input is consumed */
    PD_CHUNKED_DATA, /* `data` holds decoded bytes */
    PD_CHUNKED_END,  /* the body is complete, trailers and last line end included */
    PD_CHUNKED_BAD,  /* `reason` says why; the decoder must not be used further */
};

struct pd_chunked {
    uint64_t left;      /* the chunk's bytes still to come */
    uint64_t room;      /* body bytes the limit still allows */
    uint32_t overhead;  /* extension and trailer bytes the limit still allows */
    uint32_t forbidden; /* rows of the forbidden trailer names that still match */
    uint16_t position;  /* digits of the size, or bytes of a trailer's name; counts no further than it must */
    uint8_t state;      /* enum chunk_state in chunked.c */
    uint8_t reason;     /* enum pd_reason */
};

void pd_chunked_init(struct pd_chunked *c, const struct pd_limits *limits);
/* Decodes until there is data, the end, an error or no more input. */
enum pd_chunked_result pd_chunked_next(struct pd_chunked *c, struct pd_slice in, size_t *used, struct pd_slice *data);

/* Writes a chunk's size line into `dst` (at most 18 bytes); returns its length. */
size_t pd_chunked_put_size(char *dst, size_t n);

#endif
