/* fuzz_uwsgi_client.c - bytes of a server that may or may not answer in uwsgi. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_client(&pd_client_uwsgi, data, size);
    return 0;
}
