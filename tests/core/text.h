/* text.h - a growing text that tests write traces into. Ends the program when there is no memory. */
#ifndef TEXT_H
#define TEXT_H

#include "base/compiler.h"
#include "base/slice.h"

struct text {
    char *p;
    size_t n;
    size_t cap;
};

void text_fini(struct text *t);
void text_put(struct text *t, struct pd_slice s);
void text_printf(struct text *t, const char *fmt, ...) PD_PRINTF(2, 3);
/* The bytes with \r \n \t \0 \\ \xHH for all that is not printable ASCII. */
void text_escape(struct text *t, struct pd_slice s);

/* Writes each line to standard output, behind a mark and a space. */
void text_print_lines(char mark, struct pd_slice text);

static inline void text_reset(struct text *t)
{
    t->n = 0;
}

static inline struct pd_slice text_view(const struct text *t)
{
    return pd_slice(t->p, t->n);
}

#endif
