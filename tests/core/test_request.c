/* test_request.c - the same environ through every door. */
#include "check.h"
#include "made.h"

#include "codec/profiles.h"

#include <stdlib.h>

#define CHECK_VALUE(m, key, want) CHECK_STR(made_value((m), key), want)
#define CHECK_ABSENT(m, key)      CHECK(!made_has((m), key))
#define RAW                       "/m/a%2Fb/c%20d;x=1//e/%C3%A9?q=1&r=%20+x"
#define ALL_KEPT                  "/m/a%2Fb/c d;x=1/e/\xc3\xa9" /* decoded but for %2F, slashes merged */
#define ALL_NGINX                 "/m/a/b/c d;x=1/e/\xc3\xa9"   /* decoded, slashes merged */
#define ALL_CADDY                 "/m/a/b/c d;x=1//e/\xc3\xa9"  /* decoded */
#define REST_KEPT                 "/a%2Fb/c d;x=1/e/\xc3\xa9"
#define REST_NGINX                "/a/b/c d;x=1/e/\xc3\xa9"
#define REST_CADDY                "/a/b/c d;x=1//e/\xc3\xa9"

/* --- paths: one row for each front-end configuration of the reference table (protocols section 9.2) --- */

struct front_end {
    const char *what;
    const char *script; /* NULL: not sent */
    const char *info;
    const char *unmounted; /* SCRIPT_NAME that comes of it when no mount is configured */
    enum pd_profile profile;
    const char *uri;  /* NULL: RAW */
    const char *path; /* PATH_INFO with the mount /m; NULL: that of RAW */
};

static const struct front_end front_ends[] = {
    { "Apache ProxyPass fcgi", ALL_KEPT, NULL, "", PD_PROFILE_APACHE, NULL, NULL },
    { "Apache fcgi, type GENERIC", ALL_KEPT, NULL, "", PD_PROFILE_APACHE, NULL, NULL },
    { "Apache fcgi, proxy-fcgi-pathinfo", "/m", REST_KEPT, "/m", PD_PROFILE_APACHE, NULL, NULL },
    { "Apache scgi", ALL_KEPT, NULL, "", PD_PROFILE_APACHE, NULL, NULL },
    { "Apache scgi, proxy-scgi-pathinfo", "/m", REST_KEPT, "/m", PD_PROFILE_APACHE, NULL, NULL },
    { "Apache uwsgi", "/m", REST_KEPT, "/m", PD_PROFILE_APACHE, NULL, NULL },
    { "Apache uwsgi, root of the mount", "/m/", "/", "/m", PD_PROFILE_APACHE, "/m/", "/" },
    { "nginx fastcgi_params", ALL_NGINX, NULL, "", PD_PROFILE_NGINX, NULL, NULL },
    { "nginx fastcgi_split_path_info", "/m", REST_NGINX, "/m", PD_PROFILE_NGINX, NULL, NULL },
    { "nginx scgi_params", NULL, NULL, "", PD_PROFILE_NGINX, NULL, NULL },
    { "nginx uwsgi_params", NULL, ALL_NGINX, "", PD_PROFILE_NGINX, NULL, NULL },
    { "lighttpd on /m", "/m", REST_NGINX, "", PD_PROFILE_LIGHTTPD, NULL, NULL },
    { "lighttpd on /", "/m", REST_NGINX, "", PD_PROFILE_LIGHTTPD, NULL, NULL },
    { "lighttpd on /, the root", "/", NULL, "", PD_PROFILE_LIGHTTPD, "/", NULL },
    { "lighttpd on /, fix-root-scriptname", "", ALL_NGINX, "", PD_PROFILE_LIGHTTPD, NULL, NULL },
    { "HAProxy without path-info", ALL_CADDY, NULL, "", PD_PROFILE_HAPROXY, NULL, NULL },
    { "HAProxy with path-info", "/m", REST_CADDY, "/m", PD_PROFILE_HAPROXY, NULL, NULL },
    { "Caddy without split", "", ALL_CADDY, "", PD_PROFILE_CADDY, NULL, NULL },
    { "Caddy split", "/m", REST_CADDY, "/m", PD_PROFILE_CADDY, NULL, NULL },
};

static struct pd_slice text_of(const char *s)
{
    return s ? pd_slice(s, strlen(s)) : PD_SLICE_NONE;
}

static void put_field(struct made *m, const char *name, const char *value)
{
    if (value)
        m->fields[m->head.nfields++] = (struct pd_field){ text_of(name), text_of(value) };
}

static enum pd_reason build_front_end(struct made *m, const struct front_end *f, bool with_uri)
{
    m->head = (struct pd_head){ .form = PD_HEAD_CGI, .content_length = -1 };
    put_field(m, "REQUEST_METHOD", "GET");
    put_field(m, "SERVER_PROTOCOL", "HTTP/1.1");
    put_field(m, "QUERY_STRING", "q=1&r=%20+x");
    put_field(m, "SCRIPT_NAME", f->script);
    put_field(m, "PATH_INFO", f->info);
    if (with_uri)
        put_field(m, "REQUEST_URI", f->uri ? f->uri : RAW);
    m->site.profile = f->profile;
    return made_build(m);
}

static void test_every_front_end_with_a_mount(struct made *m)
{
    for (size_t i = 0; i < sizeof front_ends / sizeof front_ends[0]; i++) {
        const struct front_end *f = &front_ends[i];
        m->site.mount = PD_SLICE("/m");
        CHECK_INT(build_front_end(m, f, true), PD_R_NONE);
        if (f->uri && strcmp(f->uri, "/") == 0)
            continue; /* not below the mount: see the next test */
        CHECK_VALUE(m, "SCRIPT_NAME", "/m");
        CHECK_SLICE(made_value(m, "PATH_INFO"), text_of(f->path ? f->path : REST_CADDY));
        CHECK_VALUE(m, "QUERY_STRING", "q=1&r=%20+x");
        CHECK_SLICE(made_value(m, "REQUEST_URI"), text_of(f->uri ? f->uri : RAW));
    }
}

static void test_every_front_end_without_a_mount(struct made *m)
{
    for (size_t i = 0; i < sizeof front_ends / sizeof front_ends[0]; i++) {
        const struct front_end *f = &front_ends[i];
        m->site.mount = PD_SLICE("");
        CHECK_INT(build_front_end(m, f, true), PD_R_NONE);
        CHECK_SLICE(made_value(m, "SCRIPT_NAME"), text_of(f->unmounted));
        /* SCRIPT_NAME and PATH_INFO together are the path requested */
        const char *whole = f->uri ? f->uri : ALL_CADDY;
        CHECK_SLICE(made_value(m, "PATH_INFO"), text_of(whole + strlen(f->unmounted)));
    }
}

static void test_every_front_end_without_request_uri(struct made *m)
{
    for (size_t i = 0; i < sizeof front_ends / sizeof front_ends[0]; i++) {
        const struct front_end *f = &front_ends[i];
        m->site.mount = PD_SLICE("");
        CHECK_INT(build_front_end(m, f, false), PD_R_NONE);
        CHECK_ABSENT(m, "REQUEST_URI");
        struct pd_slice script = made_value(m, "SCRIPT_NAME");
        struct pd_slice info = made_value(m, "PATH_INFO");
        CHECK(script.n == 0 || (script.p[0] == '/' && script.p[script.n - 1] != '/'));
        CHECK(info.n ? info.p[0] == '/' : script.n > 0);
        if (f->profile == PD_PROFILE_LIGHTTPD)
            CHECK_INT(script.n, 0);
        else if (f->script && f->info)
            CHECK_SLICE(info, text_of(f->info));
    }
    m->site.mount = PD_SLICE("/m");
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "GET"), F("PATH_INFO", "/m/x")), PD_R_NONE);
    CHECK_VALUE(m, "SCRIPT_NAME", "/m");
    CHECK_VALUE(m, "PATH_INFO", "/x");
    m->site.mount = PD_SLICE("");
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "GET"), F("REQUEST_URI", "")), PD_R_NONE);
    CHECK_VALUE(m, "SCRIPT_NAME", "");
    CHECK_VALUE(m, "PATH_INFO", "/");
    CHECK_VALUE(m, "QUERY_STRING", "");
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "GET"), F("SCRIPT_NAME", "/m/"), F("PATH_INFO", "x")), PD_R_NONE);
    CHECK_VALUE(m, "SCRIPT_NAME", "/m");
    CHECK_VALUE(m, "PATH_INFO", "/x");
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "GET"), F("PATH_INFO", "x")), PD_R_BAD_PATH);
    /* a hint that makes no sense is no reason to refuse */
    CHECK_INT(made_cgi(m, MADE_GET, F("SCRIPT_NAME", "app.wsgi"), F("PATH_INFO", "x")), PD_R_NONE);
    CHECK_VALUE(m, "PATH_INFO", "/");
}

static void test_paths_of_http(struct made *m)
{
    static const struct {
        const char *mount;
        const char *target;
        const char *script;
        const char *info;
        const char *query;
        const char *uri;
    } rows[] = {
        { "", RAW, "", ALL_CADDY, "q=1&r=%20+x", RAW },
        { "/m", RAW, "/m", REST_CADDY, "q=1&r=%20+x", RAW },
        { "/m", "/m", "/m", "", "", "/m" },
        { "/m", "/m/", "/m", "/", "", "/m/" },
        { "/m", "/mm", "", "/mm", "", "/mm" },
        { "/m", "/", "", "/", "", "/" },
        { "/caf\xc3\xa9", "/caf%C3%A9/x", "/caf\xc3\xa9", "/x", "", "/caf%C3%A9/x" },
        { "", "/a%2541?%41", "", "/a%41", "%41", "/a%2541?%41" },
        { "", "/..%2f..//x", "", "/../..//x", "", "/..%2f..//x" },
        { "", "http://b.test/x?y", "", "/x", "y", "/x?y" },
        { "", "http://b.test?y", "", "/", "y", "/?y" },
        { "", "http://b.test", "", "/", "", "/" },
        { "", "/?", "", "/", "", "/?" },
        { "", "/a#f", "", "/a", "", "/a" },
        { "", "/100%", "", "/100%", "", "/100%" },
        { "", "/a%0Ab", "", "/a\nb", "", "/a%0Ab" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pd_field host = F("Host", "a.test");
        m->site.mount = text_of(rows[i].mount);
        CHECK_INT(made_build_http(m, PD_SLICE("GET"), text_of(rows[i].target), &host, 1), PD_R_NONE);
        CHECK_SLICE(made_value(m, "SCRIPT_NAME"), text_of(rows[i].script));
        CHECK_SLICE(made_value(m, "PATH_INFO"), text_of(rows[i].info));
        CHECK_SLICE(made_value(m, "QUERY_STRING"), text_of(rows[i].query));
        CHECK_SLICE(made_value(m, "REQUEST_URI"), text_of(rows[i].uri));
        CHECK_SLICE(m->r.path, text_of(rows[i].info));
        CHECK_SLICE(m->r.query, text_of(rows[i].query));
    }
}

static void test_targets_that_are_refused(struct made *m)
{
    CHECK_INT(made_http(m, "GET", "/%00", F("Host", "a")), PD_R_NUL_IN_PATH);
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "GET"), F("REQUEST_URI", "/a%00b")), PD_R_NUL_IN_PATH);
    CHECK_INT(made_http(m, "GET", "*", F("Host", "a")), PD_R_BAD_TARGET);
    CHECK_INT(made_http(m, "GET", "", F("Host", "a")), PD_R_BAD_TARGET);
    CHECK_INT(made_http(m, "GET", "a.test:80", F("Host", "a")), PD_R_BAD_TARGET);
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "GET"), F("REQUEST_URI", "x")), PD_R_BAD_TARGET);
    m->limits.target = 4;
    CHECK_INT(made_http(m, "GET", "/123", F("Host", "a")), PD_R_NONE);
    CHECK_INT(made_http(m, "GET", "/1234", F("Host", "a")), PD_R_TARGET_TOO_LONG);
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "GET"), F("REQUEST_URI", "/1234")), PD_R_TARGET_TOO_LONG);
}

static void test_options_asterisk(struct made *m)
{
    CHECK_INT(made_http(m, "OPTIONS", "*", F("Host", "a")), PD_R_NONE);
    CHECK_VALUE(m, "REQUEST_URI", "*");
    CHECK_VALUE(m, "SCRIPT_NAME", "");
    CHECK_VALUE(m, "PATH_INFO", "/");
}

static void test_query_string(struct made *m)
{
    /* nginx "rewrite ^ /x?b=2" changes the arguments and not REQUEST_URI */
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "GET"), F("REQUEST_URI", "/x?a=1"), F("QUERY_STRING", "b=2")), PD_R_NONE);
    CHECK_VALUE(m, "QUERY_STRING", "b=2");
    CHECK_VALUE(m, "REQUEST_URI", "/x?a=1");
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "GET"), F("REQUEST_URI", "/x?a=1"), F("QUERY_STRING", "")), PD_R_NONE);
    CHECK_VALUE(m, "QUERY_STRING", "");
    /* HAProxy may leave it out */
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "GET"), F("REQUEST_URI", "/x?a=1")), PD_R_NONE);
    CHECK_VALUE(m, "QUERY_STRING", "a=1");
}

/* --- the rest of the environ --- */

static void test_absolute_form_replaces_host(struct made *m)
{
    CHECK_INT(made_http(m, "GET", "http://b.test:81/x", F("Host", "a.test")), PD_R_NONE);
    CHECK_VALUE(m, "HTTP_HOST", "b.test:81");
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "GET"), F("REQUEST_URI", "http://b.test/x"), F("HTTP_HOST", "a.test")),
              PD_R_NONE);
    CHECK_VALUE(m, "HTTP_HOST", "b.test");
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "GET"), F("REQUEST_URI", "http://b.test")), PD_R_NONE);
    CHECK_VALUE(m, "HTTP_HOST", "b.test");
    CHECK_VALUE(m, "PATH_INFO", "/");
}

static void test_server_name_and_port(struct made *m)
{
    static const struct {
        const char *name;
        const char *port;
        const char *want_name;
        const char *want_port;
    } rows[] = {
        { "a.test", "80", "a.test", "80" },  { "a.test:8080", "80", "a.test", "80" },
        { "[::1]:80", "80", "[::1]", "80" }, { "[::1]", "80", "[::1]", "80" },
        { "::1", "80", "::1", "80" },        { "", "", "site.test", "8000" },
        { NULL, NULL, "site.test", "8000" }, { ":80", "80", "site.test", "80" },
        { "a", "8x", "a", "8000" },          { "a", "123456", "a", "8000" },
        { "[::1", "80", "[::1", "80" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        m->head = (struct pd_head){ .form = PD_HEAD_CGI };
        put_field(m, "REQUEST_METHOD", "GET");
        put_field(m, "SERVER_NAME", rows[i].name);
        put_field(m, "SERVER_PORT", rows[i].port);
        CHECK_INT(made_build(m), PD_R_NONE);
        CHECK_SLICE(made_value(m, "SERVER_NAME"), text_of(rows[i].want_name));
        CHECK_SLICE(made_value(m, "SERVER_PORT"), text_of(rows[i].want_port));
    }
    CHECK_INT(made_http(m, "GET", "/", F("Host", "evil.test:99")), PD_R_NONE);
    CHECK_VALUE(m, "SERVER_NAME", "site.test");
    CHECK_VALUE(m, "SERVER_PORT", "8000");
}

static void test_scheme(struct made *m)
{
    static const struct {
        const char *https;
        const char *scheme;
        bool want;
    } rows[] = {
        { "on", NULL, true },     { "ON", "http", true },     { "1", NULL, true },     { "yes", NULL, true },
        { "true", NULL, true },   { "off", "https", false },  { "", "https", false },  { "OFF", NULL, false },
        { NULL, "https", true },  { NULL, "HTTPS", true },    { NULL, "http", false }, { NULL, NULL, false },
        { "maybe", NULL, false }, { "maybe", "https", true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        m->head = (struct pd_head){ .form = PD_HEAD_CGI };
        put_field(m, "REQUEST_METHOD", "GET");
        put_field(m, "SERVER_PORT", "443");
        put_field(m, "HTTPS", rows[i].https);
        put_field(m, "REQUEST_SCHEME", rows[i].scheme);
        CHECK_INT(made_build(m), PD_R_NONE);
        CHECK_INT(m->r.https, rows[i].want);
        CHECK_SLICE(made_value(m, "HTTPS"), text_of(rows[i].want ? "on" : NULL));
        CHECK_ABSENT(m, "REQUEST_SCHEME");
    }
    CHECK_INT(made_http(m, "GET", "/", F("X-Forwarded-Proto", "https"), F("Https", "on")), PD_R_NONE);
    CHECK(!m->r.https);
    CHECK_ABSENT(m, "HTTPS");
}

static void test_client(struct made *m)
{
    CHECK_INT(made_cgi(m, MADE_GET, F("REMOTE_ADDR", "::1"), F("REMOTE_PORT", "5"), F("REMOTE_HOST", "c.test")),
              PD_R_NONE);
    CHECK_VALUE(m, "REMOTE_ADDR", "::1");
    CHECK_VALUE(m, "REMOTE_PORT", "5");
    CHECK_VALUE(m, "REMOTE_HOST", "c.test");
    CHECK_INT(made_cgi(m, MADE_GET, F("REMOTE_ADDR", "::1"), F("REMOTE_HOST", "::1")), PD_R_NONE);
    CHECK_ABSENT(m, "REMOTE_HOST");
    CHECK_ABSENT(m, "REMOTE_PORT"); /* not that of another address */
    CHECK_INT(made_http(m, "GET", "/", F("Host", "a")), PD_R_NONE);
    CHECK_VALUE(m, "REMOTE_ADDR", "192.0.2.9");
    CHECK_VALUE(m, "REMOTE_PORT", "4711");
    m->peer = (struct pd_peer){ PD_SLICE_NONE, PD_SLICE_NONE };
    CHECK_INT(made_http(m, "GET", "/", F("Host", "a")), PD_R_NONE);
    CHECK_VALUE(m, "REMOTE_ADDR", "");
    CHECK_ABSENT(m, "REMOTE_PORT");
}

static void test_protocol_and_flags(struct made *m)
{
    CHECK_INT(made_http(m, "HEAD", "/", F("Host", "a")), PD_R_NONE);
    CHECK(m->r.is_head && m->r.keep_alive && !m->r.expect_continue && !m->r.chunked && !m->r.authorizer);
    CHECK_INT(m->r.http_minor, 1);
    CHECK_VALUE(m, "SERVER_PROTOCOL", "HTTP/1.1");
    CHECK_ABSENT(m, "GATEWAY_INTERFACE");
    m->head.http_minor = 0;
    m->head.chunked = m->head.expect_continue = true;
    m->head.keep_alive = false;
    m->head.method = PD_SLICE("POST");
    CHECK_INT(made_build(m), PD_R_NONE);
    CHECK(!m->r.is_head && !m->r.keep_alive && m->r.expect_continue && m->r.chunked);
    CHECK_INT(m->r.http_minor, 0);
    CHECK_VALUE(m, "SERVER_PROTOCOL", "HTTP/1.0");
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "GET"), F("SERVER_PROTOCOL", "HTTP/2.0")), PD_R_NONE);
    CHECK_INT(m->r.http_minor, 1);
    CHECK_VALUE(m, "SERVER_PROTOCOL", "HTTP/2.0");
    CHECK_VALUE(m, "GATEWAY_INTERFACE", "CGI/1.1");
    m->head.authorizer = true;
    CHECK_INT(made_build(m), PD_R_NONE);
    CHECK(m->r.authorizer);
    CHECK_INT(made_cgi(m, F("REQUEST_METHOD", "GET"), F("SERVER_PROTOCOL", "")), PD_R_NONE);
    CHECK_VALUE(m, "SERVER_PROTOCOL", "HTTP/1.1");
}

static void test_length_that_says_nothing(struct made *m)
{
    /* one front end says 0 where another says nothing, as the client did */
    CHECK_INT(made_cgi(m, F("CONTENT_LENGTH", "0"), MADE_GET), PD_R_NONE);
    CHECK_ABSENT(m, "CONTENT_LENGTH");
    CHECK_INT(m->r.content_length, 0);
    CHECK_INT(made_cgi(m, F("CONTENT_LENGTH", "0"), F("REQUEST_METHOD", "DELETE"), F("HTTP_CONTENT_LENGTH", "0")),
              PD_R_NONE);
    CHECK_ABSENT(m, "CONTENT_LENGTH");
    CHECK_INT(made_http(m, "GET", "/", F("Content-Length", "0")), PD_R_NONE);
    CHECK_ABSENT(m, "CONTENT_LENGTH");
    CHECK_INT(made_cgi(m, F("CONTENT_LENGTH", "0"), F("REQUEST_METHOD", "POST")), PD_R_NONE);
    CHECK_VALUE(m, "CONTENT_LENGTH", "0");
    CHECK_INT(made_cgi(m, F("CONTENT_LENGTH", "3"), MADE_GET), PD_R_NONE);
    CHECK_VALUE(m, "CONTENT_LENGTH", "3");
    CHECK_INT(made_cgi(m, F("CONTENT_LENGTH", " 1"), MADE_GET), PD_R_BAD_CONTENT_LENGTH);
    m->limits.body = 2;
    CHECK_INT(made_cgi(m, F("CONTENT_LENGTH", "3"), MADE_GET), PD_R_BODY_TOO_LARGE);
}

static void test_profiles(struct made *m)
{
    static const struct {
        enum pd_profile profile;
        bool mends_cookies;
        bool drops_empty_host;
        bool status_last;
    } rows[] = {
        { PD_PROFILE_GENERIC, false, false, false }, { PD_PROFILE_APACHE, true, false, false },
        { PD_PROFILE_NGINX, false, false, false },   { PD_PROFILE_LIGHTTPD, false, false, false },
        { PD_PROFILE_HAPROXY, false, false, true },  { PD_PROFILE_CADDY, true, true, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        m->site.profile = rows[i].profile;
        CHECK_INT((pd_profile_fixes(rows[i].profile) & PD_FIX_STATUS_LAST) != 0, rows[i].status_last);
        CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_COOKIE", "a=1, b=2"), F("HTTP_HOST", "")), PD_R_NONE);
        CHECK_SLICE(made_value(m, "HTTP_COOKIE"), text_of(rows[i].mends_cookies ? "a=1; b=2" : "a=1, b=2"));
        CHECK_INT(made_has(m, "HTTP_HOST"), !rows[i].drops_empty_host);
        CHECK_INT(made_http(m, "GET", "/", F("Cookie", "a=1, b=2")), PD_R_NONE);
        CHECK_VALUE(m, "HTTP_COOKIE", "a=1, b=2"); /* no front end has touched it */
    }
}

/* --- the same request through each door --- */

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All variables as sorted lines, but for those that say how the request came. */
static char *environ_text(const struct made *m)
{
    static const char *const transport[] = { "SERVER_PROTOCOL", "GATEWAY_INTERFACE", "REMOTE_PORT" };
    char *lines[64];
    size_t n = 0;
    for (size_t i = 0; i < m->r.nvars; i++) {
        struct pd_slice key = made_key(&m->r.vars[i]);
        struct pd_slice value = m->r.vars[i].value;
        bool skip = false;
        for (size_t k = 0; k < 3; k++)
            skip = skip || pd_slice_eq(key, text_of(transport[k]));
        if (skip)
            continue;
        size_t size = key.n + value.n + 3;
        lines[n] = malloc(size);
        snprintf(lines[n++], size, "%.*s=%.*s\n", (int)key.n, key.p, (int)value.n, value.p);
    }
    qsort(lines, n, sizeof lines[0], compare_lines);
    char *text = calloc(1, 4096);
    for (size_t i = 0; i < n; i++) {
        strncat(text, lines[i], 4095 - strlen(text));
        free(lines[i]);
    }
    return text;
}

static void test_same_environ_through_each_door(struct made *m)
{
    m->site.mount = PD_SLICE("/shop");
    CHECK_INT(made_http(m, "POST", "/shop/a%20b?x=1", F("Host", "site.test:8000"), F("User-Agent", "ua"),
                        F("Cookie", "a=1"), F("Cookie", "b=2"), F("X-Own", " v "), F("Content-Type", "a/b"),
                        F("Content-Length", "3"), F("Accept", "*/*"), F("Proxy", "evil"), F("X_Own", "evil")),
              PD_R_NONE);
    char *http = environ_text(m);
    CHECK(strstr(http, "HTTP_X_OWN=v\n") != NULL);
    /* nginx with scgi_params */
    CHECK_INT(made_cgi(m, F("CONTENT_LENGTH", "3"), F("SCGI", "1"), F("REQUEST_METHOD", "POST"),
                       F("REQUEST_URI", "/shop/a%20b?x=1"), F("QUERY_STRING", "x=1"), F("CONTENT_TYPE", "a/b"),
                       F("DOCUMENT_URI", "/shop/a b"), F("DOCUMENT_ROOT", "/var/www"), F("SERVER_PROTOCOL", "HTTP/1.1"),
                       F("REQUEST_SCHEME", "http"), F("HTTPS", ""), F("REMOTE_ADDR", "192.0.2.9"),
                       F("REMOTE_PORT", "1"), F("SERVER_PORT", "8000"), F("SERVER_NAME", "site.test"),
                       F("HTTP_HOST", "site.test:8000"), F("HTTP_USER_AGENT", "ua"), F("HTTP_COOKIE", "a=1"),
                       F("HTTP_COOKIE", "b=2"), F("HTTP_X_OWN", "v"), F("HTTP_CONTENT_LENGTH", "3"),
                       F("HTTP_ACCEPT", "*/*"), F("HTTP_PROXY", "evil")),
              PD_R_NONE);
    char *scgi = environ_text(m);
    CHECK_SLICE(text_of(scgi), text_of(http));
    /* Apache with mod_proxy_fcgi */
    m->site.profile = PD_PROFILE_APACHE;
    CHECK_INT(made_cgi(m, F("HTTP_HOST", "site.test:8000"), F("HTTP_USER_AGENT", "ua"), F("HTTP_COOKIE", "a=1, b=2"),
                       F("HTTP_X_OWN", "v"), F("CONTENT_TYPE", "a/b"), F("CONTENT_LENGTH", "3"),
                       F("HTTP_ACCEPT", "*/*"), F("proxy-fcgi-pathinfo", "1"), F("PATH", "/bin"),
                       F("LD_LIBRARY_PATH", "/lib"), F("SERVER_SIGNATURE", ""), F("SERVER_SOFTWARE", "Apache"),
                       F("SERVER_NAME", "site.test"), F("SERVER_ADDR", "127.0.0.1"), F("SERVER_PORT", "8000"),
                       F("REMOTE_ADDR", "192.0.2.9"), F("DOCUMENT_ROOT", "/var/www"), F("REQUEST_SCHEME", "http"),
                       F("CONTEXT_PREFIX", ""), F("CONTEXT_DOCUMENT_ROOT", "/var/www"), F("SERVER_ADMIN", "me"),
                       F("SCRIPT_FILENAME", "proxy:fcgi://127.0.0.1:9000/shop/a b"), F("REMOTE_PORT", "2"),
                       F("GATEWAY_INTERFACE", "CGI/1.1"), F("SERVER_PROTOCOL", "HTTP/1.1"), F("REQUEST_METHOD", "POST"),
                       F("QUERY_STRING", "x=1"), F("REQUEST_URI", "/shop/a%20b?x=1"), F("SCRIPT_NAME", "/shop/a b")),
              PD_R_NONE);
    char *fcgi = environ_text(m);
    CHECK_SLICE(text_of(fcgi), text_of(http));
    free(http);
    free(scgi);
    free(fcgi);
}

/* --- memory --- */

static void test_no_memory(struct made *m)
{
    pd_arena_fini(&m->arena);
    pd_arena_init(&m->arena, pd_sys_default(), 16);
    CHECK_INT(made_http(m, "GET", "/", F("Host", "a")), PD_R_NO_MEMORY);
}

/* What the request keeps outlives the bytes that it was read from. */
static void test_everything_is_copied(struct made *m)
{
    char bytes[] = "GET|/p%41?q|X-Odd|v1|v2|site|80|192.0.2.1|99|h|cookie";
    struct pd_slice s[11];
    size_t n = 0;
    for (char *p = bytes; n < 11; n++) {
        s[n] = pd_slice(p, strcspn(p, "|"));
        p += s[n].n + 1;
    }
    m->site.server_name = s[5];
    m->site.server_port = s[6];
    m->peer = (struct pd_peer){ s[7], s[8] };
    struct pd_field fields[] = { { s[2], s[3] }, { s[2], s[4] }, { PD_SLICE("Host"), s[9] }, { s[10], s[10] } };
    CHECK_INT(made_build_http(m, s[0], s[1], fields, 4), PD_R_NONE);
    memset(bytes, '!', sizeof bytes);
    memset(m->fields, 0, sizeof m->fields);
    CHECK_VALUE(m, "REQUEST_METHOD", "GET");
    CHECK_STR(m->r.method, "GET");
    CHECK_VALUE(m, "PATH_INFO", "/pA");
    CHECK_STR(m->r.path, "/pA");
    CHECK_STR(m->r.query, "q");
    CHECK_VALUE(m, "REQUEST_URI", "/p%41?q");
    CHECK_VALUE(m, "HTTP_X_ODD", "v1, v2");
    CHECK_VALUE(m, "SERVER_NAME", "site");
    CHECK_VALUE(m, "SERVER_PORT", "80");
    CHECK_VALUE(m, "REMOTE_ADDR", "192.0.2.1");
    CHECK_VALUE(m, "REMOTE_PORT", "99");
    CHECK_VALUE(m, "HTTP_HOST", "h");
    CHECK_VALUE(m, "HTTP_COOKIE", "cookie");
}

static void test_get(struct made *m)
{
    CHECK_INT(made_http(m, "GET", "/", F("Host", "a")), PD_R_NONE);
    CHECK_STR(pd_request_get(&m->r, PD_NAME_HTTP_HOST), "a");
    CHECK(!pd_request_get(&m->r, PD_NAME_HTTP_COOKIE).p);
}

/* X-Request-Start as nginx ($msec), Heroku, Apache (%t) and others write it, and what is none. */
static void test_stamps(struct made *m)
{
    static const struct {
        const char *text;
        uint64_t us;
    } rows[] = {
        { "t=1700000000.123", 1700000000123000 },
        { "1700000000.123456", 1700000000123456 },
        { "1700000000.1234567", 1700000000123456 },
        { "t=1700000000", 1700000000000000 },
        { "1700000000123", 1700000000123000 },
        { "1700000000123.5", 1700000000123500 },
        { "t=1700000000123456", 1700000000123456 },
        { "t=1700000000123456789", 1700000000123456 },
        { "t=1600000000, t=1700000000", 1700000000000000 }, /* the last is our front end's */
        { "", 0 },
        { "t=", 0 },
        { "t=.5", 0 },
        { "-1700000000", 0 },
        { "1700000000x", 0 },
        { "1700000000.1x", 0 },
        { "17000000001234567890", 0 },
        { "99999999999999999999999999", 0 },
    };
    struct pd_net net;
    CHECK(pd_net_parse(PD_SLICE("192.0.2.9"), &net));
    m->site.forwarders = (struct pd_forwarders){ .nets = &net, .n = 1, .fields = PD_FORWARDED_START };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pd_field field = { PD_SLICE("X-Request-Start"), text_of(rows[i].text) };
        struct pd_field fields[] = { { PD_SLICE("Host"), PD_SLICE("a") }, field };
        CHECK_INT(made_build_http(m, PD_SLICE("GET"), PD_SLICE("/"), fields, 2), PD_R_NONE);
        CHECK_INT(m->r.stamp_us, rows[i].us);
    }
}

/* Over HTTP only from whom is listed; a gateway's peer is our own front end. */
static void test_who_may_stamp(struct made *m)
{
    struct pd_net net;
    const uint64_t stamp = 1700000000000000;
    CHECK(pd_net_parse(PD_SLICE("198.51.100.0/24"), &net));
    m->site.forwarders = (struct pd_forwarders){ .nets = &net, .n = 1, .fields = PD_FORWARDED_START };
    CHECK_INT(made_http(m, "GET", "/", F("Host", "a"), F("X-Request-Start", "t=1700000000")), PD_R_NONE);
    CHECK_INT(m->r.stamp_us, 0);
    CHECK_INT(made_cgi(m, MADE_GET, F("HTTP_X_REQUEST_START", "t=1700000000")), PD_R_NONE);
    CHECK_INT(m->r.stamp_us, stamp);
    m->peer.addr = PD_SLICE("198.51.100.7");
    CHECK_INT(made_http(m, "GET", "/", F("Host", "a"), F("X-Request-Start", "t=1700000000")), PD_R_NONE);
    CHECK_INT(m->r.stamp_us, stamp);
    CHECK_VALUE(m, "HTTP_X_REQUEST_START", "t=1700000000");
    m->site.forwarders.fields = PD_FORWARDED_FOR | PD_FORWARDED_PROTO;
    CHECK_INT(made_http(m, "GET", "/", F("Host", "a"), F("X-Request-Start", "t=1700000000")), PD_R_NONE);
    CHECK_INT(m->r.stamp_us, 0);
}

int main(void)
{
    static struct made m;
    static void (*const tests[])(struct made *) = {
        test_every_front_end_with_a_mount,
        test_every_front_end_without_a_mount,
        test_every_front_end_without_request_uri,
        test_paths_of_http,
        test_targets_that_are_refused,
        test_options_asterisk,
        test_query_string,
        test_absolute_form_replaces_host,
        test_server_name_and_port,
        test_scheme,
        test_client,
        test_protocol_and_flags,
        test_length_that_says_nothing,
        test_profiles,
        test_same_environ_through_each_door,
        test_no_memory,
        test_everything_is_copied,
        test_get,
        test_stamps,
        test_who_may_stamp,
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        made_init(&m);
        tests[i](&m);
        made_fini(&m);
    }
    return check_result();
}
