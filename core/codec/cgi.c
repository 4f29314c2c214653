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

#include "codec/length.h"
#include "codec/single.h"

struct cgi {
    struct pd_single single;
    size_t string; /* where the first string begins whose NUL has not come */
    size_t seen;   /* bytes in which no end of the environment is */
};

static_assert(sizeof(struct cgi) <= PD_CODEC_STATE_MAX, "the connection keeps this much room");

static void cgi_init(void *state, const struct pd_limits *limits, const struct pd_codec_options *options)
{
    (void)options;
    struct cgi *s = state;
    *s = (struct cgi){ .single = { .limits = limits } };
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
    return f->value.n ? pd_length_parse(f->value, s->single.limits->body, &s->single.head.content_length) : PD_R_NONE;
}

/*
 * Splits the environment into variables; fills the head. A string without a name or without '=' is no variable (a shell
 * may leave such ones). A variable that may not be there is left out; the others say of which kind the answer to it
 * should be.
 */
static enum pd_reason parse_environment(struct cgi *s, struct pd_slice rest, struct pd_field *fields)
{
    struct framing framing = { false, false };
    enum pd_reason first = PD_R_NONE;
    size_t n = 0;
    s->single.head = (struct pd_head){ .form = PD_HEAD_CGI, .process = true, .fields = fields, .content_length = -1 };
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
    s->single.head.nfields = n;
    if (!first && framing.chunked && s->single.head.content_length < 0)
        first = PD_R_CGI_NO_LENGTH;
    return first;
}

static void next_open(void *state, struct pd_slice in, struct pd_event *ev)
{
    struct cgi *s = state;
    bool ended = find_end(s, in);
    if (s->string > s->single.limits->head || (!ended && in.n > s->single.limits->head))
        pd_single_refuse(PD_R_HEAD_TOO_LARGE, ev);
    else if (ended)
        pd_single_open(&s->single, ev);
}

static void next_head(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct cgi *s = state;
    assert(in.n > s->string); /* unconsumed input never shrinks */
    enum pd_reason bad = parse_environment(s, pd_slice(in.p, s->string), scratch->fields);
    if (bad) {
        pd_single_refuse_head(&s->single, bad, ev);
        return;
    }
    *used = s->string + 1;
    pd_single_give_head(&s->single, ev);
}

static void cgi_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    static const struct pd_single_reader reader = { next_open, next_head };
    pd_single_next(state, &reader, in, used, scratch, ev);
}

const struct pd_codec pd_codec_cgi = {
    .name = "cgi",
    .state_size = sizeof(struct cgi),
    .gateway = true,
    .frame_max = SIZE_MAX,
    .init = cgi_init,
    .next = cgi_next,
    .body_ahead = pd_single_body_ahead,
    .at_boundary = pd_single_at_boundary,
    .put_head = pd_single_put_head,
    .put_frame = pd_single_put_frame,
    .put_end = pd_single_put_end,
    .drop = pd_single_drop,
};
