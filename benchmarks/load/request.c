/* request.c - encodes a request once (see request.h). */
#define _GNU_SOURCE
#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/sys.h"
#include "fail.h"

static void *take(const struct load_maker *m, size_t n)
{
    void *p = pd_arena_alloc(m->arena, n ? n : 1);
    if (!p)
        load_fail(LOAD_CANNOT, "out of memory, or the files are too large");
    return p;
}

static struct pd_slice text(const char *s)
{
    return pd_slice(s, strlen(s));
}

/* --- fields ------------------------------------------------------------------------------------------------------- */

struct fields {
    struct pd_field all[PD_FIELDS_MAX];
    size_t n;
};

static void add(struct fields *f, struct pd_slice name, struct pd_slice value)
{
    if (f->n == PD_FIELDS_MAX)
        load_fail(LOAD_USAGE, "a request cannot have more than %d fields", PD_FIELDS_MAX);
    f->all[f->n++] = (struct pd_field){ name, value };
}

static struct pd_field split(const char *line, char mark)
{
    struct pd_slice all = text(line);
    size_t at = pd_slice_find(all, mark);
    return (struct pd_field){ pd_slice(all.p, at), pd_slice_trim(pd_slice_from(all, at + 1)) };
}

static bool has(const struct load_plan *p, struct pd_slice name)
{
    for (unsigned i = 0; i < p->nheaders; i++)
        if (pd_slice_eq_nocase(split(p->headers[i], ':').name, name))
            return true;
    return false;
}

static void add_headers(struct fields *f, const struct load_plan *p, const struct load_target *t)
{
    if (!has(p, PD_SLICE("Host")))
        add(f, PD_SLICE("Host"), text(t->authority));
    for (unsigned i = 0; i < p->nheaders; i++) {
        struct pd_field field = split(p->headers[i], ':');
        add(f, field.name, field.value);
    }
}

/* HTTP_USER_AGENT for User-Agent (RFC 3875 section 4.1.18). */
static struct pd_slice variable_name(const struct load_maker *m, struct pd_slice header)
{
    if (pd_slice_eq_nocase(header, PD_SLICE("Content-Type")))
        return PD_SLICE("CONTENT_TYPE");
    char *name = take(m, header.n + 5);
    memcpy(name, "HTTP_", 5);
    for (size_t i = 0; i < header.n; i++) {
        char c = header.p[i];
        name[5 + i] = c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    return pd_slice(name, header.n + 5);
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* PATH_INFO of a request target: percent-decoded, without its query. */
static struct pd_slice decoded(const struct load_maker *m, struct pd_slice path)
{
    char *out = take(m, path.n);
    size_t n = 0;
    for (size_t i = 0; i < path.n; i++, n++) {
        bool coded = path.p[i] == '%' && i + 2 < path.n && hex(path.p[i + 1]) >= 0 && hex(path.p[i + 2]) >= 0;
        out[n] = coded ? (char)(hex(path.p[i + 1]) * 16 + hex(path.p[i + 2])) : path.p[i];
        i += coded ? 2 : 0;
    }
    return pd_slice(out, n);
}

static bool is_given(const struct load_plan *p, struct pd_slice name)
{
    for (unsigned i = 0; i < p->nparams; i++)
        if (pd_slice_eq(split(p->params[i], '=').name, name))
            return true;
    return false;
}

static void add_variable(struct fields *f, const struct load_plan *p, struct pd_slice name, struct pd_slice value)
{
    if (!is_given(p, name))
        add(f, name, value);
}

/* What a web server would send for this request (RFC 3875 section 4.1). */
static void add_variables(struct fields *f, const struct load_maker *m, const struct load_plan *p, struct pd_head *head)
{
    struct pd_slice target = head->target, host = text(m->options->target.authority), port = PD_SLICE("80");
    size_t path = pd_slice_find(target, '?');
    const char *colon = m->options->target.address.sa.sa_family == AF_UNIX ? NULL : memrchr(host.p, ':', host.n);
    if (colon) {
        port = pd_slice_from(host, (size_t)(colon + 1 - host.p));
        host.n = (size_t)(colon - host.p);
    }
    const struct pd_field all[] = {
        { PD_SLICE("REQUEST_METHOD"), head->method },
        { PD_SLICE("REQUEST_URI"), target },
        { PD_SLICE("SCRIPT_NAME"), PD_SLICE("") },
        { PD_SLICE("PATH_INFO"), decoded(m, pd_slice(target.p, path)) },
        { PD_SLICE("QUERY_STRING"), path < target.n ? pd_slice_from(target, path + 1) : PD_SLICE("") },
        { PD_SLICE("SERVER_PROTOCOL"), PD_SLICE("HTTP/1.1") },
        { PD_SLICE("SERVER_NAME"), host },
        { PD_SLICE("SERVER_PORT"), port },
        { PD_SLICE("REMOTE_ADDR"), PD_SLICE("127.0.0.1") },
        { PD_SLICE("REMOTE_PORT"), PD_SLICE("40000") },
        { PD_SLICE("GATEWAY_INTERFACE"), PD_SLICE("CGI/1.1") },
        { PD_SLICE("REQUEST_SCHEME"), PD_SLICE("http") },
    };
    bool ajp = head->form == PD_HEAD_AJP;
    for (size_t i = ajp ? 5 : 0; i < sizeof all / sizeof all[0] - (ajp ? 2 : 0); i++)
        add_variable(f, p, all[i].name, all[i].value);
    if (ajp)
        return;
    struct fields headers = { .n = 0 };
    add_headers(&headers, p, &m->options->target);
    for (size_t i = 0; i < headers.n; i++)
        add_variable(f, p, variable_name(m, headers.all[i].name), headers.all[i].value);
    if (head->chunked)
        add_variable(f, p, PD_SLICE("HTTP_TRANSFER_ENCODING"), PD_SLICE("chunked"));
}

static void add_params(struct fields *f, const struct load_plan *p)
{
    for (unsigned i = 0; i < p->nparams; i++) {
        struct pd_slice all = text(p->params[i]);
        size_t at = pd_slice_find(all, '=');
        add(f, pd_slice(all.p, at), pd_slice_from(all, at + 1));
    }
}

static void fill_head(struct load_request *r, const struct load_maker *m, const struct load_plan *p, struct fields *f)
{
    const struct load_options *o = m->options;
    const char *method = p->method ? p->method : p->has_body ? "POST" : "GET";
    r->head = (struct pd_head){ .form = o->target.codec->form,
                                .method = text(method),
                                .target = text(p->path),
                                .content_length = p->has_body && !p->chunked ? (int64_t)r->body.size : -1,
                                .chunked = p->chunked,
                                .http_minor = 1,
                                .keep_alive = !o->closes };
    if (r->head.form != PD_HEAD_CGI)
        add_headers(f, p, &o->target);
    r->head.nheaders = (uint16_t)f->n;
    if (r->head.form != PD_HEAD_HTTP)
        add_variables(f, m, p, &r->head);
    if (o->secret)
        add(f, PD_SLICE("secret"), text(o->secret));
    r->head.nvariables = (uint16_t)f->n;
    add_params(f, p);
    if (r->head.form != PD_HEAD_AJP)
        r->head.nvariables = 0;
    r->head.fields = f->all;
    r->head.nfields = f->n;
}

/* --- the body ----------------------------------------------------------------------------------------------------- */

struct pd_slice load_read_file(const struct load_maker *m, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        load_fail(LOAD_USAGE, "cannot read %s: %s", path, strerror(errno));
    long size = ftell(file);
    rewind(file);
    char *data = size < 0 ? NULL : take(m, (size_t)size);
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size)
        load_fail(LOAD_USAGE, "cannot read %s", path);
    fclose(file);
    return pd_slice(data, (size_t)size);
}

static struct load_body make_body(const struct load_maker *m, const struct load_plan *p)
{
    if (p->body_file) {
        struct pd_slice data = load_read_file(m, p->body_file);
        return (struct load_body){ data.p, data.n, data.n };
    }
    size_t n = p->body < LOAD_BLOCK ? (size_t)p->body : LOAD_BLOCK;
    char *block = take(m, n);
    for (size_t i = 0; i < n; i++)
        block[i] = (char)('a' + i % 23); /* neither a power of two nor all the same */
    return (struct load_body){ block, n, p->body };
}

struct pd_slice load_body_piece(const struct load_body *b, uint64_t at, size_t most)
{
    uint64_t left = b->size - at;
    size_t begin = (size_t)(at % b->block_n);
    size_t n = b->block_n - begin < most ? b->block_n - begin : most;
    return pd_slice(b->block + begin, left < n ? (size_t)left : n);
}

/* --- encoding ----------------------------------------------------------------------------------------------------- */

static void put(struct pd_buf *buf, struct pd_slice s)
{
    if (pd_buf_put(buf, s) != PD_BUF_OK)
        load_fail(LOAD_CANNOT, "a request is too large, or memory ran out");
}

/* The body that goes with the head: all of a small one; over AJP13 the first packet, for which nobody asks. */
static void put_body(struct load_request *r, const struct pd_client_codec *codec, struct pd_buf *buf)
{
    size_t most = codec->frame_max < LOAD_WIRE_BODY ? codec->frame_max : LOAD_WIRE_BODY;
    bool unasked = !codec->on_demand || r->head.content_length > 0;
    while (unasked && r->covered < r->body.size && r->covered < LOAD_WIRE_BODY) {
        struct pd_slice piece = load_body_piece(&r->body, r->covered, most);
        char prefix[LOAD_PREFIX_MAX], suffix[LOAD_PREFIX_MAX];
        size_t prefix_n, suffix_n;
        codec->put_frame(r->state, piece.n, prefix, &prefix_n, suffix, &suffix_n);
        put(buf, pd_slice(prefix, prefix_n));
        put(buf, piece);
        put(buf, pd_slice(suffix, suffix_n));
        r->covered += piece.n;
        unasked = !codec->on_demand;
    }
    if (r->covered < r->body.size || codec->on_demand)
        return;
    char end[LOAD_PREFIX_MAX];
    put(buf, pd_slice(end, codec->put_end(r->state, end)));
    r->ended = true;
}

void load_request_make(struct load_request *r, const struct load_maker *m, const struct load_plan *p)
{
    const struct pd_client_codec *codec = m->options->target.codec;
    struct fields *fields = take(m, sizeof *fields);
    fields->n = 0;
    r->has_body = p->has_body;
    if (p->has_body)
        r->body = make_body(m, p);
    fill_head(r, m, p, fields);
    char *name = take(m, r->head.method.n + r->head.target.n + 2);
    char *end = pd_put(pd_put(pd_put(name, r->head.method), PD_SLICE(" ")), r->head.target);
    *end = '\0';
    r->name = name;
    codec->init(r->state, pd_sys_default(), &m->limits);
    struct pd_buf buf;
    pd_buf_init(&buf, pd_sys_default(), PD_HEAD_MAX + 2 * LOAD_WIRE_BODY);
    enum pd_reason bad = codec->put_head(r->state, &r->head, &buf);
    if (bad)
        load_fail(LOAD_USAGE, "%s cannot be sent over %s: %s", name, codec->name, pd_reason_text(bad));
    put_body(r, codec, &buf);
    r->wire = pd_arena_copy(m->arena, pd_buf_view(&buf));
    pd_buf_fini(&buf);
    if (!r->wire.p)
        load_fail(LOAD_CANNOT, "out of memory");
    r->right.status = p->status;
    r->right.length = p->length;
    pd_buf_init(&r->right.body, pd_sys_default(), LOAD_KEPT_MAX);
    if (p->expect_file) {
        struct pd_slice body = load_read_file(m, p->expect_file);
        r->right.length = (int64_t)body.n;
        put(&r->right.body, pd_slice(body.p, body.n < LOAD_KEPT_MAX ? body.n : LOAD_KEPT_MAX));
        r->right.known = true;
    }
}

void load_request_fini(struct load_request *r, const struct load_maker *m)
{
    m->options->target.codec->fini(r->state);
    pd_buf_fini(&r->right.body);
}
