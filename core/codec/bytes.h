/*
 * bytes.h - which byte may stand where, as one table for all text protocols.
 *
 * The classes are those of the grammars; a byte is looked up, never compared
 * against ranges, so that the scanning loops stay short.
 */
#ifndef PD_BYTES_H
#define PD_BYTES_H

#include <stdint.h>

#include "base/slice.h"

enum pd_byte_class {
    PD_BYTE_TOKEN = 0x01,  /* tchar, RFC 9110 section 5.6.2 */
    PD_BYTE_TARGET = 0x02, /* visible ASCII but '#': the request target */
    PD_BYTE_VALUE = 0x04,  /* field value: HTAB, SP, VCHAR, obs-text; RFC 9110 section 5.5 */
    PD_BYTE_HOST = 0x08,   /* unreserved and sub-delims, RFC 3986 section 3.2.2 */
    PD_BYTE_HEX = 0x10,    /* HEXDIG of either case */
    PD_BYTE_QUOTED = 0x20, /* qdtext, RFC 9110 section 5.6.4 */
};

extern const unsigned char pd_byte_classes[256];

static inline bool pd_byte_is(char c, enum pd_byte_class mask)
{
    return (pd_byte_classes[(unsigned char)c] & mask) != 0;
}

/* Number of leading bytes of `s` that are in the class. */
static inline size_t pd_byte_run(struct pd_slice s, enum pd_byte_class mask)
{
    size_t i = 0;
    while (i < s.n && pd_byte_is(s.p[i], mask))
        i++;
    return i;
}

/*
 * The same of PD_BYTE_VALUE, eight bytes at a time: a byte below SP or equal to DEL sets its top bit in `odd`. HTAB
 * does so too, and then the rest is looked up byte by byte.
 */
static inline size_t pd_byte_value_run(struct pd_slice s)
{
    const uint64_t ones = 0x0101010101010101u;
    size_t i = 0;
    for (uint64_t w; s.n - i >= sizeof w; i += sizeof w) {
        memcpy(&w, s.p + i, sizeof w);
        uint64_t del = w ^ ones * 0x7f;
        uint64_t odd = ((w - ones * 0x20) & ~w) | ((del - ones) & ~del);
        if (odd & ones * 0x80)
            break;
    }
    while (i < s.n && pd_byte_is(s.p[i], PD_BYTE_VALUE))
        i++;
    return i;
}

/* The value of a byte of the class PD_BYTE_HEX. */
static inline unsigned pd_byte_hex(char c)
{
    unsigned u = (unsigned char)c;
    return u <= '9' ? u - '0' : (u | 0x20u) - 'a' + 10u;
}

static inline bool pd_byte_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

#endif
