/*
 * fuzz_response.c - any response an application can give, through every codec.
 *
 * Behind the knobs: byte strings that end in NUL: the status, names and
 * values, an empty name, and then the body. Invariants: the encoded head has
 * exactly the lines it should have and ends once, whatever was in names and
 * values; framed output, read by an independent reader, is the body again and
 * ends where the response ends; and on a connection that is to be closed, no
 * byte that follows ever becomes another request.
 */
#define _GNU_SOURCE
#include <time.h>

#include "codec/bytes.h"
#include "codec/chunked.h"
#include "codec/http1.h"
#include "codec/response.h"
#include "fuzz.h"
#include "text.h"

enum { KNOB_HEAD = 1, KNOB_HTTP10 = 2, KNOB_KEEP = 4, KNOB_INTERIM = 8, KNOB_DROP = 64, KNOB_HAND_OVER = 128 };
enum { FIELDS_TRIED = 64, HEAD_LIMIT = 4096, SMALL_ROOM = 300 };

/* How much of the request the codec has seen when it is answered; bits 4 and 5 of the second knob. */
enum variant { WHOLE, UNREAD_LENGTH, UNREAD_CHUNKS, UNREAD_HEAD, VARIANTS };

struct exchange {
    const struct pd_codec *codec;
    void *state;
    enum variant variant;
    bool close;       /* the connection closes in any case */
    bool sets_length; /* as the bridge does for a body that is complete */
    bool hands_over;  /* the front end is to send a file, whose name is what stands behind the fields */
    size_t room;      /* for an encoded head */
    struct text input;
    size_t consumed; /* bytes of `input` */
    struct pd_response response;
    size_t fields; /* accepted */
    struct text wire;
    struct text body; /* what was framed */
};

static struct pd_slice take_string(struct pd_slice *rest)
{
    size_t n = pd_slice_find(*rest, '\0');
    struct pd_slice s = pd_slice(rest->p, n);
    *rest = pd_slice_from(*rest, n < rest->n ? n + 1 : n);
    return s;
}

#define S(lit) { lit, sizeof(lit) - 1 }
#define BEGIN  "\1\1\0\1\0\010\0\0\0\1\1\0\0\0\0\0"
#define NEXT   "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"

/* What is sent before the answer, and what after it, another request last. */
static const struct pd_slice http_inputs[VARIANTS][2] = {
    { S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), S(NEXT) },
    { S("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"), S("hello" NEXT) },
    { S("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), S("5\r\nhello\r\n0\r\n\r\n" NEXT) },
    { S("GET / HTTP/1.1\r\nHost: a\r\n"), S("\r\n" NEXT) },
};
static const struct pd_slice fastcgi_inputs[VARIANTS][2] = {
    { S(BEGIN "\1\4\0\1\0\0\0\0\1\5\0\1\0\0\0\0"), S(BEGIN) },
    { S(BEGIN "\1\4\0\1\0\0\0\0"), S("\1\5\0\1\0\5\0\0hello\1\5\0\1\0\0\0\0" BEGIN) },
    { S(BEGIN "\1\4\0\1\0\0\0\0\1\5\0\1\0\5\0\0he"), S("llo\1\5\0\1\0\0\0\0" BEGIN) },
    { S(BEGIN), S("\1\4\0\1\0\0\0\0\1\5\0\1\0\0\0\0" BEGIN) },
};
static const struct pd_slice scgi_inputs[VARIANTS][2] = {
    { S("24:CONTENT_LENGTH\0000\0SCGI\0001\0,"), S("24:CONTENT_LENGTH\0000\0SCGI\0001\0,") },
    { S("24:CONTENT_LENGTH\0005\0SCGI\0001\0,"), S("hello24:CONTENT_LENGTH\0000\0SCGI\0001\0,") },
    { S("24:CONTENT_LENGTH\0005\0SCGI\0001\0,he"), S("llo24:CONTENT_LENGTH\0000\0SCGI\0001\0,") },
    { S("24:CONTENT_LENGTH\0000\0SCGI\0001\0,"), S("x") },
};
static const struct pd_slice cgi_inputs[VARIANTS][2] = {
    { S("A=b\0\0"), S("A=b\0\0") },
    { S("CONTENT_LENGTH=5\0\0"), S("helloA=b\0\0") },
    { S("CONTENT_LENGTH=5\0\0he"), S("lloA=b\0\0") },
    { S("A=b\0\0"), S("x") },
};

#define SIZED(size) "\016\0CONTENT_LENGTH\001\0" size
static const struct pd_slice uwsgi_inputs[VARIANTS][2] = {
    { S("\0\023\0\0" SIZED("0")), S("\0\023\0\0" SIZED("0")) },
    { S("\0\023\0\0" SIZED("5")), S("hello\0\023\0\0" SIZED("0")) },
    { S("\0\023\0\0" SIZED("5") "he"), S("llo\0\023\0\0" SIZED("0")) },
    { S("\0\0\0\0"), S("\0\0\0\0") },
};

static const struct pd_slice *inputs_of(const struct exchange *x)
{
    if (x->codec == &pd_codec_http1)
        return http_inputs[x->variant];
    if (x->codec == &pd_codec_fastcgi)
        return fastcgi_inputs[x->variant];
    if (x->codec == &pd_codec_cgi)
        return cgi_inputs[x->variant];
    return x->codec == &pd_codec_scgi ? scgi_inputs[x->variant] : uwsgi_inputs[x->variant];
}

/* Feeds the codec, with what it left unconsumed before; returns how many requests began. */
static size_t feed(struct exchange *x, struct pd_slice more)
{
    static struct pd_scratch scratch;
    struct pd_event ev;
    size_t opened = 0;
    text_put(&x->input, more);
    struct pd_slice in = pd_slice_from(text_view(&x->input), x->consumed);
    do {
        size_t used;
        x->codec->next(x->state, in, &used, &scratch, &ev);
        in = pd_slice_from(in, used);
        x->consumed += used;
        opened += ev.kind == PD_EV_OPEN;
        FUZZ_ASSERT(ev.kind != PD_EV_BAD);
    } while (ev.kind != PD_EV_MORE);
    return opened;
}

/* Behind the response: the rest of the input and another request. */
static void check_what_follows(struct exchange *x)
{
    size_t opened = feed(x, inputs_of(x)[1]);
    if (!x->codec->multiplexed && (x->codec != &pd_codec_http1 || x->response.close))
        FUZZ_ASSERT(opened == 0);
    else
        FUZZ_ASSERT(opened == 1);
    FUZZ_ASSERT(x->codec != &pd_codec_http1 || x->variant != UNREAD_HEAD || x->response.close);
    FUZZ_ASSERT(x->codec == &pd_codec_fastcgi || x->codec->at_boundary(x->state));
}

static bool fill(struct exchange *x, struct pd_slice *in)
{
    if (pd_response_start(&x->response, take_string(in)) != PD_R_NONE)
        return false;
    FUZZ_ASSERT(pd_response_add(&x->response, PD_SLICE(""), PD_SLICE("x")) == PD_R_BAD_RESPONSE_NAME);
    while (in->n) {
        struct pd_slice name = take_string(in);
        if (!name.n)
            break;
        struct pd_slice value = take_string(in);
        if (x->fields == FIELDS_TRIED || pd_response_add(&x->response, name, value) != PD_R_NONE)
            continue;
        x->fields++;
        FUZZ_ASSERT(pd_byte_run(name, PD_BYTE_TOKEN) == name.n && pd_byte_run(value, PD_BYTE_VALUE) == value.n);
    }
    size_t before = pd_buf_view(&x->response.fields).n;
    if (x->hands_over && pd_response_hand_over(&x->response, PD_SLICE("X-Sendfile"), take_string(in))) {
        FUZZ_ASSERT(x->response.status == 200 && x->response.content_length == 0);
        x->fields += 2;
    } else {
        FUZZ_ASSERT(pd_buf_view(&x->response.fields).n == before);
    }
    return true;
}

/* One empty line, at the end; every line ends in CR LF; no control bytes; no more lines than there may be. */
static void check_head(const struct exchange *x, struct pd_slice head)
{
    size_t lines = 0;
    const size_t own = 5; /* the status line, Date, Server, a framing field, Connection */
    while (head.n) {
        size_t n = pd_slice_find(head, '\n');
        FUZZ_ASSERT(n < head.n && n > 0 && head.p[n - 1] == '\r');
        for (size_t i = 0; i + 1 < n; i++)
            FUZZ_ASSERT((unsigned char)head.p[i] >= 0x20 || head.p[i] == '\t');
        FUZZ_ASSERT((n == 1) == (n + 1 == head.n));
        FUZZ_ASSERT(n == 1 || lines == 0 || pd_slice_find(pd_slice(head.p, n), ':') < n);
        lines++;
        head = pd_slice_from(head, n + 1);
    }
    FUZZ_ASSERT(lines >= 2 && lines <= x->fields + own + 1);
}

static void put_block(struct exchange *x, struct pd_slice head, struct pd_slice block)
{
    char prefix[PD_FRAME_PREFIX_MAX];
    char suffix[PD_FRAME_SUFFIX_MAX];
    size_t prefix_n = SIZE_MAX;
    size_t suffix_n = SIZE_MAX;
    struct pd_slice in_frame = x->codec->head_is_data ? head : PD_SLICE_NONE;
    if (!x->codec->head_is_data)
        text_put(&x->wire, head);
    if (in_frame.n + block.n > 0)
        x->codec->put_frame(x->state, 1, &x->response, in_frame.n + block.n, prefix, &prefix_n, suffix, &suffix_n);
    else
        prefix_n = suffix_n = 0;
    FUZZ_ASSERT(prefix_n <= sizeof prefix && suffix_n <= sizeof suffix);
    text_put(&x->wire, pd_slice(prefix, prefix_n));
    text_put(&x->wire, in_frame);
    text_put(&x->wire, block);
    text_put(&x->wire, pd_slice(suffix, suffix_n));
    text_put(&x->body, in_frame);
    text_put(&x->body, block);
}

/* The head with the first block, then blocks of `most` bytes. */
static void put_all(struct exchange *x, struct pd_slice head, struct pd_slice body, size_t most)
{
    if (x->response.bodiless)
        body = PD_SLICE_NONE;
    do {
        size_t n = body.n < most ? body.n : most;
        put_block(x, head, pd_slice(body.p, n));
        head = PD_SLICE_NONE;
        body.n -= n;
        body.p = body.n ? body.p + n : NULL;
    } while (body.n);
}

/* FastCGI section 3.3 and 5.5: STDOUT records with the content, an empty one, one END_REQUEST. */
static void check_records(const struct exchange *x)
{
    struct text content = { 0 };
    size_t at = 0;
    size_t empty = 0;
    while (x->wire.n - at > 16) {
        const unsigned char *h = (const unsigned char *)x->wire.p + at;
        size_t n = (size_t)h[4] << 8 | h[5];
        FUZZ_ASSERT(h[0] == 1 && h[1] == 6 && h[2] == 0 && h[3] == 1 && h[6] == 0 && h[7] == 0);
        FUZZ_ASSERT(empty == 0 && n <= x->wire.n - at - 8);
        text_put(&content, pd_slice((const char *)h + 8, n));
        empty += n == 0;
        at += 8 + n;
    }
    FUZZ_ASSERT(x->wire.n - at == 16 && empty == 1);
    FUZZ_ASSERT(memcmp(x->wire.p + at, "\1\3\0\1\0\010\0\0\0\0\0\0\0\0\0\0", 16) == 0);
    FUZZ_ASSERT(pd_slice_eq(text_view(&content), text_view(&x->body)));
    text_fini(&content);
}

/* RFC 9112 section 6.3: chunked, or the bytes as they are. */
static void check_http_body(const struct exchange *x, size_t head_n)
{
    struct pd_slice in = pd_slice_from(text_view(&x->wire), head_n);
    const struct pd_response *r = &x->response;
    if (!r->chunked) {
        FUZZ_ASSERT(pd_slice_eq(in, text_view(&x->body)));
        FUZZ_ASSERT(r->bodiless || r->content_length >= 0 || r->close);
        return;
    }
    FUZZ_ASSERT(!r->bodiless && r->http_minor == 1 && r->content_length < 0);
    struct pd_limits limits = PD_LIMITS_DEFAULT;
    struct text content = { 0 };
    struct pd_chunked c;
    enum pd_chunked_result result;
    pd_chunked_init(&c, &limits);
    do {
        struct pd_slice data = PD_SLICE_NONE;
        size_t used = 0;
        result = pd_chunked_next(&c, in, &used, &data);
        FUZZ_ASSERT(result == PD_CHUNKED_DATA || result == PD_CHUNKED_END);
        text_put(&content, data);
        in = pd_slice_from(in, used);
    } while (result == PD_CHUNKED_DATA);
    FUZZ_ASSERT(in.n == 0);
    FUZZ_ASSERT(pd_slice_eq(text_view(&content), text_view(&x->body)));
    text_fini(&content);
}

/* RFC 9110 section 6.4.1. */
static void check_bodiless(unsigned status)
{
    bool bodiless = status / 100 == 1 || status == 204 || status == 304;
    FUZZ_ASSERT(pd_status_is_bodiless(status) == bodiless);
}

/* RFC 9110 section 15.2: an interim response has a head and nothing else. */
static void check_interim(const struct exchange *x, unsigned status)
{
    struct pd_buf out;
    pd_buf_init(&out, pd_sys_default(), x->room);
    enum pd_reason bad = pd_http1_put_informational(status, pd_buf_view(&x->response.fields), &out);
    FUZZ_ASSERT((bad == PD_R_BAD_STATUS) == (status < 100 || status > 199 || status == 101));
    if (bad == PD_R_NONE)
        check_head(x, pd_buf_view(&out));
    else
        FUZZ_ASSERT(bad == PD_R_BAD_STATUS || bad == PD_R_RESPONSE_HEAD_TOO_LARGE);
    pd_buf_fini(&out);
}

static void end_or_drop(struct exchange *x, bool drop)
{
    char end[PD_END_MAX];
    size_t end_n = 0;
    if (drop)
        x->codec->drop(x->state, 1);
    else
        end_n = x->codec->put_end(x->state, 1, &x->response, end);
    FUZZ_ASSERT(end_n <= sizeof end);
    text_put(&x->wire, pd_slice(end, end_n));
}

static void answer(struct exchange *x, struct pd_slice in, size_t most, bool drop)
{
    struct pd_buf head;
    if (!fill(x, &in))
        return;
    const struct pd_response *r = &x->response;
    if (x->sets_length && r->content_length < 0 && !pd_status_is_bodiless(r->status)) {
        enum pd_reason full = pd_response_set_length(&x->response, in.n);
        FUZZ_ASSERT(full == PD_R_NONE || full == PD_R_RESPONSE_HEAD_TOO_LARGE);
        if (full)
            return;
        FUZZ_ASSERT(r->content_length == (int64_t)in.n);
        x->fields++;
    }
    x->response.close = x->close;
    pd_buf_init(&head, pd_sys_default(), x->room);
    enum pd_reason bad = x->codec->put_head(x->state, 1, &x->response, &head);
    if (bad == PD_R_NONE) {
        struct pd_slice view = pd_buf_view(&head);
        check_head(x, view);
        put_all(x, view, in, most);
        end_or_drop(x, drop);
        x->response.close = x->response.close || (drop && x->codec == &pd_codec_http1);
        if (!drop && x->codec == &pd_codec_fastcgi)
            check_records(x);
        else if (!drop)
            check_http_body(x, view.n);
        check_what_follows(x);
    } else {
        FUZZ_ASSERT(bad == PD_R_RESPONSE_HEAD_TOO_LARGE);
    }
    pd_buf_fini(&head);
}

/* The same date as the C library's. */
static void check_date(int64_t wall_s, char date[PD_DATE_LEN])
{
    const int64_t last = 253402300799; /* the end of the year 9999 */
    time_t t = (time_t)(wall_s < 0 ? 0 : wall_s > last ? last : wall_s);
    struct tm tm;
    char want[PD_DATE_LEN + 1];
    pd_date_put(wall_s, date);
    FUZZ_ASSERT(gmtime_r(&t, &tm));
    FUZZ_ASSERT(strftime(want, sizeof want, "%a, %d %b %Y %H:%M:%S GMT", &tm) == PD_DATE_LEN);
    FUZZ_ASSERT(memcmp(want, date, PD_DATE_LEN) == 0);
}

static void set_up(struct exchange *x, const uint8_t *knobs, struct pd_slice date)
{
    struct pd_response *r = &x->response;
    pd_response_init(r, pd_sys_default(), HEAD_LIMIT);
    r->is_head = knobs[1] & KNOB_HEAD;
    r->http_minor = knobs[1] & KNOB_HTTP10 ? 0 : 1;
    r->keep_alive = knobs[1] & KNOB_KEEP;
    r->date = knobs[0] & 32 ? PD_SLICE("") : date;
    r->server = knobs[0] & 64 ? PD_SLICE("") : PD_SLICE("polydoor");
    x->close = knobs[0] & 16;
    x->sets_length = knobs[0] & 8;
    x->hands_over = knobs[1] & KNOB_HAND_OVER;
    x->room = knobs[0] & 128 ? SMALL_ROOM : 2 * HEAD_LIMIT;
    x->variant = (enum variant)(knobs[1] >> 4 & 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct pd_codec *const codecs[] = { &pd_codec_http1, &pd_codec_fastcgi, &pd_codec_scgi,
                                                     &pd_codec_uwsgi, &pd_codec_cgi };
    const struct pd_limits limits = PD_LIMITS_DEFAULT;
    if (size < FUZZ_KNOBS || size > FUZZ_INPUT_MAX)
        return 0;
    int64_t days = data[2] << 8 | data[3];
    char date[PD_DATE_LEN];
    check_bodiless(90u + data[3]);
    check_date((days - 300) * 57 * 86400 + days * 1009, date);
    struct exchange x = { .codec = codecs[data[0] % (sizeof codecs / sizeof codecs[0])] };
    x.state = malloc(x.codec->state_size);
    FUZZ_ASSERT(x.state);
    set_up(&x, data, pd_slice(date, sizeof date));
    x.codec->init(x.state, &limits, PD_OPTIONS_NONE);
    (void)feed(&x, inputs_of(&x)[0]);
    FUZZ_ASSERT(x.codec != &pd_codec_http1 || x.codec->at_boundary(x.state) == (x.variant == WHOLE));
    struct pd_slice in = pd_slice((const char *)data + FUZZ_KNOBS, size - FUZZ_KNOBS);
    answer(&x, in, 1 + (size_t)days % 60000, data[1] & KNOB_DROP);
    if (data[1] & KNOB_INTERIM)
        check_interim(&x, 90u + data[3] % 120);
    pd_response_fini(&x.response);
    text_fini(&x.input);
    text_fini(&x.wire);
    text_fini(&x.body);
    free(x.state);
    return 0;
}
