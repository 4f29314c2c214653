/*
 * test_http1.c - the HTTP/1.1 codec: what corpus cases cannot show.
 *
 * The corpus (tests/corpus/http) has the decision table. Here: the byte
 * tables, authorities, limits at their exact edges, states between requests,
 * every outcome of the response side, and that work stays linear.
 */
#include "codec/codec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "codec/authority.h"
#include "codec/bytes.h"
#include "codec/http1.h"
#include "codec/response.h"

#define CODEC (&pd_codec_http1)
enum { TRACE_MAX = 16384 };

struct trace {
    char text[TRACE_MAX];
    size_t n;
    bool in_body;
};

static PD_PRINTF(2, 3) void say(struct trace *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(t->text + t->n, TRACE_MAX - t->n, fmt, args);
    va_end(args);
    t->n = t->n + (size_t)n < TRACE_MAX ? t->n + (size_t)n : TRACE_MAX - 1;
}

static void say_head(struct trace *t, const struct pd_head *h)
{
    say(t, "HEAD %.*s %.*s 1.%d %lld%s%s%s", (int)h->method.n, h->method.p, (int)h->target.n, h->target.p,
        h->http_minor, (long long)h->content_length, h->chunked ? " chunked" : "",
        h->expect_continue ? " continue" : "", h->keep_alive ? " keep" : "");
    for (size_t i = 0; i < h->nfields; i++)
        say(t, "|%.*s=%.*s", (int)h->fields[i].name.n, h->fields[i].name.p, (int)h->fields[i].value.n,
            h->fields[i].value.p);
    say(t, "\n");
}

/* Adds one event; BODY runs that touch are joined. */
static void say_event(struct trace *t, const struct pd_event *ev)
{
    bool body = ev->kind == PD_EV_BODY;
    if (t->in_body && !body)
        say(t, "\n");
    if (body && !t->in_body)
        say(t, "BODY ");
    t->in_body = body;
    CHECK_INT(ev->stream, 1);
    switch (ev->kind) {
    case PD_EV_OPEN:
        say(t, "OPEN\n");
        break;
    case PD_EV_HEAD:
        say_head(t, ev->head);
        break;
    case PD_EV_BODY:
        CHECK(ev->data.n > 0);
        say(t, "%.*s", (int)ev->data.n, ev->data.p);
        break;
    case PD_EV_BODY_END:
        say(t, "END\n");
        break;
    case PD_EV_BAD:
        CHECK(ev->fatal);
        say(t, "BAD %s\n", pd_reason_name(ev->reason));
        break;
    case PD_EV_MORE:
    case PD_EV_HEAD_BYTES:
    case PD_EV_ABORT:
    case PD_EV_REPLY:
        check_that(0, __FILE__, __LINE__, "HTTP has no such event");
        break;
    }
}

struct session {
    const struct pd_limits *limits;
    _Alignas(16) char state[PD_CODEC_STATE_MAX];
    struct pd_scratch scratch;
    struct trace trace;
    char *pending; /* unconsumed bytes, always in a block of just their size */
    size_t pending_n;
    bool answer; /* end a default response behind each BODY_END */
    bool stopped;
};

static struct session *session_new(const struct pd_limits *limits)
{
    struct session *s = calloc(1, sizeof *s);
    s->limits = limits;
    s->answer = true;
    CODEC->init(s->state, limits, PD_OPTIONS_NONE);
    return s;
}

static void session_free(struct session *s)
{
    free(s->pending);
    free(s);
}

static void session_keep(struct session *s, struct pd_slice rest)
{
    char *copy = malloc(rest.n ? rest.n : 1);
    memcpy(copy, rest.p, rest.n);
    free(s->pending);
    s->pending = copy;
    s->pending_n = rest.n;
}

/* Takes events until the codec wants more. */
static void session_pump(struct session *s)
{
    while (!s->stopped) {
        struct pd_event ev;
        size_t used;
        CODEC->next(s->state, pd_slice(s->pending, s->pending_n), &used, &s->scratch, &ev);
        CHECK(used <= s->pending_n);
        if (ev.kind != PD_EV_MORE)
            say_event(&s->trace, &ev);
        session_keep(s, pd_slice(s->pending + used, s->pending_n - used));
        if (ev.kind == PD_EV_MORE)
            break;
        s->stopped = ev.kind == PD_EV_BAD;
        if (ev.kind == PD_EV_BODY_END && s->answer) {
            struct pd_response r = { .status = 200 };
            char end[PD_END_MAX];
            CHECK_INT(CODEC->put_end(s->state, 1, &r, end), 0);
        }
    }
}

static void session_feed(struct session *s, struct pd_slice piece)
{
    struct pd_slice all = { malloc(s->pending_n + piece.n + 1), s->pending_n + piece.n };
    if (s->pending_n)
        memcpy((char *)all.p, s->pending, s->pending_n);
    memcpy((char *)all.p + s->pending_n, piece.p, piece.n);
    session_keep(s, all);
    free((char *)all.p);
    session_pump(s);
}

/* The trace of `in`, fed in pieces of `step` bytes behind a first piece of `first`. */
static void run_cut(struct pd_slice in, const struct pd_limits *limits, size_t first, size_t step, struct trace *out)
{
    struct session *s = session_new(limits);
    size_t at = 0, n = first;
    for (;;) {
        session_feed(s, pd_slice(in.p + at, n));
        at += n;
        if (at == in.n)
            break;
        n = in.n - at < step ? in.n - at : step;
    }
    *out = s->trace;
    session_free(s);
}

static void expect_with(struct pd_slice in, const struct pd_limits *limits, struct pd_slice want, int line)
{
    static struct trace got, cut;
    run_cut(in, limits, in.n, in.n, &got);
    check_slice(pd_slice(got.text, got.n), want, __FILE__, line, "the trace");
    for (size_t first = 0; first < in.n && in.n <= 512; first++) {
        run_cut(in, limits, first, in.n, &cut);
        check_slice(pd_slice(cut.text, cut.n), want, __FILE__, line, "the trace of two pieces");
    }
    run_cut(in, limits, 0, 1, &cut);
    check_slice(pd_slice(cut.text, cut.n), want, __FILE__, line, "the trace byte by byte");
}

#define EXPECT(in, want)                expect_with(PD_SLICE(in), &PD_LIMITS_DEFAULT, PD_SLICE(want), __LINE__)
#define EXPECT_LIMITS(in, limits, want) expect_with(PD_SLICE(in), (limits), PD_SLICE(want), __LINE__)
#define REFUSED(in, why)                EXPECT(in, "OPEN\nBAD " why "\n")

/* --- tables ------------------------------------------------------------ */

static bool in_set(int c, const char *set)
{
    return c && strchr(set, c);
}

static void test_byte_classes(void)
{
    for (int c = 0; c < 256; c++) {
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        bool visible = c > 0x20 && c < 0x7f;
        CHECK_INT(pd_byte_is((char)c, PD_BYTE_TOKEN), alnum || in_set(c, "!#$%&'*+-.^_`|~"));
        CHECK_INT(pd_byte_is((char)c, PD_BYTE_TARGET), visible && c != '#');
        CHECK_INT(pd_byte_is((char)c, PD_BYTE_VALUE), visible || c == ' ' || c == '\t' || c >= 0x80);
        CHECK_INT(pd_byte_is((char)c, PD_BYTE_HOST), alnum || in_set(c, "-._~!$&'()*+,;="));
        CHECK_INT(pd_byte_is((char)c, PD_BYTE_HEX), hex);
        CHECK_INT(pd_byte_is((char)c, PD_BYTE_QUOTED),
                  (visible && c != '"' && c != '\\') || c == ' ' || c == '\t' || c >= 0x80);
        if (hex)
            CHECK_INT(pd_byte_hex((char)c), strtol((char[]){ (char)c, 0 }, NULL, 16));
    }
}

static void test_authority(void)
{
    static const char *const valid[] = {
        "a",
        "example.com",
        "example.com:80",
        "a:",
        "a:0",
        "a:65535",
        "127.0.0.1:8000",
        "x_y-z~",
        "%61%7a",
        "a!$&'()*+,;=b",
        "[::]",
        "[::1]",
        "[1::]",
        "[::1]:8000",
        "[1:2:3:4:5:6:7:8]",
        "[1::8]",
        "[::ffff:1.2.3.4]",
        "[1:2:3:4:5:6:1.2.3.4]",
        "[2001:db8::0:1]",
        "[::1.2.3.255]",
        "[1:2:3:4:5:6:7::]",
        "[::2:3:4:5:6:7:8]",
        "[abcd::EF01]",
    };
    static const char *const invalid[] = {
        "",
        ":",
        ":80",
        "a:b",
        "a:65536",
        "a:99999999999",
        "a:8 0",
        "a b",
        "a/b",
        "a?b",
        "a@b",
        "a#b",
        "a\\b",
        "a%",
        "a%2",
        "a%zz",
        "a%2z",
        "[",
        "[]",
        "[::1",
        "::1",
        "[::1]80",
        "[:1]",
        "[1:]",
        "[:::]",
        "[1::2::3]",
        "[12345::]",
        "[g::]",
        "[1:2:3:4:5:6:7]",
        "[1:2:3:4:5:6:7:8:9]",
        "[1:2:3:4:5:6:7:8::]",
        "[::1.2.3]",
        "[::1.2.3.4.5]",
        "[::1.2.3.256]",
        "[::1.2.3.04]",
        "[1.2.3.4]",
        "[::1.2.3.4:1]",
        "[::1.2.3.]",
        "[::1%25eth0]",
        "[v1.a]",
        "a,b:80,c",
        "\x80",
        "a\x7f",
        "[1:2:3:4:5:6:7:1.2.3.4]",
        "[::1x2]",
        "[::1.2.3x4]",
        "[::1.2.3:4]",
        "[::12345.2.3.4]",
    };
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++)
        check_that(pd_authority_is_valid(pd_slice(valid[i], strlen(valid[i]))), __FILE__, __LINE__, valid[i]);
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++)
        check_that(!pd_authority_is_valid(pd_slice(invalid[i], strlen(invalid[i]))), __FILE__, __LINE__, invalid[i]);
}

/* --- requests ---------------------------------------------------------- */

static void test_plain(void)
{
    EXPECT("", "");
    EXPECT("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "OPEN\nHEAD GET / 1.1 -1 keep|Host=a\nEND\n");
    EXPECT("\r\n\r\nGET /x?y HTTP/1.0\r\nA: \t b c \t\r\nE:\r\n\r\n", "OPEN\nHEAD GET /x?y 1.0 -1|A=b c|E=\nEND\n");
    EXPECT("POST / HTTP/1.1\r\nhOST: a\r\ncontent-LENGTH: 3\r\n\r\nabcX",
           "OPEN\nHEAD POST / 1.1 3 keep|hOST=a|content-LENGTH=3\nBODY abc\nEND\nOPEN\n");
    EXPECT("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n"
           "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
           "OPEN\nHEAD PUT / 1.1 -1 chunked continue keep|Host=a|Transfer-Encoding=Chunked|Expect=100-Continue\n"
           "BODY abc\nEND\n");
    EXPECT("GET / HTTP/1.1\r\nHost: a\r\nX: 12345678\t90\x80 more than eight bytes\r\n\r\n",
           "OPEN\nHEAD GET / 1.1 -1 keep|Host=a|X=12345678\t90\x80 more than eight bytes\nEND\n");
}

static void test_pipelined(void)
{
    EXPECT("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\nbad",
           "OPEN\nHEAD GET /1 1.1 -1 keep|Host=a\nEND\nOPEN\nHEAD GET /2 1.1 -1 keep|Host=b\nEND\nOPEN\n");
    EXPECT("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\n",
           "OPEN\nHEAD GET /1 1.1 -1|Host=a|Connection=close\nEND\n");
}

/* A thousand requests in one piece, and the work per request does not grow with what waits behind it. */
static void test_thousand_pipelined(void)
{
    enum { COUNT = 1000 };
    static const char one[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const size_t n = sizeof one - 1;
    char *all = malloc(COUNT * n);
    struct session *s = session_new(&PD_LIMITS_DEFAULT);
    size_t heads = 0, at = 0;
    for (size_t i = 0; i < COUNT; i++)
        memcpy(all + i * n, one, n);
    for (size_t i = 0; i < 3 * COUNT; i++) {
        struct pd_response r = { .status = 200 };
        struct pd_event ev;
        char end[PD_END_MAX];
        size_t used;
        CODEC->next(s->state, pd_slice(all + at, COUNT * n - at), &used, &s->scratch, &ev);
        CHECK_INT(used, ev.kind == PD_EV_HEAD ? n : 0);
        at += used;
        heads += ev.kind == PD_EV_HEAD;
        if (ev.kind == PD_EV_BODY_END)
            CODEC->put_end(s->state, 1, &r, end);
    }
    CHECK_INT(heads, COUNT);
    CHECK_INT(at, COUNT * n);
    CHECK(CODEC->at_boundary(s->state));
    free(all);
    session_free(s);
}

static void test_early_refusal(void)
{
    REFUSED("\x16\x03\x01\x02", "BAD_METHOD"); /* a TLS ClientHello */
    REFUSED("\n", "BARE_LF");
    REFUSED("\rX", "BARE_CR");
    REFUSED(" ", "BAD_METHOD");
    REFUSED("G\n", "BARE_LF");
    REFUSED("G\r", "BAD_REQUEST_LINE");
    REFUSED("\r\n\r\n\r\n\r\n\r\n", "TOO_MANY_EMPTY_LINES");
    REFUSED("GET  ", "BAD_REQUEST_LINE");
    REFUSED("GET /#", "BAD_TARGET");
    REFUSED("GET /\r", "BAD_REQUEST_LINE");
    REFUSED("GET /\n", "BARE_LF");
    REFUSED("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "METHOD_TOO_LONG");
    EXPECT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\nHost: a\r\n\r\n",
           "OPEN\nHEAD AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / 1.1 -1 keep|Host=a\nEND\n");
}

/* What can be read but is not served is refused at the end of the head; the first such thing counts. */
static void test_late_refusal(void)
{
    EXPECT("CONNECT a HTTP/1.1\r\nHost: a\r\n", "OPEN\n");
    REFUSED("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT_REFUSED");
    EXPECT("POST / HTTP/1.1\r\nContent-Length: x\r\n", "OPEN\n");
    REFUSED("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "BAD_CONTENT_LENGTH");
    REFUSED("POST / HTTP/1.1\r\nExpect: tea\r\nContent-Length: x\r\nHost: /\r\n\r\n", "BAD_EXPECTATION");
    REFUSED("POST / HTTP/1.1\r\nExpect: tea\r\nHost : a\r\n", "BAD_EXPECTATION"); /* nothing behind it can be read */
    REFUSED("CONNECT \r", "CONNECT_REFUSED");
    struct pd_limits l = PD_LIMITS_DEFAULT;
    l.head = 28;
    EXPECT_LIMITS("GET / HTTP/1.1\r\nExpect: t\r\n\r\n", &l, "OPEN\nBAD BAD_EXPECTATION\n");
}

static void test_limits(void)
{
    struct pd_limits l = PD_LIMITS_DEFAULT;
    l.target = 4;
    EXPECT_LIMITS("GET /abc HTTP/1.0\r\n\r\n", &l, "OPEN\nHEAD GET /abc 1.0 -1\nEND\n");
    EXPECT_LIMITS("GET /abcd", &l, "OPEN\nBAD TARGET_TOO_LONG\n");
    EXPECT_LIMITS("GET /abc# HTTP/1.0\r\n\r\n", &l, "OPEN\nBAD BAD_TARGET\n");
    l = PD_LIMITS_DEFAULT;
    l.fields = 2;
    EXPECT_LIMITS("GET / HTTP/1.0\r\nA: 1\r\nB: 2\r\n\r\n", &l, "OPEN\nHEAD GET / 1.0 -1|A=1|B=2\nEND\n");
    EXPECT_LIMITS("GET / HTTP/1.0\r\nA: 1\r\nB: 2\r\nC: 3\r\n", &l, "OPEN\nBAD TOO_MANY_FIELDS\n");
    EXPECT_LIMITS("GET http://h/ HTTP/1.0\r\nA: 1\r\nB: 2\r\n\r\n", &l, "OPEN\nBAD TOO_MANY_FIELDS\n");
    EXPECT_LIMITS("GET http://h/ HTTP/1.0\r\nA: 1\r\n\r\n", &l, "OPEN\nHEAD GET http://h/ 1.0 -1|A=1|Host=h\nEND\n");
    l = PD_LIMITS_DEFAULT;
    l.head = 24;
    EXPECT_LIMITS("GET / HTTP/1.0\r\nA: 1\r\n\r\n", &l, "OPEN\nHEAD GET / 1.0 -1|A=1\nEND\n");
    EXPECT_LIMITS("GET / HTTP/1.0\r\nA: 12\r\n\r\n", &l, "OPEN\nBAD HEAD_TOO_LARGE\n");
    EXPECT_LIMITS("GET / HTTP/1.0\r\nA: 12\r\n\x01\r\n", &l, "OPEN\nBAD HEAD_TOO_LARGE\n");
    l.head = 4;
    EXPECT_LIMITS("GETX=", &l, "OPEN\nBAD HEAD_TOO_LARGE\n");
    EXPECT_LIMITS("GE=X", &l, "OPEN\nBAD BAD_METHOD\n");
    l = PD_LIMITS_DEFAULT;
    l.body = 3;
    EXPECT_LIMITS("PUT / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", &l,
                  "OPEN\nHEAD PUT / 1.0 3|Content-Length=3\nBODY abc\nEND\n");
    EXPECT_LIMITS("PUT / HTTP/1.0\r\nContent-Length: 4\r\n\r\n", &l, "OPEN\nBAD BODY_TOO_LARGE\n");
    EXPECT_LIMITS(
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\n", &l,
        "OPEN\nHEAD PUT / 1.1 -1 chunked keep|Host=a|Transfer-Encoding=chunked\nBODY ab\nBAD BODY_TOO_LARGE\n");
}

/* The field limit may be set above what the scratch holds. */
static void test_most_fields(void)
{
    struct pd_limits l = PD_LIMITS_DEFAULT;
    struct session *s = session_new(&l);
    char field[] = "A: 1\r\n";
    l.fields = SIZE_MAX;
    session_feed(s, PD_SLICE("GET http://a/ HTTP/1.0\r\n"));
    for (int i = 0; i < PD_FIELDS_MAX; i++)
        session_feed(s, pd_slice(field, sizeof field - 1));
    CHECK(!s->stopped);
    session_feed(s, PD_SLICE("\r\n"));
    CHECK(s->stopped); /* no room for the Host that the target brings */
    CHECK_STR(pd_slice(s->trace.text, s->trace.n), "OPEN\nBAD TOO_MANY_FIELDS\n");
    session_free(s);
}

/* A head limit above PD_HEAD_MAX does not overflow the offsets. */
static void test_head_max(void)
{
    struct pd_limits l = PD_LIMITS_DEFAULT;
    struct session *s = session_new(&l);
    size_t n = PD_HEAD_MAX + 100;
    char *big = malloc(n);
    l.head = SIZE_MAX;
    memset(big, 'a', n);
    memcpy(big, "GET / HTTP/1.1\r\n", 16);
    session_feed(s, pd_slice(big, PD_HEAD_MAX - 1));
    CHECK(!s->stopped);
    session_feed(s, pd_slice(big, 1));
    CHECK_STR(pd_slice(s->trace.text, s->trace.n), "OPEN\nBAD HEAD_TOO_LARGE\n");
    free(big);
    session_free(s);
}

/* After a refusal nothing changes any more. */
static void test_stays_bad(void)
{
    struct session *s = session_new(&PD_LIMITS_DEFAULT);
    session_feed(s, PD_SLICE("\n"));
    s->stopped = false;
    session_feed(s, PD_SLICE("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_STR(pd_slice(s->trace.text, s->trace.n), "OPEN\nBAD BARE_LF\nBAD BARE_LF\n");
    CHECK(!CODEC->at_boundary(s->state));
    session_free(s);
}

static void test_boundaries(void)
{
    static const struct {
        const char *in;
        bool boundary;
    } rows[] = {
        { "", true },
        { "\r\n", true },
        { "G", false },
        { "GET / HTTP/1.1\r\nHost: a\r\n", false },
        { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true },
        { "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na", false },
        { "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab", true },
        { "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r", false },
        { "GET / HTTP/1.0\r\n\r\n", true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int answer = 0; answer < 2; answer++) {
            struct session *s = session_new(&PD_LIMITS_DEFAULT);
            s->answer = answer;
            session_feed(s, pd_slice(rows[i].in, strlen(rows[i].in)));
            check_that(CODEC->at_boundary(s->state) == rows[i].boundary, __FILE__, __LINE__, rows[i].in);
            session_free(s);
        }
}

/* The next request waits for the end of the response; a response may also end before the body does. */
static void test_order_of_ends(void)
{
    struct pd_response r = { .status = 200 };
    char end[PD_END_MAX];
    struct session *s = session_new(&PD_LIMITS_DEFAULT);
    s->answer = false;
    session_feed(
        s, PD_SLICE("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na"));
    CHECK_STR(pd_slice(s->trace.text, s->trace.n), "OPEN\nHEAD GET /1 1.1 -1 keep|Host=a\nEND\n");
    size_t waiting = s->pending_n;
    session_pump(s);
    CHECK_INT(s->pending_n, waiting);
    s->trace.n = 0;
    CODEC->put_end(s->state, 1, &r, end);
    session_pump(s);
    CODEC->put_end(s->state, 1, &r, end); /* of the second request, whose body is not complete */
    session_feed(s, PD_SLICE("bGET /3 HTTP/1.0\r\n\r\n"));
    CHECK_STR(pd_slice(s->trace.text, s->trace.n),
              "OPEN\nHEAD PUT /2 1.1 2 keep|Host=a|Content-Length=2\nBODY ab\nEND\nOPEN\nHEAD GET /3 1.0 -1\nEND\n");
    session_free(s);
}

static void test_closing_ends(void)
{
    char end[PD_END_MAX];
    for (int way = 0; way < 3; way++) {
        struct session *s = session_new(&PD_LIMITS_DEFAULT);
        struct pd_response r = { .status = 200, .close = true };
        s->answer = false;
        session_feed(s, PD_SLICE("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na"));
        if (way == 0)
            CODEC->put_end(s->state, 1, &r, end);
        if (way == 1)
            CODEC->drop(s->state, 1);
        session_feed(s, PD_SLICE("bGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"));
        if (way == 2)
            CODEC->drop(s->state, 1);
        session_pump(s);
        CHECK_STR(pd_slice(s->trace.text, s->trace.n),
                  "OPEN\nHEAD PUT / 1.1 2 keep|Host=a|Content-Length=2\nBODY ab\nEND\n");
        CHECK(CODEC->at_boundary(s->state));
        session_free(s);
    }
}

/* BODY events are slices of the input, as long as they can be. */
static void test_body_is_not_copied(void)
{
    struct session *s = session_new(&PD_LIMITS_DEFAULT);
    struct pd_slice in = PD_SLICE("0123456789");
    struct pd_event ev;
    size_t used;
    session_feed(s, PD_SLICE("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n"));
    CODEC->next(s->state, in, &used, &s->scratch, &ev);
    CHECK_INT(ev.kind, PD_EV_BODY);
    CHECK(ev.data.p == in.p);
    CHECK_INT(ev.data.n, 8);
    CHECK_INT(used, 8);
    session_free(s);
}

/* --- responses --------------------------------------------------------- */

struct answer {
    struct pd_response r;
    struct pd_buf out;
    struct session *s;
};

static void answer_begin(struct answer *a, struct pd_slice request, unsigned status, struct pd_slice line)
{
    a->s = session_new(&PD_LIMITS_DEFAULT);
    a->s->answer = false;
    session_feed(a->s, request);
    a->r =
        (struct pd_response){ .status = (uint16_t)status, .content_length = -1, .http_minor = 1, .keep_alive = true };
    pd_buf_init(&a->r.line, pd_sys_default(), 1024);
    pd_buf_init(&a->r.fields, pd_sys_default(), 1024);
    pd_buf_init(&a->out, pd_sys_default(), 4096);
    CHECK_INT(pd_buf_put(&a->r.line, line), PD_BUF_OK);
}

static void answer_end(struct answer *a)
{
    pd_buf_fini(&a->r.line);
    pd_buf_fini(&a->r.fields);
    pd_buf_fini(&a->out);
    session_free(a->s);
}

static const struct pd_slice get = { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27 };

static enum pd_reason answer_put(struct answer *a)
{
    return CODEC->put_head(a->s->state, 1, &a->r, &a->out);
}

static void test_response_with_length(void)
{
    struct answer a;
    char end[PD_END_MAX], prefix[PD_FRAME_PREFIX_MAX], suffix[PD_FRAME_SUFFIX_MAX];
    size_t prefix_n, suffix_n;
    answer_begin(&a, get, 200, PD_SLICE("200 OK"));
    a.r.content_length = 2;
    a.r.date = PD_SLICE("D");
    a.r.server = PD_SLICE("S");
    CHECK_INT(pd_buf_put(&a.r.fields, PD_SLICE("Content-Length: 2\r\n")), PD_BUF_OK);
    CHECK_INT(pd_buf_put(&a.out, PD_SLICE("before ")), PD_BUF_OK);
    CHECK_INT(answer_put(&a), PD_R_NONE);
    CHECK_STR(pd_buf_view(&a.out), "before HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: D\r\nServer: S\r\n\r\n");
    CHECK(!a.r.chunked && !a.r.close && !a.r.bodiless);
    CODEC->put_frame(a.s->state, 1, &a.r, 2, prefix, &prefix_n, suffix, &suffix_n);
    CHECK_INT(prefix_n + suffix_n, 0);
    CHECK_INT(CODEC->put_end(a.s->state, 1, &a.r, end), 0);
    answer_end(&a);
}

static void test_response_chunked(void)
{
    struct answer a;
    char end[PD_END_MAX], prefix[PD_FRAME_PREFIX_MAX], suffix[PD_FRAME_SUFFIX_MAX];
    size_t prefix_n, suffix_n;
    answer_begin(&a, get, 200, PD_SLICE("200 OK"));
    a.r.has_date = a.r.has_server = true;
    a.r.date = a.r.server = PD_SLICE("unused");
    CHECK_INT(answer_put(&a), PD_R_NONE);
    CHECK_STR(pd_buf_view(&a.out), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK(a.r.chunked && !a.r.close && !a.r.bodiless);
    CODEC->put_frame(a.s->state, 1, &a.r, 0x1f, prefix, &prefix_n, suffix, &suffix_n);
    CHECK_STR(pd_slice(prefix, prefix_n), "1f\r\n");
    CHECK_STR(pd_slice(suffix, suffix_n), "\r\n");
    CHECK_STR(pd_slice(end, CODEC->put_end(a.s->state, 1, &a.r, end)), "0\r\n\r\n");
    answer_end(&a);
}

static void test_response_to_http10(void)
{
    struct answer a;
    answer_begin(&a, PD_SLICE("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), 200, PD_SLICE("200 OK"));
    a.r.http_minor = 0;
    CHECK_INT(answer_put(&a), PD_R_NONE); /* of unknown length: ends where the connection does */
    CHECK_STR(pd_buf_view(&a.out), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    CHECK(!a.r.chunked && a.r.close);
    answer_end(&a);
    answer_begin(&a, PD_SLICE("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), 200, PD_SLICE("200 OK"));
    a.r.http_minor = 0;
    a.r.content_length = 0;
    CHECK_INT(answer_put(&a), PD_R_NONE);
    CHECK_STR(pd_buf_view(&a.out), "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n");
    CHECK(!a.r.close);
    answer_end(&a);
}

static void test_response_closes(void)
{
    static const struct pd_slice requests[] = {
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 46 }, /* the client said so */
        { "\x16", 1 },                                                    /* refused */
        { "GET / HTTP/1.1\r\nHo", 18 },                                   /* never completed: 408 */
    };
    struct answer a;
    for (size_t i = 0; i < 5; i++) {
        answer_begin(&a, i < 3 ? requests[i] : get, 400, PD_SLICE("400 Bad Request"));
        a.r.content_length = 0;
        a.r.close = i == 3;
        a.r.keep_alive = i != 4;
        CHECK_INT(answer_put(&a), PD_R_NONE);
        CHECK_STR(pd_buf_view(&a.out), "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        CHECK(a.r.close);
        answer_end(&a);
    }
}

/* An answer that comes before the body is complete may keep the connection: the body is drained by its framing. */
static void test_response_before_body(void)
{
    static const struct pd_slice heads[] = {
        { "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", 46 },
        { "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 55 },
    };
    for (size_t i = 0; i < 2; i++) {
        struct answer a;
        answer_begin(&a, heads[i], 200, PD_SLICE("200 OK"));
        a.r.content_length = 0;
        CHECK_INT(answer_put(&a), PD_R_NONE);
        CHECK(!a.r.close);
        answer_end(&a);
    }
}

static void test_response_bodiless(void)
{
    const struct {
        struct pd_slice status;
        bool is_head;
        const char *want;
    } rows[] = {
        { PD_SLICE("204 No"), false, "HTTP/1.1 204 No\r\nA: b\r\n\r\n" },
        { PD_SLICE("205 Again"), false, "HTTP/1.1 205 Again\r\nA: b\r\nContent-Length: 0\r\n\r\n" },
        { PD_SLICE("304 Not"), false, "HTTP/1.1 304 Not\r\nA: b\r\nContent-LENGTH: 3\r\n\r\n" },
        { PD_SLICE("200 OK"), true, "HTTP/1.1 200 OK\r\nA: b\r\nContent-LENGTH: 3\r\n\r\n" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct answer a;
        answer_begin(&a, get, 200, PD_SLICE("200 OK"));
        a.r.is_head = rows[i].is_head;
        CHECK_INT(pd_response_start(&a.r, rows[i].status), PD_R_NONE);
        CHECK_INT(pd_response_add(&a.r, PD_SLICE("A"), PD_SLICE("b")), PD_R_NONE);
        CHECK_INT(pd_response_add(&a.r, PD_SLICE("Content-LENGTH"), PD_SLICE("3")), PD_R_NONE);
        CHECK_INT(answer_put(&a), PD_R_NONE);
        CHECK_SLICE(pd_buf_view(&a.out), pd_slice(rows[i].want, strlen(rows[i].want)));
        CHECK(a.r.bodiless && !a.r.chunked && !a.r.close);
        answer_end(&a);
    }
}

static void *no_memory(void *ctx, void *p, size_t n)
{
    (void)ctx, (void)p, (void)n;
    return NULL;
}

static void test_response_without_room(void)
{
    struct pd_sys sys = *pd_sys_default();
    struct answer a;
    sys.resize = no_memory;
    answer_begin(&a, get, 200, PD_SLICE("200 OK"));
    pd_buf_init(&a.out, pd_sys_default(), 20);
    CHECK_INT(answer_put(&a), PD_R_RESPONSE_HEAD_TOO_LARGE);
    CHECK_INT(pd_http1_put_informational(103, PD_SLICE(""), &a.out), PD_R_RESPONSE_HEAD_TOO_LARGE);
    pd_buf_init(&a.out, &sys, 4096);
    CHECK_INT(answer_put(&a), PD_R_NO_MEMORY);
    CHECK_INT(a.out.end, 0);
    answer_end(&a);
}

static void test_interim_responses(void)
{
    char dst[PD_HTTP1_CONTINUE_LEN];
    struct pd_buf out;
    CHECK_STR(pd_slice(dst, pd_http1_put_continue(dst)), "HTTP/1.1 100 Continue\r\n\r\n");
    pd_buf_init(&out, pd_sys_default(), 4096);
    CHECK_INT(pd_http1_put_informational(103, PD_SLICE("Link: </a>\r\n"), &out), PD_R_NONE);
    CHECK_STR(pd_buf_view(&out), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    pd_buf_clear(&out);
    CHECK_INT(pd_http1_put_informational(142, PD_SLICE_NONE, &out), PD_R_NONE);
    CHECK_STR(pd_buf_view(&out), "HTTP/1.1 142 \r\n\r\n");
    CHECK_INT(pd_http1_put_informational(101, PD_SLICE_NONE, &out), PD_R_BAD_STATUS);
    CHECK_INT(pd_http1_put_informational(99, PD_SLICE_NONE, &out), PD_R_BAD_STATUS);
    CHECK_INT(pd_http1_put_informational(200, PD_SLICE_NONE, &out), PD_R_BAD_STATUS);
    pd_buf_fini(&out);
}

int main(void)
{
    CHECK(CODEC->state_size <= 128);
    test_byte_classes();
    test_authority();
    test_plain();
    test_pipelined();
    test_thousand_pipelined();
    test_early_refusal();
    test_late_refusal();
    test_limits();
    test_most_fields();
    test_head_max();
    test_stays_bad();
    test_boundaries();
    test_order_of_ends();
    test_closing_ends();
    test_body_is_not_copied();
    test_response_with_length();
    test_response_chunked();
    test_response_to_http10();
    test_response_closes();
    test_response_before_body();
    test_response_bodiless();
    test_response_without_room();
    test_interim_responses();
    return check_result();
}
