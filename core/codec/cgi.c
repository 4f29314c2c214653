/*
 * cgi.c - the Common Gateway Interface (RFC 3875): the environment of a process, then its standard input.
 *
 *      REQUEST_METHOD=GET <NUL> SCRIPT_NAME=/shop.cgi <NUL> ... <NUL> body
 *
 * Whoever was started as a CGI program writes its environment as it got it,
 * each string with its NUL, ended by an empty one, and then what comes from
 * standard input. Nothing is consumed before all of the environment is there,
 * so the variables are slices of the input. A body is CONTENT_LENGTH bytes
 * long (section 4.2) and never ends where the input does: a web server that
 * loses its client in the middle closes standard input just the same, so a
 * body of unknown length could not be told from the beginning of one.
 */
#include <assert.h>

#include "codec/codec.h"
#include "codec/length.h"
#include "codec/response.h"

enum { CGI_STREAM = 1 };

enum cgi_phase {
    CGI_ENVIRONMENT, /* waiting for the end of the environment */
    CGI_OPENED,      /* it is complete and announced by OPEN, not yet parsed */
    CGI_BODY,        /* `left` bytes of the body are still to come */
    CGI_DONE,        /* the body is complete, or nobody wants it: ignore what comes */
};

struct cgi {
    const struct pd_limits *limits;
    uint64_t left;
    size_t string; /* where the first string begins whose NUL has not come */
    size_t seen;   /* bytes in which no end of the environment is */
    enum cgi_phase phase;
    bool some; /* a byte of the request has come */
    struct pd_head head;
};

static_assert(sizeof(struct cgi) <= PD_CODEC_STATE_MAX, "the connection keeps this much room");

static void cgi_init(void *state, const struct pd_limits *limits, const struct pd_codec_options *options)
{
    (void)options;
    struct cgi *s = state;
    *s = (struct cgi){ .limits = limits, .phase = CGI_ENVIRONMENT };
}

/* There is one request, and nothing behind it that could be saved. */
static void refuse(struct pd_event *ev, enum pd_reason reason)
{
    ev->kind = PD_EV_BAD;
    ev->reason = reason;
    ev->fatal = true;
}

/* True once the empty string that ends the environment has come; `s->string` is then where it stands. */
static bool find_end(struct cgi *s, struct pd_slice in)
{
    while (s->seen < in.n) {
        s->seen += pd_slice_find(pd_slice_from(in, s->seen), '\0');
        if (s->seen == in.n)
            return false;
        if (s->seen == s->string)
            return true;
        s->string = ++s->seen;
    }
    return false;
}

/* What decides about the body; the policy layer judges the rest. */
struct framing {
    bool has_length;
    bool chunked; /* the client sent a body in chunks */
};

static enum pd_reason note_framing(struct cgi *s, const struct pd_field *f, struct framing *framing)
{
    if (pd_slice_eq(f->name, PD_SLICE("HTTP_TRANSFER_ENCODING")))
        framing->chunked = true;
    if (!pd_slice_eq(f->name, PD_SLICE("CONTENT_LENGTH")))
        return PD_R_NONE;
    if (framing->has_length)
        return PD_R_DUPLICATE_CONTENT_LENGTH;
    framing->has_length = true;
    return f->value.n ? pd_length_parse(f->value, s->limits->body, &s->head.content_length) : PD_R_NONE;
}

/*
 * Splits the environment into variables; fills s->head. A string without a name or without '=' is no variable (a shell
 * may leave such ones). A variable that may not be there is left out; the others say of which kind the answer to it
 * should be.
 */
static enum pd_reason parse_environment(struct cgi *s, struct pd_slice rest, struct pd_field *fields)
{
    struct framing framing = { false, false };
    enum pd_reason first = PD_R_NONE;
    size_t n = 0;
    s->head = (struct pd_head){ .form = PD_HEAD_CGI, .process = true, .fields = fields, .content_length = -1 };
    while (rest.n) {
        struct pd_slice string = pd_slice(rest.p, pd_slice_find(rest, '\0'));
        size_t equals = pd_slice_find(string, '=');
        rest = pd_slice_from(rest, string.n + 1);
        if (equals == 0 || equals == string.n)
            continue;
        struct pd_field f = { pd_slice(string.p, equals), pd_slice_from(string, equals + 1) };
        enum pd_reason bad = n == PD_FIELDS_MAX ? PD_R_TOO_MANY_FIELDS : note_framing(s, &f, &framing);
        first = first ? first : bad;
        if (n == PD_FIELDS_MAX)
            break;
        if (!bad)
            fields[n++] = f;
    }
    s->head.nfields = n;
    if (!first && framing.chunked && s->head.content_length < 0)
        first = PD_R_CGI_NO_LENGTH;
    return first;
}

static void next_open(struct cgi *s, struct pd_slice in, struct pd_event *ev)
{
    bool ended = find_end(s, in);
    if (s->string > s->limits->head || (!ended && in.n > s->limits->head)) {
        refuse(ev, PD_R_HEAD_TOO_LARGE);
        return;
    }
    if (!ended)
        return;
    s->phase = CGI_OPENED;
    ev->kind = PD_EV_OPEN;
    ev->stream = CGI_STREAM;
}

static void next_head(struct cgi *s, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    assert(in.n > s->string); /* unconsumed input never shrinks */
    enum pd_reason bad = parse_environment(s, pd_slice(in.p, s->string), scratch->fields);
    ev->stream = CGI_STREAM;
    ev->head = &s->head;
    if (bad) {
        refuse(ev, bad);
        return;
    }
    *used = s->string + 1;
    s->phase = CGI_BODY;
    s->left = s->head.content_length > 0 ? (uint64_t)s->head.content_length : 0;
    ev->kind = PD_EV_HEAD;
}

static void next_body(struct cgi *s, struct pd_slice in, size_t *used, struct pd_event *ev)
{
    if (s->left == 0) {
        s->phase = CGI_DONE;
        ev->kind = PD_EV_BODY_END;
        ev->stream = CGI_STREAM;
        return;
    }
    if (in.n == 0)
        return;
    size_t n = s->left < in.n ? (size_t)s->left : in.n;
    s->left -= n;
    *used = n;
    ev->kind = PD_EV_BODY;
    ev->stream = CGI_STREAM;
    ev->data = pd_slice(in.p, n);
}

static void cgi_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct cgi *s = state;
    *used = 0;
    *ev = (struct pd_event){ .kind = PD_EV_MORE };
    s->some = s->some || in.n > 0;
    switch (s->phase) {
    case CGI_ENVIRONMENT:
        next_open(s, in, ev);
        return;
    case CGI_OPENED:
        next_head(s, in, used, scratch, ev);
        return;
    case CGI_BODY:
        next_body(s, in, used, ev);
        return;
    case CGI_DONE:
        *used = in.n;
        ev->surplus = in.n > 0;
        return;
    }
}

static bool cgi_at_boundary(const void *state)
{
    const struct cgi *s = state;
    return s->phase == CGI_DONE || !s->some;
}

/* --- response: unframed, ended by closing (section 6) --- */

static enum pd_reason cgi_put_head(void *state, uint32_t stream, struct pd_response *r, struct pd_buf *out)
{
    (void)state, (void)stream;
    r->close = true;
    return pd_response_put_cgi(r, out);
}

static void cgi_put_frame(void *state, uint32_t stream, const struct pd_response *r, size_t n, char *prefix,
                          size_t *prefix_n, char *suffix, size_t *suffix_n)
{
    (void)state, (void)stream, (void)r, (void)n, (void)prefix, (void)suffix;
    *prefix_n = 0;
    *suffix_n = 0;
}

/* The request is over, read or not: bytes that still come belong to nobody. */
static void cgi_drop(void *state, uint32_t stream)
{
    struct cgi *s = state;
    (void)stream;
    s->phase = CGI_DONE;
}

static size_t cgi_put_end(void *state, uint32_t stream, struct pd_response *r, char *dst)
{
    (void)r, (void)dst;
    cgi_drop(state, stream);
    return 0;
}

const struct pd_codec pd_codec_cgi = {
    .name = "cgi",
    .state_size = sizeof(struct cgi),
    .multiplexed = false,
    .head_is_data = false,
    .gateway = true,
    .frame_max = SIZE_MAX,
    .init = cgi_init,
    .next = cgi_next,
    .parse_head = NULL,
    .at_boundary = cgi_at_boundary,
    .put_head = cgi_put_head,
    .put_frame = cgi_put_frame,
    .put_end = cgi_put_end,
    .drop = cgi_drop,
};
