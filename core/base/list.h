/*
 * list.h - intrusive doubly linked list.
 *
 * A node that is in no list points to itself, so removing it twice is safe.
 */
#ifndef PD_LIST_H
#define PD_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct pd_list {
    struct pd_list *next;
    struct pd_list *prev;
};

static inline void pd_list_init(struct pd_list *l)
{
    l->next = l->prev = l;
}

static inline bool pd_list_is_empty(const struct pd_list *l)
{
    return l->next == l;
}

static inline void pd_list_insert_before(struct pd_list *at, struct pd_list *node)
{
    node->prev = at->prev;
    node->next = at;
    at->prev->next = node;
    at->prev = node;
}

/* Appends `node` at the tail of the list whose head is `l`. */
static inline void pd_list_push(struct pd_list *l, struct pd_list *node)
{
    pd_list_insert_before(l, node);
}

/* Puts `node` at the front of the list whose head is `l`. */
static inline void pd_list_push_front(struct pd_list *l, struct pd_list *node)
{
    pd_list_insert_before(l->next, node);
}

static inline void pd_list_remove(struct pd_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    pd_list_init(node);
}

/* Takes the first node off the list; NULL when it is empty. */
static inline struct pd_list *pd_list_take(struct pd_list *l)
{
    struct pd_list *node = l->next;
    if (node == l)
        return NULL;
    pd_list_remove(node);
    return node;
}

#define PD_LIST_ENTRY(node, type, member) PD_CONTAINER_OF(node, type, member)

#endif
