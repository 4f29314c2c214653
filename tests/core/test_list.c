/* test_list.c - the intrusive list: order, removal from any place, removal twice. */
#include "base/list.h"

#include "check.h"

struct item {
    int number;
    struct pd_list node;
};

/* The numbers of the list as a decimal number; both directions must agree. */
static long long digits(struct pd_list *l)
{
    long long forth = 0;
    long long back = 0;
    long long place = 1;
    for (struct pd_list *n = l->next; n != l; n = n->next)
        forth = forth * 10 + PD_LIST_ENTRY(n, struct item, node)->number;
    for (struct pd_list *n = l->prev; n != l; n = n->prev) {
        back += place * PD_LIST_ENTRY(n, struct item, node)->number;
        place *= 10;
    }
    CHECK_INT(back, forth);
    return forth;
}

static void make(struct pd_list *l, struct item *items, int n)
{
    pd_list_init(l);
    for (int i = 0; i < n; i++) {
        items[i].number = i + 1;
        pd_list_init(&items[i].node);
    }
}

static void test_order(void)
{
    struct pd_list l;
    struct item items[4];
    make(&l, items, 4);
    CHECK(pd_list_is_empty(&l));
    pd_list_push(&l, &items[0].node);
    pd_list_push(&l, &items[1].node);
    pd_list_push_front(&l, &items[2].node);
    pd_list_insert_before(&items[1].node, &items[3].node);
    CHECK_INT(digits(&l), 3142);
    CHECK(!pd_list_is_empty(&l));
}

static void test_removing_from_any_place(void)
{
    static const long long left[] = { 234, 134, 124, 123 };
    for (int at = 0; at < 4; at++) {
        struct pd_list l;
        struct item items[4];
        make(&l, items, 4);
        for (int i = 0; i < 4; i++)
            pd_list_push(&l, &items[i].node);
        pd_list_remove(&items[at].node);
        CHECK_INT(digits(&l), left[at]);
        CHECK(pd_list_is_empty(&items[at].node));
        pd_list_remove(&items[at].node); /* twice is safe */
        CHECK_INT(digits(&l), left[at]);
    }
}

static void test_taking_until_it_is_empty(void)
{
    struct pd_list l;
    struct item items[3];
    make(&l, items, 3);
    CHECK(pd_list_take(&l) == NULL);
    for (int i = 0; i < 3; i++)
        pd_list_push(&l, &items[i].node);
    for (int i = 0; i < 3; i++) {
        struct pd_list *node = pd_list_take(&l);
        CHECK(node == &items[i].node);
        CHECK(pd_list_is_empty(&items[i].node));
    }
    CHECK(pd_list_is_empty(&l));
    CHECK(pd_list_take(&l) == NULL);
    pd_list_push(&l, &items[1].node);
    CHECK_INT(digits(&l), 2);
}

int main(void)
{
    test_order();
    test_removing_from_any_place();
    test_taking_until_it_is_empty();
    return check_result();
}
