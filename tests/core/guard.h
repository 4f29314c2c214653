/*
 * guard.h - memory whose last byte stands before an unreadable page.
 *
 * Bytes placed by guard_place() end exactly at that page, so a parser that
 * looks one byte too far dies at once, with or without a sanitizer.
 */
#ifndef GUARD_H
#define GUARD_H

#include "base/slice.h"

struct guard {
    char *map;
    size_t map_size;
    char *wall; /* first byte of the unreadable page */
};

/* Room for `max` bytes; ends the program when there is no memory. */
void guard_init(struct guard *g, size_t max);
void guard_fini(struct guard *g);

/* Copies `head` and behind it `tail` so that they end at the wall. `head` may already lie in the guarded memory. */
struct pd_slice guard_place(struct guard *g, struct pd_slice head, struct pd_slice tail);

#endif
