/* torture_judge.c - the verdicts of torture_conn (see torture_judge.h). */
#define _GNU_SOURCE
#include "torture_judge.h"

#include "codec/ajp13.h"

enum { REQUESTS_MAX = 8 };

static bool is_prefix(struct pd_slice s, struct pd_slice of)
{
    return pd_slice_has_prefix(of, s);
}

static bool contains(struct pd_slice s, struct pd_slice what)
{
    return s.n >= what.n && memmem(s.p, s.n, what.p, what.n) != NULL;
}

/* "HTTP/1.1 503 ..." or "Status: 503 ...": the label, then 4 or 5. */
static bool is_error(struct pd_slice s, struct pd_slice label)
{
    return pd_slice_has_prefix(s, label) && s.n > label.n && (s.p[label.n] == '4' || s.p[label.n] == '5');
}

/*
 * Cuts the next HTTP response off; no body of ours holds the label. An interim response is passed over: none is sent to
 * a client that did not wait for it.
 */
static struct pd_slice take_response(struct pd_slice *rest)
{
    const struct pd_slice label = PD_SLICE("HTTP/1.1 ");
    const struct pd_slice interim = PD_SLICE("HTTP/1.1 100 Continue\r\n\r\n");
    if (pd_slice_has_prefix(*rest, interim))
        *rest = pd_slice_from(*rest, interim.n);
    const char *next = rest->n > 1 ? memmem(rest->p + 1, rest->n - 1, label.p, label.n) : NULL;
    struct pd_slice one = pd_slice(rest->p, next ? (size_t)(next - rest->p) : rest->n);
    *rest = pd_slice_from(*rest, one.n);
    return one;
}

static const char *judge_http(struct pd_slice healthy, struct pd_slice got)
{
    while (got.n) {
        struct pd_slice want = healthy.n ? take_response(&healthy) : PD_SLICE_NONE;
        struct pd_slice one = take_response(&got);
        if (pd_slice_eq(one, want) || is_error(one, PD_SLICE("HTTP/1.1 ")))
            continue;
        if (got.n || !is_prefix(one, want))
            return "a response that is neither right nor an error";
    }
    return NULL;
}

/* One response for each connection, whose end is the end of the connection: a cut must be a reset. */
static const char *judge_single(struct pd_slice healthy, struct visit_result got, struct pd_slice label)
{
    if (pd_slice_eq(healthy, got.bytes) || is_error(got.bytes, label))
        return NULL;
    if (!is_prefix(got.bytes, healthy))
        return "a response that is neither right nor an error";
    bool has_length = contains(healthy, PD_SLICE("Content-Length"));
    bool head_is_cut = !contains(got.bytes, PD_SLICE("\r\n\r\n"));
    return got.reset || has_length || head_is_cut ? NULL : "a cut that the client cannot see";
}

struct fastcgi_answer {
    struct text stdout_bytes;
    bool ended;
};

/* Sorts the records by request; false when one is not well-formed. A record that is cut at the end is left out. */
static bool read_records(struct pd_slice in, struct fastcgi_answer answers[REQUESTS_MAX])
{
    while (in.n >= 8) {
        const unsigned char *h = (const unsigned char *)in.p;
        size_t n = (size_t)h[4] << 8 | h[5];
        size_t size = 8 + n + h[6];
        struct fastcgi_answer *a = &answers[h[3] % REQUESTS_MAX];
        if (h[0] != 1 || h[2] != 0 || h[3] >= REQUESTS_MAX || (h[1] != 3 && h[1] != 6 && h[1] != 10))
            return false;
        if (a->ended)
            return false;
        if (h[1] == 6)
            text_put(&a->stdout_bytes, pd_slice(in.p + 8, in.n - 8 < n ? in.n - 8 : n));
        if (in.n < size)
            break;
        a->ended = h[1] == 3;
        in = pd_slice_from(in, size);
    }
    return true;
}

static const char *judge_answer(const struct fastcgi_answer *want, const struct fastcgi_answer *got, bool harmless)
{
    struct pd_slice healthy = text_view(&want->stdout_bytes);
    struct pd_slice bytes = text_view(&got->stdout_bytes);
    if (harmless)
        return pd_slice_eq(healthy, bytes) && want->ended == got->ended ? NULL : "a delay changed what the client got";
    if (is_error(bytes, PD_SLICE("Status: ")))
        return NULL;
    if (!is_prefix(bytes, healthy))
        return "a response that is neither right nor an error";
    return got->ended && bytes.n < healthy.n ? "a cut response that is said to be complete" : NULL;
}

/* How the content is cut into records may differ. */
static const char *judge_fastcgi(struct pd_slice healthy, struct pd_slice got, bool harmless)
{
    struct fastcgi_answer wanted[REQUESTS_MAX] = { 0 };
    struct fastcgi_answer answers[REQUESTS_MAX] = { 0 };
    const char *fault = read_records(healthy, wanted) && read_records(got, answers) ? NULL : "a malformed record";
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        if (!fault)
            fault = judge_answer(&wanted[i], &answers[i], harmless);
        text_fini(&wanted[i].stdout_bytes);
        text_fini(&answers[i].stdout_bytes);
    }
    return fault;
}

struct ajp_answer {
    struct text head;
    struct text body;
    size_t packets;
    bool ended;
    bool kept;
};

/* One packet: SEND_HEADERS begins a response, END_RESPONSE ends it; what asks for a body belongs to none. */
static bool read_ajp_packet(struct pd_slice payload, struct ajp_answer answers[REQUESTS_MAX], size_t *at)
{
    struct ajp_answer *a = &answers[*at];
    if (*at == REQUESTS_MAX || !payload.n)
        return false;
    switch (payload.p[0]) {
    case AJP_SEND_HEADERS:
        text_put(&a->head, payload);
        return a->packets++ == 0;
    case AJP_SEND_BODY_CHUNK:
        text_put(&a->body, pd_slice(payload.p + 3, payload.n < 4 ? 0 : payload.n - 4));
        return a->packets++ > 0;
    case AJP_END_RESPONSE:
        a->ended = true;
        a->kept = payload.n == 2 && payload.p[1] == 1;
        *at += 1;
        return payload.n == 2 && a->packets > 0;
    default:
        return payload.p[0] == AJP_GET_BODY_CHUNK || payload.p[0] == AJP_CPONG;
    }
}

/* The responses in their order; false when something is not well-formed. Of a packet that is cut only data counts. */
static bool read_ajp(struct pd_slice in, struct ajp_answer answers[REQUESTS_MAX])
{
    size_t at = 0;
    while (in.n >= AJP_HEADER_LEN) {
        const unsigned char *h = (const unsigned char *)in.p;
        size_t n = AJP_HEADER_LEN + ((size_t)h[2] << 8 | h[3]);
        if (h[0] != 'A' || h[1] != 'B')
            return false;
        if (in.n < n)
            break;
        if (!read_ajp_packet(pd_slice(in.p + AJP_HEADER_LEN, n - AJP_HEADER_LEN), answers, &at))
            return false;
        in = pd_slice_from(in, n);
    }
    return true;
}

static bool is_ajp_error(const struct ajp_answer *a)
{
    struct pd_slice head = text_view(&a->head);
    unsigned status = head.n < 3 ? 0 : (unsigned)(unsigned char)head.p[1] << 8 | (unsigned char)head.p[2];
    return status >= 400 && status < 600;
}

/* How the body is cut into chunks may differ. */
static const char *judge_ajp_answer(const struct ajp_answer *want, const struct ajp_answer *got, bool harmless)
{
    bool same_head = pd_slice_eq(text_view(&want->head), text_view(&got->head));
    bool same = same_head && pd_slice_eq(text_view(&want->body), text_view(&got->body));
    if (harmless)
        return same && want->ended == got->ended && want->kept == got->kept ? NULL
                                                                            : "a delay changed what the client got";
    if (!got->packets || is_ajp_error(got) || (same && want->ended))
        return NULL;
    if (!same_head || !is_prefix(text_view(&got->body), text_view(&want->body)))
        return "a response that is neither right nor an error";
    return got->ended ? "a cut response that is said to be complete" : NULL;
}

static const char *judge_ajp(struct pd_slice healthy, struct pd_slice got, bool harmless)
{
    struct ajp_answer wanted[REQUESTS_MAX] = { 0 };
    struct ajp_answer answers[REQUESTS_MAX] = { 0 };
    const char *fault = read_ajp(healthy, wanted) && read_ajp(got, answers) ? NULL : "a malformed packet";
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        if (!fault)
            fault = judge_ajp_answer(&wanted[i], &answers[i], harmless);
        text_fini(&wanted[i].head);
        text_fini(&wanted[i].body);
        text_fini(&answers[i].head);
        text_fini(&answers[i].body);
    }
    return fault;
}

const char *judge_visit(const struct pd_codec *codec, struct pd_slice healthy, struct visit_result got, bool harmless)
{
    if (codec == &pd_codec_fastcgi)
        return judge_fastcgi(healthy, got.bytes, harmless);
    if (codec == &pd_codec_ajp13)
        return judge_ajp(healthy, got.bytes, harmless);
    if (harmless)
        return pd_slice_eq(healthy, got.bytes) ? NULL : "a delay changed what the client got";
    if (codec == &pd_codec_http1)
        return judge_http(healthy, got.bytes);
    return judge_single(healthy, got, codec == &pd_codec_uwsgi ? PD_SLICE("HTTP/1.1 ") : PD_SLICE("Status: "));
}
