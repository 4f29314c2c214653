/*
 * made.h - heads written out in a test, and the request that comes of them.
 *
 * made_cgi(&m, F("NAME", "value"), ...) and made_http(&m, "GET", "/", F("Name", "value"), ...) build a request
 * with the site, peer and limits of `m`; made_value() then looks a variable up by its environ key.
 */
#ifndef PD_TEST_MADE_H
#define PD_TEST_MADE_H

#include <assert.h>
#include <string.h>

#include "base/sys.h"
#include "codec/request.h"

struct made {
    struct pd_field fields[PD_FIELDS_MAX];
    struct pd_head head;
    struct pd_site site;
    struct pd_peer peer;
    struct pd_limits limits;
    struct pd_arena arena;
    struct pd_request r;
};

#define F(name, value)   { PD_SLICE(name), PD_SLICE(value) }
#define MADE_COUNT(...)  (sizeof((struct pd_field[]){ __VA_ARGS__ }) / sizeof(struct pd_field))
#define made_cgi(m, ...) made_build_cgi((m), (struct pd_field[]){ __VA_ARGS__ }, MADE_COUNT(__VA_ARGS__))
#define made_http(m, method, target, ...)                                                                              \
    made_build_http((m), PD_SLICE(method), PD_SLICE(target), (struct pd_field[]){ __VA_ARGS__ },                       \
                    MADE_COUNT(__VA_ARGS__))
/* What every front end sends, and the smallest that a test needs. */
#define MADE_GET F("REQUEST_METHOD", "GET"), F("REQUEST_URI", "/"), F("SERVER_PROTOCOL", "HTTP/1.1")

static inline void made_init(struct made *m)
{
    memset(m, 0, sizeof *m);
    m->site = (struct pd_site){
        .mount = PD_SLICE(""),
        .server_name = PD_SLICE("site.test"),
        .server_port = PD_SLICE("8000"),
    };
    m->peer = (struct pd_peer){ PD_SLICE("192.0.2.9"), PD_SLICE("4711") };
    m->limits = PD_LIMITS_DEFAULT;
    pd_arena_init(&m->arena, pd_sys_default(), 4u << 20);
}

static inline void made_fini(struct made *m)
{
    pd_arena_fini(&m->arena);
}

static inline enum pd_reason made_build(struct made *m)
{
    pd_arena_reset(&m->arena);
    m->head.fields = m->fields;
    return pd_request_build(&m->head, &m->site, &m->peer, &m->limits, &m->arena, &m->r);
}

static inline enum pd_reason made_build_cgi(struct made *m, const struct pd_field *fields, size_t n)
{
    assert(n <= PD_FIELDS_MAX);
    memcpy(m->fields, fields, n * sizeof *fields);
    m->head = (struct pd_head){ .form = PD_HEAD_CGI, .nfields = n, .content_length = -1 };
    return made_build(m);
}

static inline enum pd_reason made_build_http(struct made *m, struct pd_slice method, struct pd_slice target,
                                             const struct pd_field *fields, size_t n)
{
    assert(n <= PD_FIELDS_MAX);
    memcpy(m->fields, fields, n * sizeof *fields);
    m->head = (struct pd_head){
        .form = PD_HEAD_HTTP,
        .method = method,
        .target = target,
        .nfields = n,
        .content_length = -1,
        .http_minor = 1,
        .keep_alive = true,
    };
    return made_build(m);
}

static inline struct pd_slice made_key(const struct pd_var *v)
{
    return v->id == PD_NAME_OTHER ? v->name : pd_name_key((enum pd_name)v->id);
}

/* The value of a variable by its environ key, or a slice with p == NULL. */
static inline struct pd_slice made_value(const struct made *m, const char *key)
{
    for (size_t i = 0; i < m->r.nvars; i++)
        if (pd_slice_eq(made_key(&m->r.vars[i]), pd_slice(key, strlen(key))))
            return m->r.vars[i].value;
    return PD_SLICE_NONE;
}

static inline bool made_has(const struct made *m, const char *key)
{
    return made_value(m, key).p != NULL;
}

#endif
