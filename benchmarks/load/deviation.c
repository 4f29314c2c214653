/* deviation.c - counts what was not right (see deviation.h). */
#include "deviation.h"

#include <stdarg.h>
#include <stdio.h>

const char *load_deviation_name(enum load_deviation kind)
{
    static const char *const names[] = {
#define LOAD_NAME(name, text) text,
        LOAD_DEVIATIONS(LOAD_NAME)
#undef LOAD_NAME
    };
    return names[kind];
}

void load_deviate(struct load_deviations *d, enum load_deviation kind, const char *request, const char *format, ...)
{
    d->counts[kind]++;
    if (d->total++)
        return;
    va_list arguments;
    va_start(arguments, format);
    int n = snprintf(d->first, sizeof d->first, "%.100s%s", request ? request : "", request ? ": " : "");
    if (n >= 0)
        vsnprintf(d->first + n, sizeof d->first - (size_t)n, format, arguments);
    va_end(arguments);
}
