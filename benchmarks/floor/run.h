/* The loop of all floors. It is inlined into each: the functions it calls cost no more than if they stood in it. */
#ifndef FLOOR_RUN_H
#define FLOOR_RUN_H

#include "listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define FLOOR_EVENTS 64

/* Serves for ever: `admit` takes one connection off the listener, `serve` gets the mark of one that can be read. The
 * arguments of the program: a port, or the path of a Unix socket; and, if it is not 1, the number of processes. */
static inline int floor_run(int count, char **arguments, void (*admit)(int set, int listener),
                            void (*serve)(void *mark))
{
    if (count != 2 && count != 3) {
        fprintf(stderr, "usage: %s PORT|PATH [PROCESSES]\n", arguments[0]);
        return 2;
    }
    int listener = floor_listen(arguments[1]);
    floor_multiply(count == 3 ? strtoul(arguments[2], NULL, 10) : 1);
    int set = floor_watch(listener);
    for (;;) {
        struct epoll_event events[FLOOR_EVENTS];
        int ready = epoll_wait(set, events, FLOOR_EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (!events[i].data.ptr)
                admit(set, listener);
            else
                serve(events[i].data.ptr);
        }
    }
}

#endif
