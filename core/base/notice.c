/* notice.c - texts of the codes, and messages that begin with one (see notice.h). */
#include "base/notice.h"

#include <stdarg.h>
#include <stdio.h>

const char *pd_notice_text(enum pd_notice notice)
{
    switch (notice) {
#define NOTICE_CASE(name, number, text)                                                                                \
    case PD_NOTICE_##name:                                                                                             \
        return text;
        PD_NOTICES(NOTICE_CASE)
#undef NOTICE_CASE
    }
    return "";
}

void pd_notice_say(char *dst, size_t n, enum pd_notice notice, const char *format, ...)
{
    va_list args;
    int head = snprintf(dst, n, "PD%04d: ", (int)notice);
    if (head < 0 || (size_t)head >= n)
        return;
    va_start(args, format);
    vsnprintf(dst + head, n - (size_t)head, format, args);
    va_end(args);
}
