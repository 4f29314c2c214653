/* test_access_line.c - the lines of the access log: their forms, what they escape, where they are cut. */
#include <stdio.h>

#include "check.h"
#include "engine/access_line.h"

static const enum pd_access_form forms[] = { PD_ACCESS_SHORT, PD_ACCESS_COMBINED, PD_ACCESS_JSON };

static struct pd_access_entry usual(void)
{
    return (struct pd_access_entry){
        .wall_ns = 1795245164123456789, /* 2026-11-21 07:12:44 UTC */
        .offset_s = 3600,
        .id = 0x0bcdbf8779493324,
        .peer = PD_SLICE("127.0.0.1"),
        .door = PD_SLICE("http"),
        .method = PD_SLICE("GET"),
        .path = PD_SLICE("/shop"),
        .query = PD_SLICE("page=2"),
        .has_query = true,
        .protocol = PD_SLICE("HTTP/1.1"),
        .status = 200,
        .bytes = 5123,
        .total_ns = 1349999,
        .queue_ns = 20500,
        .referer = PD_SLICE("http://shop.example/"),
        .agent = PD_SLICE("Mozilla/5.0 (X11; Linux x86_64)"),
    };
}

#define CHECK_LINE(form, e, want)                                                                                      \
    do {                                                                                                               \
        char line[PD_ACCESS_LINE_MAX];                                                                                 \
        CHECK_STR(pd_slice(line, pd_access_line(form, e, line)), want "\n");                                           \
    } while (0)

static void test_a_usual_request(void)
{
    struct pd_access_entry e = usual();
    CHECK_LINE(PD_ACCESS_SHORT, &e, "08:12:44 127.0.0.1 GET /shop?page=2 200 5123B 1.3ms 0bcdbf8779493324");
    CHECK_LINE(PD_ACCESS_COMBINED, &e,
               "127.0.0.1 - - [21/Nov/2026:08:12:44 +0100] \"GET /shop?page=2 HTTP/1.1\" 200 5123 "
               "\"http://shop.example/\" \"Mozilla/5.0 (X11; Linux x86_64)\"");
    CHECK_LINE(PD_ACCESS_JSON, &e,
               "{\"time\":\"2026-11-21T08:12:44.123+01:00\",\"id\":\"0bcdbf8779493324\",\"peer\":\"127.0.0.1\","
               "\"user\":null,\"door\":\"http\",\"method\":\"GET\",\"path\":\"/shop\",\"query\":\"page=2\","
               "\"protocol\":\"HTTP/1.1\",\"status\":200,\"bytes\":5123,\"ms\":1.349,\"queue_ms\":0.020,"
               "\"referer\":\"http://shop.example/\",\"user_agent\":\"Mozilla/5.0 (X11; Linux x86_64)\"}");
}

static void test_a_user_and_an_empty_query(void)
{
    struct pd_access_entry e = usual();
    e.user = PD_SLICE("ann");
    e.query = PD_SLICE_NONE;
    e.bytes = 0;
    CHECK_LINE(PD_ACCESS_SHORT, &e, "08:12:44 127.0.0.1 GET /shop? 200 0B 1.3ms 0bcdbf8779493324");
    CHECK_LINE(PD_ACCESS_COMBINED, &e,
               "127.0.0.1 - ann [21/Nov/2026:08:12:44 +0100] \"GET /shop? HTTP/1.1\" 200 - "
               "\"http://shop.example/\" \"Mozilla/5.0 (X11; Linux x86_64)\"");
}

/* Bytes that were no request, or a request that nobody answered. */
static void test_what_is_not_known(void)
{
    struct pd_access_entry e = { .door = PD_SLICE("scgi"), .status = 400, .bytes = 7, .total_ns = 99999 };
    CHECK_LINE(PD_ACCESS_SHORT, &e, "00:00:00 - - - 400 7B 0.0ms 0000000000000000");
    CHECK_LINE(PD_ACCESS_COMBINED, &e, "- - - [01/Jan/1970:00:00:00 +0000] \"-\" 400 7 \"-\" \"-\"");
    e.status = 0;
    e.bytes = 0;
    e.broken = true;
    CHECK_LINE(PD_ACCESS_SHORT, &e, "00:00:00 - - - - 0B 0.0ms 0000000000000000 broken");
    CHECK_LINE(PD_ACCESS_COMBINED, &e, "- - - [01/Jan/1970:00:00:00 +0000] \"-\" - - \"-\" \"-\"");
    CHECK_LINE(PD_ACCESS_JSON, &e,
               "{\"time\":\"1970-01-01T00:00:00.000+00:00\",\"id\":\"0000000000000000\",\"peer\":null,\"user\":null,"
               "\"door\":\"scgi\",\"method\":null,\"path\":null,\"query\":null,\"protocol\":null,\"status\":null,"
               "\"bytes\":0,\"ms\":0.099,\"queue_ms\":0.000,\"referer\":null,\"user_agent\":null,\"broken\":true}");
}

static void test_dates(void)
{
    static const struct {
        int64_t wall_s;
        int32_t offset_s;
        struct pd_slice want;
    } rows[] = {
        { 951782399, 0, { "[28/Feb/2000:23:59:59 +0000]", 28 } },
        { 951782400, 0, { "[29/Feb/2000:00:00:00 +0000]", 28 } },
        { 951868800, 0, { "[01/Mar/2000:00:00:00 +0000]", 28 } },
        { 4107542400, 0, { "[01/Mar/2100:00:00:00 +0000]", 28 } },
        { 1798761599, 0, { "[31/Dec/2026:23:59:59 +0000]", 28 } },
        { 1798761599, 20700, { "[01/Jan/2027:05:44:59 +0545]", 28 } },
        { 1798761600, -12600, { "[31/Dec/2026:20:30:00 -0330]", 28 } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[PD_ACCESS_LINE_MAX];
        struct pd_access_entry e = { .wall_ns = rows[i].wall_s * 1000000000, .offset_s = rows[i].offset_s };
        e.door = PD_SLICE("http");
        pd_access_line(PD_ACCESS_COMBINED, &e, line);
        CHECK_SLICE(pd_slice(line + 6, rows[i].want.n), rows[i].want);
    }
}

static void test_nothing_is_forged(void)
{
    struct pd_access_entry e = usual();
    e.method = PD_SLICE("G T");
    e.path = PD_SLICE("/a b\"\\\n\r\x1b[2J\x7f\xc3\xa9");
    e.query = PD_SLICE("\0");
    e.agent = PD_SLICE("a b\"} \\\t\xff");
    CHECK_LINE(PD_ACCESS_SHORT, &e,
               "08:12:44 127.0.0.1 G\\x20T /a\\x20b\\x22\\x5c\\x0a\\x0d\\x1b[2J\\x7f\\xc3\\xa9?\\x00 200 5123B 1.3ms "
               "0bcdbf8779493324");
    CHECK_LINE(PD_ACCESS_COMBINED, &e,
               "127.0.0.1 - - [21/Nov/2026:08:12:44 +0100] \"G\\x20T "
               "/a\\x20b\\x22\\x5c\\x0a\\x0d\\x1b[2J\\x7f\\xc3\\xa9?\\x00 HTTP/1.1\" 200 5123 \"http://shop.example/\" "
               "\"a b\\x22} \\x5c\\x09\\xff\"");
    CHECK_LINE(PD_ACCESS_JSON, &e,
               "{\"time\":\"2026-11-21T08:12:44.123+01:00\",\"id\":\"0bcdbf8779493324\",\"peer\":\"127.0.0.1\","
               "\"user\":null,\"door\":\"http\",\"method\":\"G T\","
               "\"path\":\"/a b\\\"\\\\\\u000a\\u000d\\u001b[2J\\u007f\\u00c3\\u00a9\",\"query\":\"\\u0000\","
               "\"protocol\":\"HTTP/1.1\",\"status\":200,\"bytes\":5123,\"ms\":1.349,\"queue_ms\":0.020,"
               "\"referer\":\"http://shop.example/\",\"user_agent\":\"a b\\\"} \\\\\\u0009\\u00ff\"}");
}

/* Every byte in every field: one line of printable ASCII, and as many quotes as the form has. */
static void test_every_byte_in_every_field(void)
{
    static const int quotes[] = { 0, 6, 52 };
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        struct pd_slice s = pd_slice(&byte, 1);
        struct pd_access_entry e = usual();
        e.peer = e.user = e.method = e.path = e.query = e.protocol = e.referer = e.agent = s;
        for (size_t f = 0; f < 3; f++) {
            char line[PD_ACCESS_LINE_MAX];
            size_t n = pd_access_line(forms[f], &e, line);
            int seen = 0;
            bool escaped = false;
            for (size_t i = 0; i + 1 < n; i++) {
                CHECK(line[i] >= 0x20 && line[i] < 0x7f);
                seen += line[i] == '"' && !escaped;
                escaped = line[i] == '\\' && !escaped;
            }
            CHECK_INT(seen, quotes[f]);
            CHECK_INT(line[n - 1], '\n');
        }
    }
}

static void test_long_fields_are_cut(void)
{
    static char filler[3][9000];
    memset(filler[0], 'x', sizeof filler[0]);
    memset(filler[1], '\n', sizeof filler[1]);
    memset(filler[2], '"', sizeof filler[2]);
    for (size_t k = 0; k < 3; k++) {
        struct pd_access_entry e = usual();
        e.bytes = e.total_ns = e.queue_ns = UINT64_MAX;
        e.broken = true;
        e.peer = e.user = e.method = e.query = e.protocol = e.referer = e.agent = pd_slice(filler[k], 9000);
        e.path = e.peer;
        for (size_t f = 0; f < 3; f++) {
            char line[PD_ACCESS_LINE_MAX];
            CHECK(pd_access_line(forms[f], &e, line) < PD_ACCESS_LINE_MAX);
        }
    }
    char line[PD_ACCESS_LINE_MAX];
    struct pd_access_entry e = usual();
    e.method = pd_slice(filler[0], 200);
    size_t n = pd_access_line(PD_ACCESS_SHORT, &e, line);
    size_t dots = pd_slice_find(pd_slice(line, n), 'x') + 24;
    CHECK_STR(pd_slice(line + dots - 2, 6), "xx... ");
}

int main(void)
{
    test_a_usual_request();
    test_a_user_and_an_empty_query();
    test_what_is_not_known();
    test_dates();
    test_nothing_is_forged();
    test_every_byte_in_every_field();
    test_long_fields_are_cut();
    return check_result();
}
