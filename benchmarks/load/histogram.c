/* histogram.c - latencies in log-linear buckets (see histogram.h). */
#include "histogram.h"

#include <string.h>

void load_histogram_init(struct load_histogram *h)
{
    memset(h, 0, sizeof *h);
    h->min = UINT64_MAX;
}

size_t load_histogram_index(uint64_t value)
{
    if (value >= (uint64_t)1 << LOAD_VALUE_BITS)
        return LOAD_BUCKETS - 1;
    if (value < 2 * LOAD_SUB)
        return (size_t)value;
    unsigned top = 63u - (unsigned)__builtin_clzll(value);
    unsigned shift = top - LOAD_SUB_BITS;
    return (size_t)shift * LOAD_SUB + (size_t)(value >> shift); /* the second part is in [LOAD_SUB, 2 * LOAD_SUB) */
}

uint64_t load_histogram_highest(size_t index)
{
    if (index < 2 * LOAD_SUB)
        return index;
    size_t shift = index / LOAD_SUB - 1;
    return ((uint64_t)(index - shift * LOAD_SUB + 1) << shift) - 1;
}

uint64_t load_histogram_at(const struct load_histogram *h, double percent)
{
    double share = percent / 100 * (double)h->count;
    uint64_t wanted = (uint64_t)share;
    wanted += (double)wanted < share; /* rounded up: so many are at or below the answer */
    uint64_t seen = 0;
    for (size_t i = 0; i < LOAD_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen && seen >= wanted) {
            uint64_t highest = load_histogram_highest(i);
            return highest < h->max && i < LOAD_BUCKETS - 1 ? highest : h->max;
        }
    }
    return 0;
}
