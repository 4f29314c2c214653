/* timers.c - a binary heap of times (see timers.h). */
#include "timers.h"

static void put(struct load_timers *t, size_t place, struct load_timer *timer)
{
    t->heap[place] = timer;
    timer->place = place;
}

static void sift_up(struct load_timers *t, size_t place, struct load_timer *timer)
{
    for (; place > 1 && t->heap[place / 2]->due_ns > timer->due_ns; place /= 2)
        put(t, place, t->heap[place / 2]);
    put(t, place, timer);
}

static void sift_down(struct load_timers *t, size_t place, struct load_timer *timer)
{
    for (size_t child; (child = 2 * place) <= t->n; place = child) {
        if (child < t->n && t->heap[child + 1]->due_ns < t->heap[child]->due_ns)
            child++;
        if (t->heap[child]->due_ns >= timer->due_ns)
            break;
        put(t, place, t->heap[child]);
    }
    put(t, place, timer);
}

void load_timers_set(struct load_timers *t, struct load_timer *timer, uint64_t due_ns)
{
    load_timers_unset(t, timer);
    timer->due_ns = due_ns;
    sift_up(t, ++t->n, timer);
}

void load_timers_unset(struct load_timers *t, struct load_timer *timer)
{
    size_t place = timer->place;
    if (!place)
        return;
    timer->place = 0;
    struct load_timer *last = t->heap[t->n--];
    if (last == timer)
        return;
    sift_down(t, place, last);
    sift_up(t, last->place, last);
}

struct load_timer *load_timers_take(struct load_timers *t, uint64_t now_ns)
{
    if (!t->n || t->heap[1]->due_ns > now_ns)
        return NULL;
    struct load_timer *first = t->heap[1];
    load_timers_unset(t, first);
    return first;
}
