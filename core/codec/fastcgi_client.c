/*
 * fastcgi_client.c - asks over FastCGI 1.0: one request, id 1, on a connection of its own.
 *
 * A pair of PARAMS is kept whole within a record wherever it fits one: php-fpm and uWSGI read each record by itself.
 * Of what comes back, records are taken as strictly as their frame needs and as leniently as servers are: STDOUT may
 * end without its empty record, the head may be spread over any number of records, STDERR may stand anywhere.
 * END_REQUEST alone makes a response whole; a connection that ends without it has broken off (section 5.5).
 */
#include <assert.h>

#include "codec/answer.h"
#include "codec/client_out.h"
#include "codec/fastcgi.h"

enum { FCGI_CLIENT_ID = 1 };

struct fcgi_client {
    struct pd_answer_reader reader;
    uint32_t content;       /* of the record we are inside of: bytes still to come */
    uint16_t padding;       /* ... and behind it */
    uint8_t type;           /* of the record we are inside of */
    uint8_t have;           /* bytes of `bytes` */
    bool stdout_over;       /* the empty STDOUT record came */
    unsigned char bytes[8]; /* of a record header, or of END_REQUEST's content */
};

static_assert(sizeof(struct fcgi_client) <= PD_CLIENT_STATE_MAX, "a client keeps this much room");
static_assert(offsetof(struct fcgi_client, reader) == 0, "pd_client_fini() and its like take it for that");

static void fcgi_client_init(void *state, const struct pd_sys *sys, const struct pd_limits *limits)
{
    struct fcgi_client *c = state;
    *c = (struct fcgi_client){ .have = 0 };
    pd_answer_init(&c->reader, PD_FORM_CGI, true, sys, limits);
}

/* --- request --- */

static size_t length_size(size_t n)
{
    return n <= FCGI_LENGTH_SHORT ? 1 : 4;
}

static size_t pair_size(const struct pd_field *f)
{
    return length_size(f->name.n) + length_size(f->value.n) + f->name.n + f->value.n;
}

/* Appends bytes of the PARAMS stream; a record is closed and another one begun where it is full. */
struct params {
    struct pd_client_out out;
    size_t left; /* bytes that the open record still takes */
    size_t rest; /* bytes of the stream that are not in a record yet */
};

static void open_record(struct params *p, size_t n)
{
    char header[FCGI_HEADER_LEN];
    fcgi_put_header(header, FCGI_PARAMS, FCGI_CLIENT_ID, n);
    pd_out_put(&p->out, pd_slice(header, sizeof header));
    p->left = n;
}

static void put_params(struct params *p, struct pd_slice s)
{
    while (s.n) {
        if (!p->left)
            open_record(p, p->rest < FCGI_CONTENT_MAX ? p->rest : FCGI_CONTENT_MAX);
        size_t n = s.n < p->left ? s.n : p->left;
        pd_out_put(&p->out, pd_slice(s.p, n));
        p->left -= n;
        p->rest -= n;
        s = pd_slice_from(s, n);
    }
}

/* Bytes of the pairs from here on that fit one record; of a pair that fits none, all of it. */
static size_t next_run(struct pd_client_vars v, struct pd_field f)
{
    size_t n = pair_size(&f);
    while (pd_client_vars_next(&v, &f) && n + pair_size(&f) <= FCGI_CONTENT_MAX)
        n += pair_size(&f);
    return n;
}

static enum pd_reason put_variables(const struct pd_head *head, struct pd_buf *buf)
{
    struct params p = { .out = { buf, PD_R_NONE } };
    struct pd_client_vars v = pd_client_vars(head, false);
    struct pd_field f;
    while (pd_client_vars_next(&v, &f)) {
        char lengths[8];
        if (!p.rest)
            p.rest = next_run(v, f);
        char *end = fcgi_put_length(fcgi_put_length(lengths, f.name.n), f.value.n);
        put_params(&p, pd_slice(lengths, (size_t)(end - lengths)));
        put_params(&p, f.name);
        put_params(&p, f.value);
    }
    open_record(&p, 0);
    return p.out.bad;
}

static enum pd_reason fcgi_client_put_head(void *state, const struct pd_head *head, struct pd_buf *buf)
{
    struct fcgi_client *c = state;
    char begin[FCGI_HEADER_LEN + FCGI_BODY_LEN] = { 0 };
    char *p = fcgi_put_header(begin, FCGI_BEGIN_REQUEST, FCGI_CLIENT_ID, FCGI_BODY_LEN);
    p[1] = head->authorizer ? FCGI_AUTHORIZER : FCGI_RESPONDER;
    p[2] = head->keep_alive ? FCGI_KEEP_CONN : 0;
    struct pd_client_out out = { buf, pd_client_vars_check(head) };
    pd_out_put(&out, pd_slice(begin, sizeof begin));
    pd_answer_to(&c->reader, pd_client_var(head, PD_SLICE("REQUEST_METHOD")));
    return out.bad ? out.bad : put_variables(head, buf);
}

static void fcgi_client_put_frame(void *state, size_t n, char *prefix, size_t *prefix_n, char *suffix, size_t *suffix_n)
{
    (void)state, (void)suffix;
    fcgi_put_header(prefix, FCGI_STDIN, FCGI_CLIENT_ID, n);
    *prefix_n = FCGI_HEADER_LEN;
    *suffix_n = 0;
}

static size_t fcgi_client_put_end(void *state, char *dst)
{
    (void)state;
    fcgi_put_header(dst, FCGI_STDIN, FCGI_CLIENT_ID, 0);
    return FCGI_HEADER_LEN;
}

/* --- response --- */

/* Collects up to 8 bytes; true when they are there. */
static bool collect(struct fcgi_client *c, struct pd_slice in, size_t *used)
{
    size_t want = sizeof c->bytes - c->have;
    size_t n = in.n < want ? in.n : want;
    if (n)
        memcpy(c->bytes + c->have, in.p, n);
    c->have = (uint8_t)(c->have + n);
    *used += n;
    if (c->have < sizeof c->bytes)
        return false;
    c->have = 0;
    return true;
}

/* What a record header says; nothing that cannot be part of a response is skipped, but for management records. */
static enum pd_reason begin_record(struct fcgi_client *c)
{
    const unsigned char *h = c->bytes;
    unsigned id = (unsigned)h[2] << 8 | h[3];
    c->type = h[1];
    c->content = (uint32_t)h[4] << 8 | h[5];
    c->padding = h[6];
    if (h[0] != FCGI_VERSION)
        return PD_R_ANSWER_BAD_RECORD;
    if (c->type == FCGI_GET_VALUES_RESULT || c->type == FCGI_UNKNOWN_TYPE)
        return id ? PD_R_ANSWER_BAD_RECORD : PD_R_NONE;
    if (id != FCGI_CLIENT_ID)
        return PD_R_ANSWER_BAD_RECORD;
    if (c->type == FCGI_END_REQUEST)
        return c->content == FCGI_BODY_LEN ? PD_R_NONE : PD_R_ANSWER_BAD_RECORD;
    if (c->type == FCGI_STDERR)
        return PD_R_NONE;
    bool behind = c->stdout_over && c->content;
    c->stdout_over = c->stdout_over || !c->content;
    return c->type == FCGI_STDOUT && !behind ? PD_R_NONE : PD_R_ANSWER_BAD_RECORD;
}

static void end_request(struct fcgi_client *c, struct pd_answer *a)
{
    const unsigned char *b = c->bytes;
    if (b[4] != FCGI_REQUEST_COMPLETE) {
        pd_answer_bad(&c->reader, PD_R_ANSWER_REFUSED, a);
        return;
    }
    pd_answer_end(&c->reader, true, true, a);
    a->app_status = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Content of a record; `in` holds no more than that. */
static void take_content(struct fcgi_client *c, struct pd_slice in, size_t *used, struct pd_scratch *scratch,
                         struct pd_answer *a)
{
    size_t n = 0;
    switch (c->type) {
    case FCGI_STDOUT:
        pd_answer_next(&c->reader, in, &n, scratch, a);
        break;
    case FCGI_STDERR:
        a->kind = PD_ANSWER_STDERR;
        a->data = in;
        n = in.n;
        break;
    case FCGI_END_REQUEST:
        if (collect(c, in, &n))
            end_request(c, a);
        break;
    default: /* a management record, which nobody asked for */
        n = in.n;
        break;
    }
    c->content -= (uint32_t)n;
    *used += n;
}

static void fcgi_client_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch,
                             struct pd_answer *a)
{
    struct fcgi_client *c = state;
    *used = 0;
    if (pd_answer_has_ended(&c->reader)) {
        pd_answer_next(&c->reader, in, used, scratch, a);
        return;
    }
    *a = (struct pd_answer){ .kind = PD_ANSWER_MORE };
    while (a->kind == PD_ANSWER_MORE && *used < in.n) {
        struct pd_slice rest = pd_slice_from(in, *used);
        if (c->content) {
            take_content(c, pd_slice(rest.p, rest.n < c->content ? rest.n : c->content), used, scratch, a);
        } else if (c->padding) {
            size_t n = rest.n < c->padding ? rest.n : c->padding;
            c->padding = (uint16_t)(c->padding - n);
            *used += n;
        } else if (collect(c, rest, used)) {
            enum pd_reason bad = begin_record(c);
            if (bad)
                pd_answer_bad(&c->reader, bad, a);
        }
    }
}

const struct pd_client_codec pd_client_fastcgi = {
    .name = "fastcgi",
    .state_size = sizeof(struct fcgi_client),
    .form = PD_HEAD_CGI,
    .sends_chunks = true,
    .frame_max = FCGI_CONTENT_MAX,
    .init = fcgi_client_init,
    .fini = pd_client_fini,
    .put_head = fcgi_client_put_head,
    .put_frame = fcgi_client_put_frame,
    .put_end = fcgi_client_put_end,
    .next = fcgi_client_next,
    .eof = pd_client_eof,
};
