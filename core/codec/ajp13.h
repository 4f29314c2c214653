/*
 * ajp13.h - AJP13 on the wire, and the state of its codec.
 *
 *      12 34 length(2) payload     from the web server; data packets have no code
 *      41 42 length(2) payload     from us
 *
 * Section numbers are those of the protocol's description (ajpv13a) in the
 * Tomcat connectors. Numbers are big-endian. A string is its length in two
 * bytes, the bytes, and a NUL that is not counted; the length FFFF alone is
 * the null string.
 *
 * With the option `lighttpd` the peer is mod_ajp13 of lighttpd, which leaves
 * the inner length of data packets out, sends the size of the TLS key as a
 * string, and the path decoded, unless it is told to escape it once more
 * before (`raw_path`).
 */
#ifndef PD_AJP13_H
#define PD_AJP13_H

#include "base/cursor.h"
#include "codec/codec.h"

enum {
    AJP_STREAM = 1, /* there is one at a time */
    AJP_PACKET_DEFAULT = 8192,
    AJP_PACKET_MAX = 65536,
    AJP_HEADER_LEN = 4,
    AJP_DATA_OVERHEAD = 6,  /* of a data packet: header and inner length */
    AJP_CHUNK_OVERHEAD = 8, /* of SEND_BODY_CHUNK: header, code, length, and the 00 behind the data */
    AJP_NULL_STRING = 0xffff,
};

enum ajp_code {
    AJP_FORWARD_REQUEST = 2,
    AJP_SEND_BODY_CHUNK = 3,
    AJP_SEND_HEADERS = 4,
    AJP_END_RESPONSE = 5,
    AJP_GET_BODY_CHUNK = 6,
    AJP_SHUTDOWN = 7,
    AJP_CPONG = 9,
    AJP_CPING = 10,
};

enum ajp_phase {
    AJP_IDLE,   /* between requests */
    AJP_OPENED, /* a FORWARD_REQUEST is there as a whole */
    AJP_BODY,   /* between data packets */
    AJP_DATA,   /* inside of one */
    AJP_ENDED,  /* nothing more of the body comes, which is still to be told */
    AJP_READ,   /* ... and was told: the response is pending */
    AJP_OVER,   /* the connection is not used again: what comes is thrown away */
};

struct ajp {
    const struct pd_limits *limits;
    const struct pd_codec_options *options;
    uint64_t left;   /* of a body of known length: bytes still to come */
    uint32_t packet; /* most bytes of a packet */
    uint32_t data;   /* of the data packet we are inside of: bytes still to come */
    uint8_t phase;
    bool asked;    /* a data packet is on its way */
    bool empty_ok; /* lighttpd sends an empty packet behind a request without body */
    bool surplus;  /* more has come than the request: it is not looked at */
    bool cut;      /* bytes were left unconsumed for want of more */
    struct pd_head head;
};

/*
 * Reads the payload of a FORWARD_REQUEST, behind its code, into a->head. Of a refused one a->head holds what could be
 * read before, for the answer. Numbers that become text are written into scratch->reply.
 */
enum pd_reason pd_ajp_parse(struct ajp *a, struct pd_slice payload, struct pd_scratch *scratch) PD_MUST_CHECK;

/* The response side of struct pd_codec. */
enum pd_reason pd_ajp_put_head(void *state, uint32_t stream, struct pd_response *r, struct pd_buf *out);
void pd_ajp_put_frame(void *state, uint32_t stream, const struct pd_response *r, size_t n, char *prefix,
                      size_t *prefix_n, char *suffix, size_t *suffix_n);
size_t pd_ajp_put_flush(void *state, uint32_t stream, char *dst);
size_t pd_ajp_put_end(void *state, uint32_t stream, struct pd_response *r, char *dst);

static inline char *ajp_put16(char *p, size_t n)
{
    p[0] = (char)(n >> 8 & 0xff);
    p[1] = (char)(n & 0xff);
    return p + 2;
}

/* The header of a packet of ours and its code; `n` counts the payload, code included. */
static inline char *ajp_put_packet(char *p, size_t n, enum ajp_code code)
{
    *p++ = 'A';
    *p++ = 'B';
    p = ajp_put16(p, n);
    *p++ = (char)code;
    return p;
}

#endif
