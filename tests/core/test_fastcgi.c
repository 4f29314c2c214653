/*
 * test_fastcgi.c - what the corpus cannot say of the FastCGI codec: the
 * response side, the table of active requests, requests that the connection
 * ends in the middle of their input, and where the input may end.
 */
#include <stdlib.h>

#include "check.h"
#include "codec/codec.h"
#include "codec/response.h"

enum { BEGIN = 1, ABORT = 2, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6, DATA = 8, GET_VALUES = 9, UNKNOWN = 11 };

static const struct pd_codec *const codec = &pd_codec_fastcgi;

/* A codec with the bytes that it has not consumed and a transcript of its events. */
struct peer {
    _Alignas(16) char state[PD_CODEC_STATE_MAX];
    struct pd_limits limits;
    struct pd_scratch scratch;
    char in[200000];
    size_t in_n;
    char log[4096];
    size_t log_n;
};

static void say(struct peer *p, const char *what, uint32_t id, struct pd_slice data)
{
    int n = snprintf(p->log + p->log_n, sizeof p->log - p->log_n, "%s %u", what, (unsigned)id);
    p->log_n += (size_t)n;
    if (data.n > 0 && data.n <= 64) {
        p->log[p->log_n++] = ' ';
        memcpy(p->log + p->log_n, data.p, data.n);
        p->log_n += data.n;
    } else if (data.n > 64) {
        n = snprintf(p->log + p->log_n, sizeof p->log - p->log_n, " %zu bytes", data.n);
        p->log_n += (size_t)n;
    }
    p->log[p->log_n++] = '\n';
}

static void say_event(struct peer *p, const struct pd_event *ev)
{
    static const char *const names[] = {
        [PD_EV_MORE] = "MORE", [PD_EV_OPEN] = "OPEN",   [PD_EV_HEAD_BYTES] = "HEAD_BYTES",
        [PD_EV_HEAD] = "HEAD", [PD_EV_BODY] = "BODY",   [PD_EV_BODY_END] = "BODY_END",
        [PD_EV_BAD] = "BAD",   [PD_EV_ABORT] = "ABORT", [PD_EV_REPLY] = "REPLY",
    };
    if (ev->kind == PD_EV_BAD) {
        const char *reason = pd_reason_name(ev->reason);
        say(p, ev->fatal ? "BAD!" : "BAD", ev->stream, pd_slice(reason, strlen(reason)));
    } else {
        say(p, ev->kind == PD_EV_REPLY && ev->fatal ? "REPLY!" : names[ev->kind], ev->stream, ev->data);
    }
}

static struct peer *peer_new(void)
{
    struct peer *p = malloc(sizeof *p);
    if (!p)
        abort();
    p->limits = PD_LIMITS_DEFAULT;
    p->in_n = p->log_n = 0;
    memset(p->state, 0x5a, sizeof p->state); /* init may not rely on zeroes */
    codec->init(p->state, &p->limits, PD_OPTIONS_NONE);
    return p;
}

/* One call of next; false at MORE. */
static bool next(struct peer *p, struct pd_event *ev)
{
    size_t used = SIZE_MAX;
    codec->next(p->state, pd_slice(p->in, p->in_n), &used, &p->scratch, ev);
    CHECK(used <= p->in_n);
    if (ev->kind != PD_EV_MORE)
        say_event(p, ev);
    memmove(p->in, p->in + used, p->in_n - used);
    p->in_n -= used;
    return ev->kind != PD_EV_MORE;
}

static struct pd_event pump(struct peer *p)
{
    struct pd_event ev, last = { .kind = PD_EV_MORE };
    while (next(p, &ev)) {
        last = ev;
        if (ev.kind == PD_EV_BAD && ev.fatal)
            break;
    }
    return last;
}

static void add(struct peer *p, struct pd_slice bytes)
{
    memcpy(p->in + p->in_n, bytes.p, bytes.n);
    p->in_n += bytes.n;
}

static void add_record(struct peer *p, int type, unsigned id, struct pd_slice content, unsigned padding)
{
    char h[8] = { 1, (char)type, (char)(id >> 8), (char)id, (char)(content.n >> 8), (char)content.n, (char)padding, 9 };
    static const char pad[255] = { 1 }; /* not zero: padding is never looked at */
    add(p, pd_slice(h, sizeof h));
    if (content.n)
        add(p, content);
    add(p, pd_slice(pad, padding));
}

static void add_begin(struct peer *p, unsigned id, int role, int flags)
{
    char content[8] = { 0, (char)role, (char)flags, 1, 2, 3, 4, 5 };
    add_record(p, BEGIN, id, pd_slice(content, sizeof content), 0);
}

static struct pd_slice logged(struct peer *p)
{
    struct pd_slice s = pd_slice(p->log, p->log_n);
    p->log_n = 0; /* the next look is at what happens from here on */
    return s;
}

#define METHOD "\016\003REQUEST_METHODGET"

static void test_nginx_request_takes_four_events(void)
{
    struct peer *p = peer_new();
    struct pd_event ev;
    add_begin(p, 1, 1, 1);
    add_record(p, PARAMS, 1, PD_SLICE(METHOD), 5);
    add_record(p, PARAMS, 1, PD_SLICE(""), 0);
    add_record(p, STDIN, 1, PD_SLICE(""), 0);
    const char *params = NULL;
    CHECK(next(p, &ev) && ev.kind == PD_EV_OPEN && ev.stream == 1);
    params = p->in + 8;
    CHECK(next(p, &ev) && ev.kind == PD_EV_HEAD_BYTES && ev.data.p == params); /* a slice, not a copy */
    CHECK(next(p, &ev) && ev.kind == PD_EV_HEAD && ev.head == NULL);
    CHECK(next(p, &ev) && ev.kind == PD_EV_BODY_END);
    CHECK(codec->at_boundary(p->state)); /* at once, without another look */
    CHECK_INT(p->in_n, 0);
    CHECK(!next(p, &ev));
    free(p);
}

static enum pd_reason parse(struct peer *p, unsigned id, struct pd_slice params, struct pd_head *head)
{
    add_begin(p, id, 1, 0);
    add_record(p, PARAMS, id, params, 0);
    add_record(p, PARAMS, id, PD_SLICE(""), 0);
    pump(p);
    p->log_n = 0;
    return codec->parse_head(p->state, id, params, &p->scratch, head);
}

static void test_head_holds_slices_of_the_collected_bytes(void)
{
    struct peer *p = peer_new();
    struct pd_head head;
    struct pd_slice params = PD_SLICE(METHOD "\x80\0\0\x0e\0CONTENT_LENGTH"
                                             "\0\0"
                                             "\0\4empt"
                                             "\x09\0HTTP_NAME");
    CHECK_INT(parse(p, 7, params, &head), PD_R_NONE);
    CHECK_INT(head.form, PD_HEAD_CGI);
    CHECK_INT(head.nfields, 3); /* the two pairs without a name are gone */
    CHECK(head.fields[0].name.p == params.p + 2);
    CHECK_STR(head.fields[0].value, "GET");
    CHECK_STR(head.fields[1].name, "CONTENT_LENGTH");
    CHECK_STR(head.fields[1].value, "");
    CHECK_STR(head.fields[2].name, "HTTP_NAME");
    CHECK_STR(head.fields[2].value, "");
    CHECK_INT(head.content_length, -1);
    CHECK(!head.keep_alive && !head.authorizer && !head.chunked && !head.expect_continue);
    free(p);
}

static void test_head_tells_the_role_and_who_closes(void)
{
    struct peer *p = peer_new();
    struct pd_head head;
    for (int role = 1; role <= 2; role++) {
        for (int flags = 0; flags <= 1; flags++) {
            unsigned id = (unsigned)(2 * role + flags);
            add_begin(p, id, role, flags);
            pump(p);
            CHECK_INT(codec->parse_head(p->state, id, PD_SLICE(METHOD), &p->scratch, &head), PD_R_NONE);
            CHECK_INT(head.authorizer, role == 2);
            CHECK_INT(head.keep_alive, flags);
        }
    }
    free(p);
}

static void test_head_lengths_at_their_limits(void)
{
    struct peer *p = peer_new();
    struct pd_head head;
    p->limits.body = 5;
    CHECK_INT(parse(p, 1, PD_SLICE("\16\1CONTENT_LENGTH5"), &head), PD_R_NONE);
    CHECK_INT(head.content_length, 5);
    CHECK_INT(parse(p, 2, PD_SLICE("\16\1CONTENT_LENGTH6"), &head), PD_R_BODY_TOO_LARGE);
    CHECK_INT(parse(p, 3, PD_SLICE("\16\2CONTENT_LENGTH10"), &head), PD_R_BODY_TOO_LARGE);
    p->limits.body = UINT64_MAX; /* no limit of the operator's: the integer is the limit */
    CHECK_INT(parse(p, 4, PD_SLICE("\16\23CONTENT_LENGTH9223372036854775807"), &head), PD_R_NONE);
    CHECK_INT(head.content_length, INT64_MAX);
    CHECK_INT(parse(p, 5, PD_SLICE("\16\23CONTENT_LENGTH9223372036854775808"), &head), PD_R_BODY_TOO_LARGE);
    CHECK_INT(parse(p, 6, PD_SLICE("\16\24CONTENT_LENGTH18446744073709551621"), &head), PD_R_BODY_TOO_LARGE);
    CHECK_INT(parse(p, 7, PD_SLICE("\16\25CONTENT_LENGTH000000000000000000007"), &head), PD_R_NONE);
    CHECK_INT(head.content_length, 7);
    /* however long, a thing that is no number is malformed, not large */
    CHECK_INT(parse(p, 8, PD_SLICE("\16\24CONTENT_LENGTH1844674407370955162x"), &head), PD_R_BAD_CONTENT_LENGTH);
    free(p);
}

static void test_fields_are_limited_to_the_scratch(void)
{
    struct peer *p = peer_new();
    struct pd_head head;
    char params[4 * (PD_FIELDS_MAX + 1)];
    for (size_t i = 0; i < sizeof params; i += 4)
        memcpy(params + i, "\1\1Nv", 4);
    p->limits.fields = 1; /* the limit is on header fields, which the policy layer counts */
    CHECK_INT(parse(p, 1, pd_slice(params, sizeof params - 4), &head), PD_R_NONE);
    CHECK_INT(head.nfields, PD_FIELDS_MAX);
    CHECK_INT(parse(p, 2, pd_slice(params, sizeof params), &head), PD_R_TOO_MANY_FIELDS);
    for (size_t i = 0; i < sizeof params; i++)
        params[i] = 0; /* pairs without a name count too */
    CHECK_INT(parse(p, 3, pd_slice(params, 2 * PD_FIELDS_MAX), &head), PD_R_NONE);
    CHECK_INT(head.nfields, 0);
    CHECK_INT(parse(p, 4, pd_slice(params, 2 * PD_FIELDS_MAX + 2), &head), PD_R_TOO_MANY_FIELDS);
    free(p);
}

static void test_body_of_a_refused_head_is_ignored(void)
{
    struct peer *p = peer_new();
    struct pd_head head;
    CHECK_INT(parse(p, 1, PD_SLICE("\5\5ab"), &head), PD_R_FCGI_BAD_PAIR);
    add_record(p, STDIN, 1, PD_SLICE("body"), 4);
    add_record(p, STDIN, 1, PD_SLICE(""), 0);
    add_record(p, ABORT, 1, PD_SLICE(""), 0);
    pump(p);
    CHECK_STR(logged(p), "");
    add_begin(p, 1, 1, 0); /* but the id is in use until its answer is out */
    pump(p);
    CHECK_STR(logged(p), "BAD! 0 FCGI_ID_IN_USE\n");
    free(p);
}

static void test_put_end_frees_an_id_whose_input_never_ended(void)
{
    struct peer *p = peer_new();
    char dst[PD_END_MAX];
    add_begin(p, 1, 1, 1);
    add_record(p, PARAMS, 1, PD_SLICE(""), 0);
    pump(p);
    CHECK(!codec->at_boundary(p->state)); /* STDIN is still to come */
    CHECK_INT(codec->put_end(p->state, 1, &(struct pd_response){ 0 }, dst), 24);
    CHECK(codec->at_boundary(p->state));
    add_record(p, STDIN, 1, PD_SLICE("late"), 3); /* of a finished request: dropped */
    add_begin(p, 1, 1, 1);
    pump(p);
    CHECK_STR(logged(p), "OPEN 1\nHEAD 1\nOPEN 1\n");
    free(p);
}

static void test_put_end_inside_a_record_skips_the_rest_of_it(void)
{
    struct peer *p = peer_new();
    char dst[PD_END_MAX];
    add_begin(p, 1, 1, 1);
    add_record(p, PARAMS, 1, PD_SLICE(""), 0);
    add_record(p, STDIN, 1, PD_SLICE("0123456789"), 7);
    p->in_n -= 12; /* five bytes of the content and the padding are on their way */
    pump(p);
    CHECK_STR(logged(p), "OPEN 1\nHEAD 1\nBODY 1 01234\n");
    CHECK_INT(codec->put_end(p->state, 1, &(struct pd_response){ 0 }, dst), 24);
    CHECK(!codec->at_boundary(p->state));
    add(p, PD_SLICE("56789ppppppp"));
    add_begin(p, 1, 1, 1);
    pump(p);
    CHECK_STR(logged(p), "OPEN 1\n");
    free(p);
}

static void test_end_request_is_written_once(void)
{
    struct peer *p = peer_new();
    char dst[PD_END_MAX];
    memset(dst, 0x5a, sizeof dst);
    add_begin(p, 0xfffe, 1, 1);
    pump(p);
    CHECK_INT(codec->put_end(p->state, 0xfffe, &(struct pd_response){ 0 }, dst), 24);
    CHECK_STR(pd_slice(dst, 25), "\1\6\xff\xfe\0\0\0\0"
                                 "\1\3\xff\xfe\0\10\0\0\0\0\0\0\0\0\0\0\x5a");
    CHECK_INT(codec->put_end(p->state, 0xfffe, &(struct pd_response){ 0 }, dst), 0);
    add_begin(p, 3, 1, 1);
    pump(p);
    codec->drop(p->state, 3);
    codec->drop(p->state, 3);
    CHECK_INT(codec->put_end(p->state, 3, &(struct pd_response){ 0 }, dst), 0);
    CHECK_INT(codec->put_end(p->state, 0, &(struct pd_response){ 0 }, dst), 0); /* the id of nobody */
    free(p);
}

static void test_frame_sizes_fit_their_16_bits(void)
{
    struct peer *p = peer_new();
    char prefix[PD_FRAME_PREFIX_MAX], suffix[PD_FRAME_SUFFIX_MAX];
    size_t prefix_n, suffix_n;
    CHECK_INT(codec->frame_max, 65535);
    codec->put_frame(p->state, 258, NULL, 1, prefix, &prefix_n, suffix, &suffix_n);
    CHECK_STR(pd_slice(prefix, prefix_n), "\1\6\1\2\0\1\0\0");
    CHECK_INT(suffix_n, 0);
    codec->put_frame(p->state, 65535, NULL, codec->frame_max, prefix, &prefix_n, suffix, &suffix_n);
    CHECK_STR(pd_slice(prefix, prefix_n), "\1\6\xff\xff\xff\xff\0\0");
    free(p);
}

static void test_requests_beyond_the_table_get_a_full_answer(void)
{
    struct peer *p = peer_new();
    char dst[PD_END_MAX];
    for (unsigned id = 1; id <= 32; id++)
        add_begin(p, id, 1, 1);
    pump(p);
    p->log_n = 0;
    add_begin(p, 65535, 1, 0);
    struct pd_event ev;
    CHECK(next(p, &ev));
    CHECK_INT(ev.kind, PD_EV_REPLY);
    CHECK(!ev.fatal); /* 32 others live on this connection */
    CHECK_SLICE(ev.data, PD_SLICE("\1\6\xff\xff\0\140\0\0"
                                  "Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
                                  "Content-Length: 0\r\nRetry-After: 1\r\n\r\n"
                                  "\1\6\xff\xff\0\0\0\0"
                                  "\1\3\xff\xff\0\10\0\0\0\0\0\0\2\0\0\0"));
    p->log_n = 0;
    add_record(p, PARAMS, 65535, PD_SLICE(METHOD), 1);
    add_record(p, PARAMS, 65535, PD_SLICE(""), 0);
    add_record(p, STDIN, 65535, PD_SLICE("x"), 0);
    add_record(p, ABORT, 65535, PD_SLICE(""), 0);
    add_record(p, PARAMS, 32, PD_SLICE(""), 0); /* the others go on */
    pump(p);
    CHECK_STR(logged(p), "HEAD 32\n");
    codec->put_end(p->state, 7, &(struct pd_response){ 0 }, dst); /* room for one in the middle */
    add_begin(p, 500, 1, 1);
    add_record(p, PARAMS, 500, PD_SLICE("abc"), 0);
    add_record(p, PARAMS, 6, PD_SLICE("def"), 0);
    pump(p);
    CHECK_STR(logged(p), "OPEN 500\nHEAD_BYTES 500 abc\nHEAD_BYTES 6 def\n");
    for (unsigned id = 1; id <= 500; id++)
        codec->drop(p->state, id);
    CHECK(codec->at_boundary(p->state));
    add_begin(p, 65535, 1, 1);
    pump(p);
    CHECK_STR(logged(p), "OPEN 65535\n");
    free(p);
}

static void test_refused_role_closes_only_a_connection_of_its_own(void)
{
    struct peer *p = peer_new();
    add_begin(p, 9, 3, 0);
    struct pd_event ev = pump(p);
    CHECK_STR(logged(p), "REPLY! 0 \1\3\0\11\0\10\0\0\0\0\0\0\3\0\0\0\n");
    CHECK_INT(ev.kind, PD_EV_REPLY);
    add_begin(p, 9, 77, 1); /* KEEP_CONN: the front end decides */
    pump(p);
    CHECK_STR(logged(p), "REPLY 0 \1\3\0\11\0\10\0\0\0\0\0\0\3\0\0\0\n");
    add_begin(p, 1, 1, 1);
    add_begin(p, 9, 3, 0); /* request 1 is not to be cut off */
    pump(p);
    CHECK_STR(logged(p), "OPEN 1\nREPLY 0 \1\3\0\11\0\10\0\0\0\0\0\0\3\0\0\0\n");
    free(p);
}

static void test_abort_keeps_the_id_until_the_connection_ends_it(void)
{
    struct peer *p = peer_new();
    char dst[PD_END_MAX];
    add_begin(p, 5, 1, 1);
    add_record(p, PARAMS, 5, PD_SLICE(""), 0);
    add_record(p, STDIN, 5, PD_SLICE(""), 0);
    add_record(p, ABORT, 5, PD_SLICE(""), 8); /* while the response is made */
    add_record(p, ABORT, 5, PD_SLICE(""), 0);
    pump(p);
    CHECK_STR(logged(p), "OPEN 5\nHEAD 5\nBODY_END 5\nABORT 5\n");
    CHECK_INT(codec->put_end(p->state, 5, &(struct pd_response){ 0 }, dst), 24);
    add_record(p, ABORT, 5, PD_SLICE(""), 0); /* of an inactive id */
    pump(p);
    CHECK_STR(logged(p), "");
    free(p);
}

static void test_fatal_errors_repeat_themselves(void)
{
    static const struct {
        struct pd_slice bytes;
        const char *log;
    } cases[] = {
        { { "GET / HTTP/1.1\r\n", 16 }, "BAD! 0 FCGI_BAD_VERSION\n" },
        { { "\1\4\0\0\0\0\0\0", 8 }, "BAD! 0 FCGI_BAD_RECORD\n" },
        { { "\1\11\0\0\0\1\0\0\5", 9 }, "BAD! 0 FCGI_BAD_RECORD\n" },
        { { "\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0", 32 }, "BAD! 0 FCGI_ID_IN_USE\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peer *p = peer_new();
        add(p, cases[i].bytes);
        pump(p);
        p->log_n = 0;
        pump(p);
        struct pd_slice log = logged(p);
        CHECK_SLICE(log, pd_slice(cases[i].log, strlen(cases[i].log)));
        free(p);
    }
}

static void test_boundary_is_nowhere_inside_a_request(void)
{
    struct peer *p = peer_new();
    CHECK(codec->at_boundary(p->state));
    add_begin(p, 1, 1, 1);
    add_record(p, PARAMS, 1, PD_SLICE(METHOD), 3);
    add_record(p, PARAMS, 1, PD_SLICE(""), 1);
    add_record(p, STDIN, 1, PD_SLICE("ab"), 2);
    add_record(p, STDIN, 1, PD_SLICE(""), 2);
    size_t all = p->in_n;
    char *bytes = malloc(all);
    if (!bytes)
        abort();
    memcpy(bytes, p->in, all);
    for (size_t n = 0; n <= all; n++) {
        codec->init(p->state, &p->limits, PD_OPTIONS_NONE);
        memcpy(p->in, bytes, p->in_n = n);
        pump(p);
        if (codec->at_boundary(p->state) != (n == 0 || n == all))
            CHECK_INT(n, -1);
        p->log_n = 0;
    }
    free(bytes);
    free(p);
}

static void test_huge_records_resynchronise_exactly(void)
{
    static char content[65535];
    static const int types[] = { 0, 3, 4, 5, 6, 7, DATA, 12, 255 };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct peer *p = peer_new();
        memset(content, 1, sizeof content); /* would read as records if the sum were wrong */
        add_record(p, types[i], 4711, pd_slice(content, sizeof content), 255);
        add_begin(p, 1, 1, 1);
        pump(p);
        CHECK_STR(logged(p), "OPEN 1\n");
        free(p);
    }
}

static void test_get_values_of_full_size_comes_byte_by_byte(void)
{
    struct peer *p = peer_new();
    static char content[65535];
    size_t n = 0;
    memcpy(content + n, "\17\0FCGI_MPXS_CONNS", 17);
    n += 17;
    while (n + 100 < sizeof content) { /* names like ours, and names much longer */
        memcpy(content + n, "\17\74FCGI_MPXS_CONNZ", 17);
        memcpy(content + n + 77, "\x80\0\0\x10\0", 5);
        n += 17 + 60 + 5 + 16;
    }
    content[n++] = 0;
    content[n] = (char)(sizeof content - n - 1); /* one empty name with the rest as its value */
    add_record(p, GET_VALUES, 0, pd_slice(content, sizeof content), 255);
    size_t all = p->in_n;
    char *bytes = malloc(all);
    if (!bytes)
        abort();
    memcpy(bytes, p->in, all);
    p->in_n = 0;
    size_t most = 0;
    for (size_t i = 0; i < all; i++) {
        p->in[p->in_n++] = bytes[i];
        pump(p);
        most = p->in_n > most ? p->in_n : most;
    }
    CHECK_STR(logged(p), "REPLY 0 \1\12\0\0\0\22\0\0\17\1FCGI_MPXS_CONNS1\n");
    CHECK(most <= 23); /* nothing but lengths and a short name waits */
    free(bytes);
    free(p);
}

static void begin_response(struct pd_response *r, size_t limit, struct pd_buf *out)
{
    pd_response_init(r, pd_sys_default(), limit);
    pd_buf_init(out, pd_sys_default(), 200000);
    CHECK_INT(pd_response_start(r, PD_SLICE("200 OK")), PD_R_NONE);
    r->http_minor = 1;
    r->keep_alive = true;
}

static void test_put_head_closes_without_keep_conn(void)
{
    struct peer *p = peer_new();
    struct pd_response r;
    struct pd_buf out;
    begin_response(&r, 65536, &out);
    CHECK_INT(pd_response_add(&r, PD_SLICE("Content-Type"), PD_SLICE("text/plain")), PD_R_NONE);
    add_begin(p, 1, 1, 0);
    add_begin(p, 2, 1, 1);
    pump(p);
    CHECK_INT(codec->put_head(p->state, 1, &r, &out), PD_R_NONE);
    CHECK(r.close);
    CHECK(pd_slice_has_prefix(pd_buf_view(&out), PD_SLICE("Status: 200 OK\r\n")));
    CHECK_INT(codec->put_head(p->state, 2, &r, &out), PD_R_NONE);
    CHECK(!r.close && !r.chunked);
    r.keep_alive = false; /* the worker drains */
    CHECK_INT(codec->put_head(p->state, 2, &r, &out), PD_R_NONE);
    CHECK(r.close);
    pd_response_fini(&r);
    pd_buf_fini(&out);
    free(p);
}

static void test_put_head_must_fit_one_record(void)
{
    struct peer *p = peer_new();
    struct pd_response r;
    struct pd_buf out;
    static char value[60000];
    memset(value, 'v', sizeof value);
    begin_response(&r, 200000, &out);
    CHECK_INT(pd_response_add(&r, PD_SLICE("A"), pd_slice(value, sizeof value)), PD_R_NONE);
    add_begin(p, 1, 1, 0);
    pump(p);
    CHECK_INT(codec->put_head(p->state, 1, &r, &out), PD_R_NONE);
    CHECK_INT(pd_response_add(&r, PD_SLICE("B"), pd_slice(value, 6000)), PD_R_NONE);
    CHECK_INT(codec->put_head(p->state, 1, &r, &out), PD_R_RESPONSE_HEAD_TOO_LARGE);
    pd_buf_fini(&out);
    pd_buf_init(&out, pd_sys_default(), 100); /* the out queue's own refusal is passed on */
    CHECK(codec->put_head(p->state, 1, &r, &out) != PD_R_NONE);
    pd_response_fini(&r);
    pd_buf_fini(&out);
    free(p);
}

int main(void)
{
    CHECK(codec->state_size <= PD_CODEC_STATE_MAX);
    CHECK(codec->multiplexed && codec->head_is_data && codec->gateway);
    test_nginx_request_takes_four_events();
    test_head_holds_slices_of_the_collected_bytes();
    test_head_tells_the_role_and_who_closes();
    test_head_lengths_at_their_limits();
    test_fields_are_limited_to_the_scratch();
    test_body_of_a_refused_head_is_ignored();
    test_put_end_frees_an_id_whose_input_never_ended();
    test_put_end_inside_a_record_skips_the_rest_of_it();
    test_end_request_is_written_once();
    test_frame_sizes_fit_their_16_bits();
    test_requests_beyond_the_table_get_a_full_answer();
    test_refused_role_closes_only_a_connection_of_its_own();
    test_abort_keeps_the_id_until_the_connection_ends_it();
    test_fatal_errors_repeat_themselves();
    test_boundary_is_nowhere_inside_a_request();
    test_huge_records_resynchronise_exactly();
    test_get_values_of_full_size_comes_byte_by_byte();
    test_put_head_closes_without_keep_conn();
    test_put_head_must_fit_one_record();
    return check_result();
}
