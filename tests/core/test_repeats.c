/* test_repeats.c - how often strangers may have us say the same in the log. */
#include "check.h"
#include "engine/repeats.h"

enum { BAD = 501, OTHER = 755, OURS = 310, OF_THE_APP = 421 };

static unsigned said(struct pd_repeats *r, int number, uint64_t now, unsigned times, uint32_t *left_out)
{
    unsigned n = 0;
    uint32_t before;
    *left_out = 0;
    for (unsigned i = 0; i < times; i++)
        if (pd_repeats_may_say(r, number, now, &before)) {
            n++;
            *left_out += before;
        }
    return n;
}

static void test_a_burst_and_then_one_a_second(void)
{
    struct pd_repeats r = { .burst = 3 };
    uint32_t left_out;
    CHECK_INT(said(&r, BAD, 5000, 10, &left_out), 3);
    CHECK_INT(left_out, 0);
    CHECK_INT(said(&r, BAD, 5999, 10, &left_out), 0);
    CHECK_INT(said(&r, BAD, 6000, 10, &left_out), 1);
    CHECK_INT(left_out, 17);
    CHECK_INT(said(&r, BAD, 8500, 10, &left_out), 2); /* two seconds and a half later */
    CHECK_INT(left_out, 9);
    CHECK_INT(said(&r, BAD, 9000, 1, &left_out), 1);
    CHECK_INT(said(&r, BAD, 60000, 10, &left_out), 3); /* long after, as at first */
}

static void test_each_code_has_its_own(void)
{
    struct pd_repeats r = { .burst = 1 };
    uint32_t left_out;
    CHECK_INT(said(&r, BAD, 0, 5, &left_out), 1);
    CHECK_INT(said(&r, OTHER, 0, 5, &left_out), 1);
    CHECK_INT(said(&r, 406, 0, 5, &left_out), 1);
    CHECK_INT(said(&r, OURS, 0, 5, &left_out), 5); /* no stranger can bring that about */
    CHECK_INT(said(&r, OF_THE_APP, 0, 5, &left_out), 5);
    r.burst = 0;
    CHECK_INT(said(&r, BAD, 0, 5, &left_out), 5);
}

static void test_what_was_left_out_is_counted(void)
{
    struct pd_repeats r = { .burst = 2 };
    uint32_t left_out;
    CHECK(!pd_repeats_owes(&r));
    CHECK_INT(said(&r, BAD, 0, 9, &left_out), 2);
    CHECK_INT(said(&r, OTHER, 500, 6, &left_out), 2);
    CHECK(pd_repeats_owes(&r));
    CHECK_INT(pd_repeats_left_out(&r, 0, 900, false, &left_out), 0);
    CHECK_INT(pd_repeats_left_out(&r, 0, 1000, false, &left_out), BAD);
    CHECK_INT(left_out, 7);
    CHECK_INT(pd_repeats_left_out(&r, BAD, 1000, false, &left_out), 0); /* the other one was said not long ago */
    CHECK_INT(said(&r, BAD, 1000, 1, &left_out), 0);                    /* the count was the line of this second */
    CHECK_INT(pd_repeats_left_out(&r, 0, 1000, true, &left_out), BAD);
    CHECK_INT(pd_repeats_left_out(&r, BAD, 1000, true, &left_out), OTHER);
    CHECK_INT(left_out, 4);
    CHECK_INT(pd_repeats_left_out(&r, OTHER, 1000, true, &left_out), 0);
    CHECK(!pd_repeats_owes(&r));
}

int main(void)
{
    test_a_burst_and_then_one_a_second();
    test_each_code_has_its_own();
    test_what_was_left_out_is_counted();
    return check_result();
}
