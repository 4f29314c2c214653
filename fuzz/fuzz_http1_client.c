/* fuzz_http1_client.c - bytes of a server that may or may not answer in HTTP/1.1. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_client(&pd_client_http1, data, size);
    return 0;
}
