/*
 * fuzz_chunked.c - a chunked body, decoded whole and in pieces.
 *
 * Invariants: the same data and the same end or reason either way; data lies
 * in the input; MORE leaves nothing unconsumed; the limit holds; and what
 * was decoded, encoded again, decodes to the same.
 */
#include "codec/chunked.h"
#include "fuzz.h"
#include "guard.h"
#include "text.h"

struct outcome {
    enum pd_chunked_result result;
    uint8_t reason;
    size_t used; /* input bytes up to END */
    struct text body;
};

static struct guard guard;

/* Feeds one piece; false when the body is over. */
static bool feed(struct pd_chunked *c, struct pd_slice piece, struct outcome *o)
{
    struct pd_slice in = guard_place(&guard, PD_SLICE_NONE, piece);
    size_t calls = 0;
    do {
        struct pd_slice data = PD_SLICE_NONE;
        size_t used = SIZE_MAX;
        o->result = pd_chunked_next(c, in, &used, &data);
        FUZZ_ASSERT(calls++ <= piece.n + 2);
        if (o->result == PD_CHUNKED_BAD)
            return false;
        FUZZ_ASSERT(used <= in.n);
        if (o->result == PD_CHUNKED_DATA) {
            FUZZ_ASSERT(data.n > 0 && data.p >= in.p && data.p + data.n <= in.p + used);
            text_put(&o->body, data);
        }
        in = pd_slice_from(in, used);
        o->used += used;
    } while (o->result == PD_CHUNKED_DATA);
    FUZZ_ASSERT(o->result == PD_CHUNKED_END || in.n == 0);
    return o->result == PD_CHUNKED_MORE;
}

static struct outcome decode(struct pd_slice in, const struct pd_limits *limits, uint32_t seed, size_t most)
{
    struct outcome o = { 0 };
    struct pd_chunked c;
    pd_chunked_init(&c, limits);
    bool goes_on = true;
    while (goes_on && in.n) {
        size_t n = most ? 1 + fuzz_random(&seed) % most : in.n;
        n = n < in.n ? n : in.n;
        goes_on = feed(&c, pd_slice(in.p, n), &o);
        in = pd_slice_from(in, n);
    }
    o.reason = o.result == PD_CHUNKED_BAD ? c.reason : 0;
    FUZZ_ASSERT(o.result != PD_CHUNKED_BAD || (o.reason != PD_R_NONE && o.reason < PD_R_COUNT_));
    FUZZ_ASSERT(o.body.n <= limits->body);
    return o;
}

/* What was decoded, as one chunk and the last chunk, gives the same again. */
static void check_round_trip(const struct outcome *o, const struct pd_limits *limits)
{
    struct text wire = { 0 };
    char line[18];
    if (o->body.n) {
        text_put(&wire, pd_slice(line, pd_chunked_put_size(line, o->body.n)));
        text_put(&wire, text_view(&o->body));
        text_put(&wire, PD_SLICE("\r\n"));
    }
    text_put(&wire, PD_SLICE("0\r\n\r\n"));
    struct outcome again = decode(text_view(&wire), limits, 0, 0);
    FUZZ_ASSERT(again.result == PD_CHUNKED_END && again.used == wire.n);
    FUZZ_ASSERT(pd_slice_eq(text_view(&again.body), text_view(&o->body)));
    text_fini(&again.body);
    text_fini(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < FUZZ_KNOBS || size > FUZZ_INPUT_MAX)
        return 0;
    if (!guard.map)
        guard_init(&guard, 2 * FUZZ_INPUT_MAX);
    struct pd_limits limits = fuzz_limits(data[0]);
    struct pd_slice in = pd_slice((const char *)data + FUZZ_KNOBS, size - FUZZ_KNOBS);
    struct outcome whole = decode(in, &limits, 0, 0);
    struct outcome pieces = decode(in, &limits, data[2], 1 + (size_t)data[3] % 32);
    FUZZ_ASSERT(whole.result == pieces.result && whole.reason == pieces.reason);
    FUZZ_ASSERT(pd_slice_eq(text_view(&whole.body), text_view(&pieces.body)));
    FUZZ_ASSERT(whole.result != PD_CHUNKED_END || whole.used == pieces.used);
    if (whole.result == PD_CHUNKED_END)
        check_round_trip(&whole, &limits);
    text_fini(&whole.body);
    text_fini(&pieces.body);
    return 0;
}
