/*
 * scgi.c - the SCGI protocol: one netstring of variables, then the body.
 *
 *      24:CONTENT_LENGTH <NUL> 0 <NUL> SCGI <NUL> 1 <NUL> , body
 *
 * From python.ca/scgi/protocol.txt and cr.yp.to/proto/netstrings.txt, read
 * strictly. Nothing is consumed before the whole netstring is there, so the
 * variables are slices of the input and no byte is copied or kept; what was
 * seen of the length is remembered, so no byte is looked at twice while more
 * of them arrive. What comes behind the head is in single.c.
 */
#include <assert.h>

#include "base/compiler.h"
#include "codec/length.h"
#include "codec/single.h"

enum { SCGI_DIGITS_MAX = 8, SCGI_SHORT = 32 };

struct scgi {
    struct pd_single single;
    size_t length;   /* of the netstring, as far as its digits were read */
    uint8_t digits;  /* length digits read so far */
    bool has_length; /* all of them */
};

static_assert(sizeof(struct scgi) <= PD_CODEC_STATE_MAX, "the connection keeps this much room");

static void scgi_init(void *state, const struct pd_limits *limits, const struct pd_codec_options *options)
{
    (void)options;
    struct scgi *s = state;
    *s = (struct scgi){ .single = { .limits = limits } };
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
            s->has_length = true;
            return PD_R_NONE;
        }
        if (c < '0' || c > '9')
            return PD_R_SCGI_BAD_LENGTH;
        if (s->digits > 0 && s->length == 0)
            return PD_R_SCGI_BAD_LENGTH; /* a leading zero */
        size_t length = s->length * 10 + (size_t)(c - '0');
        if (s->digits == SCGI_DIGITS_MAX || length > s->single.limits->head)
            return PD_R_SCGI_TOO_LARGE;
        s->length = length;
        s->digits++;
    }
    return PD_R_NONE;
}

/*
 * Index of the first NUL, or s.n. Most strings are so short that a call of memchr costs more than it saves: words are
 * looked at for one with a NUL, and then its bytes; the lowest mark is that of a NUL, where bytes are in that order.
 */
static size_t find_nul(struct pd_slice s)
{
    const uint64_t ones = 0x0101010101010101u;
    size_t near = s.n < SCGI_SHORT ? s.n : SCGI_SHORT;
    size_t i = 0;
    for (uint64_t w; i + sizeof w <= near; i += sizeof w) {
        memcpy(&w, s.p + i, sizeof w);
        uint64_t marks = (w - ones) & ~w & ones * 0x80;
        if (marks && PD_LITTLE_ENDIAN)
            return i + (size_t)__builtin_ctzll(marks) / 8;
        if (marks)
            break;
    }
    for (; i < near; i++)
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
        return pd_length_parse(f->value, s->single.limits->body, &s->single.head.content_length);
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
 * Splits the netstring's content into variables; fills the head. A variable that may not be there is left out; the
 * others say of which kind the answer to it should be.
 */
static enum pd_reason parse_variables(struct scgi *s, struct pd_slice rest, struct pd_field *fields)
{
    size_t n = 0, count = 0;
    bool has_version = false;
    enum pd_reason first = PD_R_NONE;
    s->single.head = (struct pd_head){ .form = PD_HEAD_CGI, .fields = fields };
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
    s->single.head.nfields = n;
    if (count == 0)
        return PD_R_SCGI_LENGTH_NOT_FIRST;
    return first || has_version ? first : PD_R_SCGI_NO_VERSION;
}

/* "LENGTH:content," once it is complete; the comma is checked before anyone hears of a request. */
static void next_open(void *state, struct pd_slice in, struct pd_event *ev)
{
    struct scgi *s = state;
    enum pd_reason bad = s->has_length ? PD_R_NONE : read_length(s, in);
    size_t comma = (size_t)s->digits + 1 + s->length;
    if (!bad && s->has_length && in.n > comma && in.p[comma] != ',')
        bad = PD_R_SCGI_NO_COMMA;
    if (bad)
        pd_single_refuse(bad, ev);
    else if (s->has_length && in.n > comma)
        pd_single_open(&s->single, ev);
}

static void next_head(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct scgi *s = state;
    size_t start = (size_t)s->digits + 1;
    assert(in.n > start + s->length); /* unconsumed input never shrinks */
    enum pd_reason bad = parse_variables(s, pd_slice(in.p + start, s->length), scratch->fields);
    if (bad) {
        pd_single_refuse_head(&s->single, bad, ev);
        return;
    }
    *used = start + s->length + 1;
    pd_single_give_head(&s->single, ev);
}

static void scgi_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    static const struct pd_single_reader reader = { next_open, next_head };
    pd_single_next(state, &reader, in, used, scratch, ev);
}

const struct pd_codec pd_codec_scgi = {
    .name = "scgi",
    .state_size = sizeof(struct scgi),
    .gateway = true,
    .frame_max = SIZE_MAX,
    .init = scgi_init,
    .next = scgi_next,
    .body_ahead = pd_single_body_ahead,
    .at_boundary = pd_single_at_boundary,
    .put_head = pd_single_put_head,
    .put_frame = pd_single_put_frame,
    .put_end = pd_single_put_end,
    .drop = pd_single_drop,
};
