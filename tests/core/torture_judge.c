/* torture_judge.c - scripts and verdicts of torture_conn (see torture_judge.h). */
#define _GNU_SOURCE
#include "torture_judge.h"

#include <assert.h>
#include <stdio.h>

#include "fastcgi_text.h"

enum { ECHO_SIZE = 6000, REQUESTS_MAX = 8 };

/* --- scripts ------------------------------------------------------------------------------------------------------ */

static struct text *add_text(struct scripts *s)
{
    assert(s->texts_n < sizeof s->texts / sizeof s->texts[0]);
    return &s->texts[s->texts_n++];
}

static void put_body(struct text *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        text_put(t, PD_SLICE("b"));
}

static void put_http(struct text *t, const char *path, size_t body, const char *more)
{
    text_printf(t, "%s %s HTTP/1.1\r\nHost: a\r\n%s", body ? "POST" : "GET", path, more);
    if (body)
        text_printf(t, "Content-Length: %zu\r\n", body);
    text_printf(t, "\r\n");
    put_body(t, body);
}

static void put_scgi(struct text *t, const char *path, size_t body)
{
    struct text block = { 0 };
    text_printf(&block, "CONTENT_LENGTH%c%zu%cSCGI%c1%c", 0, body, 0, 0, 0);
    text_printf(&block, "REQUEST_METHOD%c%s%cREQUEST_URI%c%s%c", 0, body ? "POST" : "GET", 0, 0, path, 0);
    text_printf(t, "%zu:", block.n);
    text_put(t, text_view(&block));
    text_put(t, PD_SLICE(","));
    put_body(t, body);
    text_fini(&block);
}

static void put_cgi(struct text *t, const char *path, size_t body)
{
    text_printf(t, "REQUEST_METHOD=%s%cREQUEST_URI=%s%c", body ? "POST" : "GET", 0, path, 0);
    text_printf(t, "CONTENT_LENGTH=%zu%c%c", body, 0, 0);
    put_body(t, body);
}

static void put_uwsgi_pair(struct text *t, const char *name, const char *value)
{
    text_printf(t, "%c%c%s%c%c%s", (int)strlen(name), 0, name, (int)strlen(value), 0, value);
}

static void put_uwsgi(struct text *t, const char *path, size_t body)
{
    struct text block = { 0 };
    char size[24];
    snprintf(size, sizeof size, "%zu", body);
    put_uwsgi_pair(&block, "CONTENT_LENGTH", size);
    put_uwsgi_pair(&block, "REQUEST_METHOD", body ? "POST" : "GET");
    put_uwsgi_pair(&block, "REQUEST_URI", path);
    text_printf(t, "%c%c%c%c", 0, (int)block.n, 0, 0);
    text_put(t, text_view(&block));
    put_body(t, body);
    text_fini(&block);
}

/* Several requests on one connection, pipelined, one of which the app fails; then one with a file, one that is refused.
 */
static void write_http(struct scripts *s)
{
    struct text *t = add_text(s);
    put_http(t, "/plain", 0, "");
    put_http(t, "/echo", ECHO_SIZE, "Expect: 100-continue\r\n");
    put_http(t, "/health", 0, "");
    put_http(t, "/broken", 0, "");
    put_http(t, "/health/live", 0, "");
    put_http(t, "/big", 0, "");
    put_http(t, "/plain", 0, "Connection: close\r\n");
    s->http[s->http_n++] = text_view(t);
    t = add_text(s);
    put_http(t, "/file", 0, "");
    put_http(t, "/plain", 0, "X Y: z\r\n");
    s->http[s->http_n++] = text_view(t);
}

/* Two requests at once, one given up, a big one; then one with a file. */
static void write_fastcgi(struct scripts *s)
{
    struct text body = { 0 };
    struct text *t = add_text(s);
    put_body(&body, ECHO_SIZE / 2);
    fastcgi_put_head(t, 1, "/echo", "6000", false);
    fastcgi_put_head(t, 2, "/echo", "3000", false);
    fastcgi_put_head(t, 3, "/plain", "5", false);
    fastcgi_put_record(t, 5, 1, text_view(&body));
    fastcgi_put_record(t, 5, 2, text_view(&body));
    fastcgi_put_record(t, 5, 2, PD_SLICE_NONE);
    fastcgi_put_record(t, 2, 3, PD_SLICE_NONE);
    fastcgi_put_record(t, 9, 0, PD_SLICE("\015\000FCGI_MAX_REQS"));
    fastcgi_put_record(t, 5, 1, text_view(&body));
    fastcgi_put_record(t, 5, 1, PD_SLICE_NONE);
    fastcgi_put_head(t, 5, "/health", "", false);
    fastcgi_put_record(t, 5, 5, PD_SLICE_NONE);
    fastcgi_put_head(t, 4, "/big", "", true);
    fastcgi_put_record(t, 5, 4, PD_SLICE_NONE);
    s->fastcgi[s->fastcgi_n++] = text_view(t);
    text_fini(&body);
    t = add_text(s);
    fastcgi_put_head(t, 1, "/file", "", true);
    fastcgi_put_record(t, 5, 1, PD_SLICE_NONE);
    s->fastcgi[s->fastcgi_n++] = text_view(t);
}

static void write_scgi(struct scripts *s)
{
    static const char *const paths[] = { "/echo", "/big", "/file", "/health" };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct text *t = add_text(s);
        put_scgi(t, paths[i], i ? 0 : ECHO_SIZE);
        s->scgi[s->scgi_n++] = text_view(t);
    }
}

static void write_cgi(struct scripts *s)
{
    static const char *const paths[] = { "/echo", "/big", "/file" };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct text *t = add_text(s);
        put_cgi(t, paths[i], i ? 0 : ECHO_SIZE);
        s->cgi[s->cgi_n++] = text_view(t);
    }
}

static void write_uwsgi(struct scripts *s)
{
    static const char *const paths[] = { "/echo", "/big", "/file" };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct text *t = add_text(s);
        put_uwsgi(t, paths[i], i ? 0 : ECHO_SIZE);
        s->uwsgi[s->uwsgi_n++] = text_view(t);
    }
}

void scripts_init(struct scripts *s)
{
    *s = (struct scripts){ 0 };
    write_http(s);
    write_fastcgi(s);
    write_scgi(s);
    write_uwsgi(s);
    write_cgi(s);
}

void scripts_fini(struct scripts *s)
{
    for (size_t i = 0; i < s->texts_n; i++)
        text_fini(&s->texts[i]);
}

/* --- verdicts ----------------------------------------------------------------------------------------------------- */

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

const char *judge_visit(const struct pd_codec *codec, struct pd_slice healthy, struct visit_result got, bool harmless)
{
    if (codec == &pd_codec_fastcgi)
        return judge_fastcgi(healthy, got.bytes, harmless);
    if (harmless)
        return pd_slice_eq(healthy, got.bytes) ? NULL : "a delay changed what the client got";
    if (codec == &pd_codec_http1)
        return judge_http(healthy, got.bytes);
    return judge_single(healthy, got, codec == &pd_codec_uwsgi ? PD_SLICE("HTTP/1.1 ") : PD_SLICE("Status: "));
}
