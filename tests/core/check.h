/*
 * check.h - the smallest test harness: checks that print and count.
 *
 * A failed CHECK prints where and what, and the test goes on; the program ends
 * with `return check_result();`, 0 when all held. One per test program.
 */
#ifndef PD_TEST_CHECK_H
#define PD_TEST_CHECK_H

#include <stdio.h>

#include "base/slice.h"

static int check_count;
static int check_failures;

#define CHECK(cond)            check_that((cond) ? 1 : 0, __FILE__, __LINE__, #cond)
#define CHECK_INT(got, want)   check_int((long long)(got), (long long)(want), __FILE__, __LINE__, #got)
#define CHECK_SLICE(got, want) check_slice((got), (want), __FILE__, __LINE__, #got)
/* `want` is a string literal; it may hold NULs. */
#define CHECK_STR(got, want) check_slice((got), PD_SLICE(want), __FILE__, __LINE__, #got)

static inline void check_that(int ok, const char *file, int line, const char *what)
{
    check_count++;
    if (ok)
        return;
    check_failures++;
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
}

static inline void check_int(long long got, long long want, const char *file, int line, const char *what)
{
    check_count++;
    if (got == want)
        return;
    check_failures++;
    fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", file, line, what, got, want);
}

static inline void check_slice(struct pd_slice got, struct pd_slice want, const char *file, int line, const char *what)
{
    check_count++;
    if ((got.p != NULL) == (want.p != NULL) && pd_slice_eq(got, want))
        return;
    check_failures++;
    fprintf(stderr, "%s:%d: %s is \"%.*s\", not \"%.*s\"\n", file, line, what, (int)got.n, got.p ? got.p : "(none)",
            (int)want.n, want.p ? want.p : "(none)");
}

static inline int check_result(void)
{
    printf("%d checks, %d failed\n", check_count, check_failures);
    return check_failures || !check_count;
}

#endif
