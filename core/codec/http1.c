/*
 * http1.c - HTTP/1.1 requests in, responses out (RFC 9110, RFC 9112; see http1.h).
 */
#include "codec/http1.h"

#include <assert.h>

#include "codec/http1_state.h"
#include "codec/response.h"

enum { EMPTY_LINES_MAX = 4, STREAM = 1 };

static void body_begin(struct pd_http1 *st)
{
    st->last = st->last || !st->head.keep_alive;
    if (st->head.chunked) {
        st->phase = PD_HTTP1_CHUNKED;
        pd_chunked_init(&st->u.chunked, st->limits);
    } else {
        st->phase = PD_HTTP1_LENGTH;
        st->u.left = st->head.content_length > 0 ? (uint64_t)st->head.content_length : 0;
    }
}

/* --- events ------------------------------------------------------------ */

static void emit(struct pd_event *ev, enum pd_event_kind kind)
{
    *ev = (struct pd_event){ .kind = kind, .stream = STREAM };
}

/* From here on every call gives the same event. */
static PD_COLD void emit_bad(struct pd_http1 *st, struct pd_event *ev, enum pd_reason reason)
{
    st->phase = PD_HTTP1_BAD;
    st->reason = (uint8_t)reason;
    emit(ev, PD_EV_BAD);
    ev->reason = reason;
    ev->fatal = true;
}

/* RFC 9112 section 2.2: a few empty lines before a request line are skipped; the first other byte opens a request. */
static void next_idle(struct pd_http1 *st, struct pd_slice in, size_t *used, struct pd_event *ev)
{
    if (in.n == 0) {
        emit(ev, PD_EV_MORE);
        return;
    }
    while (in.n - *used >= 2 && memcmp(in.p + *used, "\r\n", 2) == 0 && st->empty_lines < EMPTY_LINES_MAX) {
        st->empty_lines++;
        *used += 2;
    }
    struct pd_slice rest = pd_slice_from(in, *used);
    if (rest.n == 0 || pd_slice_eq(rest, PD_SLICE("\r"))) {
        emit(ev, PD_EV_MORE);
        return;
    }
    pd_http1_head_begin(st);
    if (pd_slice_has_prefix(rest, PD_SLICE("\r\n"))) {
        st->phase = PD_HTTP1_BAD;
        st->reason = PD_R_TOO_MANY_EMPTY_LINES;
    }
    st->empty_lines = 0;
    st->answered = false;
    emit(ev, PD_EV_OPEN);
}

static void next_head(struct pd_http1 *st, struct pd_slice in, size_t *used, struct pd_scratch *scratch,
                      struct pd_event *ev)
{
    size_t limit = st->limits->head < PD_HEAD_MAX ? st->limits->head : PD_HEAD_MAX;
    struct pd_slice win = pd_slice(in.p, in.n < limit ? in.n : limit);
    switch (pd_http1_head_parse(st, win, scratch)) {
    case PD_STEP_MORE:
        if (in.n < limit)
            emit(ev, PD_EV_MORE);
        else
            emit_bad(st, ev, st->reason ? (enum pd_reason)st->reason : PD_R_HEAD_TOO_LARGE);
        return;
    case PD_STEP_BAD:
        emit_bad(st, ev, (enum pd_reason)st->reason);
        ev->head = st->head.fields ? &st->head : NULL;
        return;
    case PD_STEP_DONE:
        break;
    }
    *used = st->u.at.line;
    body_begin(st);
    emit(ev, PD_EV_HEAD);
    ev->head = &st->head;
}

static void next_body_end(struct pd_http1 *st, struct pd_event *ev)
{
    st->phase = !st->answered ? PD_HTTP1_ANSWER : st->last ? PD_HTTP1_CLOSED : PD_HTTP1_IDLE;
    emit(ev, PD_EV_BODY_END);
}

static void next_length(struct pd_http1 *st, struct pd_slice in, size_t *used, struct pd_event *ev)
{
    if (st->u.left == 0) {
        next_body_end(st, ev);
        return;
    }
    *used = st->u.left < in.n ? (size_t)st->u.left : in.n;
    st->u.left -= *used;
    emit(ev, *used ? PD_EV_BODY : PD_EV_MORE);
    ev->data = pd_slice(in.p, *used);
}

static void next_chunked(struct pd_http1 *st, struct pd_slice in, size_t *used, struct pd_event *ev)
{
    struct pd_slice data;
    switch (pd_chunked_next(&st->u.chunked, in, used, &data)) {
    case PD_CHUNKED_MORE:
        emit(ev, PD_EV_MORE);
        break;
    case PD_CHUNKED_DATA:
        emit(ev, PD_EV_BODY);
        ev->data = data;
        break;
    case PD_CHUNKED_END:
        next_body_end(st, ev);
        break;
    case PD_CHUNKED_BAD:
        emit_bad(st, ev, (enum pd_reason)st->u.chunked.reason);
        break;
    }
}

static void http1_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct pd_http1 *st = state;
    *used = 0;
    switch ((enum pd_http1_phase)st->phase) {
    case PD_HTTP1_IDLE:
        next_idle(st, in, used, ev);
        break;
    case PD_HTTP1_METHOD:
    case PD_HTTP1_TARGET:
    case PD_HTTP1_VERSION:
    case PD_HTTP1_FIELDS:
        next_head(st, in, used, scratch, ev);
        break;
    case PD_HTTP1_LENGTH:
        next_length(st, in, used, ev);
        break;
    case PD_HTTP1_CHUNKED:
        next_chunked(st, in, used, ev);
        break;
    case PD_HTTP1_ANSWER:
    case PD_HTTP1_CLOSED:
        emit(ev, PD_EV_MORE);
        break;
    case PD_HTTP1_BAD:
        emit_bad(st, ev, (enum pd_reason)st->reason);
        break;
    }
}

static uint64_t http1_body_ahead(const void *state)
{
    const struct pd_http1 *st = state;
    return st->phase == PD_HTTP1_LENGTH ? st->u.left : 0;
}

static void http1_init(void *state, const struct pd_limits *limits, const struct pd_codec_options *options)
{
    (void)options;
    *(struct pd_http1 *)state = (struct pd_http1){ .limits = limits, .phase = PD_HTTP1_IDLE };
}

static bool http1_at_boundary(const void *state)
{
    const struct pd_http1 *st = state;
    return st->phase == PD_HTTP1_IDLE || st->phase == PD_HTTP1_ANSWER || st->phase == PD_HTTP1_CLOSED;
}

/* --- responses --------------------------------------------------------- */

static char *put_field(char *dst, struct pd_slice name_and_colon, struct pd_slice value)
{
    return pd_put(pd_put(pd_put(dst, name_and_colon), value), PD_SLICE("\r\n"));
}

/*
 * RFC 9112 section 6.3 and RFC 9110 section 6.4.1: how the end of the body will be found. Behind an answer to a head
 * that was refused or never completed, nothing on the connection can be understood.
 */
static void decide_framing(const struct pd_http1 *st, struct pd_response *r)
{
    r->bodiless = pd_response_has_no_body(r);
    bool framed = r->bodiless || r->content_length >= 0;
    r->chunked = !framed && r->http_minor > 0;
    bool by_close = !framed && !r->chunked;
    bool parsed = st->phase == PD_HTTP1_LENGTH || st->phase == PD_HTTP1_CHUNKED || st->phase == PD_HTTP1_ANSWER;
    r->close = r->close || by_close || !r->keep_alive || st->last || !parsed;
}

/* Framing and connection management: the fields that the application may not set. */
static char *put_own_fields(char *dst, const struct pd_response *r)
{
    if (!r->has_date && r->date.n)
        dst = put_field(dst, PD_SLICE("Date: "), r->date);
    if (!r->has_server && r->server.n)
        dst = put_field(dst, PD_SLICE("Server: "), r->server);
    if (r->chunked)
        dst = pd_put(dst, PD_SLICE("Transfer-Encoding: chunked\r\n"));
    dst = pd_put(dst, pd_response_forced_length(r));
    if (r->close)
        dst = pd_put(dst, PD_SLICE("Connection: close\r\n"));
    else if (r->http_minor == 0)
        dst = pd_put(dst, PD_SLICE("Connection: keep-alive\r\n"));
    return pd_put(dst, PD_SLICE("\r\n"));
}

static enum pd_reason http1_put_head(void *state, uint32_t stream, struct pd_response *r, struct pd_buf *out)
{
    enum { OWN_FIELDS_MAX = 160 }; /* all constant text that is put, with room to spare */
    (void)stream;
    decide_framing(state, r);
    struct pd_slice line = pd_buf_view(&r->line), fields = pd_buf_view(&r->fields);
    enum pd_reason fault = pd_response_reserve(out, line.n + fields.n + r->date.n + r->server.n + OWN_FIELDS_MAX);
    if (fault != PD_R_NONE)
        return fault;
    char *dst = put_field(out->data + out->end, PD_SLICE("HTTP/1.1 "), line);
    dst = put_own_fields(pd_put(dst, fields), r);
    out->end = (size_t)(dst - out->data);
    return PD_R_NONE;
}

static void http1_put_frame(void *state, uint32_t stream, const struct pd_response *r, size_t n, char *prefix,
                            size_t *prefix_n, char *suffix, size_t *suffix_n)
{
    (void)state, (void)stream;
    *prefix_n = *suffix_n = 0;
    if (!r->chunked)
        return;
    assert(n > 0); /* an empty chunk would end the body */
    *prefix_n = pd_chunked_put_size(prefix, n);
    memcpy(suffix, "\r\n", 2);
    *suffix_n = 2;
}

static void settle(struct pd_http1 *st, bool last)
{
    st->answered = true;
    st->last = st->last || last;
    if (st->phase == PD_HTTP1_ANSWER)
        st->phase = st->last ? PD_HTTP1_CLOSED : PD_HTTP1_IDLE;
}

static size_t http1_put_end(void *state, uint32_t stream, struct pd_response *r, char *dst)
{
    (void)stream;
    settle(state, r->close);
    if (!r->chunked)
        return 0;
    memcpy(dst, "0\r\n\r\n", 5);
    return 5;
}

/* Behind a response that was broken off, no other can be told from its rest. */
static void http1_drop(void *state, uint32_t stream)
{
    (void)stream;
    settle(state, true);
}

size_t pd_http1_put_continue(char *dst)
{
    memcpy(dst, "HTTP/1.1 100 Continue\r\n\r\n", PD_HTTP1_CONTINUE_LEN);
    return PD_HTTP1_CONTINUE_LEN;
}

enum pd_reason pd_http1_put_informational(unsigned status, struct pd_slice fields, struct pd_buf *out)
{
    static const struct pd_slice hints = { "HTTP/1.1 103 Early Hints\r\n", 26 };
    char other[] = "HTTP/1.1 1xx \r\n";
    if (status < 100 || status > 199 || status == 101)
        return PD_R_BAD_STATUS;
    other[10] = (char)('0' + status / 10 % 10);
    other[11] = (char)('0' + status % 10);
    struct pd_slice line = status == 103 ? hints : pd_slice(other, sizeof other - 1);
    enum pd_reason fault = pd_response_reserve(out, line.n + fields.n + 2);
    if (fault != PD_R_NONE)
        return fault;
    char *dst = pd_put(pd_put(pd_put(out->data + out->end, line), fields), PD_SLICE("\r\n"));
    out->end = (size_t)(dst - out->data);
    return PD_R_NONE;
}

const struct pd_codec pd_codec_http1 = {
    .name = "http1",
    .state_size = sizeof(struct pd_http1),
    .frame_max = SIZE_MAX,
    .init = http1_init,
    .next = http1_next,
    .body_ahead = http1_body_ahead,
    .at_boundary = http1_at_boundary,
    .put_head = http1_put_head,
    .put_frame = http1_put_frame,
    .put_end = http1_put_end,
    .drop = http1_drop,
};
