/* fuzz_scgi_client.c - bytes of a server that may or may not answer in CGI style. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_client(&pd_client_scgi, data, size);
    return 0;
}
