/* fuzz_http1.c - bytes of a peer that may or may not speak HTTP/1.1. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(&pd_codec_http1, PD_OPTIONS_NONE, data, size);
    return 0;
}
