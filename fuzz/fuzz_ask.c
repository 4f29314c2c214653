/*
 * fuzz_ask.c - any request that a client half can be given, read back by the server's half of the protocol.
 *
 * Behind the knobs: byte strings that end in RS (30): the method, the target, names and values, an empty name, and then
 * the body. Invariants: what is not refused is one request with exactly these fields and this body, whatever stood in
 * them; and nothing of it becomes a second one.
 */
#include "client_replay.h"
#include "fuzz.h"
#include "replay.h"

enum { ASKED_MAX = 64, FRAME_ROOM = PD_FRAME_PREFIX_MAX };

struct ask {
    const struct pd_client_codec *client;
    const struct pd_codec *server;
    struct pd_field fields[ASKED_MAX];
    struct pd_head head;
    struct pd_slice body;
    size_t piece; /* body bytes in one frame */
};

static struct pd_slice take_string(struct pd_slice *rest)
{
    size_t n = pd_slice_find(*rest, '\x1e');
    struct pd_slice s = pd_slice(rest->p, n);
    *rest = pd_slice_from(*rest, n < rest->n ? n + 1 : n);
    return s;
}

/* Two attributes are what web servers send for want of a place of their own: they come back as variables. */
static bool is_moved(struct pd_slice name)
{
    return pd_slice_eq(name, PD_SLICE("AJP_REMOTE_PORT")) || pd_slice_eq(name, PD_SLICE("AJP_SSL_PROTOCOL"));
}

static void fill(struct ask *x, const uint8_t *knobs, struct pd_slice in)
{
    struct pd_slice method = take_string(&in), target = take_string(&in);
    size_t n = 0;
    bool gateway = x->client->form == PD_HEAD_CGI;
    if (gateway && !(knobs[1] & 8))
        x->fields[n++] = (struct pd_field){ PD_SLICE("REQUEST_METHOD"), method };
    while (n < ASKED_MAX && in.n) {
        struct pd_slice name = take_string(&in);
        if (!name.n)
            break;
        struct pd_slice value = take_string(&in);
        if (!is_moved(name))
            x->fields[n++] = (struct pd_field){ name, value };
    }
    if (n < ASKED_MAX && knobs[1] & 16)
        x->fields[n++] = (struct pd_field){ PD_SLICE(""), PD_SLICE("x") };
    x->body = in;
    /* AJP13: a third each of header fields, variables and attributes */
    x->head = (struct pd_head){ .form = x->client->form,
                                .nheaders = (uint16_t)(n / 3),
                                .nvariables = (uint16_t)(n / 3 * 2),
                                .method = method,
                                .target = target,
                                .fields = x->fields,
                                .nfields = n,
                                .content_length = (int64_t)in.n,
                                .chunked = knobs[1] & 1,
                                .keep_alive = knobs[1] & 2 };
    if (x->head.chunked || (!in.n && knobs[1] & 4))
        x->head.content_length = -1;
    x->piece = 1 + (size_t)knobs[2];
}

static void put(struct text *wire, const char *p, size_t n)
{
    text_put(wire, pd_slice(p, n));
}

/* The whole request; false when it is refused. */
static bool encode(const struct ask *x, struct text *wire)
{
    uint64_t state[PD_CLIENT_STATE_MAX / sizeof(uint64_t)];
    struct pd_limits limits = PD_LIMITS_DEFAULT;
    struct pd_buf head;
    pd_buf_init(&head, pd_sys_default(), 4 * FUZZ_INPUT_MAX);
    x->client->init(state, pd_sys_default(), &limits);
    bool fine = x->client->put_head(state, &x->head, &head) == PD_R_NONE;
    text_put(wire, pd_buf_view(&head));
    pd_buf_fini(&head);
    char prefix[FRAME_ROOM], suffix[PD_FRAME_SUFFIX_MAX], end[PD_END_MAX];
    size_t prefix_n, suffix_n;
    for (struct pd_slice rest = x->body; fine && rest.n;) {
        size_t n = rest.n < x->piece ? rest.n : x->piece;
        x->client->put_frame(state, n, prefix, &prefix_n, suffix, &suffix_n);
        put(wire, prefix, prefix_n);
        put(wire, rest.p, n);
        put(wire, suffix, suffix_n);
        rest = pd_slice_from(rest, n);
    }
    put(wire, end, x->client->put_end(state, end));
    x->client->fini(state);
    return fine;
}

/* What frames the request, and what uwsgi puts in place of each other to say the scheme. */
static bool is_own(struct pd_slice name)
{
    if (pd_slice_eq(name, PD_SLICE("UWSGI_SCHEME")) || pd_slice_eq(name, PD_SLICE("REQUEST_SCHEME")) ||
        pd_slice_eq(name, PD_SLICE("HTTPS")))
        return true;
    return pd_slice_eq(name, PD_SLICE("CONTENT_LENGTH")) || pd_slice_eq(name, PD_SLICE("SCGI")) ||
           pd_slice_eq_nocase(name, PD_SLICE("Content-Length")) || pd_slice_eq(name, PD_SLICE("Connection")) ||
           pd_slice_eq(name, PD_SLICE("Transfer-Encoding"));
}

/* The fields that were given, in order, are those that were read, but for the codec's own. */
static void compare_fields(const struct ask *x, const struct pd_head *got)
{
    size_t at = 0;
    for (size_t i = 0; i < got->nfields; i++) {
        while (at < x->head.nfields && is_own(x->fields[at].name))
            at++;
        if (is_own(got->fields[i].name))
            continue;
        FUZZ_ASSERT(at < x->head.nfields);
        FUZZ_ASSERT(pd_slice_eq(got->fields[i].name, x->fields[at].name));
        struct pd_slice want = x->fields[at++].value;
        FUZZ_ASSERT(got->form == PD_HEAD_HTTP ? got->fields[i].value.n <= want.n
                                              : pd_slice_eq(got->fields[i].value, want));
    }
    while (at < x->head.nfields && is_own(x->fields[at].name))
        at++;
    FUZZ_ASSERT(at == x->head.nfields);
}

/* The first of the variables of an AJP13 head that has this name; NULL: none has. */
static const struct pd_field *ajp_variable(const struct pd_head *head, struct pd_slice name)
{
    for (size_t i = head->nheaders; i < head->nvariables; i++)
        if (pd_slice_eq(head->fields[i].name, name))
            return &head->fields[i];
    return NULL;
}

/* Variables that AJP13 has a place for; the others are not sent. */
static void compare_ajp_variables(const struct ask *x, const struct pd_head *got)
{
    static const struct pd_slice names[] = { { "SERVER_PROTOCOL", 15 }, { "REMOTE_ADDR", 11 },    { "REMOTE_HOST", 11 },
                                             { "SERVER_NAME", 11 },     { "REMOTE_USER", 11 },    { "AUTH_TYPE", 9 },
                                             { "SSL_CIPHER", 10 },      { "SSL_SESSION_ID", 14 }, { "REMOTE_PORT", 11 },
                                             { "SSL_CLIENT_CERT", 15 } };
    size_t known = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct pd_field *want = ajp_variable(&x->head, names[i]), *f = ajp_variable(got, names[i]);
        FUZZ_ASSERT(!want == !f && (!f || pd_slice_eq(f->value, want->value)));
        known += f != NULL;
    }
    size_t path = pd_slice_find(x->head.target, '?');
    const struct pd_field *query = ajp_variable(got, PD_SLICE("QUERY_STRING"));
    FUZZ_ASSERT(!query == (path == x->head.target.n));
    FUZZ_ASSERT(!query || pd_slice_eq(query->value, pd_slice_from(x->head.target, path + 1)));
    const struct pd_field *https = ajp_variable(&x->head, PD_SLICE("HTTPS"));
    bool secure = https && pd_slice_eq(https->value, PD_SLICE("on"));
    FUZZ_ASSERT(secure == (ajp_variable(got, PD_SLICE("HTTPS")) != NULL) && ajp_variable(got, PD_SLICE("SERVER_PORT")));
    FUZZ_ASSERT(got->nvariables == got->nheaders + known + (query != NULL) + secure + 1);
}

/* Header fields behind those that frame the request, and attributes, both in order; a coded name has its own case. */
static void compare_ajp(const struct ask *x, const struct pd_head *got)
{
    size_t framed = x->head.chunked || x->head.content_length >= 0;
    FUZZ_ASSERT(pd_slice_eq(got->method, x->head.method));
    FUZZ_ASSERT(pd_slice_eq(got->target, pd_slice(x->head.target.p, pd_slice_find(x->head.target, '?'))));
    FUZZ_ASSERT(got->nheaders == x->head.nheaders + framed);
    for (size_t i = 0; i < x->head.nheaders; i++) {
        FUZZ_ASSERT(pd_slice_eq_nocase(got->fields[i].name, x->head.fields[i].name));
        FUZZ_ASSERT(pd_slice_eq(got->fields[i].value, x->head.fields[i].value));
    }
    compare_ajp_variables(x, got);
    FUZZ_ASSERT(got->nfields - got->nvariables == x->head.nfields - x->head.nvariables);
    for (size_t i = 0; i < got->nfields - got->nvariables; i++) {
        const struct pd_field *want = &x->head.fields[x->head.nvariables + i], *f = &got->fields[got->nvariables + i];
        FUZZ_ASSERT(pd_slice_eq(f->name, want->name) && pd_slice_eq(f->value, want->value));
    }
}

static void compare(const struct ask *x, const struct pd_head *got)
{
    if (got->form == PD_HEAD_AJP)
        compare_ajp(x, got);
    else
        compare_fields(x, got);
}

static void read_back(const struct ask *x, struct pd_slice wire)
{
    static struct pd_scratch scratch;
    uint64_t state[PD_CODEC_STATE_MAX / sizeof(uint64_t)];
    struct pd_limits limits = { .head = PD_HEAD_MAX, .target = 1 << 18, .fields = 128, .body = 1 << 20 };
    struct text params = { 0 }, body = { 0 };
    struct pd_event ev;
    size_t used, heads = 0, ends = 0;
    x->server->init(state, &limits, PD_OPTIONS_NONE);
    do {
        x->server->next(state, wire, &used, &scratch, &ev);
        wire = pd_slice_from(wire, used);
        if (ev.kind == PD_EV_BAD) { /* what no server takes: more than its limits, or a method without a path */
            FUZZ_ASSERT(x->server != &pd_codec_ajp13 || ev.reason == PD_R_BAD_TARGET);
            break;
        }
        if (ev.kind == PD_EV_HEAD_BYTES)
            text_put(&params, ev.data);
        struct pd_head parsed = { 0 };
        if (ev.kind == PD_EV_HEAD) {
            if (!ev.head && x->server->parse_head(state, ev.stream, text_view(&params), &scratch, &parsed))
                break;
            compare(x, ev.head ? ev.head : &parsed);
            heads++;
        }
        if (ev.kind == PD_EV_BODY)
            text_put(&body, ev.data);
        ends += ev.kind == PD_EV_BODY_END;
    } while (ev.kind != PD_EV_MORE);
    FUZZ_ASSERT(heads <= 1 && ends <= 1);
    FUZZ_ASSERT(ev.kind != PD_EV_MORE || (heads == 1 && ends == 1 && pd_slice_eq(text_view(&body), x->body)));
    text_fini(&params);
    text_fini(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const struct pd_client_codec *client;
        const struct pd_codec *server;
    } pairs[] = {
        { &pd_client_http1, &pd_codec_http1 }, { &pd_client_fastcgi, &pd_codec_fastcgi },
        { &pd_client_scgi, &pd_codec_scgi },   { &pd_client_uwsgi, &pd_codec_uwsgi },
        { &pd_client_ajp13, &pd_codec_ajp13 },
    };
    if (size < FUZZ_KNOBS || size > FUZZ_INPUT_MAX)
        return 0;
    size_t which = data[0] % (sizeof pairs / sizeof pairs[0]);
    struct ask x = { .client = pairs[which].client, .server = pairs[which].server };
    struct text wire = { 0 };
    fill(&x, data, pd_slice((const char *)data + FUZZ_KNOBS, size - FUZZ_KNOBS));
    bool sent = encode(&x, &wire);
    if (sent)
        read_back(&x, text_view(&wire));
    text_fini(&wire);
    return 0;
}
