/* report.h - what was measured, as JSON. */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include "run.h"

/* Processor time of this program. */
struct load_usage {
    double user;
    double system;
};

struct load_usage load_usage_now(void);
/* The difference of two. */
struct load_usage load_usage_since(struct load_usage before);

/* Prints one JSON object, an item a line. Times are in seconds. */
void load_report(const struct load_run *r, const struct load_tally *t, struct load_usage usage);

#endif
