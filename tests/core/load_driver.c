/*
 * load_driver.c - the histogram and the timers of benchmarks/load, driven by numbers on standard input.
 *
 * "histogram": the values; prints for each its bucket and that bucket's highest value, then the percentiles asked for
 * in the arguments. "timers": sets a timer for each value, moves every third to its double, takes every fifth back, and
 * prints the others as they come.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../benchmarks/load/histogram.h"
#include "../../benchmarks/load/timers.h"

enum { VALUES_MAX = 20000 };

static size_t read_values(uint64_t *values)
{
    size_t n = 0;
    while (n < VALUES_MAX && scanf("%" SCNu64, &values[n]) == 1)
        n++;
    return n;
}

static int histogram(const uint64_t *values, size_t n, int argc, char **argv)
{
    struct load_histogram *h = malloc(sizeof *h);
    if (!h)
        return 1;
    load_histogram_init(h);
    for (size_t i = 0; i < n; i++) {
        size_t index = load_histogram_index(values[i]);
        load_histogram_add(h, values[i]);
        printf("%zu %" PRIu64 "\n", index, load_histogram_highest(index));
    }
    for (int i = 2; i < argc; i++)
        printf("%s %" PRIu64 "\n", argv[i], load_histogram_at(h, strtod(argv[i], NULL)));
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", h->count, h->sum, h->min, h->max);
    free(h);
    return 0;
}

static int timers(const uint64_t *values, size_t n)
{
    struct load_timer *all = calloc(n + 1, sizeof *all);
    struct load_timers heap = { .heap = calloc(n + 1, sizeof(struct load_timer *)) };
    if (!all || !heap.heap)
        return 1;
    for (size_t i = 0; i < n; i++)
        load_timers_set(&heap, &all[i], values[i]);
    for (size_t i = 0; i < n; i++) {
        if (i % 3 == 0)
            load_timers_set(&heap, &all[i], 2 * values[i]);
        if (i % 5 == 0)
            load_timers_unset(&heap, &all[i]);
    }
    for (struct load_timer *t; (t = load_timers_take(&heap, UINT64_MAX));)
        printf("%" PRIu64 "\n", t->due_ns);
    free(heap.heap);
    free(all);
    return 0;
}

int main(int argc, char **argv)
{
    static uint64_t values[VALUES_MAX];
    size_t n = read_values(values);
    if (argc > 1 && strcmp(argv[1], "histogram") == 0)
        return histogram(values, n, argc, argv);
    return timers(values, n);
}
