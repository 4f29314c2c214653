/* fuzz_uwsgi.c - bytes of a peer that may or may not speak uwsgi. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_codec(&pd_codec_uwsgi, PD_OPTIONS_NONE, data, size);
    return 0;
}
