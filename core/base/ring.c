/* ring.c - a bounded queue of bytes (see ring.h). */
#include "base/ring.h"

#include <assert.h>

bool pd_ring_init(struct pd_ring *r, const struct pd_sys *sys, size_t cap)
{
    *r = (struct pd_ring){ .sys = sys, .data = pd_alloc(sys, cap), .cap = cap };
    return r->data != NULL;
}

void pd_ring_fini(struct pd_ring *r)
{
    pd_release(r->sys, r->data);
    r->data = NULL;
}

bool pd_ring_put(struct pd_ring *r, struct pd_slice s)
{
    if (!r->wrapped && r->cap - r->head < s.n && r->tail >= s.n) {
        r->end = r->head;
        r->head = 0;
        r->wrapped = true;
    }
    size_t room = (r->wrapped ? r->tail : r->cap) - r->head;
    if (room < s.n)
        return false;
    memcpy(r->data + r->head, s.p, s.n);
    r->head += s.n;
    return true;
}

struct pd_slice pd_ring_view(const struct pd_ring *r)
{
    return pd_slice(r->data + r->tail, (r->wrapped ? r->end : r->head) - r->tail);
}

void pd_ring_skip(struct pd_ring *r, size_t n)
{
    r->tail += n;
    assert(r->tail <= (r->wrapped ? r->end : r->head));
    if (r->wrapped && r->tail == r->end) {
        r->wrapped = false;
        r->tail = 0;
    }
    if (!r->wrapped && r->tail == r->head)
        r->tail = r->head = 0;
}
