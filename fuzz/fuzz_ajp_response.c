/*
 * fuzz_ajp_response.c - any response an application can give, through AJP13.
 *
 * An input is that of fuzz_response.c. Invariants: one SEND_HEADERS that fits
 * a packet, begins with a coded name where any can, and has every field once;
 * the data of all SEND_BODY_CHUNK is the body; one END_RESPONSE, which promises
 * the connection only where the codec then takes another request.
 */
#include "codec/response.h"
#include "fuzz.h"
#include "text.h"

enum { KNOB_HEAD = 1, KNOB_KEEP = 4, KNOB_FLUSH = 8, KNOB_EARLY = 48, KNOB_DROP = 64 };
enum { SMALL_ROOM = 300, DATE_LEN = 29 };

struct exchange {
    struct pd_response response;
    struct text wire;
    size_t fields; /* accepted */
    size_t names;  /* bytes of their names and values */
};

static const struct pd_slice date = { "Sun, 06 Nov 1994 08:49:37 GMT", DATE_LEN };

static struct pd_slice take_string(struct pd_slice *rest)
{
    size_t n = pd_slice_find(*rest, '\0');
    struct pd_slice s = pd_slice(rest->p, n);
    *rest = pd_slice_from(*rest, n < rest->n ? n + 1 : n);
    return s;
}

static bool fill(struct exchange *x, struct pd_slice *in)
{
    if (pd_response_start(&x->response, take_string(in)) != PD_R_NONE)
        return false;
    while (in->n) {
        struct pd_slice name = take_string(in);
        if (!name.n)
            break;
        struct pd_slice value = take_string(in);
        size_t before = pd_buf_view(&x->response.fields).n;
        if (pd_response_add(&x->response, name, value) != PD_R_NONE || pd_buf_view(&x->response.fields).n == before)
            continue; /* refused, or left out */
        x->fields++;
        x->names += name.n + value.n;
    }
    return true;
}

/* --- an independent reader --- */

static unsigned take16(struct pd_slice *rest)
{
    FUZZ_ASSERT(rest->n >= 2);
    unsigned v = (unsigned)(unsigned char)rest->p[0] << 8 | (unsigned char)rest->p[1];
    *rest = pd_slice_from(*rest, 2);
    return v;
}

static struct pd_slice take_ajp_string(struct pd_slice *rest)
{
    size_t n = take16(rest);
    FUZZ_ASSERT(rest->n > n && rest->p[n] == '\0');
    struct pd_slice s = pd_slice(rest->p, n);
    *rest = pd_slice_from(*rest, n + 1);
    return s;
}

/* Payload of the next packet; its first byte is the code. */
static struct pd_slice take_packet(struct pd_slice *rest, size_t most)
{
    FUZZ_ASSERT(take16(rest) == 0x4142);
    size_t n = take16(rest);
    FUZZ_ASSERT(n > 0 && n <= rest->n && n + 4 <= most);
    struct pd_slice payload = pd_slice(rest->p, n);
    *rest = pd_slice_from(*rest, n);
    return payload;
}

static void check_head(const struct exchange *x, struct pd_slice p)
{
    static const unsigned char sizes[] = { 12, 16, 14, 4, 13, 8, 10, 11, 14, 6, 16 };
    size_t coded = 0, bytes = 0;
    FUZZ_ASSERT(p.p[0] == 4);
    p = pd_slice_from(p, 1);
    FUZZ_ASSERT(take16(&p) == x->response.status);
    (void)take_ajp_string(&p);
    size_t n = take16(&p);
    for (size_t i = 0; i < n; i++) {
        struct pd_slice ahead = p;
        unsigned code = take16(&ahead);
        if (code > 0xa000) {
            FUZZ_ASSERT(code - 0xa001 < sizeof sizes);
            coded++;
            bytes += sizes[code - 0xa001];
            p = ahead;
        } else {
            FUZZ_ASSERT(coded > 0 || !x->response.date.n);
            bytes += take_ajp_string(&p).n;
        }
        bytes += take_ajp_string(&p).n;
    }
    FUZZ_ASSERT(p.n == 0);
    bool added = n > x->fields; /* the Date, or the Content-Length of 205, which is 0 */
    size_t own = x->response.status == 205 ? 14 + 1 : 4 + DATE_LEN;
    FUZZ_ASSERT(n == x->fields + added && bytes == x->names + (added ? own : 0));
    FUZZ_ASSERT(added || x->response.status != 205);
    FUZZ_ASSERT(n == 0 || coded > 0 || !x->response.date.n);
}

static void check_wire(const struct exchange *x, struct pd_slice body, size_t most)
{
    struct pd_slice rest = text_view(&x->wire);
    check_head(x, take_packet(&rest, most));
    for (;;) {
        struct pd_slice p = take_packet(&rest, most);
        if (p.p[0] != 3) {
            FUZZ_ASSERT(p.n == 2 && p.p[0] == 5 && (p.p[1] == 1) == !x->response.close);
            break;
        }
        p = pd_slice_from(p, 1);
        struct pd_slice data = take_ajp_string(&p);
        FUZZ_ASSERT(p.n == 0 && pd_slice_has_prefix(body, data));
        body = pd_slice_from(body, data.n);
    }
    FUZZ_ASSERT(rest.n == 0 && body.n == 0);
}

/* --- the codec's turn --- */

static void put_body(struct exchange *x, void *state, struct pd_slice body, bool flush)
{
    const struct pd_codec *codec = &pd_codec_ajp13;
    while (body.n) {
        char prefix[PD_FRAME_PREFIX_MAX], suffix[PD_FRAME_SUFFIX_MAX], end[PD_END_MAX];
        size_t prefix_n, suffix_n, room = pd_codec_frame_max(codec, state);
        size_t n = body.n < room ? body.n : room;
        codec->put_frame(state, 1, &x->response, n, prefix, &prefix_n, suffix, &suffix_n);
        text_put(&x->wire, pd_slice(prefix, prefix_n));
        text_put(&x->wire, pd_slice(body.p, n));
        text_put(&x->wire, pd_slice(suffix, suffix_n));
        if (flush)
            text_put(&x->wire, pd_slice(end, codec->put_flush(state, 1, end)));
        body = pd_slice_from(body, n);
    }
}

/* How many requests begin in `in`. */
static size_t feed(void *state, struct pd_slice in)
{
    static struct pd_scratch scratch;
    struct pd_event ev;
    size_t opened = 0;
    do {
        size_t used;
        pd_codec_ajp13.next(state, in, &used, &scratch, &ev);
        in = pd_slice_from(in, used);
        opened += ev.kind == PD_EV_OPEN;
        FUZZ_ASSERT(ev.kind != PD_EV_BAD);
    } while (ev.kind != PD_EV_MORE);
    return opened;
}

/* What may come before the answer; true: more than may. */
static bool feed_early(void *state, unsigned which)
{
    static const struct pd_slice early[] = {
        { "", 0 }, { "\x12\x34\0\0", 4 }, { "\x12\x34", 2 }, { "\x12\x34\0\0x", 5 }
    };
    FUZZ_ASSERT(feed(state, early[which]) == 0);
    if (which == 1)
        FUZZ_ASSERT(pd_codec_ajp13.at_boundary(state) && feed(state, PD_SLICE("")) == 0);
    return which == 3;
}

static void answer(struct exchange *x, void *state, struct pd_slice in, const uint8_t *knobs)
{
    const struct pd_slice request = PD_SLICE("\x12\x34\0\x14\2\2\xff\xff\0\1/\0\xff\xff\xff\xff\xff\xff\0\0\0\0\0\xff");
    size_t most = knobs[0] & 64 ? 65536 : 8192;
    char end[PD_END_MAX];
    struct pd_buf head;
    FUZZ_ASSERT(feed(state, request) == 1);
    bool surplus = feed_early(state, (knobs[1] & KNOB_EARLY) >> 4);
    if (!fill(x, &in))
        return;
    pd_buf_init(&head, pd_sys_default(), knobs[0] & 128 ? SMALL_ROOM : 1 << 17);
    enum pd_reason bad = pd_codec_ajp13.put_head(state, 1, &x->response, &head);
    if (bad == PD_R_NONE) {
        text_put(&x->wire, pd_buf_view(&head));
        struct pd_slice body = x->response.bodiless ? PD_SLICE_NONE : in;
        put_body(x, state, body, knobs[1] & KNOB_FLUSH);
        if (knobs[1] & KNOB_DROP) {
            pd_codec_ajp13.drop(state, 1);
            x->response.close = true;
        } else {
            text_put(&x->wire, pd_slice(end, pd_codec_ajp13.put_end(state, 1, &x->response, end)));
            check_wire(x, body, most);
            FUZZ_ASSERT(!surplus || x->response.close);
        }
        FUZZ_ASSERT(pd_codec_ajp13.at_boundary(state) || knobs[1] & 32); /* of what came early, all is consumed */
        FUZZ_ASSERT(feed(state, request) == !x->response.close);
    } else {
        FUZZ_ASSERT(bad == PD_R_RESPONSE_HEAD_TOO_LARGE);
    }
    pd_buf_fini(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pd_limits limits = PD_LIMITS_DEFAULT;
    if (size < FUZZ_KNOBS || size > FUZZ_INPUT_MAX)
        return 0;
    const struct pd_codec_options options = { .packet = data[0] & 64 ? 65536 : 0 };
    struct exchange x = { .fields = 0 };
    void *state = malloc(pd_codec_ajp13.state_size);
    FUZZ_ASSERT(state);
    pd_codec_ajp13.init(state, &limits, &options);
    pd_response_init(&x.response, pd_sys_default(), data[0] & 1 ? 65536 : 4096);
    x.response.is_head = data[1] & KNOB_HEAD;
    x.response.keep_alive = data[1] & KNOB_KEEP;
    x.response.date = data[0] & 32 ? PD_SLICE("") : date;
    answer(&x, state, pd_slice((const char *)data + FUZZ_KNOBS, size - FUZZ_KNOBS), data);
    pd_response_fini(&x.response);
    text_fini(&x.wire);
    free(state);
    return 0;
}
