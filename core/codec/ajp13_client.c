/*
 * ajp13_client.c - asks over AJP13: one request on a connection of its own (ajpv13a in the Tomcat connectors).
 *
 *      12 34 length(2) payload     to the server; data packets have no code
 *      41 42 length(2) payload     from the server
 *
 * The first data packet of a body of known length goes out unasked, each further one when the server asks for it
 * (DEMAND), and then an empty one when there is no more. END_RESPONSE alone makes a response whole.
 */
#include <assert.h>

#include "codec/ajp13.h"
#include "codec/ajp13_names.h"
#include "codec/answer.h"
#include "codec/bytes.h"
#include "codec/client_out.h"

enum {
    METHOD_STORED = 0xff,
    CODED = 0xa000,
};

enum attribute {
    ATTRIBUTE_USER = 3,
    ATTRIBUTE_AUTH = 4,
    ATTRIBUTE_QUERY = 5,
    ATTRIBUTE_CERT = 7,
    ATTRIBUTE_CIPHER = 8,
    ATTRIBUTE_SESSION = 9,
    ATTRIBUTE_NAMED = 10,
    ATTRIBUTE_SECRET = 12,
    ATTRIBUTE_METHOD = 13,
    ATTRIBUTES_END = 255,
};

#define X(name) { name, sizeof(name) - 1 },
static const struct pd_slice methods[] = { PD_AJP_METHODS(X) };
static const struct pd_slice request_names[] = { PD_AJP_REQUEST_NAMES(X) };
static const struct pd_slice response_names[] = { PD_AJP_RESPONSE_NAMES(X) };
#undef X
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

struct ajp_client {
    struct pd_answer_reader reader;
    uint32_t left; /* of the packet's payload: bytes still to come */
    uint32_t data; /* ... of which so many are of the body */
    uint8_t code;  /* of the packet we are inside of; 0: between packets */
    uint8_t have;  /* bytes of `bytes` */
    unsigned char bytes[5];
};

static_assert(sizeof(struct ajp_client) <= PD_CLIENT_STATE_MAX, "a client keeps this much room");
static_assert(offsetof(struct ajp_client, reader) == 0, "pd_client_fini() and its like take it for that");

static void ajp_client_init(void *state, const struct pd_sys *sys, const struct pd_limits *limits)
{
    struct ajp_client *c = state;
    *c = (struct ajp_client){ .code = 0 };
    pd_answer_init(&c->reader, PD_FORM_CGI, true, sys, limits);
}

/* --- request --- */

static void put8(struct pd_client_out *o, unsigned n)
{
    char byte = (char)(n & 0xff);
    pd_out_put(o, pd_slice(&byte, 1));
}

static void put16(struct pd_client_out *o, size_t n)
{
    put8(o, (unsigned)(n >> 8 & 0xff));
    put8(o, (unsigned)(n & 0xff));
}

/* A slice without a pointer is the null string. Lengths above 16 bits make the packet too large anyhow. */
static void put_string(struct pd_client_out *o, struct pd_slice s)
{
    put16(o, s.p ? s.n : AJP_NULL_STRING);
    if (!s.p)
        return;
    pd_out_put(o, s);
    put8(o, 0);
}

/* The code of a method or name, from 1 on, or 0. Methods are compared as they stand. */
static size_t code_of(const struct pd_slice *table, size_t n, struct pd_slice s, bool exact)
{
    for (size_t i = 0; i < n; i++)
        if (exact ? pd_slice_eq(table[i], s) : pd_slice_eq_nocase(table[i], s))
            return i + 1;
    return 0;
}

static void put_header(struct pd_client_out *o, struct pd_slice name, struct pd_slice value)
{
    size_t code = code_of(request_names, COUNT(request_names), name, false);
    if (code)
        put16(o, CODED + code);
    else
        put_string(o, name);
    put_string(o, value);
}

static void put_headers(struct pd_client_out *o, const struct pd_head *head)
{
    bool framed = head->chunked || head->content_length >= 0;
    put16(o, head->nheaders + (framed ? 1u : 0u));
    for (size_t i = 0; i < head->nheaders; i++)
        put_header(o, head->fields[i].name, head->fields[i].value);
    char digits[PD_DECIMAL_MAX];
    if (head->chunked)
        put_header(o, PD_SLICE("Transfer-Encoding"), PD_SLICE("chunked"));
    else if (framed)
        put_header(o, PD_SLICE("Content-Length"), pd_decimal((uint64_t)head->content_length, digits));
}

/* A variable of the request, or the null string. */
static struct pd_slice var(const struct pd_head *head, struct pd_slice name)
{
    for (size_t i = head->nheaders; i < head->nvariables; i++)
        if (pd_slice_eq(head->fields[i].name, name))
            return head->fields[i].value;
    return PD_SLICE_NONE;
}

static uint16_t port_of(struct pd_slice digits)
{
    unsigned port = 0;
    for (size_t i = 0; i < digits.n && i < 5 && pd_byte_is_digit(digits.p[i]); i++)
        port = port * 10 + ((unsigned)(unsigned char)digits.p[i] - '0');
    return (uint16_t)port;
}

static void put_attribute(struct pd_client_out *o, enum attribute code, struct pd_slice value)
{
    if (!value.p)
        return;
    put8(o, code);
    put_string(o, value);
}

static void put_attributes(struct pd_client_out *o, const struct pd_head *head, struct pd_slice query)
{
    static const struct {
        struct pd_slice name;
        enum attribute code;
    } coded[] = {
        { { "secret", 6 }, ATTRIBUTE_SECRET },      { { "REMOTE_USER", 11 }, ATTRIBUTE_USER },
        { { "AUTH_TYPE", 9 }, ATTRIBUTE_AUTH },     { { "SSL_CLIENT_CERT", 15 }, ATTRIBUTE_CERT },
        { { "SSL_CIPHER", 10 }, ATTRIBUTE_CIPHER }, { { "SSL_SESSION_ID", 14 }, ATTRIBUTE_SESSION },
    };
    for (size_t i = 0; i < COUNT(coded); i++)
        put_attribute(o, coded[i].code, var(head, coded[i].name));
    put_attribute(o, ATTRIBUTE_QUERY, query);
    struct pd_slice port = var(head, PD_SLICE("REMOTE_PORT"));
    if (port.p) {
        put_attribute(o, ATTRIBUTE_NAMED, PD_SLICE("AJP_REMOTE_PORT"));
        put_string(o, port);
    }
    for (size_t i = head->nvariables; i < head->nfields; i++) {
        put_attribute(o, ATTRIBUTE_NAMED, head->fields[i].name);
        put_string(o, head->fields[i].value);
    }
    if (!code_of(methods, COUNT(methods), head->method, true))
        put_attribute(o, ATTRIBUTE_METHOD, head->method);
    put8(o, ATTRIBUTES_END);
}

static void put_request(struct pd_client_out *o, const struct pd_head *head)
{
    size_t method = code_of(methods, COUNT(methods), head->method, true);
    size_t path = pd_slice_find(head->target, '?');
    struct pd_slice query = path < head->target.n ? pd_slice_from(head->target, path + 1) : PD_SLICE_NONE;
    put8(o, AJP_FORWARD_REQUEST);
    put8(o, method ? (unsigned)method : METHOD_STORED);
    put_string(o, var(head, PD_SLICE("SERVER_PROTOCOL")));
    put_string(o, pd_slice(head->target.p, path));
    put_string(o, var(head, PD_SLICE("REMOTE_ADDR")));
    put_string(o, var(head, PD_SLICE("REMOTE_HOST")));
    put_string(o, var(head, PD_SLICE("SERVER_NAME")));
    put16(o, port_of(var(head, PD_SLICE("SERVER_PORT"))));
    put8(o, pd_slice_eq(var(head, PD_SLICE("HTTPS")), PD_SLICE("on")));
    put_headers(o, head);
    put_attributes(o, head, query);
}

static enum pd_reason ajp_client_put_head(void *state, const struct pd_head *head, struct pd_buf *buf)
{
    struct ajp_client *c = state;
    struct pd_client_out o = { buf, pd_client_head_check(head, head->nheaders) };
    size_t start = pd_buf_view(buf).n;
    pd_answer_to(&c->reader, head->method);
    pd_out_put(&o, pd_slice("\x12\x34\0\0", AJP_HEADER_LEN));
    put_request(&o, head);
    struct pd_slice packet = pd_slice_from(pd_buf_view(buf), start);
    if (!o.bad && packet.n > AJP_PACKET_DEFAULT)
        o.bad = PD_R_HEAD_TOO_LARGE;
    if (o.bad)
        return o.bad;
    char *length = buf->data + buf->done + start + 2;
    length[0] = (char)((packet.n - AJP_HEADER_LEN) >> 8 & 0xff);
    length[1] = (char)((packet.n - AJP_HEADER_LEN) & 0xff);
    return PD_R_NONE;
}

static void ajp_client_put_frame(void *state, size_t n, char *prefix, size_t *prefix_n, char *suffix, size_t *suffix_n)
{
    (void)state, (void)suffix;
    const char header[AJP_DATA_OVERHEAD] = {
        0x12, 0x34, (char)((n + 2) >> 8 & 0xff), (char)((n + 2) & 0xff), (char)(n >> 8 & 0xff), (char)(n & 0xff)
    };
    memcpy(prefix, header, sizeof header);
    *prefix_n = sizeof header;
    *suffix_n = 0;
}

static size_t ajp_client_put_end(void *state, char *dst)
{
    (void)state;
    memcpy(dst, "\x12\x34\0\0", AJP_HEADER_LEN);
    return AJP_HEADER_LEN;
}

/* --- response --- */

static struct pd_slice take_string(struct pd_cursor *c)
{
    uint16_t n = pd_cursor_be16(c);
    if (!c->ok || n == AJP_NULL_STRING)
        return PD_SLICE("");
    struct pd_slice s = pd_cursor_take(c, n);
    if (pd_cursor_u8(c) != 0)
        c->ok = false;
    return s;
}

static struct pd_slice take_name(struct pd_cursor *c)
{
    struct pd_cursor ahead = *c;
    size_t code = pd_cursor_be16(&ahead);
    if (code < CODED || code == AJP_NULL_STRING)
        return take_string(c);
    *c = ahead;
    bool known = code > CODED && code - CODED <= COUNT(response_names);
    return known ? response_names[code - CODED - 1] : PD_SLICE("");
}

static enum pd_reason take_field(struct pd_cursor *c, struct pd_answer_head *h)
{
    struct pd_slice name = take_name(c);
    struct pd_slice value = take_string(c);
    if (!c->ok)
        return PD_R_ANSWER_BAD_RECORD;
    if (!name.n || pd_byte_run(name, PD_BYTE_TOKEN) != name.n || pd_byte_run(value, PD_BYTE_VALUE) != value.n)
        return PD_R_ANSWER_BAD_FIELD;
    if (h->nfields == PD_FIELDS_MAX)
        return PD_R_ANSWER_HEAD_TOO_LARGE;
    h->fields[h->nfields++] = (struct pd_field){ name, value };
    return PD_R_NONE;
}

/* SEND_HEADERS, behind its code. */
static enum pd_reason parse_headers(struct ajp_client *c, struct pd_field *fields)
{
    struct pd_cursor cursor = pd_cursor(pd_buf_view(&c->reader.bytes));
    struct pd_answer_head *h = &c->reader.head;
    *h = (struct pd_answer_head){ .fields = fields, .content_length = -1 };
    h->status = pd_cursor_be16(&cursor);
    h->phrase = take_string(&cursor);
    size_t count = pd_cursor_be16(&cursor);
    if (!cursor.ok)
        return PD_R_ANSWER_BAD_RECORD;
    if (h->status < 100 || h->status > 999 || pd_byte_run(h->phrase, PD_BYTE_VALUE) != h->phrase.n)
        return PD_R_ANSWER_BAD_STATUS;
    for (size_t i = 0; i < count; i++) {
        enum pd_reason bad = take_field(&cursor, h);
        if (bad)
            return bad;
    }
    return pd_cursor_left(&cursor) ? PD_R_ANSWER_BAD_RECORD : PD_R_NONE;
}

/* Collects `want` bytes; true when they are there. */
static bool collect(struct ajp_client *c, struct pd_slice in, size_t want, size_t *used)
{
    size_t n = want - c->have;
    n = in.n < n ? in.n : n;
    memcpy(c->bytes + c->have, in.p, n);
    c->have = (uint8_t)(c->have + n);
    *used += n;
    if (c->have < want)
        return false;
    c->have = 0;
    return true;
}

static enum pd_reason begin_packet(struct ajp_client *c)
{
    static const uint8_t least[] = { [AJP_SEND_BODY_CHUNK] = 3,
                                     [AJP_SEND_HEADERS] = 1,
                                     [AJP_END_RESPONSE] = 2,
                                     [AJP_GET_BODY_CHUNK] = 3,
                                     [AJP_CPONG] = 1 };
    const unsigned char *b = c->bytes;
    uint32_t length = (uint32_t)b[2] << 8 | b[3];
    c->code = b[4];
    if (b[0] != 'A' || b[1] != 'B' || c->code >= sizeof least || !least[c->code] || length < least[c->code])
        return PD_R_ANSWER_BAD_RECORD;
    c->left = length - 1;
    if (c->code == AJP_SEND_HEADERS && c->reader.phase != PD_READER_HEAD)
        return PD_R_ANSWER_BAD_RECORD;
    c->reader.some = c->reader.some || c->code == AJP_SEND_HEADERS;
    return PD_R_NONE;
}

static void take_headers(struct ajp_client *c, struct pd_slice in, size_t *used, struct pd_scratch *scratch,
                         struct pd_answer *a)
{
    enum pd_buf_result put = pd_buf_put(&c->reader.bytes, in);
    if (put != PD_BUF_OK) {
        pd_answer_bad(&c->reader, put == PD_BUF_FULL ? PD_R_ANSWER_HEAD_TOO_LARGE : PD_R_NO_MEMORY, a);
        return;
    }
    *used += in.n;
    c->left -= (uint32_t)in.n;
    if (c->left)
        return;
    enum pd_reason bad = parse_headers(c, scratch->fields);
    if (bad)
        pd_answer_bad(&c->reader, bad, a);
    else
        pd_answer_take_head(&c->reader, a);
}

/* The length that begins SEND_BODY_CHUNK and GET_BODY_CHUNK. */
static void take_length(struct ajp_client *c, struct pd_answer *a)
{
    uint32_t n = (uint32_t)c->bytes[0] << 8 | c->bytes[1];
    if (c->code == AJP_GET_BODY_CHUNK) {
        a->kind = PD_ANSWER_DEMAND;
        a->wanted = n;
    } else if (n > c->left || (n && c->reader.phase == PD_READER_HEAD)) {
        pd_answer_bad(&c->reader, PD_R_ANSWER_BAD_RECORD, a);
    }
    c->data = c->code == AJP_SEND_BODY_CHUNK ? n : 0;
    c->code = AJP_CPONG; /* what is left behind the data is skipped, the 00 among it */
}

static void take_payload(struct ajp_client *c, struct pd_slice in, size_t *used, struct pd_scratch *scratch,
                         struct pd_answer *a)
{
    size_t n = 0;
    if (c->code == AJP_SEND_HEADERS) {
        take_headers(c, in, used, scratch, a);
        return;
    }
    if (c->code == AJP_END_RESPONSE) {
        n = 1;
        pd_answer_end(&c->reader, true, true, a);
        a->reuse = in.p[0] != 0;
    } else if (c->data) {
        pd_answer_next(&c->reader, pd_slice(in.p, in.n < c->data ? in.n : c->data), &n, scratch, a);
        c->data -= (uint32_t)n;
    } else if (c->code == AJP_CPONG) {
        n = in.n;
    } else if (collect(c, in, 2, &n)) {
        c->left -= (uint32_t)n;
        *used += n;
        take_length(c, a);
        return;
    }
    c->left -= (uint32_t)n;
    *used += n;
}

static void ajp_client_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch,
                            struct pd_answer *a)
{
    struct ajp_client *c = state;
    *used = 0;
    *a = (struct pd_answer){ .kind = PD_ANSWER_MORE };
    while (a->kind == PD_ANSWER_MORE && *used < in.n && !pd_answer_has_ended(&c->reader)) {
        struct pd_slice rest = pd_slice_from(in, *used);
        if (c->left) {
            take_payload(c, pd_slice(rest.p, rest.n < c->left ? rest.n : c->left), used, scratch, a);
        } else if (collect(c, rest, sizeof c->bytes, used)) {
            enum pd_reason bad = begin_packet(c);
            if (bad)
                pd_answer_bad(&c->reader, bad, a);
            else if (c->code == AJP_SEND_HEADERS && !c->left)
                pd_answer_bad(&c->reader, PD_R_ANSWER_BAD_RECORD, a);
        }
    }
    if (a->kind == PD_ANSWER_MORE && pd_answer_has_ended(&c->reader)) {
        size_t n;
        pd_answer_next(&c->reader, pd_slice_from(in, *used), &n, scratch, a);
        *used += n;
    }
}

const struct pd_client_codec pd_client_ajp13 = {
    .name = "ajp13",
    .state_size = sizeof(struct ajp_client),
    .form = PD_HEAD_AJP,
    .sends_chunks = true,
    .on_demand = true,
    .frame_max = AJP_PACKET_DEFAULT - AJP_DATA_OVERHEAD,
    .init = ajp_client_init,
    .fini = pd_client_fini,
    .put_head = ajp_client_put_head,
    .put_frame = ajp_client_put_frame,
    .put_end = ajp_client_put_end,
    .next = ajp_client_next,
    .eof = pd_client_eof,
};
