/* fuzz_fastcgi_client.c - bytes of a server that may or may not answer in FastCGI. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_client(&pd_client_fastcgi, data, size);
    return 0;
}
