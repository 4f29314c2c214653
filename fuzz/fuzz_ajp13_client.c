/* fuzz_ajp13_client.c - bytes of a server that may or may not answer in AJP13. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_client(&pd_client_ajp13, data, size);
    return 0;
}
