/* answer.c - reads a response: head, then body (see answer.h). */
#include "codec/answer.h"

#include <assert.h>

#include "codec/bytes.h"
#include "codec/length.h"
#include "codec/response.h"

void pd_answer_init(struct pd_answer_reader *r, enum pd_answer_form form, bool framed, const struct pd_sys *sys,
                    const struct pd_limits *limits)
{
    *r = (struct pd_answer_reader){ .limits = limits, .form = (uint8_t)form, .framed = framed };
    pd_buf_init(&r->bytes, sys, limits->head);
}

void pd_answer_fini(struct pd_answer_reader *r)
{
    pd_buf_fini(&r->bytes);
}

void pd_answer_to(struct pd_answer_reader *r, struct pd_slice method)
{
    r->no_body = pd_slice_eq(method, PD_SLICE("HEAD"));
}

void pd_answer_bad(struct pd_answer_reader *r, enum pd_reason reason, struct pd_answer *a)
{
    r->phase = PD_READER_BAD;
    r->reason = (uint8_t)reason;
    *a = (struct pd_answer){ .kind = PD_ANSWER_BAD, .reason = reason };
}

static void give_end(struct pd_answer_reader *r, enum pd_ended ended, struct pd_answer *a)
{
    r->phase = PD_READER_ENDED;
    *a = (struct pd_answer){ .kind = PD_ANSWER_END, .ended = ended, .surplus = r->surplus };
}

/* --- the lines of the head --- */

/* How many bytes of `in` belong to the head; `*whole` tells that its empty line is among them. */
static size_t find_end(struct pd_answer_reader *r, struct pd_slice in, bool *whole)
{
    size_t at = 0;
    while (at < in.n) {
        struct pd_slice rest = pd_slice_from(in, at);
        size_t n = pd_slice_find(rest, '\n');
        bool cr = n ? rest.p[n - 1] == '\r' : r->after_cr;
        r->line += n;
        r->after_cr = cr;
        at += n;
        if (n == rest.n)
            break;
        at++;
        *whole = r->line == (cr ? 1 : 0);
        r->line = 0;
        r->after_cr = false;
        if (*whole)
            break;
    }
    return at;
}

/* Cuts the next line off `rest`, without its line end. */
static struct pd_slice take_line(struct pd_slice *rest)
{
    size_t n = pd_slice_find(*rest, '\n');
    assert(n < rest->n); /* the head ends in a line end */
    struct pd_slice line = pd_slice(rest->p, n && rest->p[n - 1] == '\r' ? n - 1 : n);
    *rest = pd_slice_from(*rest, n + 1);
    return line;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* "404 Not Found", "404 " or "404". */
static enum pd_reason read_status(struct pd_slice s, struct pd_answer_head *h)
{
    unsigned status = 0;
    if (s.n < 3 || (s.n > 3 && s.p[3] != ' '))
        return PD_R_ANSWER_BAD_STATUS;
    for (size_t i = 0; i < 3; i++) {
        if (!pd_byte_is_digit(s.p[i]))
            return PD_R_ANSWER_BAD_STATUS;
        status = status * 10 + (unsigned)(s.p[i] - '0');
    }
    if (status < 100 || pd_byte_run(s, PD_BYTE_VALUE) != s.n)
        return PD_R_ANSWER_BAD_STATUS;
    h->status = status;
    h->phrase = pd_slice_trim(pd_slice_from(s, 3));
    return PD_R_NONE;
}

/* "HTTP/1.1 200 OK" (RFC 9112 section 4). */
static enum pd_reason read_status_line(struct pd_slice line, struct pd_answer_head *h)
{
    const struct pd_slice version = PD_SLICE("HTTP/1.");
    if (!pd_slice_has_prefix(line, version) || line.n < version.n + 2)
        return PD_R_ANSWER_BAD_STATUS;
    char minor = line.p[version.n];
    if (!pd_byte_is_digit(minor) || line.p[version.n + 1] != ' ')
        return PD_R_ANSWER_BAD_STATUS;
    h->http_minor = minor != '0';
    return read_status(pd_slice_from(line, version.n + 2), h);
}

/* --- fields with a meaning --- */

/* Equal lengths may stand several times (RFC 9112 section 6.3); different ones leave the end in doubt. */
static enum pd_reason take_length(struct pd_slice value, struct pd_answer_head *h)
{
    int64_t length = 0;
    if (pd_length_parse(value, INT64_MAX, &length) != PD_R_NONE)
        return PD_R_ANSWER_BAD_LENGTH;
    if (h->content_length >= 0 && h->content_length != length)
        return PD_R_ANSWER_BAD_LENGTH;
    h->content_length = length;
    return PD_R_NONE;
}

static enum pd_reason take_coding(struct pd_slice value, struct pd_answer_head *h)
{
    if (h->chunked || !pd_slice_eq_nocase(value, PD_SLICE("chunked")))
        return PD_R_ANSWER_BAD_CODING;
    h->chunked = true;
    return PD_R_NONE;
}

static enum pd_reason interpret(const struct pd_answer_reader *r, struct pd_answer_head *h)
{
    bool cgi = r->form == PD_FORM_CGI;
    bool location = false;
    size_t kept = 0;
    enum pd_reason bad = PD_R_NONE;
    for (size_t i = 0; i < h->nfields && !bad; i++) {
        struct pd_field f = h->fields[i];
        if (cgi && !h->status && pd_slice_eq_nocase(f.name, PD_SLICE("status"))) {
            bad = read_status(f.value, h);
            continue;
        }
        if (pd_slice_eq_nocase(f.name, PD_SLICE("content-length")))
            bad = take_length(f.value, h);
        else if (!cgi && pd_slice_eq_nocase(f.name, PD_SLICE("transfer-encoding")))
            bad = take_coding(f.value, h);
        location = location || pd_slice_eq_nocase(f.name, PD_SLICE("location"));
        h->fields[kept++] = f;
    }
    h->nfields = kept;
    if (!h->status)
        h->status = location ? 302 : 200; /* RFC 3875 sections 6.2.3 and 6.3.3 */
    if (bad)
        return bad;
    /* RFC 9112 section 6.1: the framing of such a message is in doubt */
    if (h->chunked && (h->content_length >= 0 || h->http_minor == 0))
        return PD_R_ANSWER_BAD_CODING;
    /* nobody asked to switch protocols; and behind a gateway a 1xx is never the answer */
    return h->status == 101 || (cgi && h->status < 200) ? PD_R_ANSWER_BAD_STATUS : PD_R_NONE;
}

/* --- the head as a whole --- */

static enum pd_reason read_field(struct pd_slice line, struct pd_answer_head *h)
{
    size_t colon = pd_slice_find(line, ':');
    struct pd_slice name = pd_slice(line.p, colon);
    if (colon == line.n || !colon || pd_byte_run(name, PD_BYTE_TOKEN) != colon)
        return PD_R_ANSWER_BAD_FIELD;
    if (h->nfields == PD_FIELDS_MAX)
        return PD_R_ANSWER_HEAD_TOO_LARGE;
    struct pd_slice value = pd_slice_trim(pd_slice_from(line, colon + 1));
    if (pd_byte_run(value, PD_BYTE_VALUE) != value.n)
        return PD_R_ANSWER_BAD_FIELD;
    h->fields[h->nfields++] = (struct pd_field){ name, value };
    return PD_R_NONE;
}

/* A folded line goes on with the value above it; the line end becomes spaces (RFC 9112 section 5.2). */
static enum pd_reason unfold(struct pd_answer_reader *r, struct pd_slice line, struct pd_answer_head *h)
{
    if (!h->nfields || pd_byte_run(line, PD_BYTE_VALUE) != line.n)
        return PD_R_ANSWER_BAD_FIELD;
    struct pd_slice *value = &h->fields[h->nfields - 1].value;
    char *gap = r->bytes.data + (value->p + value->n - r->bytes.data);
    memset(gap, ' ', (size_t)(line.p - gap));
    *value = pd_slice_trim(pd_slice(value->p, (size_t)(line.p + line.n - value->p)));
    return PD_R_NONE;
}

static enum pd_reason parse(struct pd_answer_reader *r, struct pd_field *fields)
{
    struct pd_slice rest = pd_buf_view(&r->bytes);
    struct pd_answer_head *h = &r->head;
    *h = (struct pd_answer_head){ .fields = fields, .content_length = -1 };
    if (r->form == PD_FORM_HTTP || pd_slice_has_prefix(rest, PD_SLICE("HTTP/"))) {
        enum pd_reason bad = read_status_line(take_line(&rest), h);
        if (bad)
            return bad;
    }
    for (;;) {
        struct pd_slice line = take_line(&rest);
        if (!line.n)
            return interpret(r, h);
        enum pd_reason bad = is_blank(line.p[0]) ? unfold(r, line, h) : read_field(line, h);
        if (bad)
            return bad;
    }
}

static void begin_body(struct pd_answer_reader *r)
{
    const struct pd_answer_head *h = &r->head;
    if (r->no_body || pd_status_is_bodiless(h->status) || h->content_length == 0) {
        r->phase = PD_READER_SATED;
    } else if (h->chunked) {
        r->phase = PD_READER_CHUNKED;
        pd_chunked_init(&r->u.chunked, r->limits);
    } else if (h->content_length > 0) {
        r->phase = PD_READER_LENGTH;
        r->u.left = (uint64_t)h->content_length;
    } else {
        r->phase = PD_READER_REST;
    }
}

void pd_answer_take_head(struct pd_answer_reader *r, struct pd_answer *a)
{
    enum pd_reason bad = interpret(r, &r->head);
    if (bad) {
        pd_answer_bad(r, bad, a);
        return;
    }
    begin_body(r);
    *a = (struct pd_answer){ .kind = PD_ANSWER_HEAD, .head = &r->head };
}

/* What cannot become a status line is refused at its first wrong byte: somebody may speak another protocol. */
static bool begins_wrong(const struct pd_answer_reader *r)
{
    const struct pd_slice want = PD_SLICE("HTTP/1.");
    struct pd_slice got = pd_buf_view(&r->bytes);
    size_t n = got.n < want.n ? got.n : want.n;
    return r->form == PD_FORM_HTTP && memcmp(got.p, want.p, n) != 0;
}

static void next_head(struct pd_answer_reader *r, struct pd_slice in, size_t *used, struct pd_scratch *scratch,
                      struct pd_answer *a)
{
    bool whole = false;
    size_t n = find_end(r, in, &whole);
    size_t room = r->limits->head - r->interim - pd_buf_view(&r->bytes).n;
    bool fits = n <= room;
    if (pd_buf_put(&r->bytes, pd_slice(in.p, fits ? n : room)) != PD_BUF_OK) {
        pd_answer_bad(r, PD_R_NO_MEMORY, a); /* it is not full: `room` is what its limit leaves */
        return;
    }
    *used = n;
    enum pd_reason bad = begins_wrong(r) ? PD_R_ANSWER_BAD_STATUS : fits ? PD_R_NONE : PD_R_ANSWER_HEAD_TOO_LARGE;
    if (!bad && whole)
        bad = parse(r, scratch->fields);
    if (bad) {
        pd_answer_bad(r, bad, a);
        return;
    }
    if (!whole)
        return;
    a->head = &r->head;
    a->kind = r->head.status < 200 ? PD_ANSWER_INTERIM : PD_ANSWER_HEAD;
    if (a->kind == PD_ANSWER_HEAD)
        begin_body(r);
    else
        r->interim += pd_buf_view(&r->bytes).n;
    pd_buf_rewind(&r->bytes); /* the bytes stay until the next call */
}

/* --- the body --- */

static void give_body(struct pd_slice data, struct pd_answer *a)
{
    a->kind = PD_ANSWER_BODY;
    a->data = data;
}

static void next_chunked(struct pd_answer_reader *r, struct pd_slice in, size_t *used, struct pd_answer *a)
{
    struct pd_slice data;
    switch (pd_chunked_next(&r->u.chunked, in, used, &data)) {
    case PD_CHUNKED_MORE:
        return;
    case PD_CHUNKED_DATA:
        give_body(data, a);
        return;
    case PD_CHUNKED_END:
        give_end(r, PD_ENDED_WHOLE, a);
        return;
    case PD_CHUNKED_BAD:
        pd_answer_bad(r, (enum pd_reason)r->u.chunked.reason, a);
        return;
    }
}

static void next_length(struct pd_answer_reader *r, struct pd_slice in, size_t *used, struct pd_answer *a)
{
    size_t n = r->u.left < in.n ? (size_t)r->u.left : in.n;
    r->u.left -= n;
    *used = n;
    give_body(pd_slice(in.p, n), a);
    if (!r->u.left)
        r->phase = PD_READER_SATED;
}

static void next_body(struct pd_answer_reader *r, struct pd_slice in, size_t *used, struct pd_answer *a)
{
    if (r->phase == PD_READER_CHUNKED) {
        next_chunked(r, in, used, a);
    } else if (r->phase == PD_READER_LENGTH) {
        next_length(r, in, used, a);
    } else {
        *used = in.n;
        give_body(in, a);
    }
}

void pd_answer_next(struct pd_answer_reader *r, struct pd_slice in, size_t *used, struct pd_scratch *scratch,
                    struct pd_answer *a)
{
    *used = 0;
    *a = (struct pd_answer){ .kind = PD_ANSWER_MORE };
    r->some = r->some || in.n > 0;
    if (r->phase == PD_READER_BAD) {
        pd_answer_bad(r, (enum pd_reason)r->reason, a);
    } else if (r->phase == PD_READER_SATED && !r->framed) {
        give_end(r, PD_ENDED_WHOLE, a);
    } else if (!in.n) {
        return;
    } else if (r->phase == PD_READER_HEAD) {
        next_head(r, in, used, scratch, a);
    } else if (r->phase < PD_READER_SATED) {
        next_body(r, in, used, a);
    } else {
        *used = in.n;
        a->surplus = r->surplus = true;
    }
}

void pd_answer_end(struct pd_answer_reader *r, bool marked, bool clean, struct pd_answer *a)
{
    *a = (struct pd_answer){ .kind = PD_ANSWER_MORE };
    switch ((enum pd_reader_phase)r->phase) {
    case PD_READER_HEAD:
        pd_answer_bad(r, r->some || marked ? PD_R_ANSWER_NO_HEAD : PD_R_ANSWER_EMPTY, a);
        return;
    case PD_READER_LENGTH:
    case PD_READER_CHUNKED:
        give_end(r, PD_ENDED_CUT, a);
        return;
    case PD_READER_REST:
        give_end(r, marked ? PD_ENDED_WHOLE : clean && !r->framed ? PD_ENDED_CLOSED : PD_ENDED_CUT, a);
        return;
    case PD_READER_SATED: /* where the protocol has an end of its own, it is missing */
        give_end(r, marked || !r->framed ? PD_ENDED_WHOLE : PD_ENDED_CUT, a);
        return;
    case PD_READER_ENDED:
        return;
    case PD_READER_BAD:
        pd_answer_bad(r, (enum pd_reason)r->reason, a);
        return;
    }
}

/* --- members of struct pd_client_codec ---------------------------------------------------------------------------- */

static_assert(sizeof(struct pd_answer_reader) <= PD_CLIENT_STATE_MAX, "a client keeps this much room");

void pd_client_init_plain(void *state, const struct pd_sys *sys, const struct pd_limits *limits)
{
    pd_answer_init(state, PD_FORM_CGI, false, sys, limits);
}

void pd_client_fini(void *state)
{
    pd_answer_fini(state);
}

void pd_client_put_no_frame(void *state, size_t n, char *prefix, size_t *prefix_n, char *suffix, size_t *suffix_n)
{
    (void)state, (void)n, (void)prefix, (void)suffix;
    *prefix_n = *suffix_n = 0;
}

size_t pd_client_put_no_end(void *state, char *dst)
{
    (void)state, (void)dst;
    return 0;
}

void pd_client_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_answer *a)
{
    pd_answer_next(state, in, used, scratch, a);
}

void pd_client_eof(void *state, bool clean, struct pd_answer *a)
{
    pd_answer_end(state, false, clean, a);
}
