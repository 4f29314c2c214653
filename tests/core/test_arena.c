/* test_arena.c - the memory of one request: aligned, bounded, given back whole. */
#include "base/arena.h"

#include <errno.h>
#include <stdint.h>

#include "check.h"
#include "faulty_sys.h"

enum { LIMIT = 20000 };

static void test_pieces_are_aligned_and_apart(void)
{
    struct pd_arena a;
    unsigned char *pieces[200];
    pd_arena_init(&a, pd_sys_default(), LIMIT);
    for (size_t i = 0; i < 200; i++) {
        pieces[i] = pd_arena_alloc(&a, i % 40 + 1);
        CHECK(pieces[i] != NULL);
        CHECK_INT((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, i % 40 + 1);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t at = 0; at < i % 40 + 1; at++)
            if (pieces[i][at] != (unsigned char)i)
                CHECK_INT(pieces[i][at], i);
    pd_arena_fini(&a);
}

static void test_a_copy_is_its_own(void)
{
    struct pd_arena a;
    char text[] = "one";
    pd_arena_init(&a, pd_sys_default(), LIMIT);
    CHECK_STR(pd_arena_copy(&a, PD_SLICE("")), ""); /* empty, but not absent, and be it the first */
    struct pd_slice copy = pd_arena_copy(&a, pd_slice(text, 3));
    text[0] = 'X';
    CHECK_STR(copy, "one");
    CHECK_STR(pd_arena_copy(&a, PD_SLICE_NONE), "");
    pd_arena_fini(&a);
}

/* Sizes that are too large, up to those that wrap when they are rounded up or added. */
static void check_refusals(struct pd_arena *a)
{
    CHECK(pd_arena_alloc(a, LIMIT + 1) == NULL);
    for (size_t less = 0; less < 2000; less++)
        if (pd_arena_alloc(a, SIZE_MAX - less))
            CHECK_INT(less, -1);
}

static size_t fill(struct pd_arena *a)
{
    size_t got = 0;
    while (pd_arena_alloc(a, 100))
        got += 100;
    return got;
}

static void test_the_limit_holds(void)
{
    struct faulty_sys f;
    struct pd_arena a;
    faulty_init(&f);
    pd_arena_init(&a, &f.sys, LIMIT);
    check_refusals(&a);
    CHECK_INT(f.blocks, 0);
    CHECK(pd_arena_alloc(&a, 1) != NULL);
    check_refusals(&a);
    CHECK_INT(f.blocks, 1);
    size_t got = fill(&a);
    CHECK(got <= LIMIT);
    CHECK(got > LIMIT / 2);
    pd_arena_reset(&a);
    CHECK(fill(&a) >= got); /* what a request took is the next one's */
    CHECK_SLICE(pd_arena_copy(&a, pd_slice((const char *)&a, 100)), PD_SLICE_NONE);
    pd_arena_fini(&a);
    CHECK(pd_arena_alloc(&a, LIMIT) != NULL); /* the limit itself, and after fini the arena can be used again */
    pd_arena_fini(&a);
    CHECK_INT(f.blocks, 0);
}

/* As between the requests of one connection. */
static void test_reset_keeps_one_block(void)
{
    struct faulty_sys f;
    struct pd_arena a;
    faulty_init(&f);
    pd_arena_init(&a, &f.sys, LIMIT);
    pd_arena_reset(&a); /* harmless */
    for (int i = 0; i < 100; i++)
        CHECK(pd_arena_alloc(&a, 100) != NULL);
    CHECK(f.blocks > 1);
    pd_arena_reset(&a);
    CHECK_INT(f.blocks, 1);
    faulty_set(&f, (struct faulty_plan){ .call = FAULTY_MEMORY });
    for (int round = 0; round < 1000; round++) {
        CHECK(pd_arena_alloc(&a, 100) != NULL);
        pd_arena_reset(&a);
    }
    CHECK_INT(f.calls[FAULTY_MEMORY], 0);
    CHECK_INT(f.blocks, 1);
    pd_arena_fini(&a);
    CHECK_INT(f.blocks, 0);
}

static void test_without_memory_what_is_there_stays(void)
{
    struct faulty_sys f;
    struct pd_arena a;
    faulty_init(&f);
    pd_arena_init(&a, &f.sys, LIMIT);
    struct pd_slice kept = pd_arena_copy(&a, PD_SLICE("kept"));
    faulty_set(&f, (struct faulty_plan){ .call = FAULTY_MEMORY, .at = 1, .error = ENOMEM });
    CHECK(pd_arena_alloc(&a, 5000) == NULL);
    CHECK(pd_arena_alloc(&a, 5000) != NULL);
    CHECK_STR(kept, "kept");
    pd_arena_fini(&a);
    CHECK_INT(f.blocks, 0);
}

int main(void)
{
    test_pieces_are_aligned_and_apart();
    test_a_copy_is_its_own();
    test_the_limit_holds();
    test_reset_keeps_one_block();
    test_without_memory_what_is_there_stays();
    return check_result();
}
