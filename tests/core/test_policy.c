/* test_policy.c - which names and values reach the environ, in both forms of a head. */
#include "check.h"
#include "made.h"

#include "codec/policy.h"

#define CHECK_VALUE(m, key, want) CHECK_STR(made_value((m), key), want)
#define CHECK_ABSENT(m, key)      CHECK(!made_has((m), key))

/* --- the HTTP form --- */

static void test_http_header_names(struct made *m)
{
    CHECK_INT(made_http(m, "GET", "/", F("Host", "a.test"), F("X-Foo", "1"), F("x-bar9", "2"), F("User-Agent", "ua"),
                        F("X_Foo", "spoofed"), F("X.Dot", "3"), F("X~Tilde", "4"), F("Content_Length", "5"),
                        F("wsgi.input", "6")),
              PD_R_NONE);
    CHECK_VALUE(m, "HTTP_X_FOO", "1");
    CHECK_VALUE(m, "HTTP_X_BAR9", "2");
    CHECK_VALUE(m, "HTTP_USER_AGENT", "ua");
    CHECK_VALUE(m, "HTTP_HOST", "a.test");
    for (size_t i = 0; i < m->r.nvars; i++) {
        struct pd_slice key = made_key(&m->r.vars[i]);
        for (size_t k = 0; k < key.n; k++)
            CHECK((key.p[k] >= 'A' && key.p[k] <= 'Z') || (key.p[k] >= '0' && key.p[k] <= '9') || key.p[k] == '_');
        CHECK(!pd_slice_eq(m->r.vars[i].value, PD_SLICE("spoofed")));
    }
    CHECK_ABSENT(m, "CONTENT_LENGTH");
    CHECK_ABSENT(m, "HTTP_X_DOT");
    CHECK_ABSENT(m, "HTTP_CONTENT_LENGTH");
}

static void test_http_dropped_headers(struct made *m)
{
    CHECK_INT(made_http(m, "POST", "/", F("Host", "a"), F("Proxy", "http://evil"), F("PROXY", "x"),
                        F("Transfer-Encoding", "chunked"), F("Content-Type", " text/plain\t"), F("X-Empty", " \t ")),
              PD_R_NONE);
    CHECK_ABSENT(m, "HTTP_PROXY");
    CHECK_ABSENT(m, "HTTP_TRANSFER_ENCODING");
    CHECK_ABSENT(m, "HTTP_CONTENT_TYPE");
    CHECK_VALUE(m, "CONTENT_TYPE", "text/plain");
    CHECK_VALUE(m, "HTTP_X_EMPTY", "");
}

static void test_http_empty_content_type_is_absent(struct made *m)
{
    CHECK_INT(made_http(m, "POST", "/", F("Host", "a"), F("Content-Type", "")), PD_R_NONE);
    CHECK_ABSENT(m, "CONTENT_TYPE");
    CHECK_INT(made_http(m, "POST", "/", F("Content-Type", ""), F("Content-Type", "a/b")), PD_R_DUPLICATE_FIELD);
}

static void test_http_repeated_headers_are_joined(struct made *m)
{
    CHECK_INT(made_http(m, "GET", "/", F("Host", "a"), F("Cookie", "a=1"), F("X-R", "1"), F("Accept", "x"),
                        F("cookie", "b=2"), F("x-r", ""), F("ACCEPT", "y"), F("X-r", "3")),
              PD_R_NONE);
    CHECK_VALUE(m, "HTTP_COOKIE", "a=1; b=2");
    CHECK_VALUE(m, "HTTP_X_R", "1, , 3");
    CHECK_VALUE(m, "HTTP_ACCEPT", "x, y");
}

static void test_http_single_headers_twice(struct made *m)
{
    CHECK_INT(made_http(m, "GET", "/", F("Host", "a"), F("host", "a")), PD_R_DUPLICATE_FIELD);
    CHECK_INT(made_http(m, "GET", "/", F("Content-Type", "a/b"), F("content-type", "a/b")), PD_R_DUPLICATE_FIELD);
    CHECK_INT(made_http(m, "GET", "/", F("Content-Length", "1"), F("Content-length", "1")),
              PD_R_DUPLICATE_CONTENT_LENGTH);
}

static void test_http_length(struct made *m)
{
    CHECK_INT(made_http(m, "POST", "/", F("Content-Length", "0")), PD_R_NONE);
    CHECK_VALUE(m, "CONTENT_LENGTH", "0");
    CHECK_INT(m->r.content_length, 0);
    CHECK_INT(made_http(m, "POST", "/", F("Content-Length", "+1")), PD_R_BAD_CONTENT_LENGTH);
    m->limits.body = 10;
    CHECK_INT(made_http(m, "POST", "/", F("Content-Length", "11")), PD_R_BODY_TOO_LARGE);
    m->limits = PD_LIMITS_DEFAULT;
}

static void test_methods(struct made *m)
{
    CHECK_INT(made_http(m, "", "/", F("Host", "a")), PD_R_MISSING_METHOD);
    CHECK_INT(made_http(m, "G ET", "/", F("Host", "a")), PD_R_BAD_METHOD);
    CHECK_INT(made_http(m, "CONNECT", "/", F("Host", "a")), PD_R_CONNECT_REFUSED);
    CHECK_INT(made_http(m, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "/", F("Host", "a")), PD_R_METHOD_TOO_LONG);
    CHECK_INT(made_http(m, "M-SEARCH", "/", F("Host", "a")), PD_R_NONE);
    CHECK_VALUE(m, "REQUEST_METHOD", "M-SEARCH");
    CHECK_INT(made_cgi(m, F("REQUEST_URI", "/")), PD_R_MISSING_METHOD);
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "")), PD_R_MISSING_METHOD);
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "G=ET")), PD_R_BAD_METHOD);
}

/* --- the CGI form --- */

static void test_cgi_header_names(struct made *m)
{
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_X_FOO", "1"), F("HTTP_ACCEPT", "a"), F("HTTP_X_foo", "2"),
                       F("HTTP_X-FOO", "3"), F("HTTP_", "4"), F("HTTP_X.DOT", "5"), F("http_x", "6"),
                       F("proxy-fcgi-pathinfo", "unescape"), F("wsgi.url_scheme", "https"), F("polydoor.x", "7"),
                       F("Path", "8")),
              PD_R_NONE);
    CHECK_VALUE(m, "HTTP_X_FOO", "1");
    CHECK_VALUE(m, "HTTP_ACCEPT", "a");
    CHECK_ABSENT(m, "HTTP_X_foo");
    CHECK_ABSENT(m, "HTTP_X-FOO");
    CHECK_ABSENT(m, "HTTP_");
    CHECK_ABSENT(m, "HTTP_X.DOT");
    CHECK_ABSENT(m, "http_x");
    CHECK_ABSENT(m, "proxy-fcgi-pathinfo");
    CHECK_ABSENT(m, "wsgi.url_scheme");
    CHECK_ABSENT(m, "polydoor.x");
    CHECK_ABSENT(m, "Path");
}

static void test_cgi_names_with_controls_are_refused(struct made *m)
{
    CHECK_INT(made_cgi(m, MADE_GET, F("", "x")), PD_R_BAD_VARIABLE_NAME);
    CHECK_INT(made_cgi(m, MADE_GET, F("A\0B", "x")), PD_R_BAD_VARIABLE_NAME);
    CHECK_INT(made_cgi(m, MADE_GET, F("A B", "x")), PD_R_BAD_VARIABLE_NAME);
    CHECK_INT(made_cgi(m, MADE_GET, F("a\x7f", "x")), PD_R_BAD_VARIABLE_NAME);
}

static void test_cgi_dropped_headers(struct made *m)
{
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_PROXY", "x"), F("HTTP_CONTENT_LENGTH", "3"), F("HTTP_CONTENT_TYPE", "a/b"),
                       F("CONTENT_LENGTH", "0"), F("HTTP_TRANSFER_ENCODING", "gzip")),
              PD_R_NONE);
    CHECK_ABSENT(m, "HTTP_PROXY");
    CHECK_ABSENT(m, "HTTP_CONTENT_LENGTH");
    CHECK_ABSENT(m, "HTTP_CONTENT_TYPE");
    CHECK_ABSENT(m, "HTTP_TRANSFER_ENCODING");
    CHECK_ABSENT(m, "CONTENT_TYPE");
    CHECK(!m->r.chunked);
}

static void test_cgi_body_of_unknown_length(struct made *m)
{
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_TRANSFER_ENCODING", "gzip")), PD_R_UNKNOWN_TRANSFER_ENCODING);
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_TRANSFER_ENCODING", "")), PD_R_NONE);
    CHECK(!m->r.chunked);
    CHECK_INT(made_cgi(m, MADE_GET, F("CONTENT_LENGTH", ""), F("HTTP_TRANSFER_ENCODING", "Chunked")), PD_R_NONE);
    CHECK(m->r.chunked);
    CHECK_INT(m->r.content_length, -1);
    CHECK_ABSENT(m, "CONTENT_LENGTH");
    /* nginx with request buffering sends both; the length is what counts */
    CHECK_INT(made_cgi(m, MADE_GET, F("CONTENT_LENGTH", "7"), F("HTTP_TRANSFER_ENCODING", "chunked")), PD_R_NONE);
    CHECK(!m->r.chunked);
    CHECK_INT(m->r.content_length, 7);
}

static void test_cgi_repeated_headers_are_joined(struct made *m)
{
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_COOKIE", "a=1"), F("HTTP_X_R", "1"), F("HTTP_COOKIE", "b=2"),
                       F("HTTP_X_R", "2"), F("HTTP_ACCEPT", "x"), F("HTTP_ACCEPT", "y")),
              PD_R_NONE);
    CHECK_VALUE(m, "HTTP_COOKIE", "a=1; b=2");
    CHECK_VALUE(m, "HTTP_X_R", "1, 2");
    CHECK_VALUE(m, "HTTP_ACCEPT", "x, y");
}

static void test_cgi_duplicates(struct made *m)
{
    CHECK_INT(made_cgi(m, MADE_GET, F("REQUEST_METHOD", "GET")), PD_R_DUPLICATE_VARIABLE);
    CHECK_INT(made_cgi(m, MADE_GET, F("REQUEST_URI", "/")), PD_R_DUPLICATE_VARIABLE);
    CHECK_INT(made_cgi(m, MADE_GET, F("SERVER_PROTOCOL", "HTTP/1.1")), PD_R_DUPLICATE_VARIABLE);
    CHECK_INT(made_cgi(m, MADE_GET, F("PATH_INFO", "/"), F("PATH_INFO", "/")), PD_R_DUPLICATE_VARIABLE);
    CHECK_INT(made_cgi(m, MADE_GET, F("SCRIPT_NAME", ""), F("SCRIPT_NAME", "")), PD_R_DUPLICATE_VARIABLE);
    CHECK_INT(made_cgi(m, MADE_GET, F("QUERY_STRING", ""), F("QUERY_STRING", "a")), PD_R_DUPLICATE_VARIABLE);
    CHECK_INT(made_cgi(m, MADE_GET, F("CONTENT_TYPE", ""), F("CONTENT_TYPE", "a")), PD_R_DUPLICATE_VARIABLE);
    CHECK_INT(made_cgi(m, MADE_GET, F("CONTENT_LENGTH", "1"), F("CONTENT_LENGTH", "1")), PD_R_DUPLICATE_CONTENT_LENGTH);
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_HOST", "a"), F("HTTP_HOST", "a")), PD_R_DUPLICATE_VARIABLE);
    /* `include fastcgi_params;` and then a line of one's own: nginx sends both, in this order */
    CHECK_INT(
        made_cgi(m, MADE_GET, F("SERVER_NAME", "_"), F("SERVER_NAME", "b.test"), F("SHOP_ID", "1"), F("SHOP_ID", "2")),
        PD_R_NONE);
    CHECK_VALUE(m, "SERVER_NAME", "b.test");
    CHECK_VALUE(m, "SHOP_ID", "2");
}

static void test_cgi_operator_variables(struct made *m)
{
    CHECK_INT(made_cgi(m, MADE_GET, F("SHOP_ID", "7"), F("SSL_PROTOCOL", "TLSv1.3"), F("UNIQUE_ID", "u"),
                       F("EMPTY", ""), F("_X", "1"), F("9X", "1"), F("PATHS", "ok"), F("SCGI_X", "ok")),
              PD_R_NONE);
    CHECK_VALUE(m, "SHOP_ID", "7");
    CHECK_VALUE(m, "SSL_PROTOCOL", "TLSv1.3");
    CHECK_VALUE(m, "UNIQUE_ID", "u");
    CHECK_VALUE(m, "PATHS", "ok");
    CHECK_VALUE(m, "SCGI_X", "ok");
    CHECK_ABSENT(m, "EMPTY");
    CHECK_ABSENT(m, "_X");
    CHECK_ABSENT(m, "9X");
}

static void test_cgi_unwanted_variables(struct made *m)
{
    static const char *const names[] = {
        "PATH",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "PYTHONPATH",
        "PYTHONHOME",
        "UWSGI_FILE",
        "UWSGI_SCRIPT",
        "PHP_VALUE",
        "PHP_ADMIN_VALUE",
        "FCGI_ROLE",
        "HOME",
        "IFS",
        "SHELL",
        "ENV",
        "BASH_ENV",
        "DYLD_X",
        "TMPDIR",
        "PWD",
        "SCGI",
        "POLYDOOR_BIND",
        "REDIRECT_STATUS",
        "REDIRECT_URI",
        "SERVER_ADMIN",
        "SERVER_SIGNATURE",
        "SCRIPT_URI",
        "SCRIPT_URL",
        "CONTEXT_PREFIX",
        "DOCUMENT_ROOT",
        "DOCUMENT_URI",
        "SCRIPT_FILENAME",
        "SERVER_ADDR",
        "PATH_TRANSLATED",
        "SERVER_SOFTWARE",
        "REQUEST_SCHEME",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct pd_field fields[] = { MADE_GET, { pd_slice(names[i], strlen(names[i])), PD_SLICE("1") } };
        CHECK_INT(made_build_cgi(m, fields, sizeof fields / sizeof fields[0]), PD_R_NONE);
        CHECK_ABSENT(m, names[i]);
    }
}

static void test_cgi_identity(struct made *m)
{
    for (int trust = 0; trust < 2; trust++) {
        m->site.trust_remote_user = trust;
        CHECK_INT(made_cgi(m, MADE_GET, F("REMOTE_USER", "ann"), F("AUTH_TYPE", "Basic"), F("REMOTE_IDENT", "i"),
                           F("REMOTE_GROUP", "g"), F("AUTH_LEVEL", "2"), F("REMOTE_X", "")),
                  PD_R_NONE);
        CHECK_INT(made_has(m, "REMOTE_USER"), trust);
        CHECK_INT(made_has(m, "AUTH_TYPE"), trust);
        CHECK_INT(made_has(m, "REMOTE_IDENT"), trust);
        CHECK_INT(made_has(m, "REMOTE_GROUP"), trust);
        CHECK_INT(made_has(m, "AUTH_LEVEL"), trust);
        CHECK_ABSENT(m, "REMOTE_X");
    }
    /* Caddy sends them empty when nobody has authenticated */
    CHECK_INT(made_cgi(m, MADE_GET, F("REMOTE_USER", ""), F("AUTH_TYPE", ""), F("REMOTE_HOST", "")), PD_R_NONE);
    CHECK_ABSENT(m, "REMOTE_USER");
    CHECK_ABSENT(m, "AUTH_TYPE");
    CHECK_ABSENT(m, "REMOTE_HOST");
    CHECK_INT(made_cgi(m, MADE_GET, F("REMOTE_USER", "a"), F("REMOTE_USER", "b")), PD_R_DUPLICATE_VARIABLE);
    m->site.trust_remote_user = false;
}

static void test_cgi_values(struct made *m)
{
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_X", "a\0b")), PD_R_BAD_VARIABLE_VALUE);
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_ACCEPT", "a\r")), PD_R_BAD_VARIABLE_VALUE);
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_X", "1234567\n89")), PD_R_BAD_VARIABLE_VALUE);
    CHECK_INT(made_cgi(m, MADE_GET, F("QUERY_STRING", "a\nb")), PD_R_BAD_VARIABLE_VALUE);
    CHECK_INT(made_cgi(m, MADE_GET, F("SHOP_ID", "12345678\r")), PD_R_BAD_VARIABLE_VALUE);
    CHECK_INT(made_cgi(m, MADE_GET, F("SERVER_NAME", "a\0")), PD_R_BAD_VARIABLE_VALUE);
    CHECK_INT(made_cgi(m, MADE_GET, F("PATH_INFO", "/a\0")), PD_R_BAD_VARIABLE_VALUE);
    CHECK_INT(made_cgi(m, MADE_GET, F("SSL_CLIENT_CERT", "a\0b")), PD_R_BAD_VARIABLE_VALUE);
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_X", " \ta\x01\xe9\t "), F("SSL_CLIENT_CERT", "-----\nMII\n-----\n")),
              PD_R_NONE);
    CHECK_VALUE(m, "HTTP_X", "a\x01\xe9");
    CHECK_VALUE(m, "SSL_CLIENT_CERT", "-----\nMII\n-----\n");
}

static void test_cgi_host(struct made *m)
{
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_HOST", "a.test:80")), PD_R_NONE);
    CHECK_VALUE(m, "HTTP_HOST", "a.test:80");
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_HOST", "a.test/x")), PD_R_BAD_HOST);
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_HOST", "u@a.test")), PD_R_BAD_HOST);
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_HOST", "")), PD_R_NONE);
    CHECK_VALUE(m, "HTTP_HOST", "");
}

/* --- counts and sizes --- */

static void number_names(struct made *m, char (*names)[16], size_t n, const char *prefix, bool same)
{
    for (size_t i = 0; i < n; i++) {
        int len = snprintf(names[i], sizeof names[i], "%s%zu", prefix, same ? (size_t)0 : i);
        m->fields[i] = (struct pd_field){ pd_slice(names[i], (size_t)len), PD_SLICE("v") };
    }
}

static void test_counts(struct made *m)
{
    static char names[PD_FIELDS_MAX][16];
    m->limits.fields = 100;
    m->head = (struct pd_head){ .form = PD_HEAD_HTTP, .method = PD_SLICE("GET"), .target = PD_SLICE("/") };
    number_names(m, names, 101, "X-", false);
    m->head.nfields = 100;
    CHECK_INT(made_build(m), PD_R_NONE);
    CHECK_VALUE(m, "HTTP_X_99", "v");
    number_names(m, names, 101, "X-", false);
    m->head.nfields = 101;
    CHECK_INT(made_build(m), PD_R_TOO_MANY_FIELDS);

    /* the front end's own variables do not count */
    m->head.form = PD_HEAD_CGI;
    number_names(m, names, 200, "HTTP_X_", false);
    for (size_t i = 0; i < 100; i++)
        m->fields[i].name = pd_slice_from(m->fields[i].name, 5);
    m->fields[0] = (struct pd_field)F("REQUEST_METHOD", "GET");
    m->head.nfields = 200;
    CHECK_INT(made_build(m), PD_R_NONE);
    CHECK_VALUE(m, "X_99", "v");
    CHECK_VALUE(m, "HTTP_X_199", "v");
    m->fields[1].name = PD_SLICE("HTTP_ACCEPT");
    CHECK_INT(made_build(m), PD_R_TOO_MANY_FIELDS);
    m->limits = PD_LIMITS_DEFAULT;
}

static void test_the_most_fields(struct made *m)
{
    static char names[PD_FIELDS_MAX][16];
    m->limits.fields = PD_FIELDS_MAX;
    for (int same = 0; same < 2; same++) {
        m->head = (struct pd_head){ .form = PD_HEAD_HTTP, .method = PD_SLICE("GET"), .target = PD_SLICE("/") };
        number_names(m, names, PD_FIELDS_MAX, "X-", same);
        m->head.nfields = PD_FIELDS_MAX;
        CHECK_INT(made_build(m), PD_R_NONE);
        CHECK_INT(made_value(m, "HTTP_X_0").n, same ? 3 * PD_FIELDS_MAX - 2 : 1);
        CHECK_INT(made_has(m, "HTTP_X_511"), !same);
    }
    m->limits = PD_LIMITS_DEFAULT;
}

/* Names of one length whose keys differ only at the end: the table must keep them apart. */
static void test_names_that_share_a_slot(struct made *m)
{
    static char names[256][16];
    m->limits.fields = 256;
    m->head = (struct pd_head){ .form = PD_HEAD_CGI };
    m->fields[0] = (struct pd_field)F("REQUEST_METHOD", "GET");
    for (size_t i = 1; i < 256; i++) {
        int len = snprintf(names[i], sizeof names[i], "HTTP_X_%03zu", i);
        m->fields[i] = (struct pd_field){ pd_slice(names[i], (size_t)len), pd_slice(names[i], (size_t)len) };
    }
    m->head.nfields = 256;
    CHECK_INT(made_build(m), PD_R_NONE);
    for (size_t i = 1; i < 256; i++)
        CHECK_SLICE(made_value(m, names[i]), pd_slice(names[i], strlen(names[i])));
    m->limits = PD_LIMITS_DEFAULT;
}

/* --- cookies --- */

static void check_mended(const char *from, const char *want)
{
    char text[64];
    size_t n = strlen(from);
    memcpy(text, from, n);
    pd_policy_mend_cookie(text, n);
    CHECK_SLICE(pd_slice(text, n), pd_slice(want, strlen(want)));
}

static void test_cookies_are_mended(void)
{
    check_mended("a=1, b=2", "a=1; b=2");
    check_mended("a=1, b=2, c=3; d=4", "a=1; b=2; c=3; d=4");
    check_mended("a=x, y, b=2", "a=x, y; b=2");
    check_mended("a=1,b=2", "a=1,b=2");
    check_mended("a=1, , b=2", "a=1, ; b=2");
    check_mended("a=1, =2", "a=1, =2");
    check_mended("a=1, b", "a=1, b");
    check_mended("a=1, b c=2", "a=1, b c=2");
    check_mended("a=1, ", "a=1, ");
    check_mended("a=1,", "a=1,");
    check_mended(", a=1", "; a=1");
    check_mended("", "");
}

static void test_what_is_of_the_request(void)
{
    CHECK(pd_policy_is_of_request(PD_SLICE("REQUEST_METHOD")));
    CHECK(pd_policy_is_of_request(PD_SLICE("HTTP_X_FOO")));
    CHECK(pd_policy_is_of_request(PD_SLICE("SSL_CLIENT_S_DN")));
    CHECK(!pd_policy_is_of_request(PD_SLICE("SHOP_PASSWORD")));
    CHECK(!pd_policy_is_of_request(PD_SLICE("UNIQUE_IDS")));
    CHECK(!pd_policy_is_of_request(PD_SLICE("")));
}

int main(void)
{
    static struct made m;
    static void (*const tests[])(struct made *) = {
        test_http_header_names,
        test_http_dropped_headers,
        test_http_empty_content_type_is_absent,
        test_http_repeated_headers_are_joined,
        test_http_single_headers_twice,
        test_http_length,
        test_methods,
        test_cgi_header_names,
        test_cgi_names_with_controls_are_refused,
        test_cgi_dropped_headers,
        test_cgi_body_of_unknown_length,
        test_cgi_repeated_headers_are_joined,
        test_cgi_duplicates,
        test_cgi_operator_variables,
        test_cgi_unwanted_variables,
        test_cgi_identity,
        test_cgi_values,
        test_cgi_host,
        test_counts,
        test_the_most_fields,
        test_names_that_share_a_slot,
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        made_init(&m);
        tests[i](&m);
        made_fini(&m);
    }
    test_cookies_are_mended();
    test_what_is_of_the_request();
    return check_result();
}
