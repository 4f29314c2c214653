/* test_page.c - which error page an Accept gets, and what stands in it. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/reason.h"
#include "conn/page.h"

#define ID "0123456789abcdef"

static void test_choice(void)
{
    static const struct {
        const char *accept;
        enum pd_page_kind kind;
    } rows[] = {
        { "", PD_PAGE_TEXT },
        { "*/*", PD_PAGE_TEXT },
        { "image/png", PD_PAGE_TEXT },
        { "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", PD_PAGE_HTML },
        { "text/html", PD_PAGE_HTML },
        { "TEXT/HTML", PD_PAGE_HTML },
        { "application/json", PD_PAGE_JSON },
        { "application/json, text/plain, */*", PD_PAGE_JSON },
        { "text/plain, application/json, */*", PD_PAGE_TEXT },
        { "application/problem+json", PD_PAGE_JSON },
        { "application/vnd.api+JSON;ext=\"a,b\"", PD_PAGE_JSON },
        { "+json", PD_PAGE_TEXT },
        { "application/*", PD_PAGE_JSON },
        { "text/*", PD_PAGE_TEXT },
        { "text/*, text/html", PD_PAGE_HTML },
        { "*/*, text/html", PD_PAGE_HTML },
        { "text/html;q=0.5, application/json", PD_PAGE_JSON },
        { "text/html;q=0.5, application/json;q=0.4", PD_PAGE_HTML },
        { "text/html;q=0.001, application/json;q=0", PD_PAGE_HTML },
        { "text/html;q=0, */*", PD_PAGE_TEXT },
        { "text/plain;q=0, */*", PD_PAGE_HTML },
        { "text/plain;q=0, text/html;q=0, */*;q=0.1", PD_PAGE_JSON },
        { "text/html;q=0, text/plain;q=0, application/json;q=0", PD_PAGE_TEXT },
        { "text/html ; q=0.5 , application/json ; Q=0.7", PD_PAGE_JSON },
        { "text/html;level=1;q=0.9, application/json;q=0.8", PD_PAGE_HTML },
        { "text/html;q=1.000, application/json;q=0.999", PD_PAGE_HTML },
        /* a malformed weight: the range does not count */
        { "text/html;q=2", PD_PAGE_TEXT },
        { "text/html;q=1.5", PD_PAGE_TEXT },
        { "text/html;q=", PD_PAGE_TEXT },
        { "text/html;q=0.1234, application/json;q=0.1", PD_PAGE_JSON },
        { "text/html;q=x", PD_PAGE_TEXT },
        { "text/html;q=0x1", PD_PAGE_TEXT },
        { "text/html;q=0.a", PD_PAGE_TEXT },
        /* quotes hide separators; one that never ends takes the rest with it */
        { "text/x;a=\",text/html,\", application/json;q=0.1", PD_PAGE_JSON },
        { "text/x;a=\"\\\",text/html\", application/json;q=0.1", PD_PAGE_JSON },
        { "text/x;a=\", text/html", PD_PAGE_TEXT },
        { "text/x;a=\"\\", PD_PAGE_TEXT },
        { ",,;,\t, text/html,", PD_PAGE_HTML },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum pd_page_kind got = pd_page_choose(pd_slice(rows[i].accept, strlen(rows[i].accept)));
        if (got != rows[i].kind)
            fprintf(stderr, "Accept: %s\n", rows[i].accept);
        CHECK_INT(got, rows[i].kind);
    }
    CHECK_INT(pd_page_choose(PD_SLICE_NONE), PD_PAGE_TEXT);
}

static void test_text(void)
{
    char dst[PD_PAGE_MAX];
    size_t n = pd_page_write(dst, PD_PAGE_TEXT, 400, "a bare LF", ID);
    CHECK_STR(pd_slice(dst, n), "400 Bad Request\nThe request is malformed: a bare LF.\nRequest " ID "\n");
    n = pd_page_write(dst, PD_PAGE_TEXT, 400, "", ID);
    CHECK_STR(pd_slice(dst, n), "400 Bad Request\nThe request is malformed.\nRequest " ID "\n");
    n = pd_page_write(dst, PD_PAGE_TEXT, 999, NULL, ID);
    CHECK_STR(pd_slice(dst, n),
              "500 Internal Server Error\nThe application failed to answer this request.\nRequest " ID "\n");
    n = pd_page_write(dst, PD_PAGE_JSON, 413, "x", ID);
    CHECK_STR(pd_slice(dst, n), "{\"status\": 413, \"title\": \"Content Too Large\", \"detail\": \"The body of the "
                                "request is larger than this server accepts.\", \"request_id\": \"" ID "\"}\n");
}

/* Every reason fits every page, needs no escaping, and is shown only with 400. */
static void test_reasons(void)
{
    for (int r = PD_R_NONE + 1; r < PD_R_COUNT_; r++) {
        const char *why = pd_reason_text((enum pd_reason)r);
        int status = pd_reason_status((enum pd_reason)r);
        CHECK(strpbrk(why, "<>&\"\\") == NULL);
        if (!status)
            continue;
        CHECK_INT(atoi(pd_page_status(status).p), status);
        CHECK_INT(strlen(pd_page_status(status).p), pd_page_status(status).n);
        for (int kind = PD_PAGE_TEXT; kind <= PD_PAGE_JSON; kind++) {
            char dst[PD_PAGE_MAX];
            size_t n = pd_page_write(dst, (enum pd_page_kind)kind, status, why, ID);
            CHECK(n < PD_PAGE_MAX && strlen(dst) == n);
            CHECK_INT(strstr(dst, why) != NULL, status == 400);
            CHECK(strstr(dst, ID) != NULL);
        }
    }
}

int main(void)
{
    test_choice();
    test_text();
    test_reasons();
    return check_result();
}
