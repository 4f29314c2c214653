/* fuzz_proxy.c - bytes of a peer that may or may not begin with a PROXY header, before HTTP/1.1. */
#include "front_codec.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(&front_codec_proxy, PD_OPTIONS_NONE, data, size);
    return 0;
}
