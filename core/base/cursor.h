/*
 * cursor.h - checked reading of numbers and runs of bytes.
 *
 * The only way in which codecs read binary integers. Every getter checks the
 * bytes that are left; a getter that fails sets `ok` to false and returns
 * zero, and all later getters fail too, so a run of reads needs one check.
 */
#ifndef PD_CURSOR_H
#define PD_CURSOR_H

#include <stdint.h>

#include "base/slice.h"

struct pd_cursor {
    const unsigned char *p;
    const unsigned char *end;
    bool ok;
};

static inline struct pd_cursor pd_cursor(struct pd_slice s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    return (struct pd_cursor){ p, s.n ? p + s.n : p, true };
}

static inline size_t pd_cursor_left(const struct pd_cursor *c)
{
    return (size_t)(c->end - c->p);
}

static inline bool pd_cursor_need(struct pd_cursor *c, size_t n)
{
    if (!c->ok || pd_cursor_left(c) < n)
        c->ok = false;
    return c->ok;
}

static inline uint8_t pd_cursor_u8(struct pd_cursor *c)
{
    return pd_cursor_need(c, 1) ? *c->p++ : 0;
}

static inline uint16_t pd_cursor_be16(struct pd_cursor *c)
{
    if (!pd_cursor_need(c, 2))
        return 0;
    uint16_t v = (uint16_t)(c->p[0] << 8 | c->p[1]);
    c->p += 2;
    return v;
}

static inline uint16_t pd_cursor_le16(struct pd_cursor *c)
{
    if (!pd_cursor_need(c, 2))
        return 0;
    uint16_t v = (uint16_t)(c->p[1] << 8 | c->p[0]);
    c->p += 2;
    return v;
}

static inline uint32_t pd_cursor_be32(struct pd_cursor *c)
{
    uint32_t hi = pd_cursor_be16(c);
    uint32_t lo = pd_cursor_be16(c);
    return c->ok ? hi << 16 | lo : 0;
}

/* The next `n` bytes as a slice, or an empty slice and ok = false. */
static inline struct pd_slice pd_cursor_take(struct pd_cursor *c, size_t n)
{
    if (!pd_cursor_need(c, n))
        return PD_SLICE_NONE;
    struct pd_slice s = pd_slice((const char *)c->p, n);
    c->p += n;
    return s;
}

#endif
