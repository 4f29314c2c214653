/* test_response.c - what an application may send, and how it stands in a CGI-style head. */
#include "check.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/response.h"

static struct pd_response begun(const struct pd_sys *sys, size_t limit)
{
    struct pd_response r;
    pd_response_init(&r, sys, limit);
    CHECK_INT(pd_response_start(&r, PD_SLICE("200 OK")), PD_R_NONE);
    return r;
}

static enum pd_reason add(struct pd_response *r, struct pd_slice name, struct pd_slice value)
{
    return pd_response_add(r, name, value);
}

/* --- status --- */

static void test_status_grammar(void)
{
    static const struct {
        struct pd_slice status;
        unsigned code; /* 0: refused */
    } rows[] = {
        { { "200 OK", 6 }, 200 },
        { { "404 Not Found", 13 }, 404 },
        { { "200 ", 4 }, 200 },
        { { "599 x", 5 }, 599 },
        { { "299 \xe9", 5 }, 299 },
        { { "200  two spaces", 15 }, 200 },
        { { "200", 3 }, 0 },
        { { "", 0 }, 0 },
        { { "20 OK", 5 }, 0 },
        { { "2000 OK", 7 }, 0 },
        { { " 200 OK", 7 }, 0 },
        { { "abc OK", 6 }, 0 },
        { { "20x OK", 6 }, 0 },
        { { "+20 OK", 6 }, 0 },
        { { "100 Continue", 12 }, 0 },
        { { "199 x", 5 }, 0 },
        { { "099 x", 5 }, 0 },
        { { "600 x", 5 }, 0 },
        { { "000 x", 5 }, 0 },
        { { "200 O\tK", 7 }, 0 },
        { { "200\tOK", 6 }, 0 },
        { { "200 OK\r", 7 }, 0 },
        { { "200 OK\n", 7 }, 0 },
        { { "200 O\0K", 7 }, 0 },
        { { "200 OK\r\nX: y", 12 }, 0 },
        { { "200 \x7f", 5 }, 0 },
    };
    struct pd_response r;
    pd_response_init(&r, pd_sys_default(), 1024);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_INT(pd_response_start(&r, rows[i].status), rows[i].code ? PD_R_NONE : PD_R_BAD_STATUS);
        CHECK_INT(r.status, rows[i].code);
        if (rows[i].code)
            CHECK_SLICE(pd_buf_view(&r.line), rows[i].status);
    }
    pd_response_fini(&r);
}

static void test_start_drops_what_was_added(void)
{
    struct pd_response r = begun(pd_sys_default(), 1024);
    r.is_head = true;
    CHECK_INT(add(&r, PD_SLICE("Content-Length"), PD_SLICE("5")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("Date"), PD_SLICE("x")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("Server"), PD_SLICE("x")), PD_R_NONE);
    CHECK(r.has_date && r.has_server && r.content_length == 5);
    r.bodiless = r.chunked = r.close = true;
    CHECK_INT(pd_response_start(&r, PD_SLICE("500 Oops")), PD_R_NONE);
    CHECK(!r.has_date && !r.has_server && r.content_length == -1);
    CHECK(!r.bodiless && !r.chunked && !r.close);
    CHECK(r.is_head); /* what comes from the request stays */
    CHECK_INT(r.status, 500);
    CHECK(pd_buf_is_empty(&r.fields));
    pd_response_fini(&r);
}

/* --- fields --- */

static void test_fields_in_wire_form(void)
{
    struct pd_response r = begun(pd_sys_default(), 1024);
    CHECK_INT(add(&r, PD_SLICE("Content-Type"), PD_SLICE("text/plain")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("Set-Cookie"), PD_SLICE("a=1")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("set-cookie"), PD_SLICE("b=\t2 \xe9")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("X-Empty"), PD_SLICE("")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("X-Accel-Buffering"), PD_SLICE("no")), PD_R_NONE);
    CHECK_STR(pd_buf_view(&r.fields), "Content-Type: text/plain\r\nSet-Cookie: a=1\r\nset-cookie: b=\t2 \xe9\r\n"
                                      "X-Empty: \r\nX-Accel-Buffering: no\r\n");
    CHECK(!r.has_date && !r.has_server && r.content_length == -1);
    pd_response_fini(&r);
}

static void test_bad_names(void)
{
    static const struct pd_slice names[] = {
        { "", 0 }, { "X Y", 3 }, { "X:", 2 }, { "X\r\n", 3 }, { "X\0", 2 }, { "\xe9", 1 }, { "X\x7f", 2 }, { "X(", 2 },
    };
    struct pd_response r = begun(pd_sys_default(), 1024);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CHECK_INT(add(&r, names[i], PD_SLICE("x")), PD_R_BAD_RESPONSE_NAME);
    CHECK_INT(add(&r, PD_SLICE("Status"), PD_SLICE("404")), PD_R_STATUS_AS_FIELD);
    CHECK_INT(add(&r, PD_SLICE("STATUS"), PD_SLICE("404")), PD_R_STATUS_AS_FIELD);
    CHECK(pd_buf_is_empty(&r.fields));
    pd_response_fini(&r);
}

static void test_bad_values(void)
{
    static const struct pd_slice values[] = {
        { "a\r\nSet-Cookie: x", 17 }, { "a\n", 2 }, { "\r", 1 }, { "a\0b", 3 }, { "\x1b[0m", 4 }, { "\x7f", 1 },
    };
    struct pd_response r = begun(pd_sys_default(), 1024);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        CHECK_INT(add(&r, PD_SLICE("X"), values[i]), PD_R_BAD_RESPONSE_VALUE);
    CHECK(pd_buf_is_empty(&r.fields));
    pd_response_fini(&r);
}

static void test_hop_by_hop(void)
{
    static const char *const names[] = {
        "Connection", "KEEP-ALIVE", "Proxy-Authenticate", "Proxy-Authorization", "proxy-connection",
        "TE",         "Trailer",    "Trailers",           "Transfer-Encoding",   "upgrade",
    };
    struct pd_response r = begun(pd_sys_default(), 1024);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CHECK_INT(add(&r, pd_slice(names[i], strlen(names[i])), PD_SLICE("x")), PD_R_HOP_BY_HOP);
    CHECK_INT(add(&r, PD_SLICE("Connections"), PD_SLICE("x")), PD_R_NONE);
    pd_response_fini(&r);
}

static void test_fields_that_send_a_file(void)
{
    static const char *const names[] = { "X-Accel-Redirect", "X-SENDFILE", "x-sendfile2", "X-LIGHTTPD-send-file",
                                         "X-Sendfile-Temporary" };
    struct pd_response r = begun(pd_sys_default(), 1024);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct pd_slice name = pd_slice(names[i], strlen(names[i]));
        CHECK_INT(pd_response_start(&r, PD_SLICE("200 OK")), PD_R_NONE);
        CHECK(!r.dropped_file);
        CHECK_INT(add(&r, name, PD_SLICE("/etc/passwd")), PD_R_NONE);
        CHECK_INT(pd_buf_view(&r.fields).n, 0);
        CHECK(r.dropped_file);
        r.may_send_file = true;
        CHECK_INT(pd_response_start(&r, PD_SLICE("200 OK")), PD_R_NONE);
        CHECK_INT(add(&r, name, PD_SLICE("/files/a")), PD_R_NONE);
        CHECK_INT(pd_buf_view(&r.fields).n, name.n + sizeof ": /files/a\r\n" - 1);
        CHECK(!r.dropped_file);
        r.may_send_file = false;
    }
    CHECK_INT(add(&r, PD_SLICE("X-Accel-Buffering"), PD_SLICE("no")), PD_R_NONE);
    CHECK(!r.dropped_file);
    pd_response_fini(&r);
}

static void test_a_file_is_handed_over(void)
{
    const struct pd_slice name = PD_SLICE("X-Sendfile");
    const struct pd_slice value = PD_SLICE("/srv/a");
    struct pd_response r = begun(pd_sys_default(), 1024);
    CHECK(pd_response_hand_over(&r, name, value));
    CHECK_STR(pd_buf_view(&r.fields), "X-Sendfile: /srv/a\r\nContent-Length: 0\r\n");
    CHECK_INT(r.content_length, 0);
    CHECK_INT(pd_response_start(&r, PD_SLICE("200 OK")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("A"), PD_SLICE("Content-Length: 7")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("content-length"), PD_SLICE("12")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("Content-Length-Of"), PD_SLICE("")), PD_R_NONE);
    CHECK(pd_response_hand_over(&r, name, value));
    CHECK_STR(pd_buf_view(&r.fields), "A: Content-Length: 7\r\nContent-Length-Of: \r\n"
                                      "X-Sendfile: /srv/a\r\nContent-Length: 0\r\n");
    pd_response_fini(&r);
}

static void test_what_cannot_be_handed_over_stays(void)
{
    static const struct {
        struct pd_slice status, name, value;
    } rows[] = {
        { { "206 Partial", 11 }, { "Content-Length", 14 }, { "/srv/a", 6 } },
        { { "201 Created", 11 }, { "Content-Length", 14 }, { "/srv/a", 6 } },
        { { "200 OK", 6 }, { "content-range", 13 }, { "/srv/a", 6 } },
        { { "200 OK", 6 }, { "CONTENT-ENCODING", 16 }, { "/srv/a", 6 } },
        { { "200 OK", 6 }, { "Content-Length", 14 }, { "/srv\n/a", 7 } },
        { { "200 OK", 6 }, { "Content-Length", 14 }, { "/too/long/for/the/head", 22 } },
    };
    struct pd_response r = begun(pd_sys_default(), 60);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_INT(pd_response_start(&r, rows[i].status), PD_R_NONE);
        CHECK_INT(add(&r, rows[i].name, PD_SLICE("7")), PD_R_NONE);
        int64_t length = r.content_length;
        CHECK(!pd_response_hand_over(&r, PD_SLICE("X-Sendfile"), rows[i].value));
        CHECK_INT(pd_buf_view(&r.fields).n, rows[i].name.n + sizeof ": 7\r\n" - 1);
        CHECK_INT(r.content_length, length);
    }
    pd_response_fini(&r);
}

static void test_content_length(void)
{
    static const struct {
        struct pd_slice value;
        int64_t want; /* -1: refused */
    } rows[] = {
        { { "0", 1 }, 0 },
        { { "12", 2 }, 12 },
        { { "", 0 }, -1 },
        { { "+1", 2 }, -1 },
        { { "-1", 2 }, -1 },
        { { " 1", 2 }, -1 },
        { { "1 ", 2 }, -1 },
        { { "0x1", 3 }, -1 },
        { { "1_0", 3 }, -1 },
        { { "1,1", 3 }, -1 },
        { { "9223372036854775807", 19 }, INT64_MAX },
        { { "9223372036854775808", 19 }, -1 },
    };
    struct pd_response r;
    pd_response_init(&r, pd_sys_default(), 1024);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_INT(pd_response_start(&r, PD_SLICE("200 OK")), PD_R_NONE);
        CHECK_INT(add(&r, PD_SLICE("content-length"), rows[i].value),
                  rows[i].want < 0 ? PD_R_BAD_RESPONSE_LENGTH : PD_R_NONE);
        CHECK_INT(r.content_length, rows[i].want);
    }
    CHECK_INT(pd_response_start(&r, PD_SLICE("200 OK")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("Content-Length"), PD_SLICE("1")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("Content-Length"), PD_SLICE("1")), PD_R_BAD_RESPONSE_LENGTH);
    pd_response_fini(&r);
}

static void test_content_length_of_204_is_dropped(void)
{
    struct pd_response r;
    pd_response_init(&r, pd_sys_default(), 1024);
    CHECK_INT(pd_response_start(&r, PD_SLICE("204 No Content")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("Content-Length"), PD_SLICE("0")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("Content-Length"), PD_SLICE("x")), PD_R_BAD_RESPONSE_LENGTH);
    CHECK(pd_buf_is_empty(&r.fields) && r.content_length == -1);
    CHECK_INT(pd_response_start(&r, PD_SLICE("304 Not Modified")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("Content-Length"), PD_SLICE("9")), PD_R_NONE);
    CHECK_STR(pd_buf_view(&r.fields), "Content-Length: 9\r\n");
    pd_response_fini(&r);
}

/* --- put_cgi --- */

static void test_cgi_head(void)
{
    struct pd_response r = begun(pd_sys_default(), 1024);
    struct pd_buf out;
    pd_buf_init(&out, pd_sys_default(), 4096);
    CHECK_INT(add(&r, PD_SLICE("X"), PD_SLICE("y")), PD_R_NONE);
    CHECK_INT(pd_response_put_cgi(&r, &out), PD_R_NONE);
    CHECK_STR(pd_buf_view(&out), "Status: 200 OK\r\nX: y\r\n\r\n");
    CHECK(!r.bodiless);
    pd_buf_clear(&out);
    CHECK_INT(pd_response_start(&r, PD_SLICE("204 ")), PD_R_NONE);
    CHECK_INT(pd_response_put_cgi(&r, &out), PD_R_NONE);
    CHECK_STR(pd_buf_view(&out), "Status: 204 \r\n\r\n");
    CHECK(r.bodiless);
    CHECK_INT(pd_response_start(&r, PD_SLICE("304 x")), PD_R_NONE);
    CHECK_INT(pd_response_put_cgi(&r, &out), PD_R_NONE);
    CHECK(r.bodiless);
    CHECK_INT(pd_response_start(&r, PD_SLICE("200 x")), PD_R_NONE);
    r.is_head = true;
    CHECK_INT(pd_response_put_cgi(&r, &out), PD_R_NONE);
    CHECK(r.bodiless);
    pd_buf_fini(&out);
    pd_response_fini(&r);
}

/* For HAProxy, to which the later one of Status and Location decides on the status. */
static void test_status_behind_the_fields(void)
{
    struct pd_response r = begun(pd_sys_default(), 1024);
    struct pd_buf out;
    pd_buf_init(&out, pd_sys_default(), 4096);
    CHECK_INT(pd_response_start(&r, PD_SLICE("201 Created")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("Location"), PD_SLICE("/1")), PD_R_NONE);
    r.status_last = true;
    CHECK_INT(pd_response_put_cgi(&r, &out), PD_R_NONE);
    CHECK_STR(pd_buf_view(&out), "Location: /1\r\nStatus: 201 Created\r\n\r\n");
    pd_buf_clear(&out);
    CHECK_INT(pd_response_start(&r, PD_SLICE("205 Reset Content")), PD_R_NONE);
    CHECK_INT(pd_response_put_cgi(&r, &out), PD_R_NONE);
    CHECK_STR(pd_buf_view(&out), "Status: 205 Reset Content\r\nContent-Length: 0\r\n\r\n");
    pd_buf_clear(&out);
    CHECK_INT(pd_response_put_gateway(&r, PD_SLICE("HTTP/1.1 "), &out), PD_R_NONE); /* a line that can only be first */
    CHECK_STR(pd_buf_view(&out), "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n");
    pd_buf_fini(&out);
    pd_response_fini(&r);
}

static void test_head_limit(void)
{
    struct pd_buf out;
    pd_buf_init(&out, pd_sys_default(), 4096);
    /* "Status: 200 OK\r\n" + "X: y\r\n" + "\r\n" are 24 bytes */
    for (size_t limit = 23; limit <= 24; limit++) {
        struct pd_response r = begun(pd_sys_default(), limit);
        CHECK_INT(add(&r, PD_SLICE("X"), PD_SLICE("y")), PD_R_NONE);
        CHECK_INT(pd_response_put_cgi(&r, &out), limit < 24 ? PD_R_RESPONSE_HEAD_TOO_LARGE : PD_R_NONE);
        CHECK_INT(add(&r, PD_SLICE("X"), PD_SLICE("0123456789abcdef")), PD_R_RESPONSE_HEAD_TOO_LARGE);
        CHECK_STR(pd_buf_view(&r.fields), "X: y\r\n");
        CHECK_INT(pd_response_start(&r, PD_SLICE("200 a reason that is too long")), PD_R_RESPONSE_HEAD_TOO_LARGE);
        pd_response_fini(&r);
    }
    pd_buf_fini(&out);
    struct pd_response r = begun(pd_sys_default(), 1024);
    pd_buf_init(&out, pd_sys_default(), 10);
    CHECK_INT(pd_response_put_cgi(&r, &out), PD_R_RESPONSE_HEAD_TOO_LARGE);
    CHECK(pd_buf_is_empty(&out));
    pd_buf_fini(&out);
    pd_response_fini(&r);
}

/* --- memory --- */

struct counting {
    int left; /* allocations that still succeed */
    int made;
};

static void *counting_resize(void *ctx, void *p, size_t n)
{
    struct counting *c = ctx;
    if (c->left == 0)
        return NULL;
    c->left--;
    c->made++;
    return realloc(p, n);
}

static void test_allocations_that_fail(void)
{
    struct counting c = { 0, 0 };
    struct pd_sys sys = *pd_sys_default();
    sys.resize = counting_resize;
    sys.ctx = &c;
    struct pd_response r;
    struct pd_buf out;
    pd_response_init(&r, &sys, 1024);
    pd_buf_init(&out, &sys, 1024);
    CHECK_INT(pd_response_start(&r, PD_SLICE("200 OK")), PD_R_NO_MEMORY);
    CHECK_INT(r.status, 0);
    c.left = 1;
    CHECK_INT(pd_response_start(&r, PD_SLICE("200 OK")), PD_R_NONE);
    CHECK_INT(add(&r, PD_SLICE("X"), PD_SLICE("y")), PD_R_NO_MEMORY);
    CHECK_INT(pd_response_put_cgi(&r, &out), PD_R_NO_MEMORY);
    pd_buf_fini(&out);
    pd_response_fini(&r);
}

static void test_memory_is_used_again(void)
{
    struct counting c = { 100, 0 };
    struct pd_sys sys = *pd_sys_default();
    sys.resize = counting_resize;
    sys.ctx = &c;
    struct pd_response r = begun(&sys, 1024);
    CHECK_INT(add(&r, PD_SLICE("X"), PD_SLICE("y")), PD_R_NONE);
    CHECK_INT(c.made, 2);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(pd_response_start(&r, PD_SLICE("200 OK")), PD_R_NONE);
        CHECK_INT(add(&r, PD_SLICE("X"), PD_SLICE("y")), PD_R_NONE);
    }
    CHECK_INT(c.made, 2);
    pd_response_fini(&r);
}

/* --- dates --- */

static void check_date(int64_t t, const char *want)
{
    char text[PD_DATE_LEN];
    pd_date_put(t, text);
    CHECK_SLICE(pd_slice(text, sizeof text), pd_slice(want, strlen(want)));
}

static void test_dates(void)
{
    check_date(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    check_date(784111777, "Sun, 06 Nov 1994 08:49:37 GMT"); /* the example of RFC 9110 section 5.6.7 */
    check_date(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    check_date(951868799, "Tue, 29 Feb 2000 23:59:59 GMT");
    check_date(951868800, "Wed, 01 Mar 2000 00:00:00 GMT");
    check_date(1709164800, "Thu, 29 Feb 2024 00:00:00 GMT");
    check_date(4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"); /* 2100 has no leap day */
    check_date(4107542399, "Sun, 28 Feb 2100 23:59:59 GMT");
    check_date(1798761599, "Thu, 31 Dec 2026 23:59:59 GMT");
    check_date(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT");
    check_date(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
    check_date(-1, "Thu, 01 Jan 1970 00:00:00 GMT");
}

/* Each day from 1970 to 2400, counted up by hand, so that no rule of the calendar is taken from the code. */
static void test_every_day(void)
{
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    static const char weekdays[7][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
    static const int lengths[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int64_t day = 0;
    int wrong = 0;
    for (int year = 1970; year <= 2400; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        for (int month = 0; month < 12; month++) {
            int length = lengths[month] + (month == 1 && leap ? 1 : 0);
            for (int mday = 1; mday <= length; mday++, day++) {
                char want[80];
                char got[PD_DATE_LEN];
                int in_day = (int)(day * 7919 % 86400);
                snprintf(want, sizeof want, "%s, %02d %s %04d %02d:%02d:%02d GMT", weekdays[day % 7], mday,
                         months[month], year, in_day / 3600, in_day / 60 % 60, in_day % 60);
                pd_date_put(day * 86400 + in_day, got);
                wrong += memcmp(got, want, PD_DATE_LEN) != 0;
            }
        }
    }
    CHECK_INT(wrong, 0);
}

static void test_statuses_without_body(void)
{
    CHECK(pd_status_is_bodiless(100) && pd_status_is_bodiless(199));
    CHECK(pd_status_is_bodiless(204) && pd_status_is_bodiless(304));
    CHECK(!pd_status_is_bodiless(99) && !pd_status_is_bodiless(200) && !pd_status_is_bodiless(205));
}

int main(void)
{
    test_status_grammar();
    test_start_drops_what_was_added();
    test_fields_in_wire_form();
    test_bad_names();
    test_bad_values();
    test_hop_by_hop();
    test_fields_that_send_a_file();
    test_a_file_is_handed_over();
    test_what_cannot_be_handed_over_stays();
    test_content_length();
    test_content_length_of_204_is_dropped();
    test_cgi_head();
    test_status_behind_the_fields();
    test_head_limit();
    test_allocations_that_fail();
    test_memory_is_used_again();
    test_dates();
    test_every_day();
    test_statuses_without_body();
    return check_result();
}
