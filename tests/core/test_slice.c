/* test_slice.c - slices: comparing, cutting and searching, never past their end. */
#include "base/slice.h"
#include "check.h"
#include "guard.h"

static void test_equal_means_every_byte(void)
{
    CHECK(pd_slice_eq(PD_SLICE("abc"), PD_SLICE("abc")));
    CHECK(!pd_slice_eq(PD_SLICE("abc"), PD_SLICE("abd")));
    CHECK(!pd_slice_eq(PD_SLICE("abc"), PD_SLICE("ab")));
    CHECK(!pd_slice_eq(PD_SLICE("ab"), PD_SLICE("abc")));
    CHECK(!pd_slice_eq(PD_SLICE("abc"), PD_SLICE("ABC")));
    CHECK(pd_slice_eq(PD_SLICE("a\0b"), PD_SLICE("a\0b")));
    CHECK(!pd_slice_eq(PD_SLICE("a\0b"), PD_SLICE("a\0c")));
    CHECK(pd_slice_eq(PD_SLICE_NONE, PD_SLICE("")));
}

/* Letters of ASCII alone: what differs in bit 5 only is not yet the same letter. */
static void test_case_is_that_of_ascii(void)
{
    CHECK(pd_slice_eq_nocase(PD_SLICE("Content-LENGTH"), PD_SLICE("cONTENT-length")));
    CHECK(!pd_slice_eq_nocase(PD_SLICE("content-lengt"), PD_SLICE("content-length")));
    CHECK(!pd_slice_eq_nocase(PD_SLICE("@"), PD_SLICE("`")));
    CHECK(!pd_slice_eq_nocase(PD_SLICE("["), PD_SLICE("{")));
    CHECK(!pd_slice_eq_nocase(PD_SLICE("\xc4"), PD_SLICE("\xe4")));
    CHECK_INT(pd_ascii_lower('A'), 'a');
    CHECK_INT(pd_ascii_lower('Z'), 'z');
    CHECK_INT(pd_ascii_lower('@'), '@');
    CHECK_INT(pd_ascii_lower('['), '[');
}

static void test_prefix(void)
{
    CHECK(pd_slice_has_prefix(PD_SLICE("/shop/a"), PD_SLICE("/shop")));
    CHECK(pd_slice_has_prefix(PD_SLICE("/shop"), PD_SLICE("/shop")));
    CHECK(pd_slice_has_prefix(PD_SLICE("/shop"), PD_SLICE("")));
    CHECK(pd_slice_has_prefix(PD_SLICE_NONE, PD_SLICE_NONE));
    CHECK(!pd_slice_has_prefix(PD_SLICE("/sho"), PD_SLICE("/shop")));
    CHECK(!pd_slice_has_prefix(PD_SLICE("/ship"), PD_SLICE("/shop")));
}

static void test_cutting_and_searching(void)
{
    CHECK_STR(pd_slice_from(PD_SLICE("name=value"), 5), "value");
    CHECK_STR(pd_slice_from(PD_SLICE("name"), 4), "");
    CHECK_INT(pd_slice_find(PD_SLICE("a=b=c"), '='), 1);
    CHECK_INT(pd_slice_find(PD_SLICE("abc"), '='), 3);
    CHECK_INT(pd_slice_find(PD_SLICE("a\0="), '='), 2);
    CHECK_INT(pd_slice_find(PD_SLICE_NONE, '='), 0);
}

static void test_no_byte_behind_the_end_is_read(void)
{
    struct guard g;
    guard_init(&g, 3);
    struct pd_slice s = guard_place(&g, PD_SLICE("abc"), PD_SLICE_NONE);
    CHECK_INT(pd_slice_find(s, '='), 3);
    CHECK(!pd_slice_has_prefix(s, PD_SLICE("abcd")));
    CHECK(!pd_slice_eq(s, PD_SLICE("abcd")));
    CHECK(!pd_slice_eq_nocase(s, PD_SLICE("abcd")));
    guard_fini(&g);
}

int main(void)
{
    test_equal_means_every_byte();
    test_case_is_that_of_ascii();
    test_prefix();
    test_cutting_and_searching();
    test_no_byte_behind_the_end_is_read();
    return check_result();
}
