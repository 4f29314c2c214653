/*
 * uwsgi.c - the uwsgi protocol: four bytes, a block of variables, then the body.
 *
 *      modifier1, size of the block (16 bits, little-endian), modifier2
 *      (size, name, size, value)*      sizes: 16 bits, little-endian
 *
 * From uwsgi-docs, Protocol.rst and Vars.rst. Of what real uWSGI does with the
 * modifiers, only a WSGI request is known here: the others run code, write
 * files and signal processes, and no front end needs them. A front end knows
 * no body of unknown length, so a missing CONTENT_LENGTH is 0. The response is
 * that of HTTP/1.x; all else that comes behind the head is in single.c.
 *
 * As in scgi.c nothing is consumed before the block is there, so the variables
 * are slices of the input.
 */
#include <assert.h>

#include "base/cursor.h"
#include "codec/length.h"
#include "codec/response.h"
#include "codec/single.h"

enum {
    UWSGI_HEADER_LEN = 4,
    UWSGI_WSGI = 0,       /* modifier1 of a request */
    UWSGI_WSGI_MOUNT = 30 /* the same from old configurations: PATH_INFO still has SCRIPT_NAME before it */
};

struct uwsgi {
    struct pd_single single;
    size_t size;   /* of the block */
    bool has_size; /* the four bytes are read */
    bool mounted;  /* modifier1 is UWSGI_WSGI_MOUNT */
};

static_assert(sizeof(struct uwsgi) <= PD_CODEC_STATE_MAX, "the connection keeps this much room");

static void uwsgi_init(void *state, const struct pd_limits *limits, const struct pd_codec_options *options)
{
    (void)options;
    *(struct uwsgi *)state = (struct uwsgi){ .single = { .limits = limits } };
}

/* --- the block ---------------------------------------------------------------------------------------------------- */

/* What the codec itself looks for among the variables. */
struct uwsgi_seen {
    bool length;                 /* CONTENT_LENGTH, empty or not */
    bool chunked;                /* the client's body had no length, and nobody measured it */
    struct pd_slice scheme;      /* UWSGI_SCHEME */
    struct pd_slice uri;         /* REQUEST_URI */
    struct pd_slice script_name; /* SCRIPT_NAME */
};

static enum pd_reason check_length(struct uwsgi *u, struct uwsgi_seen *seen, struct pd_slice value)
{
    if (seen->length)
        return PD_R_DUPLICATE_CONTENT_LENGTH;
    seen->length = true;
    /* nginx sends an empty one with a request without body */
    return value.n ? pd_length_parse(value, u->single.limits->body, &u->single.head.content_length) : PD_R_NONE;
}

/* What the protocol itself says about this variable; the policy layer judges the rest. */
static enum pd_reason check_variable(struct uwsgi *u, const struct pd_field *f, struct uwsgi_seen *seen, bool *keep)
{
    if (f->name.n == 0)
        return PD_R_BAD_VARIABLE_NAME;
    if (pd_slice_eq(f->name, PD_SLICE("CONTENT_LENGTH")))
        return check_length(u, seen, f->value);
    if (pd_slice_eq(f->name, PD_SLICE("HTTP_TRANSFER_ENCODING")))
        seen->chunked = seen->chunked || f->value.n > 0;
    else if (pd_slice_eq(f->name, PD_SLICE("REQUEST_URI")))
        seen->uri = f->value;
    else if (pd_slice_eq(f->name, PD_SLICE("SCRIPT_NAME")))
        seen->script_name = f->value;
    else if (pd_slice_eq(f->name, PD_SLICE("UWSGI_SCHEME"))) {
        seen->scheme = f->value;
        *keep = false; /* take_scheme() puts another into its place */
    }
    return PD_R_NONE;
}

static bool take_pair(struct pd_cursor *block, struct pd_field *f)
{
    f->name = pd_cursor_take(block, pd_cursor_le16(block));
    f->value = pd_cursor_take(block, pd_cursor_le16(block));
    return block->ok;
}

/*
 * Splits the block into variables; fills the head. A variable that may not be there is left out; the others say of
 * which kind the answer to it should be.
 */
static enum pd_reason parse_variables(struct uwsgi *u, struct pd_slice in, struct pd_field *fields,
                                      struct uwsgi_seen *seen)
{
    struct pd_cursor block = pd_cursor(in);
    enum pd_reason first = PD_R_NONE;
    size_t count = 0;
    u->single.head = (struct pd_head){ .form = PD_HEAD_CGI, .fields = fields, .content_length = -1 };
    for (; pd_cursor_left(&block) > 0; count++) {
        struct pd_field f;
        bool keep = true;
        if (!take_pair(&block, &f))
            return first ? first : PD_R_UWSGI_BAD_PAIRS;
        if (count == PD_FIELDS_MAX)
            return first ? first : PD_R_TOO_MANY_FIELDS;
        enum pd_reason bad = check_variable(u, &f, seen, &keep);
        first = first ? first : bad;
        if (!bad && keep)
            fields[u->single.head.nfields++] = f;
    }
    return first;
}

/* uWSGI believes UWSGI_SCHEME before HTTPS, so it takes its place. */
static void take_scheme(struct pd_head *head, struct pd_slice scheme, struct pd_scratch *scratch)
{
    static const char name[] = "REQUEST_SCHEME";
    static_assert(sizeof name <= sizeof scratch->reply, "the name is kept there");
    if (!pd_slice_eq_nocase(scheme, PD_SLICE("https")) && !pd_slice_eq_nocase(scheme, PD_SLICE("http")))
        return;
    size_t n = 0;
    for (size_t i = 0; i < head->nfields; i++)
        if (!pd_slice_eq(head->fields[i].name, PD_SLICE("HTTPS")))
            head->fields[n++] = head->fields[i];
    memcpy(scratch->reply, name, sizeof name);
    head->fields[n++] = (struct pd_field){ pd_slice(scratch->reply, sizeof name - 1), scheme }; /* it left room */
    head->nfields = n;
}

/*
 * modifier1 30: SCRIPT_NAME is taken off PATH_INFO, if it is there; uWSGI and mod_proxy_uwsgi subtracted lengths
 * (CVE-2021-36160). With the raw target the path comes from there, and the pair may stay a hint.
 */
static void cut_script_name(const struct pd_head *head, const struct uwsgi_seen *seen)
{
    struct pd_slice mount = seen->script_name;
    while (mount.n && mount.p[mount.n - 1] == '/')
        mount.n--;
    for (size_t i = 0; i < head->nfields && !seen->uri.n; i++) {
        struct pd_field *f = &head->fields[i];
        if (!pd_slice_eq(f->name, PD_SLICE("PATH_INFO")) || !pd_slice_has_prefix(f->value, mount))
            continue;
        struct pd_slice rest = pd_slice_from(f->value, mount.n);
        if (!rest.n || rest.p[0] == '/')
            f->value = rest;
    }
}

static enum pd_reason read_head(struct uwsgi *u, struct pd_slice block, struct pd_scratch *scratch)
{
    struct uwsgi_seen seen = { .length = false };
    enum pd_reason bad = parse_variables(u, block, scratch->fields, &seen);
    if (bad)
        return bad;
    if (u->single.head.content_length < 0 && seen.chunked)
        return PD_R_UWSGI_NO_LENGTH;
    if (u->single.head.content_length < 0)
        u->single.head.content_length = 0;
    if (seen.scheme.n)
        take_scheme(&u->single.head, seen.scheme, scratch);
    if (u->mounted)
        cut_script_name(&u->single.head, &seen);
    return PD_R_NONE;
}

/* --- events ------------------------------------------------------------------------------------------------------- */

/* Refused at the first byte that cannot be right, so a peer that speaks something else is told from one that does. */
static enum pd_reason read_header(struct uwsgi *u, struct pd_slice in)
{
    const unsigned char *h = (const unsigned char *)in.p;
    bool other = in.n > 0 && h[0] != UWSGI_WSGI && h[0] != UWSGI_WSGI_MOUNT;
    if (other || (in.n >= UWSGI_HEADER_LEN && h[3] != 0))
        return PD_R_UWSGI_BAD_MODIFIER;
    if (in.n >= UWSGI_HEADER_LEN) {
        u->mounted = h[0] == UWSGI_WSGI_MOUNT;
        u->size = (size_t)h[1] | (size_t)h[2] << 8;
        u->has_size = true;
    }
    return PD_R_NONE;
}

/* A block that is larger than the limit is not waited for, but announced, so that it can be answered. */
static void next_open(void *state, struct pd_slice in, struct pd_event *ev)
{
    struct uwsgi *u = state;
    enum pd_reason bad = u->has_size ? PD_R_NONE : read_header(u, in);
    if (bad)
        pd_single_refuse(bad, ev);
    else if (u->has_size && (u->size > u->single.limits->head || in.n >= UWSGI_HEADER_LEN + u->size))
        pd_single_open(&u->single, ev);
}

static void next_head(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct uwsgi *u = state;
    if (u->size > u->single.limits->head) {
        pd_single_refuse(PD_R_HEAD_TOO_LARGE, ev);
        ev->stream = PD_SINGLE_STREAM;
        return;
    }
    assert(in.n >= UWSGI_HEADER_LEN + u->size); /* unconsumed input never shrinks */
    enum pd_reason bad = read_head(u, pd_slice(in.p + UWSGI_HEADER_LEN, u->size), scratch);
    if (bad) {
        pd_single_refuse_head(&u->single, bad, ev);
        return;
    }
    *used = UWSGI_HEADER_LEN + u->size;
    pd_single_give_head(&u->single, ev);
}

static void uwsgi_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    static const struct pd_single_reader reader = { next_open, next_head };
    pd_single_next(state, &reader, in, used, scratch, ev);
}

/* --- response: the head of HTTP, then the body as it is, ended by closing ----------------------------------------- */

/* Apache answers 502 to a CGI-style head, and nginx hands its "Status" line to the client (protocols, rule 6). */
static enum pd_reason uwsgi_put_head(void *state, uint32_t stream, struct pd_response *r, struct pd_buf *out)
{
    (void)state, (void)stream;
    r->close = true;
    return pd_response_put_gateway(r, PD_SLICE("HTTP/1.1 "), out);
}

const struct pd_codec pd_codec_uwsgi = {
    .name = "uwsgi",
    .state_size = sizeof(struct uwsgi),
    .gateway = true,
    .frame_max = SIZE_MAX,
    .init = uwsgi_init,
    .next = uwsgi_next,
    .body_ahead = pd_single_body_ahead,
    .at_boundary = pd_single_at_boundary,
    .put_head = uwsgi_put_head,
    .put_frame = pd_single_put_frame,
    .put_end = pd_single_put_end,
    .drop = pd_single_drop,
};
