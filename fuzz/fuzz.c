/* fuzz.c - what the fuzz targets share (see fuzz.h). */
#include "fuzz.h"

#include "client_replay.h"
#include "guard.h"
#include "replay.h"

struct pd_limits fuzz_limits(uint8_t knob)
{
    struct pd_limits l = PD_LIMITS_DEFAULT;
    if (knob & 1)
        l.head = 96 + (knob >> 2);
    if (knob & 2) {
        l.target = 24;
        l.fields = 4;
        l.body = 40;
        l.chunk_overhead = 16;
    }
    return l;
}

struct pd_site fuzz_site(uint8_t knob)
{
    /* 192.0.2.0/24, where the peer is, and ::/0 */
    static const struct pd_net trusted[] = { { { 4, { 192, 0, 2 } }, 24 }, { { 16, { 0 } }, 0 } };
    struct pd_site s = replay_site();
    if (knob & 1)
        s.mount = PD_SLICE("/shop");
    s.trust_remote_user = knob & 2;
    if (knob & 0x80)
        s.forwarders = (struct pd_forwarders){ .nets = trusted, .n = 2, .fields = knob & 0x40 ? 0x17 : 0x0f };
    s.profile = (enum pd_profile)((knob >> 2) % (PD_PROFILE_CADDY + 1));
    return s;
}

static void deliver_in_pieces(struct replay *r, struct pd_slice in, uint32_t seed)
{
    while (in.n) {
        uint32_t shape = fuzz_random(&seed) % 3;
        size_t most = shape == 0 ? 1 : shape == 1 ? 16 : in.n;
        size_t n = 1 + fuzz_random(&seed) % (most < in.n ? most : in.n);
        replay_feed(r, pd_slice(in.p, n));
        in = pd_slice_from(in, n);
    }
}

static void show(const char *what, const struct text *t)
{
    fprintf(stderr, "--- %s\n", what);
    fwrite(t->p, 1, t->n, stderr);
}

static void compare(const struct replay *whole, const struct replay *pieces)
{
    bool same = pd_slice_eq(text_view(&whole->events), text_view(&pieces->events)) &&
                pd_slice_eq(text_view(&whole->environ), text_view(&pieces->environ));
    if (!same || whole->invalid || pieces->invalid) {
        show("whole", &whole->events);
        show("variables", &whole->environ);
        show("in pieces", &pieces->events);
        show("variables", &pieces->environ);
    }
    FUZZ_ASSERT(!whole->invalid);
    FUZZ_ASSERT(!pieces->invalid);
    FUZZ_ASSERT(same);
}

void fuzz_codec(const struct pd_codec *codec, const struct pd_codec_options *options, const uint8_t *data, size_t size)
{
    static struct guard guard;
    if (size < FUZZ_KNOBS || size > FUZZ_INPUT_MAX)
        return;
    if (!guard.map)
        guard_init(&guard, FUZZ_INPUT_MAX);
    struct pd_limits limits = fuzz_limits(data[0]);
    struct pd_site site = fuzz_site(data[1]);
    uint32_t seed = (uint32_t)(data[2] << 8 | data[3]);
    struct pd_slice in = pd_slice((const char *)data + FUZZ_KNOBS, size - FUZZ_KNOBS);
    struct replay whole, pieces;
    replay_init(&whole, codec, &limits, options, &site, pd_sys_default(), &guard);
    replay_feed(&whole, in);
    replay_eof(&whole);
    replay_init(&pieces, codec, &limits, options, &site, pd_sys_default(), &guard);
    deliver_in_pieces(&pieces, in, seed);
    replay_eof(&pieces);
    compare(&whole, &pieces);
    replay_fini(&whole);
    replay_fini(&pieces);
}

static void answer(struct client_replay *r, struct pd_slice in, uint32_t seed, size_t most, bool clean)
{
    while (in.n) {
        size_t n = most ? 1 + fuzz_random(&seed) % most : in.n;
        n = n < in.n ? n : in.n;
        client_replay_feed(r, pd_slice(in.p, n));
        in = pd_slice_from(in, n);
    }
    client_replay_eof(r, clean);
}

void fuzz_client(const struct pd_client_codec *codec, const uint8_t *data, size_t size)
{
    static struct guard guard;
    if (size < FUZZ_KNOBS || size > FUZZ_INPUT_MAX)
        return;
    if (!guard.map)
        guard_init(&guard, FUZZ_INPUT_MAX);
    struct pd_limits limits = fuzz_limits(data[0]);
    struct pd_slice method = data[1] & 1 ? PD_SLICE("HEAD") : PD_SLICE("GET");
    struct pd_slice in = pd_slice((const char *)data + FUZZ_KNOBS, size - FUZZ_KNOBS);
    bool clean = !(data[1] & 2);
    struct client_replay whole, pieces;
    client_replay_init(&whole, codec, &limits, pd_sys_default(), &guard, method);
    answer(&whole, in, 0, 0, clean);
    client_replay_init(&pieces, codec, &limits, pd_sys_default(), &guard, method);
    answer(&pieces, in, data[2], 1 + (size_t)data[3], clean);
    bool same = pd_slice_eq(text_view(&whole.answers), text_view(&pieces.answers));
    if (!same || whole.invalid || pieces.invalid) {
        show("whole", &whole.answers);
        show("in pieces", &pieces.answers);
    }
    FUZZ_ASSERT(same && !whole.invalid && !pieces.invalid);
    client_replay_fini(&whole);
    client_replay_fini(&pieces);
}
