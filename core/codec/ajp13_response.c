/* ajp13_response.c - the response side of AJP13 (see ajp13.h). */
#include <assert.h>

#include "codec/ajp13.h"
#include "codec/ajp13_names.h"
#include "codec/response.h"

/* By their codes, A001 onwards; the application may write them in any case. */
#define X(name) { name, sizeof(name) - 1 },
static const struct pd_slice coded[] = { PD_AJP_RESPONSE_NAMES(X) };
#undef X

enum {
    CODED_N = sizeof coded / sizeof coded[0],
    CODE_FIRST = 0xa001,
    CODE_LENGTH = 0xa003,
    CODE_DATE = 0xa004,
    STATUS_LEN = 4,      /* of "200 ", which stands before each reason */
    STRING_OVERHEAD = 3, /* length and NUL */
    SEND_HEADERS_FIXED = AJP_HEADER_LEN + 1 + 2 + STRING_OVERHEAD + 2,
};

/* 0: this name has none. */
static unsigned code_of(struct pd_slice name)
{
    for (unsigned i = 0; i < CODED_N; i++)
        if (pd_slice_eq_nocase(name, coded[i]))
            return CODE_FIRST + i;
    return 0;
}

/* The next "Name: value\r\n" of what pd_response_add() wrote. */
static struct pd_field take_field(struct pd_slice *rest)
{
    size_t colon = pd_slice_find(*rest, ':');
    size_t end = colon + pd_slice_find(pd_slice_from(*rest, colon), '\r');
    struct pd_field f = { pd_slice(rest->p, colon), pd_slice(rest->p + colon + 2, end - colon - 2) };
    *rest = pd_slice_from(*rest, end + 2);
    return f;
}

/* What the packet will hold. */
struct plan {
    struct pd_slice reason;
    struct pd_slice first; /* the field that goes first, as it stands in r->fields; n == 0: none of them has a code */
    bool date;             /* one that has a code is added */
    bool length;           /* of 205, see pd_response_forced_length() */
    size_t count;
    size_t size; /* of the whole packet */
};

/*
 * lighttpd reads the number of fields from a wrong place and then loses some, unless the first one has a code; so one
 * with a code goes first, the Date if there is no other.
 */
static struct plan make_plan(const struct pd_response *r)
{
    struct plan p = { .reason = pd_slice_from(pd_buf_view(&r->line), STATUS_LEN) };
    p.size = SEND_HEADERS_FIXED + p.reason.n;
    for (struct pd_slice rest = pd_buf_view(&r->fields); rest.n; p.count++) {
        const char *begin = rest.p;
        struct pd_field f = take_field(&rest);
        unsigned code = code_of(f.name);
        p.size += (code ? 2 : STRING_OVERHEAD + f.name.n) + STRING_OVERHEAD + f.value.n;
        if (code && !p.first.n)
            p.first = pd_slice(begin, (size_t)(rest.p - begin));
    }
    p.length = pd_response_forced_length(r).n > 0;
    if (p.length) {
        p.count++;
        p.size += 2 + STRING_OVERHEAD + 1;
    }
    p.date = !p.first.n && !p.length && r->date.n > 0;
    if (p.date) {
        p.count++;
        p.size += 2 + STRING_OVERHEAD + r->date.n;
    }
    return p;
}

static char *put_string(char *p, struct pd_slice s)
{
    p = pd_put(ajp_put16(p, s.n), s);
    *p++ = '\0';
    return p;
}

static char *put_field(char *p, struct pd_slice *rest)
{
    struct pd_field f = take_field(rest);
    unsigned code = code_of(f.name);
    p = code ? ajp_put16(p, code) : put_string(p, f.name);
    return put_string(p, f.value);
}

static char *put_fields(char *p, const struct pd_response *r, const struct plan *plan)
{
    struct pd_slice rest = plan->first;
    if (plan->length)
        p = put_string(ajp_put16(p, CODE_LENGTH), PD_SLICE("0"));
    if (plan->date)
        p = put_string(ajp_put16(p, CODE_DATE), r->date);
    if (rest.n)
        p = put_field(p, &rest);
    for (rest = pd_buf_view(&r->fields); rest.n;) {
        if (rest.p == plan->first.p)
            (void)take_field(&rest);
        else
            p = put_field(p, &rest);
    }
    return p;
}

enum pd_reason pd_ajp_put_head(void *state, uint32_t stream, struct pd_response *r, struct pd_buf *out)
{
    const struct ajp *a = state;
    (void)stream;
    assert(r->status); /* pd_response_start() succeeded */
    struct plan plan = make_plan(r);
    if (plan.size > a->packet)
        return PD_R_RESPONSE_HEAD_TOO_LARGE;
    enum pd_reason bad = pd_response_reserve(out, plan.size);
    if (bad)
        return bad;
    r->bodiless = pd_response_has_no_body(r);
    r->close = !r->keep_alive;
    char *begin = out->data + out->end;
    char *p = ajp_put_packet(begin, plan.size - AJP_HEADER_LEN, AJP_SEND_HEADERS);
    p = put_string(ajp_put16(p, r->status), plan.reason);
    p = put_fields(ajp_put16(p, plan.count), r, &plan);
    assert((size_t)(p - begin) == plan.size);
    out->end += plan.size;
    return PD_R_NONE;
}

void pd_ajp_put_frame(void *state, uint32_t stream, const struct pd_response *r, size_t n, char *prefix,
                      size_t *prefix_n, char *suffix, size_t *suffix_n)
{
    const struct ajp *a = state;
    (void)stream, (void)r, (void)a;
    assert(n > 0 && n + AJP_CHUNK_OVERHEAD <= a->packet); /* an empty one is a flush */
    char *p = ajp_put16(ajp_put_packet(prefix, n + 4, AJP_SEND_BODY_CHUNK), n);
    *prefix_n = (size_t)(p - prefix);
    suffix[0] = '\0'; /* mod_proxy_ajp wants it */
    *suffix_n = 1;
}

size_t pd_ajp_put_flush(void *state, uint32_t stream, char *dst)
{
    (void)state, (void)stream;
    char *p = ajp_put16(ajp_put_packet(dst, 4, AJP_SEND_BODY_CHUNK), 0);
    *p++ = '\0';
    return (size_t)(p - dst);
}

/* The connection is used again only when all of the request was read and nothing else has come. */
size_t pd_ajp_put_end(void *state, uint32_t stream, struct pd_response *r, char *dst)
{
    struct ajp *a = state;
    (void)stream;
    r->close = r->close || a->phase != AJP_READ || a->surplus;
    a->phase = r->close ? AJP_OVER : AJP_IDLE;
    char *p = ajp_put_packet(dst, 2, AJP_END_RESPONSE);
    *p++ = r->close ? 0 : 1;
    return (size_t)(p - dst);
}
