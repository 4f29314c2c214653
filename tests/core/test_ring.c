/* test_ring.c - a bounded queue of bytes in which nothing is split. */
#include <stdlib.h>

#include "base/ring.h"
#include "check.h"
#include "faulty_sys.h"

enum { CAP = 64, PUTS = 20000, MODEL = 4096 };

/* What was put and not yet taken, in one piece. */
struct model {
    char bytes[MODEL];
    size_t n;
    size_t ends[MODEL]; /* where each put ends */
    size_t nends;
};

static void model_put(struct model *m, struct pd_slice s)
{
    memcpy(m->bytes + m->n, s.p, s.n);
    m->n += s.n;
    m->ends[m->nends++] = m->n;
}

static void model_skip(struct model *m, size_t n)
{
    size_t gone = 0;
    while (gone < m->nends && m->ends[gone] <= n)
        gone++;
    m->nends -= gone;
    for (size_t i = 0; i < m->nends; i++)
        m->ends[i] = m->ends[i + gone] - n;
    m->n -= n;
    memmove(m->bytes, m->bytes + n, m->n);
}

static bool is_end(const struct model *m, size_t n)
{
    for (size_t i = 0; i < m->nends; i++)
        if (m->ends[i] == n)
            return true;
    return n == 0;
}

static void check_same(const struct pd_ring *r, const struct model *m)
{
    struct pd_slice view = pd_ring_view(r);
    CHECK_INT(pd_ring_used(r), m->n);
    CHECK(view.n <= m->n && memcmp(view.p, m->bytes, view.n) == 0);
    CHECK((view.n == 0) == (m->n == 0));
    CHECK(is_end(m, view.n)); /* nothing that was put is split */
}

static void test_bytes_come_out_as_they_went_in(void)
{
    struct pd_ring r;
    static struct model m;
    unsigned refused = 0;
    CHECK(pd_ring_init(&r, pd_sys_default(), CAP));
    srand(7);
    for (int i = 0; i < PUTS; i++) {
        char bytes[24];
        struct pd_slice s = pd_slice(bytes, 1 + (size_t)rand() % sizeof bytes);
        memset(bytes, 'a' + i % 26, sizeof bytes);
        if (pd_ring_put(&r, s))
            model_put(&m, s);
        else {
            refused++;
            CHECK(m.n + s.n > CAP / 2); /* at worst the gap at the back and the room in front are both too small */
        }
        check_same(&r, &m);
        if (rand() % 3 == 0) {
            size_t n = pd_ring_view(&r).n ? 1 + (size_t)rand() % pd_ring_view(&r).n : 0;
            pd_ring_skip(&r, n);
            model_skip(&m, n);
            check_same(&r, &m);
        }
    }
    CHECK(refused > 0);
    pd_ring_fini(&r);
}

static void test_it_begins_anew_at_the_front(void)
{
    struct pd_ring r;
    CHECK(pd_ring_init(&r, pd_sys_default(), 10));
    CHECK(pd_ring_put(&r, PD_SLICE("aaaa")) && pd_ring_put(&r, PD_SLICE("bbbb")));
    CHECK(!pd_ring_put(&r, PD_SLICE("ccc"))); /* 2 bytes at the back, none in front */
    pd_ring_skip(&r, 4);
    CHECK(pd_ring_put(&r, PD_SLICE("ccc")));
    CHECK(!pd_ring_put(&r, PD_SLICE("dd"))); /* what waits in front may not meet what waits behind */
    CHECK(pd_ring_put(&r, PD_SLICE("d")));
    CHECK_STR(pd_ring_view(&r), "bbbb");
    pd_ring_skip(&r, 4);
    CHECK_STR(pd_ring_view(&r), "cccd");
    pd_ring_skip(&r, 4);
    CHECK_INT(pd_ring_view(&r).n, 0);
    CHECK_INT(r.head, 0); /* memory that was not needed stays untouched */
    CHECK(pd_ring_put(&r, PD_SLICE("0123456789")));
    CHECK(!pd_ring_put(&r, PD_SLICE("x")));
    pd_ring_fini(&r);
}

static void test_no_memory_is_said(void)
{
    struct faulty_sys f;
    struct pd_ring r;
    faulty_init(&f);
    faulty_set(&f, (struct faulty_plan){ FAULTY_MEMORY, 1, false, 12 });
    CHECK(!pd_ring_init(&r, &f.sys, CAP));
    pd_ring_fini(&r);
    CHECK_INT(f.blocks, 0);
}

int main(void)
{
    test_bytes_come_out_as_they_went_in();
    test_it_begins_anew_at_the_front();
    test_no_memory_is_said();
    return check_result();
}
