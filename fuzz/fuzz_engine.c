/*
 * fuzz_engine.c - bytes of a peer against a whole engine with an application.
 *
 * The first knobs choose the back end, how the client cuts its bytes, and the
 * protocol. Invariants: the engine comes to an end (in its own time: the
 * clock is ours), gives everything back, and what the client gets is made of
 * whole responses of the protocol, but for the last one.
 */
#include <unistd.h>

#include "engine/engine.h"
#include "fuzz.h"
#include "rig.h"

enum { KNOB_POLL = 4, KNOB_PIECES = 8 };

static bool take_line(struct pd_slice *rest, struct pd_slice *line)
{
    size_t n = pd_slice_find(*rest, '\n');
    if (n == rest->n)
        return false;
    *line = pd_slice(rest->p, n);
    *rest = pd_slice_from(*rest, n + 1);
    return true;
}

/* A status line, then lines up to an empty one, each ended by CR LF; what is cut off at the end is not looked at. */
static void check_http(struct pd_slice got)
{
    struct pd_slice line;
    if (!take_line(&got, &line))
        return;
    FUZZ_ASSERT(pd_slice_has_prefix(line, PD_SLICE("HTTP/1.1 ")));
    while (take_line(&got, &line) && line.n > 1) {
        FUZZ_ASSERT(line.p[line.n - 1] == '\r');
        FUZZ_ASSERT(pd_slice_find(line, ':') < line.n);
    }
}

static void check_single(struct pd_slice got, struct pd_slice label)
{
    FUZZ_ASSERT(pd_slice_has_prefix(got, pd_slice(label.p, got.n < label.n ? got.n : label.n)));
}

/* Records of the types that an application sends, no more than one END_REQUEST for each BEGIN_REQUEST that could be. */
static void check_fastcgi(struct pd_slice got, struct pd_slice sent)
{
    size_t ended = 0;
    while (got.n >= 8) {
        const unsigned char *h = (const unsigned char *)got.p;
        size_t size = 8 + ((size_t)h[4] << 8 | h[5]) + h[6];
        FUZZ_ASSERT(h[0] == 1);
        FUZZ_ASSERT(h[1] == 3 || h[1] == 6 || h[1] == 10 || h[1] == 11);
        FUZZ_ASSERT((h[1] >= 10) == (h[2] == 0 && h[3] == 0));
        ended += h[1] == 3;
        if (got.n < size)
            break;
        got = pd_slice_from(got, size);
    }
    FUZZ_ASSERT(ended <= sent.n / 16);
}

/* Packets of the kinds that a container sends: one head, then data, then one end. */
static void check_ajp(struct pd_slice got)
{
    bool in_response = false;
    while (got.n >= 5) {
        const unsigned char *h = (const unsigned char *)got.p;
        size_t size = 4 + ((size_t)h[2] << 8 | h[3]);
        FUZZ_ASSERT(h[0] == 'A' && h[1] == 'B' && size <= 8192);
        FUZZ_ASSERT((h[4] >= 3 && h[4] <= 6) || h[4] == 9);
        FUZZ_ASSERT(h[4] == 6 || in_response == (h[4] == 3 || h[4] == 5));
        in_response = h[4] == 6 ? in_response : h[4] == 3 || h[4] == 4;
        if (got.n < size)
            break;
        got = pd_slice_from(got, size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct pd_codec *const codecs[] = { &pd_codec_http1, &pd_codec_fastcgi, &pd_codec_scgi,
                                                     &pd_codec_uwsgi, &pd_codec_cgi,     &pd_codec_ajp13 };
    if (size < FUZZ_KNOBS || size > FUZZ_INPUT_MAX)
        return 0;
    char path[32];
    snprintf(path, sizeof path, "@fuzz-engine-%ld", (long)getpid());
    const struct script script = { .bytes = pd_slice((const char *)data + FUZZ_KNOBS, size - FUZZ_KNOBS) };
    const struct rig_scene scene = {
        .name = "fuzz",
        .codec = codecs[data[1] % (sizeof codecs / sizeof codecs[0])],
        .backend = data[0] & KNOB_POLL ? PD_LOOP_POLL : PD_LOOP_EPOLL,
        .unix_path = path,
        .scripts = &script,
        .visits = 1,
        .piece = data[0] & KNOB_PIECES ? 1 + data[3] + size / 1000 : FUZZ_INPUT_MAX,
    };
    struct rig r;
    rig_run(&r, &scene, (struct faulty_plan){ .call = FAULTY_MEMORY });
    FUZZ_ASSERT(r.turns <= RIG_TURNS_MAX);
    FUZZ_ASSERT(r.faulty.blocks == 0);
    struct pd_slice got = text_view(&r.client.got[0]);
    if (scene.codec == &pd_codec_http1)
        check_http(got);
    else if (scene.codec == &pd_codec_fastcgi)
        check_fastcgi(got, script.bytes);
    else if (scene.codec == &pd_codec_ajp13)
        check_ajp(got);
    else
        check_single(got, scene.codec == &pd_codec_uwsgi ? PD_SLICE("HTTP/1.1 ") : PD_SLICE("Status: "));
    rig_fini(&r);
    return 0;
}
