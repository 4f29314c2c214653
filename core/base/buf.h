/*
 * buf.h - growable byte buffer, born with its maximum.
 *
 *      data          done              end             cap      limit
 *       |  consumed   |   unconsumed    |   free room   |  (may grow)
 *
 * Invariant: done <= end <= cap <= limit. No path can grow a buffer past its
 * limit. An empty buffer owns no memory, so idle connections cost nothing.
 */
#ifndef PD_BUF_H
#define PD_BUF_H

#include "base/compiler.h"
#include "base/slice.h"
#include "base/sys.h"

struct pd_buf {
    const struct pd_sys *sys;
    char *data;
    size_t done;
    size_t end;
    size_t cap;
    size_t limit;
};

enum pd_buf_result {
    PD_BUF_OK,
    PD_BUF_FULL,  /* the limit would be passed */
    PD_BUF_NOMEM, /* the allocator said no; the content is unchanged */
};

void pd_buf_init(struct pd_buf *b, const struct pd_sys *sys, size_t limit);
void pd_buf_fini(struct pd_buf *b);

/* Makes room for `n` more bytes behind `end` (may move the content). */
enum pd_buf_result pd_buf_reserve(struct pd_buf *b, size_t n) PD_MUST_CHECK;
/* Appends bytes; all of them or none. Those that lie behind `end` already, in reserved room, are not copied. */
enum pd_buf_result pd_buf_put(struct pd_buf *b, struct pd_slice s) PD_MUST_CHECK;
/* Drops `n` bytes from the front; `n` must not exceed pd_buf_view(b).n. */
void pd_buf_skip(struct pd_buf *b, size_t n);
/* Gives the memory back; the limit stays. */
void pd_buf_clear(struct pd_buf *b);

/* Forgets the content and keeps the memory for the next use. */
static inline void pd_buf_rewind(struct pd_buf *b)
{
    b->done = b->end = 0;
}

/* The unconsumed bytes. */
static inline struct pd_slice pd_buf_view(const struct pd_buf *b)
{
    return pd_slice(b->data ? b->data + b->done : "", b->end - b->done);
}

static inline bool pd_buf_is_empty(const struct pd_buf *b)
{
    return b->done == b->end;
}

#endif
