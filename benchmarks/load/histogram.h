/*
 * histogram.h - latencies in log-linear buckets, with three significant digits.
 *
 * Values are nanoseconds. Below 2048 each value has a bucket of its own; above, each power of two is cut into 1024
 * equal buckets, so that a bucket is never wider than 1/1024 of what it holds. This is the layout of an HDR histogram.
 * Memory is fixed (280 KiB) and recording is a shift and two additions, whatever the values are. Values of 2^44 ns
 * (4.9 hours) and more fall into the last bucket; the largest is kept exactly.
 */
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
    LOAD_SUB_BITS = 10,
    LOAD_SUB = 1 << LOAD_SUB_BITS, /* buckets of a power of two */
    LOAD_VALUE_BITS = 44,
    LOAD_BUCKETS = (LOAD_VALUE_BITS - LOAD_SUB_BITS + 1) * LOAD_SUB,
};

struct load_histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t min; /* UINT64_MAX: nothing was recorded */
    uint64_t max;
    uint64_t buckets[LOAD_BUCKETS];
};

void load_histogram_init(struct load_histogram *h);

/* The bucket of a value, and the largest value of a bucket. */
size_t load_histogram_index(uint64_t value);
uint64_t load_histogram_highest(size_t index);

static inline void load_histogram_add(struct load_histogram *h, uint64_t value)
{
    h->buckets[load_histogram_index(value)]++;
    h->count++;
    h->sum += value;
    h->min = value < h->min ? value : h->min;
    h->max = value > h->max ? value : h->max;
}

/*
 * The value that `percent` of all are not above: the highest of the first bucket up to which that many were recorded,
 * or the largest value where that is lower. 0 when nothing was recorded.
 */
uint64_t load_histogram_at(const struct load_histogram *h, double percent);

#endif
