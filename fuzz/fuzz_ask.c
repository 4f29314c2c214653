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
        x->fields[n++] = (struct pd_field){ name, take_string(&in) };
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

/* Whole packets of AJP13 of at most 8192 bytes, the request first, then `body` in data packets and an empty one. */
static void check_packets(const struct ask *x, struct pd_slice wire)
{
    size_t packets = 0, body = 0;
    while (wire.n) {
        FUZZ_ASSERT(wire.n >= 4 && wire.p[0] == 0x12 && wire.p[1] == 0x34);
        size_t n = 4 + ((size_t)(unsigned char)wire.p[2] << 8 | (unsigned char)wire.p[3]);
        FUZZ_ASSERT(n <= wire.n && n <= 8192);
        FUZZ_ASSERT(packets || (wire.p[4] == 2 && (unsigned char)wire.p[n - 1] == 0xff));
        body += packets && n > 4 ? n - 6 : 0;
        packets++;
        wire = pd_slice_from(wire, n);
    }
    FUZZ_ASSERT(packets >= 2 && body == x->body.n);
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
        if (ev.kind == PD_EV_BAD) /* what no server takes: more than its limits, or a method without a path */
            break;
        if (ev.kind == PD_EV_HEAD_BYTES)
            text_put(&params, ev.data);
        struct pd_head parsed = { 0 };
        if (ev.kind == PD_EV_HEAD) {
            if (!ev.head && x->server->parse_head(state, ev.stream, text_view(&params), &scratch, &parsed))
                break;
            compare_fields(x, ev.head ? ev.head : &parsed);
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
        { &pd_client_http1, &pd_codec_http1 },
        { &pd_client_fastcgi, &pd_codec_fastcgi },
        { &pd_client_scgi, &pd_codec_scgi },
        { &pd_client_uwsgi, &pd_codec_uwsgi },
        { &pd_client_ajp13, NULL },
    };
    if (size < FUZZ_KNOBS || size > FUZZ_INPUT_MAX)
        return 0;
    size_t which = data[0] % (sizeof pairs / sizeof pairs[0]);
    struct ask x = { .client = pairs[which].client, .server = pairs[which].server };
    struct text wire = { 0 };
    fill(&x, data, pd_slice((const char *)data + FUZZ_KNOBS, size - FUZZ_KNOBS));
    bool sent = encode(&x, &wire);
    if (sent && x.server)
        read_back(&x, text_view(&wire));
    else if (sent)
        check_packets(&x, text_view(&wire));
    text_fini(&wire);
    return 0;
}
