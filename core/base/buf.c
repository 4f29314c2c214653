/* buf.c - growable byte buffer, born with its maximum (see buf.h). */
#include "base/buf.h"

#include <assert.h>

enum { BUF_MIN = 256 };

static bool buf_sane(const struct pd_buf *b)
{
    return b->done <= b->end && b->end <= b->cap && b->cap <= b->limit && (b->data || !b->cap);
}

void pd_buf_init(struct pd_buf *b, const struct pd_sys *sys, size_t limit)
{
    *b = (struct pd_buf){ .sys = sys, .limit = limit };
}

void pd_buf_clear(struct pd_buf *b)
{
    pd_release(b->sys, b->data);
    pd_buf_init(b, b->sys, b->limit);
}

void pd_buf_fini(struct pd_buf *b)
{
    pd_buf_clear(b);
}

static void buf_compact(struct pd_buf *b)
{
    size_t n = b->end - b->done;
    if (b->done && n)
        memmove(b->data, b->data + b->done, n);
    b->done = 0;
    b->end = n;
}

enum pd_buf_result pd_buf_reserve(struct pd_buf *b, size_t n)
{
    assert(buf_sane(b));
    if (b->cap - b->end >= n)
        return PD_BUF_OK;
    size_t used = b->end - b->done;
    if (n > b->limit - used)
        return PD_BUF_FULL;
    buf_compact(b);
    if (b->cap - b->end >= n)
        return PD_BUF_OK;
    size_t cap = b->cap ? b->cap : BUF_MIN;
    while (cap - used < n)
        cap *= 2; /* cannot wrap: n and used are both bounded by limit */
    if (cap > b->limit)
        cap = b->limit;
    char *grown = b->sys->resize(b->sys->ctx, b->data, cap);
    if (!grown)
        return PD_BUF_NOMEM;
    b->data = grown;
    b->cap = cap;
    return PD_BUF_OK;
}

enum pd_buf_result pd_buf_put(struct pd_buf *b, struct pd_slice s)
{
    enum pd_buf_result r = pd_buf_reserve(b, s.n);
    if (r != PD_BUF_OK)
        return r;
    if (s.n && s.p != b->data + b->end) /* else they were received there */
        memcpy(b->data + b->end, s.p, s.n);
    b->end += s.n;
    return PD_BUF_OK;
}

void pd_buf_skip(struct pd_buf *b, size_t n)
{
    assert(n <= b->end - b->done);
    b->done += n;
    if (b->done == b->end)
        b->done = b->end = 0;
}
