/*
 * uwsgi.c - the uwsgi protocol: four bytes, a block of variables, then the body.
 *
 *      modifier1, size of the block (16 bits, little-endian), modifier2
 *      (size, name, size, value)*      sizes: 16 bits, little-endian
 *
 * From uwsgi-docs, Protocol.rst and Vars.rst. Of what real uWSGI does with the
 * modifiers, only a WSGI request is known here: the others run code, write
 * files and signal processes, and no front end needs them. A front end knows
 * no body of unknown length, so a missing CONTENT_LENGTH is 0; one request for
 * each connection, and what follows its body is swallowed. The response is
 * that of HTTP/1.x, and ends with the connection.
 *
 * As in scgi.c nothing is consumed before the block is there, so the variables
 * are slices of the input.
 */
#include <assert.h>

#include "base/cursor.h"
#include "codec/codec.h"
#include "codec/length.h"
#include "codec/response.h"

enum {
    UWSGI_HEADER_LEN = 4,
    UWSGI_STREAM = 1,
    UWSGI_WSGI = 0,       /* modifier1 of a request */
    UWSGI_WSGI_MOUNT = 30 /* the same from old configurations: PATH_INFO still has SCRIPT_NAME before it */
};

enum uwsgi_phase {
    UWSGI_HEADER, /* reading the four bytes */
    UWSGI_BLOCK,  /* the size is known; waiting for the rest of the block */
    UWSGI_OPENED, /* announced by OPEN; the block is complete, or larger than the limit */
    UWSGI_BODY,   /* `left` bytes of the body are still to come */
    UWSGI_DONE,   /* the body is complete, or nobody wants it: ignore what comes */
};

struct uwsgi {
    const struct pd_limits *limits;
    uint64_t left;
    size_t size; /* of the block */
    enum uwsgi_phase phase;
    bool mounted; /* modifier1 is UWSGI_WSGI_MOUNT */
    bool some;    /* a byte of the request has come */
    struct pd_head head;
};

static_assert(sizeof(struct uwsgi) <= PD_CODEC_STATE_MAX, "the connection keeps this much room");

static void uwsgi_init(void *state, const struct pd_limits *limits, const struct pd_codec_options *options)
{
    (void)options;
    *(struct uwsgi *)state = (struct uwsgi){ .limits = limits, .phase = UWSGI_HEADER };
}

/* Every error ends the connection: there is no second request on it to save. */
static void refuse(struct pd_event *ev, enum pd_reason reason)
{
    ev->kind = PD_EV_BAD;
    ev->reason = reason;
    ev->fatal = true;
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
    return value.n ? pd_length_parse(value, u->limits->body, &u->head.content_length) : PD_R_NONE;
}

/* What the protocol itself says about this variable; the policy layer judges the rest. */
static enum pd_reason check_variable(struct uwsgi *u, const struct pd_field *f, struct uwsgi_seen *seen, bool *keep)
{
    if (f->name.n == 0)
        return PD_R_BAD_VARIABLE_NAME;
    if (pd_slice_eq(f->name, PD_SLICE("CONTENT_LENGTH")))
        return check_length(u, seen, f->value);
    if (pd_slice_eq(f->name, PD_SLICE("HTTP_TRANSFER_ENCODING")))
        seen->chunked = f->value.n > 0;
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
 * Splits the block into variables; fills u->head. A variable that may not be there is left out; the others say of which
 * kind the answer to it should be.
 */
static enum pd_reason parse_variables(struct uwsgi *u, struct pd_slice in, struct pd_field *fields,
                                      struct uwsgi_seen *seen)
{
    struct pd_cursor block = pd_cursor(in);
    enum pd_reason first = PD_R_NONE;
    size_t count = 0;
    u->head = (struct pd_head){ .form = PD_HEAD_CGI, .fields = fields, .content_length = -1 };
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
            fields[u->head.nfields++] = f;
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
    if (u->head.content_length < 0 && seen.chunked)
        return PD_R_UWSGI_NO_LENGTH;
    if (u->head.content_length < 0)
        u->head.content_length = 0;
    if (seen.scheme.n)
        take_scheme(&u->head, seen.scheme, scratch);
    if (u->mounted)
        cut_script_name(&u->head, &seen);
    return PD_R_NONE;
}

/* --- events ------------------------------------------------------------------------------------------------------- */

/* Refused at the first byte that cannot be right, so a peer that speaks something else is told from one that does. */
static void next_header(struct uwsgi *u, struct pd_slice in, struct pd_event *ev)
{
    const unsigned char *h = (const unsigned char *)in.p;
    bool other = in.n > 0 && h[0] != UWSGI_WSGI && h[0] != UWSGI_WSGI_MOUNT;
    if (other || (in.n >= UWSGI_HEADER_LEN && h[3] != 0)) {
        refuse(ev, PD_R_UWSGI_BAD_MODIFIER);
    } else if (in.n >= UWSGI_HEADER_LEN) {
        u->mounted = h[0] == UWSGI_WSGI_MOUNT;
        u->size = (size_t)h[1] | (size_t)h[2] << 8;
        u->phase = UWSGI_BLOCK;
    }
}

static void next_block(struct uwsgi *u, struct pd_slice in, struct pd_event *ev)
{
    if (u->size <= u->limits->head && in.n < UWSGI_HEADER_LEN + u->size)
        return;
    u->phase = UWSGI_OPENED;
    ev->kind = PD_EV_OPEN;
    ev->stream = UWSGI_STREAM;
}

static void next_head(struct uwsgi *u, struct pd_slice in, size_t *used, struct pd_scratch *scratch,
                      struct pd_event *ev)
{
    ev->stream = UWSGI_STREAM;
    if (u->size > u->limits->head) {
        refuse(ev, PD_R_HEAD_TOO_LARGE);
        return;
    }
    assert(in.n >= UWSGI_HEADER_LEN + u->size); /* unconsumed input never shrinks */
    enum pd_reason bad = read_head(u, pd_slice(in.p + UWSGI_HEADER_LEN, u->size), scratch);
    ev->head = &u->head;
    if (bad) {
        refuse(ev, bad);
        return;
    }
    *used = UWSGI_HEADER_LEN + u->size;
    u->phase = UWSGI_BODY;
    u->left = (uint64_t)u->head.content_length;
    ev->kind = PD_EV_HEAD;
}

static void next_body(struct uwsgi *u, struct pd_slice in, size_t *used, struct pd_event *ev)
{
    if (u->left == 0) {
        u->phase = UWSGI_DONE;
        ev->kind = PD_EV_BODY_END;
    } else if (in.n > 0) {
        *used = u->left < in.n ? (size_t)u->left : in.n;
        u->left -= *used;
        ev->kind = PD_EV_BODY;
        ev->data = pd_slice(in.p, *used);
    }
    ev->stream = UWSGI_STREAM;
}

static void uwsgi_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct uwsgi *u = state;
    *used = 0;
    *ev = (struct pd_event){ .kind = PD_EV_MORE };
    u->some = u->some || in.n > 0;
    switch (u->phase) {
    case UWSGI_HEADER:
        next_header(u, in, ev);
        if (u->phase == UWSGI_BLOCK)
            next_block(u, in, ev);
        break;
    case UWSGI_BLOCK:
        next_block(u, in, ev);
        break;
    case UWSGI_OPENED:
        next_head(u, in, used, scratch, ev);
        break;
    case UWSGI_BODY:
        next_body(u, in, used, ev);
        break;
    case UWSGI_DONE:
        *used = in.n;
        ev->surplus = in.n > 0;
        break;
    }
}

/* A connection that ends before its first byte is normal: Apache opens one and then answers 411 itself. */
static bool uwsgi_at_boundary(const void *state)
{
    const struct uwsgi *u = state;
    return u->phase == UWSGI_DONE || !u->some;
}

/* --- response: the head of HTTP, then the body as it is, ended by closing ----------------------------------------- */

/* Apache answers 502 to a CGI-style head, and nginx hands its "Status" line to the client (protocols, rule 6). */
static enum pd_reason uwsgi_put_head(void *state, uint32_t stream, struct pd_response *r, struct pd_buf *out)
{
    (void)state, (void)stream;
    r->close = true;
    return pd_response_put_gateway(r, PD_SLICE("HTTP/1.1 "), out);
}

static void uwsgi_put_frame(void *state, uint32_t stream, const struct pd_response *r, size_t n, char *prefix,
                            size_t *prefix_n, char *suffix, size_t *suffix_n)
{
    (void)state, (void)stream, (void)r, (void)n, (void)prefix, (void)suffix;
    *prefix_n = 0;
    *suffix_n = 0;
}

/* The request is over, read or not: bytes that still come belong to nobody. */
static void uwsgi_drop(void *state, uint32_t stream)
{
    struct uwsgi *u = state;
    (void)stream;
    u->phase = UWSGI_DONE;
}

static size_t uwsgi_put_end(void *state, uint32_t stream, struct pd_response *r, char *dst)
{
    (void)r, (void)dst;
    uwsgi_drop(state, stream);
    return 0;
}

const struct pd_codec pd_codec_uwsgi = {
    .name = "uwsgi",
    .state_size = sizeof(struct uwsgi),
    .gateway = true,
    .frame_max = SIZE_MAX,
    .init = uwsgi_init,
    .next = uwsgi_next,
    .at_boundary = uwsgi_at_boundary,
    .put_head = uwsgi_put_head,
    .put_frame = uwsgi_put_frame,
    .put_end = uwsgi_put_end,
    .drop = uwsgi_drop,
};
