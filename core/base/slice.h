/*
 * slice.h - a pointer with its length.
 *
 * Bytes that come from a peer are always handled as slices: nothing is
 * NUL-terminated, so nothing can be read past its end by a str* function.
 * A slice does not own its bytes.
 */
#ifndef PD_SLICE_H
#define PD_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

struct pd_slice {
    const char *p;
    size_t n;
};

/* A slice over a string literal. */
#define PD_SLICE(lit) ((struct pd_slice){ "" lit, sizeof(lit) - 1 })
#define PD_SLICE_NONE ((struct pd_slice){ NULL, 0 })

static inline struct pd_slice pd_slice(const char *p, size_t n)
{
    return (struct pd_slice){ p, n };
}

/* Lengths are compared first, so a prefix never passes for the whole. */
static inline bool pd_slice_eq(struct pd_slice a, struct pd_slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline char pd_ascii_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char)(c | 0x20) : c;
}

/* ASCII case-insensitive; never locale- or Unicode-dependent. */
static inline bool pd_slice_eq_nocase(struct pd_slice a, struct pd_slice b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (pd_ascii_lower(a.p[i]) != pd_ascii_lower(b.p[i]))
            return false;
    return true;
}

static inline bool pd_slice_has_prefix(struct pd_slice s, struct pd_slice prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* The slice without its first `n` bytes; `n` must not exceed its length. */
static inline struct pd_slice pd_slice_from(struct pd_slice s, size_t n)
{
    return (struct pd_slice){ s.p + n, s.n - n };
}

/* Index of the first `c`, or s.n when there is none. */
static inline size_t pd_slice_find(struct pd_slice s, char c)
{
    const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;
    return hit ? (size_t)(hit - s.p) : s.n;
}

/* Without OWS at both ends (RFC 9110 section 5.6.3): SP and HTAB, never other white space such as 0x85 or 0xA0. */
static inline struct pd_slice pd_slice_trim(struct pd_slice s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = pd_slice_from(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Writes the bytes at `dst`, where there must be room, and returns the place behind them. */
static inline char *pd_put(char *dst, struct pd_slice s)
{
    if (s.n)
        memcpy(dst, s.p, s.n);
    return dst + s.n;
}

/* Writes 16 lower-case hexadecimal digits. Eight at a time: each digit gets a byte, and those above 9 what lies
 * between. */
static inline char *pd_put_hex64(char *dst, uint64_t n)
{
    for (unsigned half = 0; half < 2; half++, n <<= 32) {
        uint64_t w = n >> 32;
        w = (w | w << 16) & 0x0000ffff0000ffffu;
        w = (w | w << 8) & 0x00ff00ff00ff00ffu;
        w = (w | w << 4) & 0x0f0f0f0f0f0f0f0fu;
        w += 0x3030303030303030u + (((w + 0x0606060606060606u) >> 4) & 0x0101010101010101u) * ('a' - '9' - 1);
        w = PD_LITTLE_ENDIAN ? __builtin_bswap64(w) : w;
        memcpy(dst + half * sizeof w, &w, sizeof w);
    }
    return dst + 16;
}

#endif
