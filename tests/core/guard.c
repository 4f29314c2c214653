/* guard.c - memory that ends at an unreadable page (see guard.h). */
#define _GNU_SOURCE
#include "guard.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void guard_init(struct guard *g, size_t max)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (max / page + 1) * page;
    g->map_size = room + page;
    g->map = mmap(NULL, g->map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g->map == MAP_FAILED || mprotect(g->map + room, page, PROT_NONE) != 0) {
        perror("guard_init");
        exit(2);
    }
    g->wall = g->map + room;
}

void guard_fini(struct guard *g)
{
    munmap(g->map, g->map_size);
    *g = (struct guard){ 0 };
}

struct pd_slice guard_place(struct guard *g, struct pd_slice head, struct pd_slice tail)
{
    size_t n = head.n + tail.n;
    assert(n <= (size_t)(g->wall - g->map));
    char *at = g->wall - n;
    if (head.n)
        memmove(at, head.p, head.n);
    if (tail.n)
        memcpy(at + head.n, tail.p, tail.n);
    return pd_slice(at, n);
}
