/*
 * fastcgi.c - FastCGI 1.0: a stream of records that carry many requests.
 *
 *      version type id(2) contentLength(2) paddingLength reserved   8 bytes
 *      content ... padding ...
 *
 * Section numbers are those of the FastCGI specification. Three rules shape
 * this file:
 *
 * - PARAMS and STDIN content is passed on as it arrives, in slices of the
 *   input; only a record's header, a BEGIN_REQUEST and one name of GET_VALUES
 *   (at most 23 bytes) are ever waited for. No announced length is allocated.
 * - A record that nobody wants (finished or unknown id, type we have no use
 *   for) is skipped exactly, content plus padding in 32 bits, and the
 *   connection lives on. What makes the record boundaries doubtful is fatal.
 * - An id is active from BEGIN_REQUEST until put_end or drop, whatever its
 *   input does: after ABORT_REQUEST, a bad head or the end of STDIN its
 *   records are ignored, and after put_end the id is free again although its
 *   STDIN may never have ended (Apache with enablereuse does that).
 *
 * A fatal event consumes nothing, so asking again gives the same answer.
 */
#include <assert.h>

#include "base/cursor.h"
#include "codec/codec.h"
#include "codec/fastcgi.h"
#include "codec/length.h"
#include "codec/response.h"

/* Active requests of one connection; the front end is told it as FCGI_MAX_REQS. */
enum { FCGI_STREAMS_MAX = 32 };

enum fcgi_phase {
    FCGI_IN_PARAMS, /* the PARAMS stream has not ended */
    FCGI_IN_STDIN,  /* the head is complete, the STDIN stream has not ended */
    FCGI_INPUT_END, /* both streams have ended; the response is pending */
    FCGI_IGNORED,   /* aborted or refused: active until the connection ends it */
};

struct fcgi_stream {
    uint16_t id; /* 0: this entry is free */
    uint8_t phase;
    bool keep_conn : 1;
    bool authorizer : 1;
    uint32_t head; /* bytes of PARAMS announced so far, against limits->head */
};

enum fcgi_inside {
    FCGI_INSIDE_NONE,   /* between records */
    FCGI_INSIDE_STREAM, /* content of a PARAMS or STDIN record of an active id */
    FCGI_INSIDE_NAMES,  /* content of GET_VALUES */
    FCGI_INSIDE_SKIP,   /* what is left of the record concerns nobody */
};

struct fcgi {
    const struct pd_limits *limits;
    uint32_t content; /* of the record we are inside of: bytes still to come */
    uint32_t pair;    /* of the GET_VALUES pair we are inside of: bytes still to come */
    uint16_t id;      /* of the record we are inside of */
    uint8_t padding;
    uint8_t inside;
    uint8_t asked; /* GET_VALUES: bit n for row n of VALUES */
    bool cut;      /* bytes were left unconsumed for want of more */
    uint8_t hint;  /* the entry found last */
    uint8_t top;   /* every active entry lies below */
    struct fcgi_stream streams[FCGI_STREAMS_MAX];
};

static_assert(sizeof(struct fcgi) <= PD_CODEC_STATE_MAX, "the connection keeps this much room");

/* --- the table of active requests --- */

static struct fcgi_stream *find_stream(struct fcgi *f, uint32_t id)
{
    if (id == 0)
        return NULL; /* the mark of a free entry, and of management records */
    if (f->streams[f->hint].id == id)
        return &f->streams[f->hint];
    for (uint8_t i = 0; i < f->top; i++) {
        if (f->streams[i].id == id) {
            f->hint = i;
            return &f->streams[i];
        }
    }
    return NULL;
}

/* A free entry, or NULL when the table is full. */
static struct fcgi_stream *add_stream(struct fcgi *f)
{
    uint8_t i = 0;
    while (i < f->top && f->streams[i].id != 0)
        i++;
    if (i == FCGI_STREAMS_MAX)
        return NULL;
    if (i == f->top)
        f->top++;
    f->hint = i;
    return &f->streams[i];
}

static void remove_stream(struct fcgi *f, struct fcgi_stream *s)
{
    *s = (struct fcgi_stream){ .id = 0 };
    while (f->top > 0 && f->streams[f->top - 1].id == 0)
        f->top--;
}

/* --- events; each helper returns false: stop, there is something to report --- */

static bool give(struct pd_event *ev, enum pd_event_kind kind, uint32_t id)
{
    ev->kind = kind;
    ev->stream = id;
    return false;
}

static bool give_reply(struct pd_event *ev, const struct pd_scratch *scratch, const char *end)
{
    ev->data = pd_slice(scratch->reply, (size_t)(end - scratch->reply));
    return give(ev, PD_EV_REPLY, 0);
}

static bool give_fatal(struct pd_event *ev, enum pd_reason reason)
{
    ev->reason = reason;
    ev->fatal = true;
    return give(ev, PD_EV_BAD, 0);
}

/* Ends the input of one request; the connection answers it. */
static bool give_bad(struct pd_event *ev, struct fcgi_stream *s, enum pd_reason reason)
{
    s->phase = FCGI_IGNORED;
    ev->reason = reason;
    return give(ev, PD_EV_BAD, s->id);
}

/* --- GET_VALUES (section 4.1) --- */

static const struct {
    struct pd_slice name;
    struct pd_slice value;
} VALUES[] = {
    { { "FCGI_MAX_CONNS", 14 }, { "1024", 4 } }, /* a wide hint; the listener decides */
    { { "FCGI_MAX_REQS", 13 }, { "32", 2 } },    /* HAProxy takes it as the number for each connection */
    { { "FCGI_MPXS_CONNS", 15 }, { "1", 1 } },
};
enum { VALUES_N = sizeof VALUES / sizeof VALUES[0], VALUES_NAME_MAX = 15 };
static_assert(FCGI_STREAMS_MAX == 32, "FCGI_MAX_REQS above tells the size of the table");

static bool give_values(struct fcgi *f, struct pd_scratch *scratch, struct pd_event *ev)
{
    char *p = scratch->reply + FCGI_HEADER_LEN;
    for (unsigned i = 0; i < VALUES_N; i++) {
        if (!(f->asked & 1u << i))
            continue;
        *p++ = (char)VALUES[i].name.n;
        *p++ = (char)VALUES[i].value.n;
        p = pd_put(p, VALUES[i].name);
        p = pd_put(p, VALUES[i].value);
    }
    fcgi_put_header(scratch->reply, FCGI_GET_VALUES_RESULT, 0, (size_t)(p - scratch->reply) - FCGI_HEADER_LEN);
    f->inside = FCGI_INSIDE_SKIP;
    return give_reply(ev, scratch, p);
}

/* A length of a name-value pair (section 3.4): one byte, or four with the top bit set. */
static uint32_t take_length(struct pd_cursor *c)
{
    if (pd_cursor_left(c) > 0 && (*c->p & 0x80))
        return pd_cursor_be32(c) & 0x7fffffff;
    return pd_cursor_u8(c);
}

static void ask_value(struct fcgi *f, struct pd_slice name)
{
    for (unsigned i = 0; i < VALUES_N; i++)
        if (pd_slice_eq(name, VALUES[i].name))
            f->asked = (uint8_t)(f->asked | 1u << i);
}

static void skip_content(struct fcgi *f, struct pd_slice *rest, size_t n)
{
    *rest = pd_slice_from(*rest, n);
    f->content -= (uint32_t)n;
}

/*
 * One pair of GET_VALUES, or the answer at their end. The record may be 64 KiB
 * long and come byte by byte; only lengths and a name as short as ours are
 * waited for, everything else is skipped as it comes.
 */
static bool take_name(struct fcgi *f, struct pd_slice *rest, struct pd_scratch *scratch, struct pd_event *ev)
{
    if (f->pair > 0) {
        size_t n = rest->n < f->pair ? rest->n : f->pair;
        skip_content(f, rest, n);
        f->pair -= (uint32_t)n;
        return n > 0;
    }
    if (f->content == 0)
        return give_values(f, scratch, ev);
    bool whole = rest->n >= f->content;
    struct pd_cursor c = pd_cursor(pd_slice(rest->p, whole ? f->content : rest->n));
    uint32_t name_n = take_length(&c);
    uint32_t value_n = take_length(&c);
    if (!c.ok && whole)
        return give_fatal(ev, PD_R_FCGI_BAD_RECORD); /* the record cuts the lengths off */
    if (!c.ok)
        return false; /* only the input does */
    size_t lengths_n = (size_t)((const char *)c.p - rest->p);
    uint64_t pair = (uint64_t)name_n + value_n;
    if (pair > f->content - lengths_n)
        return give_fatal(ev, PD_R_FCGI_BAD_RECORD);
    if (name_n <= VALUES_NAME_MAX) {
        struct pd_slice name = pd_cursor_take(&c, name_n);
        if (!c.ok)
            return false;
        ask_value(f, name);
    }
    skip_content(f, rest, lengths_n);
    f->pair = (uint32_t)pair;
    return true;
}

/* --- application records --- */

static bool take_params(struct fcgi *f, struct fcgi_stream *s, struct pd_event *ev)
{
    if (s->phase != FCGI_IN_PARAMS)
        return true; /* after their end, or of a request already given up */
    if (f->content == 0) {
        s->phase = FCGI_IN_STDIN;
        return give(ev, PD_EV_HEAD, s->id);
    }
    if ((size_t)s->head + f->content > f->limits->head)
        return give_bad(ev, s, PD_R_HEAD_TOO_LARGE);
    s->head += f->content;
    f->inside = FCGI_INSIDE_STREAM;
    return true;
}

static bool take_stdin(struct fcgi *f, struct fcgi_stream *s, struct pd_event *ev)
{
    if (s->phase == FCGI_IN_PARAMS)
        return give_bad(ev, s, PD_R_FCGI_EARLY_STDIN);
    if (s->phase != FCGI_IN_STDIN)
        return true;
    if (f->content == 0) {
        s->phase = FCGI_INPUT_END;
        return give(ev, PD_EV_BODY_END, s->id);
    }
    f->inside = FCGI_INSIDE_STREAM;
    return true;
}

static bool take_abort(struct fcgi_stream *s, struct pd_event *ev)
{
    if (s->phase == FCGI_IGNORED)
        return true;
    s->phase = FCGI_IGNORED;
    return give(ev, PD_EV_ABORT, s->id);
}

/* Content of PARAMS or STDIN, as much as is there. */
static bool take_content(struct fcgi *f, struct pd_slice *rest, struct pd_event *ev)
{
    struct fcgi_stream *s = find_stream(f, f->id);
    if (!s) {
        f->inside = FCGI_INSIDE_SKIP; /* the connection ended the request inside the record */
        return true;
    }
    if (rest->n == 0)
        return false;
    size_t n = rest->n < f->content ? rest->n : f->content;
    ev->data = pd_slice(rest->p, n);
    skip_content(f, rest, n);
    if (f->content == 0)
        f->inside = FCGI_INSIDE_SKIP;
    return give(ev, s->phase == FCGI_IN_PARAMS ? PD_EV_HEAD_BYTES : PD_EV_BODY, s->id);
}

/*
 * A request beyond the table gets a complete response before its END_REQUEST:
 * Apache makes a bare END_REQUEST(OVERLOADED) a 200, HAProxy waits for more.
 */
static char *put_overloaded(char *p, uint32_t id)
{
    const struct pd_slice head = PD_SLICE("Status: 503 Service Unavailable\r\n"
                                          "Content-Type: text/plain\r\n"
                                          "Content-Length: 0\r\n"
                                          "Retry-After: 1\r\n"
                                          "\r\n");
    p = fcgi_put_header(p, FCGI_STDOUT, id, head.n);
    p = pd_put(p, head);
    p = fcgi_put_header(p, FCGI_STDOUT, id, 0);
    return fcgi_put_end_request(p, id, FCGI_OVERLOADED);
}

/* The content of BEGIN_REQUEST (section 5.1), which is there as a whole: role(2) flags reserved(5). */
static bool take_begin(struct fcgi *f, struct pd_slice *rest, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct pd_cursor c = pd_cursor(*rest);
    uint16_t role = pd_cursor_be16(&c);
    bool keep_conn = pd_cursor_u8(&c) & FCGI_KEEP_CONN;
    skip_content(f, rest, FCGI_BODY_LEN);
    if (role != FCGI_RESPONDER && role != FCGI_AUTHORIZER) {
        /* with KEEP_CONN off it is the application that closes, behind a refusal too */
        ev->fatal = !keep_conn && f->top == 0;
        return give_reply(ev, scratch, fcgi_put_end_request(scratch->reply, f->id, FCGI_UNKNOWN_ROLE));
    }
    struct fcgi_stream *s = add_stream(f);
    if (!s)
        return give_reply(ev, scratch, put_overloaded(scratch->reply, f->id));
    *s = (struct fcgi_stream){
        .id = f->id, .phase = FCGI_IN_PARAMS, .keep_conn = keep_conn, .authorizer = role == FCGI_AUTHORIZER
    };
    return give(ev, PD_EV_OPEN, f->id);
}

/* --- records --- */

/* Management records have id 0 and the others do not (section 3.3); discrete records have one length each. */
static bool is_legal(uint8_t type, uint16_t id, uint32_t length)
{
    if (type >= FCGI_BEGIN_REQUEST && type <= FCGI_DATA && id == 0)
        return false;
    if (type >= FCGI_GET_VALUES && type <= FCGI_UNKNOWN_TYPE && id != 0)
        return false;
    if (type == FCGI_BEGIN_REQUEST)
        return length == FCGI_BODY_LEN;
    return type != FCGI_ABORT_REQUEST || length == 0;
}

static bool take_management(struct fcgi *f, uint8_t type, struct pd_scratch *scratch, struct pd_event *ev)
{
    if (type == FCGI_GET_VALUES) {
        f->inside = FCGI_INSIDE_NAMES;
        f->asked = 0;
        return true;
    }
    char *p = fcgi_put_header(scratch->reply, FCGI_UNKNOWN_TYPE, 0, FCGI_BODY_LEN);
    memset(p, 0, FCGI_BODY_LEN);
    p[0] = (char)type;
    return give_reply(ev, scratch, p + FCGI_BODY_LEN);
}

static bool take_header(struct fcgi *f, struct pd_slice *rest, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct pd_cursor c = pd_cursor(*rest);
    uint8_t version = pd_cursor_u8(&c);
    if (c.ok && version != FCGI_VERSION)
        return give_fatal(ev, PD_R_FCGI_BAD_VERSION); /* at the first byte: HTTP, TLS or noise */
    uint8_t type = pd_cursor_u8(&c);
    uint16_t id = pd_cursor_be16(&c);
    uint16_t length = pd_cursor_be16(&c);
    uint8_t padding = pd_cursor_u8(&c);
    (void)pd_cursor_u8(&c);
    if (!c.ok)
        return false;
    if (!is_legal(type, id, length))
        return give_fatal(ev, PD_R_FCGI_BAD_RECORD);
    struct fcgi_stream *s = find_stream(f, id);
    if (type == FCGI_BEGIN_REQUEST) {
        if (s)
            return give_fatal(ev, PD_R_FCGI_ID_IN_USE);
        if (pd_cursor_left(&c) < FCGI_BODY_LEN)
            return false;
    }
    *rest = pd_slice_from(*rest, FCGI_HEADER_LEN);
    f->id = id;
    f->content = length;
    f->padding = padding;
    f->inside = FCGI_INSIDE_SKIP;
    if (id == 0)
        return take_management(f, type, scratch, ev);
    if (type == FCGI_BEGIN_REQUEST)
        return take_begin(f, rest, scratch, ev);
    if (!s)
        return true;
    if (type == FCGI_PARAMS)
        return take_params(f, s, ev);
    if (type == FCGI_STDIN)
        return take_stdin(f, s, ev);
    if (type == FCGI_ABORT_REQUEST)
        return take_abort(s, ev);
    return true; /* DATA, or a record that only we may send, or an unknown one */
}

/* The rest of a record that concerns nobody: up to 65535 + 255 bytes, so never counted in 16 bits. */
static bool skip_record(struct fcgi *f, struct pd_slice *rest)
{
    size_t n = rest->n < f->content ? rest->n : f->content;
    skip_content(f, rest, n);
    if (f->content > 0)
        return false;
    n = rest->n < f->padding ? rest->n : f->padding;
    *rest = pd_slice_from(*rest, n);
    f->padding = (uint8_t)(f->padding - n);
    if (f->padding > 0)
        return false;
    f->inside = FCGI_INSIDE_NONE;
    return true;
}

/* --- struct pd_codec, request side --- */

static void fcgi_init(void *state, const struct pd_limits *limits, const struct pd_codec_options *options)
{
    (void)options;
    struct fcgi *f = state;
    *f = (struct fcgi){ .limits = limits, .inside = FCGI_INSIDE_NONE };
}

/* One step; true: nothing to report yet, go on. */
static bool step(struct fcgi *f, struct pd_slice *rest, struct pd_scratch *scratch, struct pd_event *ev)
{
    switch ((enum fcgi_inside)f->inside) {
    case FCGI_INSIDE_NONE:
        return take_header(f, rest, scratch, ev);
    case FCGI_INSIDE_STREAM:
        return take_content(f, rest, ev);
    case FCGI_INSIDE_NAMES:
        return take_name(f, rest, scratch, ev);
    case FCGI_INSIDE_SKIP:
        break;
    }
    return skip_record(f, rest);
}

static void fcgi_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct fcgi *f = state;
    struct pd_slice rest = in;
    *ev = (struct pd_event){ .kind = PD_EV_MORE };
    while (step(f, &rest, scratch, ev))
        continue;
    if (ev->kind != PD_EV_MORE && f->inside == FCGI_INSIDE_SKIP)
        (void)skip_record(f, &rest); /* the padding belongs to the event's record */
    *used = in.n - rest.n;
    f->cut = ev->kind == PD_EV_MORE && rest.n > 0;
}

/* What this codec must know of a variable; the policy layer judges the rest. */
static enum pd_reason check_pair(const struct fcgi *f, const struct pd_field *pair, struct pd_head *head,
                                 bool *has_length)
{
    /* name and value lie side by side: one search for both; the specification knows no NUL (section 3.4) */
    if (memchr(pair->name.p, '\0', pair->name.n + pair->value.n))
        return memchr(pair->name.p, '\0', pair->name.n) ? PD_R_BAD_VARIABLE_NAME : PD_R_BAD_VARIABLE_VALUE;
    if (pd_slice_eq(pair->name, PD_SLICE("CONTENT_LENGTH"))) {
        if (*has_length)
            return PD_R_DUPLICATE_CONTENT_LENGTH;
        *has_length = true;
        if (pair->value.n > 0) /* nginx sends it empty when there is none */
            return pd_length_parse(pair->value, f->limits->body, &head->content_length);
    }
    return PD_R_NONE;
}

/* A pair that may not be there is left out; the others say of which kind the answer to it should be. */
static enum pd_reason parse_pairs(const struct fcgi *f, struct pd_slice bytes, struct pd_head *head)
{
    struct pd_cursor c = pd_cursor(bytes);
    bool has_length = false;
    enum pd_reason first = PD_R_NONE;
    for (size_t count = 0; pd_cursor_left(&c) > 0; count++) {
        /* each length is checked against what is left; no sum of two of them exists that could wrap */
        uint32_t name_n = take_length(&c);
        uint32_t value_n = take_length(&c);
        struct pd_field pair = { .name = pd_cursor_take(&c, name_n) };
        pair.value = pd_cursor_take(&c, value_n);
        /* pairs without a name count too: they cost the same to read */
        if (!c.ok || count == PD_FIELDS_MAX) {
            head->nfields = 0;
            return first ? first : c.ok ? PD_R_TOO_MANY_FIELDS : PD_R_FCGI_BAD_PAIR;
        }
        if (name_n == 0)
            continue;
        enum pd_reason bad = check_pair(f, &pair, head, &has_length);
        if (!bad)
            head->fields[head->nfields++] = pair;
        first = first ? first : bad;
    }
    return first;
}

static enum pd_reason fcgi_parse_head(void *state, uint32_t stream, struct pd_slice bytes, struct pd_scratch *scratch,
                                      struct pd_head *head)
{
    struct fcgi *f = state;
    struct fcgi_stream *s = find_stream(f, stream);
    assert(s); /* asked for at the HEAD event, when the stream is active */
    *head = (struct pd_head){ .form = PD_HEAD_CGI,
                              .fields = scratch->fields,
                              .content_length = -1,
                              .keep_alive = s->keep_conn,
                              .authorizer = s->authorizer,
                              .body_has_end = !s->authorizer };
    enum pd_reason bad = parse_pairs(f, bytes, head);
    if (bad)
        s->phase = FCGI_IGNORED;
    return bad;
}

static bool fcgi_at_boundary(const void *state)
{
    const struct fcgi *f = state;
    if (f->inside != FCGI_INSIDE_NONE || f->cut)
        return false;
    for (uint8_t i = 0; i < f->top; i++)
        if (f->streams[i].id != 0 && f->streams[i].phase <= FCGI_IN_STDIN)
            return false;
    return true;
}

/* --- struct pd_codec, response side --- */

/* The head becomes the content of the first STDOUT record, together with the first block of the body. */
static enum pd_reason fcgi_put_head(void *state, uint32_t stream, struct pd_response *r, struct pd_buf *out)
{
    const struct fcgi_stream *s = find_stream(state, stream);
    assert(s);
    r->close = !s->keep_conn || !r->keep_alive;
    size_t before = pd_buf_view(out).n;
    enum pd_reason bad = pd_response_put_cgi(r, out);
    if (bad)
        return bad;
    return pd_buf_view(out).n - before > FCGI_CONTENT_MAX ? PD_R_RESPONSE_HEAD_TOO_LARGE : PD_R_NONE;
}

static void fcgi_put_frame(void *state, uint32_t stream, const struct pd_response *r, size_t n, char *prefix,
                           size_t *prefix_n, char *suffix, size_t *suffix_n)
{
    (void)state, (void)r, (void)suffix;
    assert(n > 0); /* an empty STDOUT record ends the stream */
    *prefix_n = (size_t)(fcgi_put_header(prefix, FCGI_STDOUT, stream, n) - prefix);
    *suffix_n = 0;
}

static void fcgi_drop(void *state, uint32_t stream)
{
    struct fcgi *f = state;
    struct fcgi_stream *s = find_stream(f, stream);
    if (s)
        remove_stream(f, s);
}

/* Exactly one END_REQUEST for each request: a second call, or one after drop, writes nothing. */
static size_t fcgi_put_end(void *state, uint32_t stream, struct pd_response *r, char *dst)
{
    struct fcgi *f = state;
    struct fcgi_stream *s = find_stream(f, stream);
    if (!s)
        return 0;
    r->close = r->close || !s->keep_conn; /* section 3.5: also behind a request that was given up without a head */
    remove_stream(f, s);
    char *p = fcgi_put_header(dst, FCGI_STDOUT, stream, 0);
    p = fcgi_put_end_request(p, stream, FCGI_REQUEST_COMPLETE);
    return (size_t)(p - dst);
}

const struct pd_codec pd_codec_fastcgi = {
    .name = "fastcgi",
    .state_size = sizeof(struct fcgi),
    .multiplexed = true,
    .head_is_data = true,
    .gateway = true,
    .frame_max = FCGI_CONTENT_MAX,
    .init = fcgi_init,
    .next = fcgi_next,
    .parse_head = fcgi_parse_head,
    .at_boundary = fcgi_at_boundary,
    .put_head = fcgi_put_head,
    .put_frame = fcgi_put_frame,
    .put_end = fcgi_put_end,
    .drop = fcgi_drop,
};
