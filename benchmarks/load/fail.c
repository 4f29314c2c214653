/* fail.c - ends the program with one line on standard error (see fail.h). */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void load_fail(enum load_exit status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("polydoor-load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit((int)status);
}

void *load_alloc(unsigned long n, unsigned long size)
{
    void *p = calloc(n ? n : 1, size);
    if (!p)
        load_fail(LOAD_CANNOT, "out of memory");
    return p;
}
