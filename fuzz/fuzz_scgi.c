/* fuzz_scgi.c - bytes of a peer that may or may not speak SCGI. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(&pd_codec_scgi, PD_OPTIONS_NONE, data, size);
    return 0;
}
