/* torture_scripts.c - what the client of torture_conn sends (see torture_scripts.h). */
#include "torture_scripts.h"

#include <assert.h>
#include <stdio.h>

#include "codec/ajp13.h"
#include "fastcgi_text.h"

enum { ECHO_SIZE = 6000 };

#define SECRET "a secret"

/* The next connection: what is put into it is sent. */
static struct text *add_visit(struct script_set *set)
{
    assert(set->n < VISITS_MAX);
    return &set->texts[set->n++];
}

static void put_body(struct text *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        text_put(t, PD_SLICE("b"));
}

static void put_http(struct text *t, const char *path, size_t body, const char *more)
{
    text_printf(t, "%s %s HTTP/1.1\r\nHost: a\r\n%s", body ? "POST" : "GET", path, more);
    if (body)
        text_printf(t, "Content-Length: %zu\r\n", body);
    text_printf(t, "\r\n");
    put_body(t, body);
}

static void put_scgi(struct text *t, const char *path, size_t body)
{
    struct text block = { 0 };
    text_printf(&block, "CONTENT_LENGTH%c%zu%cSCGI%c1%c", 0, body, 0, 0, 0);
    text_printf(&block, "REQUEST_METHOD%c%s%cREQUEST_URI%c%s%c", 0, body ? "POST" : "GET", 0, 0, path, 0);
    text_printf(t, "%zu:", block.n);
    text_put(t, text_view(&block));
    text_put(t, PD_SLICE(","));
    put_body(t, body);
    text_fini(&block);
}

static void put_cgi(struct text *t, const char *path, size_t body)
{
    text_printf(t, "REQUEST_METHOD=%s%cREQUEST_URI=%s%c", body ? "POST" : "GET", 0, path, 0);
    text_printf(t, "CONTENT_LENGTH=%zu%c%c", body, 0, 0);
    put_body(t, body);
}

static void put_uwsgi_pair(struct text *t, const char *name, const char *value)
{
    text_printf(t, "%c%c%s%c%c%s", (int)strlen(name), 0, name, (int)strlen(value), 0, value);
}

static void put_uwsgi(struct text *t, const char *path, size_t body)
{
    struct text block = { 0 };
    char size[24];
    snprintf(size, sizeof size, "%zu", body);
    put_uwsgi_pair(&block, "CONTENT_LENGTH", size);
    put_uwsgi_pair(&block, "REQUEST_METHOD", body ? "POST" : "GET");
    put_uwsgi_pair(&block, "REQUEST_URI", path);
    text_printf(t, "%c%c%c%c", 0, (int)block.n, 0, 0);
    text_put(t, text_view(&block));
    put_body(t, body);
    text_fini(&block);
}

/* A string as AJP13 has it; NULL is the null string. */
static void put_ajp_string(struct text *t, const char *s)
{
    if (s)
        text_printf(t, "%c%c%s%c", (int)(strlen(s) >> 8), (int)strlen(s) & 0xff, s, 0);
    else
        text_put(t, PD_SLICE("\xff\xff"));
}

static void put_ajp_packet(struct text *t, struct pd_slice payload)
{
    text_printf(t, "\x12\x34%c%c", (int)(payload.n >> 8), (int)payload.n & 0xff);
    text_put(t, payload);
}

/* A FORWARD_REQUEST; of a POST if there is a length, or if its body is `chunked`. */
static void put_ajp_head(struct text *t, const char *path, const char *length, bool chunked, const char *secret)
{
    struct text p = { 0 };
    text_printf(&p, "%c%c", AJP_FORWARD_REQUEST, length || chunked ? 4 : 2);
    put_ajp_string(&p, "HTTP/1.1");
    put_ajp_string(&p, path);
    put_ajp_string(&p, "192.0.2.7");
    put_ajp_string(&p, NULL);
    put_ajp_string(&p, "shop");
    text_put(&p, PD_SLICE("\0\120\0\0")); /* port 80, no TLS, and the high byte of how many header fields follow */
    text_printf(&p, "%c", length || chunked ? 1 : 0);
    if (chunked)
        put_ajp_string(&p, "Transfer-Encoding");
    else if (length)
        text_put(&p, PD_SLICE("\xa0\x08"));
    if (length || chunked)
        put_ajp_string(&p, chunked ? "chunked" : length);
    text_printf(&p, "%c", 12);
    put_ajp_string(&p, secret);
    text_put(&p, PD_SLICE("\xff"));
    put_ajp_packet(t, text_view(&p));
    text_fini(&p);
}

static void put_ajp_data(struct text *t, size_t n)
{
    struct text p = { 0 };
    text_printf(&p, "%c%c", (int)(n >> 8), (int)n & 0xff);
    put_body(&p, n);
    put_ajp_packet(t, text_view(&p));
    text_fini(&p);
}

static void put_fastcgi(struct text *t, const char *path)
{
    fastcgi_put_head(t, 1, path, "", true);
    fastcgi_put_record(t, FCGI_STDIN, 1, PD_SLICE_NONE);
}

/* Several requests on one connection, pipelined, one of which the app fails; then one with a file, one refused. */
static void write_http(struct script_set *set)
{
    struct text *t = add_visit(set);
    put_http(t, "/plain", 0, "");
    put_http(t, "/echo", ECHO_SIZE, "Expect: 100-continue\r\n");
    put_http(t, "/health", 0, "");
    put_http(t, "/broken", 0, "");
    put_http(t, "/health/live", 0, "");
    put_http(t, "/wait", 0, "");
    put_http(t, "/big", 0, "");
    put_http(t, "/plain", 0, "Connection: close\r\n");
    t = add_visit(set);
    put_http(t, "/file", 0, "");
    put_http(t, "/plain", 0, "X Y: z\r\n");
}

/* Two requests at once, one given up, a big one; then one with a file. */
static void write_fastcgi(struct script_set *set)
{
    struct text body = { 0 };
    struct text *t = add_visit(set);
    put_body(&body, ECHO_SIZE / 2);
    fastcgi_put_head(t, 1, "/echo", "6000", false);
    fastcgi_put_head(t, 2, "/echo", "3000", false);
    fastcgi_put_head(t, 3, "/plain", "5", false);
    fastcgi_put_record(t, 5, 1, text_view(&body));
    fastcgi_put_record(t, 5, 2, text_view(&body));
    fastcgi_put_record(t, 5, 2, PD_SLICE_NONE);
    fastcgi_put_record(t, 2, 3, PD_SLICE_NONE);
    fastcgi_put_record(t, 9, 0, PD_SLICE("\015\000FCGI_MAX_REQS"));
    fastcgi_put_record(t, 5, 1, text_view(&body));
    fastcgi_put_record(t, 5, 1, PD_SLICE_NONE);
    fastcgi_put_head(t, 5, "/health", "", false);
    fastcgi_put_record(t, 5, 5, PD_SLICE_NONE);
    fastcgi_put_head(t, 4, "/big", "", true);
    fastcgi_put_record(t, 5, 4, PD_SLICE_NONE);
    text_fini(&body);
    put_fastcgi(add_visit(set), "/file");
}

/* One request on each connection. */
static void write_single(struct script_set *set, void (*put)(struct text *t, const char *path, size_t body), size_t n)
{
    static const char *const paths[] = { "/echo", "/big", "/file", "/health" };
    for (size_t i = 0; i < n; i++)
        put(add_visit(set), paths[i], i ? 0 : ECHO_SIZE);
}

/* From here on the script is sent once what was answered ends so. */
static void wait_for(struct script_set *set, struct script_wait *w, struct pd_slice answer)
{
    struct script *s = &set->list[set->n - 1];
    if (!s->waits_n)
        s->waits = w;
    s->waits_n++;
    *w = (struct script_wait){ set->texts[set->n - 1].n, answer };
}

/*
 * A ping, two requests and a body on demand on a kept connection; a body of unknown length, and a file; a wrong secret;
 * and a request that does not wait until the one before it is answered.
 */
static void write_ajp(struct script_set *set, struct script_wait waits[AJP_WAITS])
{
    const struct pd_slice kept = PD_SLICE("AB\0\2\5\1"), any = PD_SLICE("AB\0\3\6\x1f\xfa");
    struct text *t = add_visit(set);
    put_ajp_packet(t, PD_SLICE("\012"));
    wait_for(set, &waits[0], PD_SLICE("AB\0\1\011"));
    put_ajp_head(t, "/echo", "6000", false, SECRET);
    put_ajp_data(t, 2000);
    wait_for(set, &waits[1], PD_SLICE("AB\0\3\6\x0f\xa0"));
    put_ajp_data(t, 4000);
    wait_for(set, &waits[2], kept);
    put_ajp_head(t, "/plain", NULL, false, SECRET);
    t = add_visit(set);
    put_ajp_head(t, "/echo", NULL, true, SECRET);
    wait_for(set, &waits[3], any);
    put_ajp_data(t, 1000);
    wait_for(set, &waits[4], any);
    put_ajp_packet(t, PD_SLICE_NONE);
    wait_for(set, &waits[5], kept);
    put_ajp_head(t, "/file", NULL, false, SECRET);
    put_ajp_head(add_visit(set), "/plain", NULL, false, "a sicret");
    t = add_visit(set);
    put_ajp_head(t, "/plain", NULL, false, SECRET);
    put_ajp_head(t, "/plain", NULL, false, SECRET);
}

/* Each version before a request, and one that has no header. */
static void write_proxied(struct script_set *http, struct script_set *fastcgi)
{
    const struct pd_slice line = PD_SLICE("PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n");
    const struct pd_slice header = PD_SLICE("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\7\xc0\0\2\1\x12\x67\0\120");
    for (int v2 = 0; v2 < 2; v2++) {
        struct text *t = add_visit(http);
        text_put(t, v2 ? header : line);
        put_http(t, "/plain", 0, "Connection: close\r\n");
        t = add_visit(fastcgi);
        text_put(t, v2 ? header : line);
        put_fastcgi(t, "/plain");
    }
    put_http(add_visit(http), "/plain", 0, "");
}

/* Each protocol, TLS, and AJP13 without the right secret. */
static void write_detected(struct script_set *set)
{
    put_http(add_visit(set), "/plain", 0, "Connection: close\r\n");
    put_fastcgi(add_visit(set), "/plain");
    put_scgi(add_visit(set), "/plain", 0);
    put_uwsgi(add_visit(set), "/plain", 0);
    put_ajp_head(add_visit(set), "/plain", NULL, false, SECRET);
    text_put(add_visit(set), PD_SLICE("\x16\3\1\0\1\1"));
    put_ajp_head(add_visit(set), "/plain", NULL, false, "");
}

void scripts_init(struct scripts *s)
{
    *s = (struct scripts){ .secret = PD_SLICE(SECRET) };
    write_http(&s->sets[SCRIPTS_HTTP]);
    write_fastcgi(&s->sets[SCRIPTS_FASTCGI]);
    write_single(&s->sets[SCRIPTS_SCGI], put_scgi, 4);
    write_single(&s->sets[SCRIPTS_UWSGI], put_uwsgi, 3);
    write_single(&s->sets[SCRIPTS_CGI], put_cgi, 3);
    write_ajp(&s->sets[SCRIPTS_AJP], s->ajp_waits);
    write_proxied(&s->sets[SCRIPTS_PROXIED_HTTP], &s->sets[SCRIPTS_PROXIED_FASTCGI]);
    write_detected(&s->sets[SCRIPTS_DETECTED]);
    for (size_t i = 0; i < SCRIPTS_N; i++)
        for (size_t k = 0; k < s->sets[i].n; k++)
            s->sets[i].list[k].bytes = text_view(&s->sets[i].texts[k]);
}

void scripts_fini(struct scripts *s)
{
    for (size_t i = 0; i < SCRIPTS_N; i++)
        for (size_t k = 0; k < s->sets[i].n; k++)
            text_fini(&s->sets[i].texts[k]);
}
