/* test_cursor.c - reading integers: the right order of bytes, nothing past the end, one failure for good. */
#include "base/cursor.h"
#include "check.h"
#include "guard.h"

static void test_the_order_of_bytes(void)
{
    struct pd_cursor c = pd_cursor(PD_SLICE("\x80\x12\xfe\x12\xfe\xff\x00\x01\x80rest"));
    CHECK_INT(pd_cursor_u8(&c), 0x80);
    CHECK_INT(pd_cursor_be16(&c), 0x12fe);
    CHECK_INT(pd_cursor_le16(&c), 0xfe12);
    CHECK_INT(pd_cursor_be32(&c), 0xff000180u);
    CHECK_INT(pd_cursor_left(&c), 4);
    CHECK_STR(pd_cursor_take(&c, 4), "rest");
    CHECK_INT(pd_cursor_left(&c), 0);
    CHECK(c.ok);
    CHECK_STR(pd_cursor_take(&c, 0), "");
    CHECK(c.ok);
}

/* Each getter over each length that is too short for it; the bytes end at an unreadable page. */
static void test_too_few_bytes_are_zero_and_not_ok(void)
{
    struct guard g;
    guard_init(&g, 4);
    for (size_t n = 0; n < 4; n++) {
        struct pd_slice few = guard_place(&g, pd_slice("\xff\xff\xff\xff", n), PD_SLICE_NONE);
        struct pd_cursor byte = pd_cursor(few);
        struct pd_cursor be16 = pd_cursor(few);
        struct pd_cursor le16 = pd_cursor(few);
        struct pd_cursor be32 = pd_cursor(few);
        struct pd_cursor take = pd_cursor(few);
        CHECK_INT(pd_cursor_u8(&byte), n < 1 ? 0 : 0xff);
        CHECK_INT(byte.ok, n >= 1);
        CHECK_INT(pd_cursor_be16(&be16), n < 2 ? 0 : 0xffff);
        CHECK_INT(be16.ok, n >= 2);
        CHECK_INT(pd_cursor_le16(&le16), n < 2 ? 0 : 0xffff);
        CHECK_INT(le16.ok, n >= 2);
        CHECK_INT(pd_cursor_be32(&be32), 0);
        CHECK(!be32.ok);
        CHECK_SLICE(pd_cursor_take(&take, n + 1), PD_SLICE_NONE);
        CHECK(!take.ok);
    }
    guard_fini(&g);
}

/* So that a run of reads needs one check at its end. */
static void test_a_failure_lasts(void)
{
    struct pd_cursor c = pd_cursor(PD_SLICE("abc"));
    CHECK_SLICE(pd_cursor_take(&c, 4), PD_SLICE_NONE);
    CHECK_INT(pd_cursor_u8(&c), 0);
    CHECK_INT(pd_cursor_be16(&c), 0);
    CHECK_SLICE(pd_cursor_take(&c, 0), PD_SLICE_NONE);
    CHECK(!c.ok);
    CHECK_INT(pd_cursor_left(&c), 3); /* nothing was consumed */
}

/* A length as a peer announces it, up to the largest there is. */
static void test_a_huge_length_does_not_wrap(void)
{
    const size_t sizes[] = { 5, 0x7fffffff, 0xffffffff, SIZE_MAX - 1, SIZE_MAX };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct pd_cursor c = pd_cursor(PD_SLICE("abcd"));
        CHECK_SLICE(pd_cursor_take(&c, sizes[i]), PD_SLICE_NONE);
        CHECK(!c.ok);
    }
    struct pd_cursor none = pd_cursor(PD_SLICE_NONE);
    CHECK_INT(pd_cursor_left(&none), 0);
    CHECK(pd_cursor_need(&none, 0));
    CHECK(!pd_cursor_need(&none, 1));
}

int main(void)
{
    test_the_order_of_bytes();
    test_too_few_bytes_are_zero_and_not_ok();
    test_a_failure_lasts();
    test_a_huge_length_does_not_wrap();
    return check_result();
}
