/* fuzz_ajp.c - bytes of a peer that may or may not speak AJP13; the first knob also sets the codec's options. */
#include "fuzz.h"

enum { WITH_SECRET = 16, LARGE_PACKETS = 32, LIGHTTPD = 64, RAW_PATH = 128 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned knob = size ? data[0] : 0;
    struct pd_codec_options options = {
        .secret = knob & WITH_SECRET ? PD_SLICE("hush") : PD_SLICE(""),
        .packet = knob & LARGE_PACKETS ? 65536 : 0,
        .lighttpd = knob & LIGHTTPD,
        .raw_path = knob & RAW_PATH,
    };
    fuzz_codec(&pd_codec_ajp13, &options, data, size);
    return 0;
}
