/* page.c - error pages as plain C text, and who gets which (see page.h). */
#include "conn/page.h"

#include <assert.h>
#include <stdio.h>

#include "codec/bytes.h"

enum { KINDS = PD_PAGE_JSON + 1, Q_ONE = 1000 };

/* --- which page --------------------------------------------------------------------------------------------------- */

/* How well the best media range that matches a kind does so. */
struct offer {
    int specificity; /* 0: none matches, 1: any type, 2: any subtype, 3: the type itself */
    int q;           /* in thousandths */
    int at;          /* which range it was, counted from 1 */
};

/* Cuts off and returns what stands before the first `separator` outside quotes, without white space round it. */
static struct pd_slice take_item(struct pd_slice *s, char separator)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < s->n && (quoted || s->p[i] != separator); i++) {
        if (s->p[i] == '"')
            quoted = !quoted;
        else if (quoted && s->p[i] == '\\' && i + 1 < s->n)
            i++;
    }
    struct pd_slice item = pd_slice(s->p, i);
    *s = pd_slice_from(*s, i < s->n ? i + 1 : i);
    return pd_slice_trim(item);
}

/* qvalue (RFC 9110 section 12.4.2) in thousandths, -1: malformed. */
static int parse_q(struct pd_slice s)
{
    int q = 0;
    if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
        return -1;
    q = (s.p[0] - '0') * Q_ONE;
    for (size_t i = 2, unit = Q_ONE / 10; i < s.n; i++, unit /= 10) {
        if (!pd_byte_is_digit(s.p[i]))
            return -1;
        q += (s.p[i] - '0') * (int)unit;
    }
    return q > Q_ONE ? -1 : q;
}

static int range_q(struct pd_slice parameters)
{
    while (parameters.n) {
        struct pd_slice item = take_item(&parameters, ';');
        if (item.n >= 2 && pd_ascii_lower(item.p[0]) == 'q' && item.p[1] == '=')
            return parse_q(pd_slice_from(item, 2));
    }
    return Q_ONE;
}

static bool is_json(struct pd_slice type)
{
    static const char suffix[] = "+json";
    size_t n = sizeof suffix - 1;
    return pd_slice_eq_nocase(type, PD_SLICE("application/json")) ||
           (type.n > n && pd_slice_eq_nocase(pd_slice(type.p + type.n - n, n), PD_SLICE("+json")));
}

static int specificity(struct pd_slice type, enum pd_page_kind kind)
{
    struct pd_slice family = kind == PD_PAGE_JSON ? PD_SLICE("application/*") : PD_SLICE("text/*");
    struct pd_slice exact = kind == PD_PAGE_HTML ? PD_SLICE("text/html") : PD_SLICE("text/plain");
    if (kind == PD_PAGE_JSON ? is_json(type) : pd_slice_eq_nocase(type, exact))
        return 3;
    return pd_slice_eq_nocase(type, family) ? 2 : pd_slice_eq(type, PD_SLICE("*/*"));
}

/* More wanted, or as much but named more exactly, or named earlier. */
static bool is_better(struct offer a, struct offer b)
{
    if (a.q != b.q || !a.q)
        return a.q > b.q;
    return a.specificity != b.specificity ? a.specificity > b.specificity : a.specificity == 3 && a.at < b.at;
}

enum pd_page_kind pd_page_choose(struct pd_slice accept)
{
    struct offer offers[KINDS] = { { 0, 0, 0 } };
    enum pd_page_kind best = PD_PAGE_TEXT;
    for (int at = 1; accept.n; at++) {
        struct pd_slice range = take_item(&accept, ',');
        struct pd_slice type = take_item(&range, ';');
        int q = range_q(range);
        for (int kind = 0; kind < KINDS && q >= 0; kind++) {
            int s = specificity(type, (enum pd_page_kind)kind);
            if (s > offers[kind].specificity || (s && s == offers[kind].specificity && q > offers[kind].q))
                offers[kind] = (struct offer){ s, q, at };
        }
    }
    for (int kind = 0; kind < KINDS; kind++)
        if (is_better(offers[kind], offers[best]))
            best = (enum pd_page_kind)kind;
    return best;
}

/* --- the pages ---------------------------------------------------------------------------------------------------- */

static const struct {
    int status;
    struct pd_slice line;
    const char *sentence; /* without its full stop, which may stand behind a reason */
} statuses[] = {
    { 500, { "500 Internal Server Error", 25 }, "The application failed to answer this request" },
    { 400, { "400 Bad Request", 15 }, "The request is malformed" },
    { 403, { "403 Forbidden", 13 }, "The request is not allowed" },
    { 408, { "408 Request Timeout", 19 }, "The request did not arrive in time" },
    { 411, { "411 Length Required", 19 }, "The request must tell the length of its body" },
    { 413, { "413 Content Too Large", 21 }, "The body of the request is larger than this server accepts" },
    { 414, { "414 URI Too Long", 16 }, "The address of the request is longer than this server accepts" },
    { 417, { "417 Expectation Failed", 22 }, "The request expects something that this server does not do" },
    { 431,
      { "431 Request Header Fields Too Large", 35 },
      "The header of the request is larger than this server accepts" },
    { 501,
      { "501 Not Implemented", 19 },
      "The request uses a method or transfer coding that this server does not support" },
    { 503,
      { "503 Service Unavailable", 23 },
      "The server cannot answer at the moment; please try again in a few seconds" },
    { 504, { "504 Gateway Timeout", 19 }, "The application did not answer this request in time" },
    { 505,
      { "505 HTTP Version Not Supported", 30 },
      "The request uses a version of HTTP that this server does not speak" },
};

static size_t row_of(int status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == status)
            return i;
    return 0;
}

struct pd_slice pd_page_status(int status)
{
    return statuses[row_of(status)].line;
}

struct pd_slice pd_page_type(enum pd_page_kind kind)
{
    return kind == PD_PAGE_HTML   ? PD_SLICE("text/html; charset=utf-8")
           : kind == PD_PAGE_JSON ? PD_SLICE("application/json")
                                  : PD_SLICE("text/plain; charset=utf-8");
}

#define HTML_PAGE                                                                                                      \
    "<!doctype html>\n"                                                                                                \
    "<html lang=\"en\">\n"                                                                                             \
    "<head>\n"                                                                                                         \
    "<meta charset=\"utf-8\">\n"                                                                                       \
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"                                       \
    "<title>%s</title>\n"                                                                                              \
    "<style>\n"                                                                                                        \
    ":root { color-scheme: light dark }\n"                                                                             \
    "body { max-width: 36rem; margin: 15vh auto; padding: 0 1.5rem; font: 1rem/1.6 system-ui, sans-serif }\n"          \
    "h1 { font-size: 1.5rem; line-height: 1.3 }\n"                                                                     \
    "footer { font-size: .875rem; opacity: .7 }\n"                                                                     \
    "</style>\n"                                                                                                       \
    "</head>\n"                                                                                                        \
    "<body>\n"                                                                                                         \
    "<h1>%s</h1>\n"                                                                                                    \
    "<p>%s%s%s.</p>\n"                                                                                                 \
    "<footer>Request <code>%s</code></footer>\n"                                                                       \
    "</body>\n"                                                                                                        \
    "</html>\n"

size_t pd_page_write(char dst[PD_PAGE_MAX], enum pd_page_kind kind, int status, const char *why, const char *id)
{
    size_t row = row_of(status);
    const char *line = statuses[row].line.p;
    const char *said = statuses[row].sentence;
    bool has_why = status == 400 && why && *why;
    const char *colon = has_why ? ": " : "";
    int n = 0;
    why = has_why ? why : "";
    switch (kind) {
    case PD_PAGE_TEXT:
        n = snprintf(dst, PD_PAGE_MAX, "%s\n%s%s%s.\nRequest %s\n", line, said, colon, why, id);
        break;
    case PD_PAGE_HTML:
        n = snprintf(dst, PD_PAGE_MAX, HTML_PAGE, line, line, said, colon, why, id);
        break;
    case PD_PAGE_JSON:
        n = snprintf(dst, PD_PAGE_MAX,
                     "{\"status\": %d, \"title\": \"%s\", \"detail\": \"%s%s%s.\", \"request_id\": \"%s\"}\n",
                     statuses[row].status, line + 4, said, colon, why, id);
        break;
    }
    assert(n > 0 && n < PD_PAGE_MAX);
    return (size_t)n;
}

/* --- the response they are in ------------------------------------------------------------------------------------- */

/* A page is never kept, nor taken for another type than it says. */
static bool put_fields(struct pd_response *r, struct pd_slice type, size_t n, unsigned retry_s)
{
    char seconds[12];
    int seconds_n = snprintf(seconds, sizeof seconds, "%u", retry_s);
    const struct {
        struct pd_slice name, value;
    } fields[] = {
        { PD_SLICE("Content-Type"), type },
        { PD_SLICE("Cache-Control"), PD_SLICE("no-store") },
        { PD_SLICE("X-Content-Type-Options"), PD_SLICE("nosniff") },
        { PD_SLICE("Retry-After"), pd_slice(seconds, (size_t)seconds_n) }, /* last: 503 alone */
    };
    size_t count = sizeof fields / sizeof *fields - (r->status != 503);
    for (size_t i = 0; i < count; i++)
        if (pd_response_add(r, fields[i].name, fields[i].value) != PD_R_NONE)
            return false;
    return pd_response_set_length(r, n) == PD_R_NONE;
}

struct pd_slice pd_page_compose(const struct pd_request *q, struct pd_response *r, int status, const char *why,
                                const char *id, unsigned retry_s, char text[PD_PAGE_MAX])
{
    enum pd_page_kind kind = pd_page_choose(q->accept.p ? q->accept : pd_request_get(q, PD_NAME_HTTP_ACCEPT));
    size_t n = pd_page_write(text, kind, status, why, id);
    bool ok =
        pd_response_start(r, pd_page_status(status)) == PD_R_NONE && put_fields(r, pd_page_type(kind), n, retry_s);
    return pd_slice(text, ok ? n : 0);
}
