/* names.c - look-up of known names by perfect hash (see names.h). */
#include "codec/names.h"

#include <assert.h>
#include <stdint.h>

#include "codec/names_table.h"

struct name_row {
    struct pd_slice key;
    struct pd_slice header; /* lower case; empty: there is no such header */
};

static const struct name_row rows[PD_NAME_COUNT] = {
    [PD_NAME_OTHER] = { { "", 0 }, { "", 0 } },
/* clang-format off */
#define NAME_ROW(suffix, key, header) [PD_NAME_##suffix] = { { "" key, sizeof(key) - 1 }, { "" header, sizeof(header) - 1 } },
    PD_NAMES(NAME_ROW)
#undef NAME_ROW
    /* clang-format on */
};

static_assert(PD_NAME_COUNT <= UINT8_MAX, "a slot of the table is one byte");

struct pd_slice pd_name_key(enum pd_name id)
{
    return rows[id].key;
}

static uint64_t load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint32_t load4(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/*
 * True when `got` folded to lower case is `want`, which is letters, digits and
 * dashes in lower case. 0x20 is set only where `want` has a letter (those have
 * 0x40 set), so a dash is matched exactly. Words may overlap: no byte loop.
 */
static bool header_eq(const char *got, const char *want, size_t n)
{
    if (n >= sizeof(uint64_t)) {
        for (size_t i = 0;; i += sizeof(uint64_t)) {
            if (i > n - sizeof(uint64_t))
                i = n - sizeof(uint64_t);
            uint64_t w = load8(want + i);
            if ((load8(got + i) | (w >> 1 & 0x2020202020202020u)) != w)
                return false;
            if (i == n - sizeof(uint64_t))
                return true;
        }
    }
    if (n >= sizeof(uint32_t)) {
        uint32_t head = load4(want);
        uint32_t tail = load4(want + n - sizeof(uint32_t));
        return (load4(got) | (head >> 1 & 0x20202020u)) == head &&
               (load4(got + n - sizeof(uint32_t)) | (tail >> 1 & 0x20202020u)) == tail;
    }
    return pd_slice_eq_nocase(pd_slice(got, n), pd_slice(want, n));
}

bool pd_name_header_is(struct pd_slice name, struct pd_slice want)
{
    return name.n == want.n && header_eq(name.p, want.p, want.n);
}

static unsigned folded(char c)
{
    return (unsigned char)c | 0x20u;
}

enum pd_name pd_name_of_header(struct pd_slice h)
{
    if (h.n < HEADER_MIN || h.n > HEADER_MAX)
        return PD_NAME_OTHER;
    unsigned at = (unsigned)h.n * HEADER_A + folded(h.p[h.n - 1]) * HEADER_B + folded(h.p[h.n - 2]) * HEADER_C +
                  folded(h.p[h.n / 2]) * HEADER_D;
    unsigned id = header_slots[at % HEADER_SLOTS];
    struct pd_slice want = rows[id].header;
    return h.n == want.n && header_eq(h.p, want.p, h.n) ? (enum pd_name)id : PD_NAME_OTHER;
}

enum pd_name pd_name_of_variable(struct pd_slice v)
{
    if (v.n < VARIABLE_MIN || v.n > VARIABLE_MAX)
        return PD_NAME_OTHER;
    unsigned at = (unsigned)v.n * VARIABLE_A + (unsigned char)v.p[v.n - 1] * (unsigned)VARIABLE_B +
                  (unsigned char)v.p[v.n - 2] * (unsigned)VARIABLE_C +
                  (unsigned char)v.p[v.n / 2] * (unsigned)VARIABLE_D;
    unsigned id = variable_slots[at % VARIABLE_SLOTS];
    return pd_slice_eq(v, rows[id].key) ? (enum pd_name)id : PD_NAME_OTHER;
}
