/* fuzz_auto.c - bytes of a peer whose protocol is found out. */
#include "front_codec.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(&front_codec_auto, PD_OPTIONS_NONE, data, size);
    return 0;
}
