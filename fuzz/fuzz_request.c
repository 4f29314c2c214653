/*
 * fuzz_request.c - any head a codec can give, through the policy layer.
 *
 * Behind the knobs: byte strings that end in NUL. HTTP form: method, target,
 * then names and values; CGI form: names and values; AJP form: as HTTP, and
 * the last knob tells how many of the pairs are header fields and how many
 * attributes. Invariants: see the check_* functions; they hold for whatever a peer sends.
 */
#include "codec/bytes.h"
#include "fuzz.h"
#include "guard.h"
#include "text.h"

enum {
    FORM_CGI = 1,
    HEAD_CHUNKED = 2,
    HEAD_HTTP10 = 4,
    HEAD_AUTHORIZER = 8,
    HEAD_PROCESS = 16,
    FORM_AJP = 32,
    FIELDS_TRIED = 64
};

static bool take_string(struct pd_slice *rest, struct pd_slice *out)
{
    if (!rest->n)
        return false;
    size_t n = pd_slice_find(*rest, '\0');
    *out = pd_slice(rest->p, n);
    *rest = pd_slice_from(*rest, n < rest->n ? n + 1 : n);
    return true;
}

static bool is_all(struct pd_slice s, enum pd_byte_class class)
{
    return pd_byte_run(s, class) == s.n;
}

/* Makes a head of the input; false when no codec would give such a head. */
static bool read_head(struct pd_slice in, enum pd_head_form form, struct pd_field *fields, struct pd_head *h)
{
    bool cgi = form != PD_HEAD_HTTP; /* nothing of a field is judged before the policy layer */
    *h = (struct pd_head){ .form = form, .fields = fields, .content_length = -1 };
    if (form != PD_HEAD_CGI) {
        if (!take_string(&in, &h->method) || !take_string(&in, &h->target))
            return false;
        if (!h->method.n || h->method.n > PD_METHOD_MAX || !is_all(h->method, PD_BYTE_TOKEN))
            return false;
        if (!cgi && (!h->target.n || !is_all(h->target, PD_BYTE_TARGET)))
            return false;
    }
    struct pd_field f = { .name = PD_SLICE_NONE, .value = PD_SLICE("") };
    while (h->nfields < FIELDS_TRIED && take_string(&in, &f.name)) {
        if (!take_string(&in, &f.value))
            f.value = PD_SLICE("");
        bool possible = cgi || (is_all(f.name, PD_BYTE_TOKEN) && is_all(f.value, PD_BYTE_VALUE));
        if (f.name.n && possible)
            fields[h->nfields++] = f;
    }
    return true;
}

/* The parts of an AJP head. The codec names its variables itself: none is that of a header. */
static void split_head(struct pd_head *h, uint8_t knob)
{
    size_t headers = knob & 15u, attributes = knob >> 4;
    if (headers > h->nfields)
        headers = h->nfields;
    if (attributes > h->nfields - headers)
        attributes = h->nfields - headers;
    size_t n = headers;
    for (size_t i = headers; i < h->nfields; i++) {
        bool variable = i < h->nfields - attributes;
        if (variable && pd_slice_has_prefix(h->fields[i].name, PD_SLICE("HTTP_")))
            continue;
        h->nvariables += variable;
        h->fields[n++] = h->fields[i];
    }
    h->nheaders = (uint16_t)headers;
    h->nvariables = (uint16_t)(h->nvariables + headers);
    h->nfields = n;
}

static struct pd_slice key_of(const struct pd_var *v)
{
    return v->id == PD_NAME_OTHER ? v->name : pd_name_key((enum pd_name)v->id);
}

/* Nothing that an application would take for something else, and nothing twice. */
static void check_keys(const struct pd_request *r)
{
    static const struct pd_slice never[] = {
        { "HTTP_PROXY", 10 },
        { "HTTP_CONTENT_LENGTH", 19 },
        { "HTTP_CONTENT_TYPE", 17 },
        { "LD_PRELOAD", 10 },
        { "HTTP_TRANSFER_ENCODING", 22 },
        { "PYTHONPATH", 10 },
        { "UWSGI_FILE", 10 },
        { "PATH", 4 },
    };
    for (size_t i = 0; i < r->nvars; i++) {
        FUZZ_ASSERT(r->vars[i].id < PD_NAME_COUNT);
        struct pd_slice key = key_of(&r->vars[i]);
        FUZZ_ASSERT(key.n > 0);
        bool attribute = pd_slice_has_prefix(key, PD_SLICE("ajp."));
        for (size_t k = 0; k < key.n && !attribute; k++)
            FUZZ_ASSERT((key.p[k] >= 'A' && key.p[k] <= 'Z') || pd_byte_is_digit(key.p[k]) || key.p[k] == '_');
        for (size_t k = 0; k < sizeof never / sizeof never[0]; k++)
            FUZZ_ASSERT(!pd_slice_eq(key, never[k]));
        for (size_t k = 0; k < i; k++)
            FUZZ_ASSERT(!pd_slice_eq(key, key_of(&r->vars[k])));
    }
}

/* No NUL; line ends only where the front end has decoded (paths) or where they belong (certificates). */
static void check_values(const struct pd_request *r)
{
    for (size_t i = 0; i < r->nvars; i++) {
        const struct pd_var *v = &r->vars[i];
        bool lines = v->id == PD_NAME_SCRIPT_NAME || v->id == PD_NAME_PATH_INFO ||
                     (v->id == PD_NAME_OTHER && pd_slice_has_prefix(v->name, PD_SLICE("SSL_")));
        FUZZ_ASSERT(pd_slice_find(v->value, '\0') == v->value.n);
        FUZZ_ASSERT(lines ||
                    (pd_slice_find(v->value, '\n') == v->value.n && pd_slice_find(v->value, '\r') == v->value.n));
    }
}

static struct pd_slice must_get(const struct pd_request *r, enum pd_name id)
{
    struct pd_slice s = pd_request_get(r, id);
    FUZZ_ASSERT(s.p != NULL);
    return s;
}

/* What PEP 3333 says is always there. */
static void check_required(const struct pd_request *r, const struct pd_site *site, const struct pd_limits *limits)
{
    struct pd_slice port = must_get(r, PD_NAME_SERVER_PORT);
    FUZZ_ASSERT(must_get(r, PD_NAME_REQUEST_METHOD).n > 0 && is_all(r->method, PD_BYTE_TOKEN));
    FUZZ_ASSERT(must_get(r, PD_NAME_SERVER_NAME).n > 0);
    FUZZ_ASSERT(port.n > 0);
    for (size_t i = 0; i < port.n; i++)
        FUZZ_ASSERT(pd_byte_is_digit(port.p[i]));
    FUZZ_ASSERT(must_get(r, PD_NAME_SERVER_PROTOCOL).n > 0);
    (void)must_get(r, PD_NAME_QUERY_STRING);
    (void)must_get(r, PD_NAME_REMOTE_ADDR);
    FUZZ_ASSERT(site->trust_remote_user || !pd_request_get(r, PD_NAME_REMOTE_USER).p);
    FUZZ_ASSERT(site->trust_remote_user || !pd_request_get(r, PD_NAME_AUTH_TYPE).p);
    FUZZ_ASSERT(r->content_length >= -1 && (r->content_length < 0 || (uint64_t)r->content_length <= limits->body));
    FUZZ_ASSERT(r->is_head == pd_slice_eq(r->method, PD_SLICE("HEAD")));
}

/* Percent escapes decoded once; the plainest way to say it. */
static void decode(struct text *out, struct pd_slice raw)
{
    for (size_t i = 0; i < raw.n; i++) {
        unsigned byte = 0;
        int read = 0;
        char digits[3] = { 0 };
        if (raw.p[i] == '%' && raw.n - i > 2) {
            memcpy(digits, raw.p + i + 1, 2);
            if (pd_byte_is(digits[0], PD_BYTE_HEX) && pd_byte_is(digits[1], PD_BYTE_HEX))
                read = sscanf(digits, "%2x", &byte);
        }
        char c = read == 1 ? (char)(unsigned char)byte : raw.p[i];
        text_put(out, pd_slice(&c, 1));
        i += read == 1 ? 2 : 0;
    }
}

/* SCRIPT_NAME and PATH_INFO are a clean cut, and together the path that was asked for. */
static void check_paths(const struct pd_request *r, const struct pd_head *h, const struct pd_site *site)
{
    struct pd_slice script = must_get(r, PD_NAME_SCRIPT_NAME);
    struct pd_slice info = must_get(r, PD_NAME_PATH_INFO);
    FUZZ_ASSERT(script.n == 0 || (script.p[0] == '/' && (site->mount.n || script.p[script.n - 1] != '/')));
    FUZZ_ASSERT(info.n == 0 || info.p[0] == '/');
    FUZZ_ASSERT(site->mount.n == 0 || script.n == 0 || pd_slice_eq(script, site->mount));
    if (h->form == PD_HEAD_CGI || !h->target.n || h->target.p[0] != '/')
        return;
    struct text want = { 0 };
    struct text got = { 0 };
    size_t path_n = pd_slice_find(h->target, '?');
    decode(&want, pd_slice(h->target.p, pd_slice_find(pd_slice(h->target.p, path_n), '#')));
    text_put(&got, script);
    text_put(&got, info);
    FUZZ_ASSERT(pd_slice_eq(text_view(&want), text_view(&got)));
    text_fini(&want);
    text_fini(&got);
}

static void write_down(struct text *t, const struct pd_request *r)
{
    for (size_t i = 0; i < r->nvars; i++) {
        text_put(t, key_of(&r->vars[i]));
        text_put(t, PD_SLICE("="));
        text_put(t, r->vars[i].value);
        text_put(t, PD_SLICE("\n"));
    }
}

/* Built again from the same head, with values already trimmed, the request is the same. */
static void check_again(const struct pd_request *r, const struct pd_head *h, const struct pd_site *site,
                        const struct pd_peer *peer, const struct pd_limits *limits)
{
    struct pd_arena arena;
    struct pd_request again;
    struct text first = { 0 };
    struct text second = { 0 };
    pd_arena_init(&arena, pd_sys_default(), 4 << 20);
    FUZZ_ASSERT(pd_request_build(h, site, peer, limits, &arena, &again) == PD_R_NONE);
    write_down(&first, r);
    write_down(&second, &again);
    FUZZ_ASSERT(pd_slice_eq(text_view(&first), text_view(&second)));
    text_fini(&first);
    text_fini(&second);
    pd_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct guard guard;
    struct pd_field fields[FIELDS_TRIED];
    struct pd_head h;
    if (size < FUZZ_KNOBS || size > FUZZ_INPUT_MAX)
        return 0;
    if (!guard.map)
        guard_init(&guard, FUZZ_INPUT_MAX);
    struct pd_slice in = pd_slice((const char *)data + FUZZ_KNOBS, size - FUZZ_KNOBS);
    in = guard_place(&guard, PD_SLICE_NONE, in);
    enum pd_head_form form = data[2] & FORM_AJP ? PD_HEAD_AJP : data[2] & FORM_CGI ? PD_HEAD_CGI : PD_HEAD_HTTP;
    if (!read_head(in, form, fields, &h))
        return 0;
    if (form == PD_HEAD_AJP)
        split_head(&h, data[3]);
    h.chunked = data[2] & HEAD_CHUNKED;
    h.authorizer = data[2] & HEAD_AUTHORIZER && h.form == PD_HEAD_CGI;
    h.process = data[2] & HEAD_PROCESS && h.form == PD_HEAD_CGI;
    h.http_minor = data[2] & HEAD_HTTP10 ? 0 : 1;
    const struct pd_limits limits = fuzz_limits(data[0]);
    const struct pd_site site = fuzz_site(data[1]);
    const struct pd_peer peer = { PD_SLICE("192.0.2.1"), PD_SLICE("4711") };
    struct pd_arena arena;
    struct pd_request r;
    pd_arena_init(&arena, pd_sys_default(), 4 << 20);
    if (pd_request_build(&h, &site, &peer, &limits, &arena, &r) == PD_R_NONE) {
        check_keys(&r);
        check_values(&r);
        check_required(&r, &site, &limits);
        check_paths(&r, &h, &site);
        check_again(&r, &h, &site, &peer, &limits);
    }
    pd_arena_fini(&arena);
    return 0;
}
