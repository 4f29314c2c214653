/* fail.h - ends the program with one line on standard error, and the exit statuses. */
#ifndef LOAD_FAIL_H
#define LOAD_FAIL_H

enum load_exit {
    LOAD_RIGHT = 0,  /* every response was right */
    LOAD_WRONG = 1,  /* at least one was not, or did not come */
    LOAD_USAGE = 2,  /* the command line or a file of variants is wrong */
    LOAD_CANNOT = 3, /* nobody could be asked, or the system refused something */
};

/* Says what happened and what to do, and ends the program. */
_Noreturn void load_fail(enum load_exit status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Memory that is there, or the program ends; zeroed. */
void *load_alloc(unsigned long n, unsigned long size);

#endif
