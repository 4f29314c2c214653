/*
 * scgi.c - the SCGI protocol: one netstring of variables, then the body.
 *
 *      24:CONTENT_LENGTH <NUL> 0 <NUL> SCGI <NUL> 1 <NUL> , body
 *
 * From python.ca/scgi/protocol.txt and cr.yp.to/proto/netstrings.txt, read
 * strictly. Nothing is consumed before the whole netstring is there, so the
 * variables are slices of the input and no byte is copied or kept; what was
 * seen of the length is remembered, so no byte is looked at twice while more
 * of them arrive. One request for each connection: whatever follows the body
 * is swallowed and can never become a second request.
 */
#include <assert.h>

#include "codec/codec.h"
#include "codec/length.h"
#include "codec/response.h"

enum { SCGI_DIGITS_MAX = 8, SCGI_STREAM = 1, SCGI_SHORT = 32 };

enum scgi_phase {
    SCGI_LENGTH, /* reading the digits of the netstring's length */
    SCGI_HEAD,   /* the length is known; waiting for the rest of the netstring */
    SCGI_OPENED, /* the netstring is complete and announced by OPEN, not yet parsed */
    SCGI_BODY,   /* `left` bytes of the body are still to come */
    SCGI_DONE,   /* the body is complete, or nobody wants it: ignore what comes */
};

struct scgi {
    const struct pd_limits *limits;
    uint64_t left;
    size_t length; /* of the netstring, as far as its digits were read */
    enum scgi_phase phase;
    uint8_t digits; /* length digits read so far */
    bool some;      /* a byte of the request has come */
    struct pd_head head;
};

static_assert(sizeof(struct scgi) <= PD_CODEC_STATE_MAX, "the connection keeps this much room");

static void scgi_init(void *state, const struct pd_limits *limits, const struct pd_codec_options *options)
{
    (void)options;
    struct scgi *s = state;
    *s = (struct scgi){ .limits = limits, .phase = SCGI_LENGTH };
}

/* Every SCGI error ends the connection: there is no second request on it to save. */
static void refuse(struct pd_event *ev, enum pd_reason reason)
{
    ev->kind = PD_EV_BAD;
    ev->reason = reason;
    ev->fatal = true;
}

/*
 * Reads the length digit by digit and stops at the first byte that cannot be
 * right, so a peer that speaks something else is refused at once and no
 * announced size is ever believed.
 */
static enum pd_reason read_length(struct scgi *s, struct pd_slice in)
{
    while (s->digits < in.n) {
        char c = in.p[s->digits];
        if (c == ':' && s->digits > 0) {
            s->phase = SCGI_HEAD;
            return PD_R_NONE;
        }
        if (c < '0' || c > '9')
            return PD_R_SCGI_BAD_LENGTH;
        if (s->digits > 0 && s->length == 0)
            return PD_R_SCGI_BAD_LENGTH; /* a leading zero */
        size_t length = s->length * 10 + (size_t)(c - '0');
        if (s->digits == SCGI_DIGITS_MAX || length > s->limits->head)
            return PD_R_SCGI_TOO_LARGE;
        s->length = length;
        s->digits++;
    }
    return PD_R_NONE;
}

/* Index of the first NUL, or s.n. Most strings are so short that a call of memchr costs more than it saves. */
static size_t find_nul(struct pd_slice s)
{
    size_t near = s.n < SCGI_SHORT ? s.n : SCGI_SHORT;
    for (size_t i = 0; i < near; i++)
        if (s.p[i] == '\0')
            return i;
    return near + pd_slice_find(pd_slice_from(s, near), '\0');
}

/* Cuts the next NUL-terminated string off `rest`. */
static bool take_string(struct pd_slice *rest, struct pd_slice *out)
{
    size_t n = find_nul(*rest);
    if (n == rest->n)
        return false;
    *out = pd_slice(rest->p, n);
    *rest = pd_slice_from(*rest, n + 1);
    return true;
}

/* What the protocol itself says about this variable; the policy layer judges the rest. */
static enum pd_reason check_variable(struct scgi *s, const struct pd_field *f, bool first, bool *has_version)
{
    const struct pd_slice length = PD_SLICE("CONTENT_LENGTH");
    if (first) {
        if (!pd_slice_eq(f->name, length))
            return PD_R_SCGI_LENGTH_NOT_FIRST;
        return pd_length_parse(f->value, s->limits->body, &s->head.content_length);
    }
    if (f->name.n == 0)
        return PD_R_BAD_VARIABLE_NAME;
    if (pd_slice_eq(f->name, length))
        return PD_R_DUPLICATE_CONTENT_LENGTH;
    if (pd_slice_eq(f->name, PD_SLICE("SCGI"))) {
        if (*has_version)
            return PD_R_DUPLICATE_VARIABLE;
        if (!pd_slice_eq(f->value, PD_SLICE("1")))
            return PD_R_SCGI_NO_VERSION;
        *has_version = true;
    }
    return PD_R_NONE;
}

/*
 * Splits the netstring's content into variables; fills s->head. A variable that may not be there is left out; the
 * others say of which kind the answer to it should be.
 */
static enum pd_reason parse_variables(struct scgi *s, struct pd_slice rest, struct pd_field *fields)
{
    size_t n = 0, count = 0;
    bool has_version = false;
    enum pd_reason first = PD_R_NONE;
    s->head = (struct pd_head){ .form = PD_HEAD_CGI, .fields = fields };
    for (; rest.n > 0; count++) {
        struct pd_field f;
        if (!take_string(&rest, &f.name) || !take_string(&rest, &f.value))
            return first ? first : PD_R_SCGI_BAD_PAIRS;
        enum pd_reason bad = check_variable(s, &f, count == 0, &has_version);
        if (!bad && count == PD_FIELDS_MAX)
            bad = PD_R_TOO_MANY_FIELDS;
        first = first ? first : bad;
        if (count == PD_FIELDS_MAX)
            return first;
        if (!bad)
            fields[n++] = f;
    }
    s->head.nfields = n;
    if (count == 0)
        return PD_R_SCGI_LENGTH_NOT_FIRST;
    return first || has_version ? first : PD_R_SCGI_NO_VERSION;
}

/* "LENGTH:content," once it is complete; the comma is checked before anyone hears of a request. */
static void next_open(struct scgi *s, struct pd_slice in, struct pd_event *ev)
{
    size_t comma = (size_t)s->digits + 1 + s->length;
    if (in.n <= comma)
        return;
    if (in.p[comma] != ',') {
        refuse(ev, PD_R_SCGI_NO_COMMA);
        return;
    }
    s->phase = SCGI_OPENED;
    ev->kind = PD_EV_OPEN;
    ev->stream = SCGI_STREAM;
}

static void next_head(struct scgi *s, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    size_t start = (size_t)s->digits + 1;
    assert(in.n > start + s->length); /* unconsumed input never shrinks */
    enum pd_reason bad = parse_variables(s, pd_slice(in.p + start, s->length), scratch->fields);
    if (bad) {
        refuse(ev, bad);
        ev->stream = SCGI_STREAM;
        ev->head = &s->head;
        return;
    }
    *used = start + s->length + 1;
    s->phase = SCGI_BODY;
    s->left = (uint64_t)s->head.content_length;
    ev->kind = PD_EV_HEAD;
    ev->stream = SCGI_STREAM;
    ev->head = &s->head;
}

static void next_body(struct scgi *s, struct pd_slice in, size_t *used, struct pd_event *ev)
{
    if (s->left == 0) {
        s->phase = SCGI_DONE;
        ev->kind = PD_EV_BODY_END;
        ev->stream = SCGI_STREAM;
        return;
    }
    if (in.n == 0)
        return;
    size_t n = s->left < in.n ? (size_t)s->left : in.n;
    s->left -= n;
    *used = n;
    ev->kind = PD_EV_BODY;
    ev->stream = SCGI_STREAM;
    ev->data = pd_slice(in.p, n);
}

static void scgi_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct scgi *s = state;
    enum pd_reason bad;
    *used = 0;
    *ev = (struct pd_event){ .kind = PD_EV_MORE };
    s->some = s->some || in.n > 0;
    switch (s->phase) {
    case SCGI_LENGTH:
        bad = read_length(s, in);
        if (bad)
            refuse(ev, bad);
        if (s->phase == SCGI_HEAD)
            next_open(s, in, ev);
        return;
    case SCGI_HEAD:
        next_open(s, in, ev);
        return;
    case SCGI_OPENED:
        next_head(s, in, used, scratch, ev);
        return;
    case SCGI_BODY:
        next_body(s, in, used, ev);
        return;
    case SCGI_DONE:
        *used = in.n;
        ev->surplus = in.n > 0;
        return;
    }
}

/* A connection that ends before its first byte is normal: Apache opens one and then answers 411 itself. */
static bool scgi_at_boundary(const void *state)
{
    const struct scgi *s = state;
    return s->phase == SCGI_DONE || !s->some;
}

/* --- response: CGI style, unframed, ended by closing --- */

static enum pd_reason scgi_put_head(void *state, uint32_t stream, struct pd_response *r, struct pd_buf *out)
{
    (void)state, (void)stream;
    r->close = true;
    return pd_response_put_cgi(r, out);
}

static void scgi_put_frame(void *state, uint32_t stream, const struct pd_response *r, size_t n, char *prefix,
                           size_t *prefix_n, char *suffix, size_t *suffix_n)
{
    (void)state, (void)stream, (void)r, (void)n, (void)prefix, (void)suffix;
    *prefix_n = 0;
    *suffix_n = 0;
}

/* The request is over, read or not: bytes that still come belong to nobody. */
static void scgi_drop(void *state, uint32_t stream)
{
    struct scgi *s = state;
    (void)stream;
    s->phase = SCGI_DONE;
}

static size_t scgi_put_end(void *state, uint32_t stream, struct pd_response *r, char *dst)
{
    (void)r, (void)dst;
    scgi_drop(state, stream);
    return 0;
}

const struct pd_codec pd_codec_scgi = {
    .name = "scgi",
    .state_size = sizeof(struct scgi),
    .multiplexed = false,
    .head_is_data = false,
    .gateway = true,
    .frame_max = SIZE_MAX,
    .init = scgi_init,
    .next = scgi_next,
    .parse_head = NULL,
    .at_boundary = scgi_at_boundary,
    .put_head = scgi_put_head,
    .put_frame = scgi_put_frame,
    .put_end = scgi_put_end,
    .drop = scgi_drop,
};
