/*
 * length.h - CONTENT_LENGTH as the gateway protocols send it.
 *
 * Digits and nothing else: no sign, no space, no "0x", no "_" (RFC 9110
 * section 8.6; int()-like leniency is a known way to disagree about a body's
 * end). A number too long for any integer is too large, not malformed.
 */
#ifndef PD_LENGTH_H
#define PD_LENGTH_H

#include <stdint.h>

#include "base/slice.h"
#include "codec/reason.h"

/* Sets `*out` only when the result is PD_R_NONE. */
static inline enum pd_reason pd_length_parse(struct pd_slice s, uint64_t limit, int64_t *out)
{
    const uint64_t ceiling = limit < INT64_MAX ? limit : INT64_MAX;
    uint64_t value = 0;
    bool over = false;
    if (s.n == 0)
        return PD_R_BAD_CONTENT_LENGTH;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';
        if (digit > 9)
            return PD_R_BAD_CONTENT_LENGTH;
        /* value <= ceiling / 10 < 2^63 / 10, so the product cannot wrap */
        over = over || value > ceiling / 10;
        if (!over)
            value = value * 10 + digit;
        over = over || value > ceiling;
    }
    if (over)
        return PD_R_BODY_TOO_LARGE;
    *out = (int64_t)value;
    return PD_R_NONE;
}

#endif
