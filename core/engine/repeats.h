/*
 * repeats.h - how often strangers may have us say the same in the log.
 *
 * Each code has its own measure: a few lines at once, and then one a second
 * that counts what was left out.
 */
#ifndef PD_REPEATS_H
#define PD_REPEATS_H

#include <stdbool.h>
#include <stdint.h>

enum { PD_REPEATS_FIRST = 400, PD_REPEATS_END = 800, PD_REPEATS_MS = 1000 };

struct pd_repeats {
    uint32_t burst; /* lines of one code at once; 0: all are said */
    struct pd_repeat {
        uint64_t since_ms; /* when `used` was last counted down */
        uint32_t used;     /* of the burst */
        uint32_t left_out; /* lines since the last one that was said */
    } of[PD_REPEATS_END - PD_REPEATS_FIRST];
};

/* Whether a line with the code of this number is said now; if so, `left_out` counts those before it that were not. */
bool pd_repeats_may_say(struct pd_repeats *r, int number, uint64_t now_ms, uint32_t *left_out);

/* The next code behind `number` with lines that were left out, if it may be said now or `at_once`; 0: there is none. */
int pd_repeats_left_out(struct pd_repeats *r, int number, uint64_t now_ms, bool at_once, uint32_t *left_out);

/* Whether lines were left out that nobody has been told of. */
bool pd_repeats_owes(const struct pd_repeats *r);

#endif
