/* test_chunked.c - the chunked coding: what it decodes, what it refuses, and that cuts make no difference. */
#include "codec/chunked.h"

#include <stdlib.h>

#include "check.h"

enum { TEXT_MAX = 4096 };

struct outcome {
    char data[TEXT_MAX];
    size_t n;
    enum pd_chunked_result end;
    enum pd_reason reason;
    size_t used;
};

/* Feeds one piece, copied to the heap so that a sanitizer sees a read past its end. */
static bool feed(struct pd_chunked *c, struct pd_slice piece, struct outcome *out)
{
    char *copy = malloc(piece.n ? piece.n : 1);
    size_t at = 0;
    memcpy(copy, piece.p, piece.n);
    do {
        size_t used;
        struct pd_slice data = PD_SLICE_NONE;
        out->end = pd_chunked_next(c, pd_slice(copy + at, piece.n - at), &used, &data);
        at += used;
        out->used += used;
        if (out->end == PD_CHUNKED_DATA) {
            memcpy(out->data + out->n, data.p, data.n);
            out->n += data.n;
        }
        CHECK(out->end != PD_CHUNKED_MORE || at == piece.n);
    } while (out->end == PD_CHUNKED_DATA);
    free(copy);
    out->reason = out->end == PD_CHUNKED_BAD ? (enum pd_reason)c->reason : PD_R_NONE;
    return out->end == PD_CHUNKED_MORE;
}

static struct outcome decode_cut(struct pd_slice in, const struct pd_limits *limits, size_t cut)
{
    struct pd_chunked c;
    struct outcome out = { .n = 0 };
    pd_chunked_init(&c, limits);
    if (feed(&c, pd_slice(in.p, cut), &out))
        feed(&c, pd_slice_from(in, cut), &out);
    return out;
}

static struct outcome decode_bytes(struct pd_slice in, const struct pd_limits *limits)
{
    struct pd_chunked c;
    struct outcome out = { .n = 0 };
    pd_chunked_init(&c, limits);
    for (size_t i = 0; i < in.n; i++)
        if (!feed(&c, pd_slice(in.p + i, 1), &out))
            break;
    return out;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
    return pd_slice_eq(pd_slice(a->data, a->n), pd_slice(b->data, b->n)) && a->end == b->end &&
           a->reason == b->reason && a->used == b->used;
}

static struct outcome decode(struct pd_slice in, const struct pd_limits *limits)
{
    struct outcome whole = decode_cut(in, limits, in.n), bytes = decode_bytes(in, limits);
    CHECK(same(&whole, &bytes));
    for (size_t cut = 0; cut < in.n; cut++) {
        struct outcome two = decode_cut(in, limits, cut);
        CHECK(same(&whole, &two));
    }
    return whole;
}

static void good(struct pd_slice in, struct pd_slice want)
{
    struct outcome out = decode(in, &PD_LIMITS_DEFAULT);
    CHECK_INT(out.end, PD_CHUNKED_END);
    CHECK_INT(out.reason, PD_R_NONE);
    CHECK_SLICE(pd_slice(out.data, out.n), want);
    CHECK_INT(out.used, in.n);
}

static void bad(struct pd_slice in, enum pd_reason want)
{
    struct outcome out = decode(in, &PD_LIMITS_DEFAULT);
    CHECK_INT(out.end, PD_CHUNKED_BAD);
    CHECK_INT(out.reason, want);
    if (out.reason != want)
        fprintf(stderr, "  input \"%.*s\": %s\n", (int)in.n, in.p, pd_reason_name(out.reason));
}

#define GOOD(in, want) good(PD_SLICE(in), PD_SLICE(want))
#define BAD(in, why)   bad(PD_SLICE(in), PD_R_##why)

static void test_valid(void)
{
    GOOD("0\r\n\r\n", "");
    GOOD("5\r\nhello\r\n0\r\n\r\n", "hello");
    GOOD("000a\r\n0123456789\r\n0000000000000000\r\n\r\n", "0123456789");
    GOOD("A\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n\r\n", "0123456789abcdefghij");
    GOOD("2\r\n\r\n\r\n0\r\n\r\n", "\r\n");
    GOOD("1;a\r\nx\r\n0;last=1\r\n\r\n", "x");
    GOOD("1;a=b;c=\"d e\\\"\t\x80\";f\r\nx\r\n0\r\n\r\n", "x");
    GOOD("1;a=\"\"\r\nx\r\n0\r\n\r\n", "x");
    GOOD("0\r\nX-Sum: 1\r\nEmpty:\r\n\r\n", "");
    GOOD("0\r\nX-Content-Length: 1\r\nHos: 1\r\nHostt: 1\r\nt: e\r\n\r\n", "");
    GOOD("0\r\nA-Name-Longer-Than-All-The-Forbidden-Ones: \t\x80 v\r\n\r\n", "");
}

static void test_sizes(void)
{
    BAD("\r\n", BAD_CHUNK_SIZE);
    BAD("\n", BARE_LF);
    BAD("+2\r\n", BAD_CHUNK_SIZE);
    BAD("-2\r\n", BAD_CHUNK_SIZE);
    BAD(" 2\r\n", BAD_CHUNK_SIZE);
    BAD("2 \r\n", BAD_CHUNK_SIZE);
    BAD("0x2\r\n", BAD_CHUNK_SIZE);
    BAD("0_2\r\n", BAD_CHUNK_SIZE);
    BAD("2\t;a\r\n", BAD_CHUNK_SIZE);
    BAD("2\n", BARE_LF);
    BAD("2\rx", BARE_CR);
    BAD("g\r\n", BAD_CHUNK_SIZE);
    BAD("10000000000000002\r\n", BAD_CHUNK_SIZE);
    BAD("00000000000000001\r\n", BAD_CHUNK_SIZE);
    BAD("ffffffffffffffff\r\n", BODY_TOO_LARGE);
    BAD("8000000000000000;a\r\n", BODY_TOO_LARGE);
}

static void test_extensions(void)
{
    BAD("1;\r\n", BAD_CHUNK_EXTENSION);
    BAD("1;;a\r\n", BAD_CHUNK_EXTENSION);
    BAD("1;a=\r\n", BAD_CHUNK_EXTENSION);
    BAD("1;a=b=c\r\n", BAD_CHUNK_EXTENSION);
    BAD("1; a\r\n", BAD_CHUNK_EXTENSION);
    BAD("1;a =b\r\n", BAD_CHUNK_EXTENSION);
    BAD("1;a=\"\x01\"\r\n", BAD_CHUNK_EXTENSION);
    BAD("1;a=\"\\\x01\"\r\n", BAD_CHUNK_EXTENSION);
    BAD("1;a=\"b\"c\r\n", BAD_CHUNK_EXTENSION);
    BAD("1;a=\"b\r\n", BAD_CHUNK_EXTENSION);
    BAD("1;a\n", BARE_LF);
    BAD("1;a=b\n", BARE_LF);
    BAD("1;a=\"b\"\n", BARE_LF);
    BAD("1;a\rX\n", BARE_CR);
}

static void test_data_end(void)
{
    BAD("2\r\nabXX", BAD_CHUNK_END);
    BAD("2\r\nab\rX", BAD_CHUNK_END);
    BAD("2\r\nab\n", BAD_CHUNK_END);
    BAD("2\r\nabc\r\n", BAD_CHUNK_END);
}

static void test_trailers(void)
{
    BAD("0\r\n\n", BARE_LF);
    BAD("0\r\n\rX", BARE_CR);
    BAD("0\r\n X: y\r\n", BAD_TRAILER);
    BAD("0\r\n: y\r\n", BAD_TRAILER);
    BAD("0\r\nX : y\r\n", BAD_TRAILER);
    BAD("0\r\nX\r\n\r\n", BAD_TRAILER);
    BAD("0\r\nX\n", BARE_LF);
    BAD("0\r\nX: y\n\r\n", BARE_LF);
    BAD("0\r\nX: y\rz\r\n", BARE_CR);
    BAD("0\r\nX: \x01\r\n", BAD_TRAILER);
    BAD("0\r\nX: \x7f\r\n", BAD_TRAILER);
    BAD("0\r\nContent-Length: 1\r\n", BAD_TRAILER);
    BAD("0\r\ncONTENT-lENGTH:1\r\n", BAD_TRAILER);
    BAD("0\r\nTransfer-Encoding: chunked\r\n", BAD_TRAILER);
    BAD("0\r\nX: y\r\nHost: a\r\n", BAD_TRAILER);
    BAD("0\r\nTE: a\r\n", BAD_TRAILER);
    BAD("0\r\nTrailer: a\r\n", BAD_TRAILER);
}

static void test_limits(void)
{
    struct pd_limits limits = { .body = 4, .chunk_overhead = 8 };
    struct outcome out = decode(PD_SLICE("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"), &limits);
    CHECK_INT(out.end, PD_CHUNKED_END);
    out = decode(PD_SLICE("2\r\nab\r\n3\r\n"), &limits);
    CHECK_INT(out.reason, PD_R_BODY_TOO_LARGE);
    CHECK_STR(pd_slice(out.data, out.n), "ab");
    /* 8 counted bytes: what follows the ';' with its CR, twice, and the CR of the last line; one more is too many */
    out = decode(PD_SLICE("1;aaa\r\nb\r\n0;aa\r\n\r\n"), &limits);
    CHECK_INT(out.end, PD_CHUNKED_END);
    out = decode(PD_SLICE("1;aaa\r\nb\r\n0;aaa\r\n\r\n"), &limits);
    CHECK_INT(out.reason, PD_R_CHUNK_OVERHEAD);
    out = decode(PD_SLICE("0\r\nabcd: 12345\r\n"), &limits);
    CHECK_INT(out.reason, PD_R_CHUNK_OVERHEAD);
    limits.chunk_overhead = SIZE_MAX;
    out = decode(PD_SLICE("0\r\nabcd: 12345\r\n\r\n"), &limits);
    CHECK_INT(out.end, PD_CHUNKED_END);
}

/* A body that breaks off anywhere is never complete. */
static void test_truncated(void)
{
    struct pd_slice whole = PD_SLICE("2;e=\"q\"\r\nab\r\n0\r\nX: y\r\n\r\n");
    for (size_t n = 0; n < whole.n; n++) {
        struct outcome out = decode(pd_slice(whole.p, n), &PD_LIMITS_DEFAULT);
        CHECK_INT(out.end, PD_CHUNKED_MORE);
    }
}

/* Bytes behind the end belong to the next request. */
static void test_pipelined(void)
{
    struct outcome out = decode(PD_SLICE("1\r\na\r\n0\r\n\r\nGET "), &PD_LIMITS_DEFAULT);
    CHECK_INT(out.end, PD_CHUNKED_END);
    CHECK_INT(out.used, 11);
}

static void test_put_size(void)
{
    static const size_t sizes[] = { 1, 9, 10, 15, 16, 255, 256, 65535, 65536, SIZE_MAX };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char got[32], want[32];
        int n = snprintf(want, sizeof want, "%zx\r\n", sizes[i]);
        CHECK_SLICE(pd_slice(got, pd_chunked_put_size(got, sizes[i])), pd_slice(want, (size_t)n));
    }
}

int main(void)
{
    test_valid();
    test_sizes();
    test_extensions();
    test_data_end();
    test_trailers();
    test_limits();
    test_truncated();
    test_pipelined();
    test_put_size();
    return check_result();
}
