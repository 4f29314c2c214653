/* fuzz_cgi.c - an environment and a body, or what may have become of them. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(&pd_codec_cgi, PD_OPTIONS_NONE, data, size);
    return 0;
}
