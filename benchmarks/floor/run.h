/* The loop of both floors. It is inlined into each: the functions it calls cost no more than if they stood in it. */
#ifndef FLOOR_RUN_H
#define FLOOR_RUN_H

#include "listen.h"

#include <stdio.h>
#include <sys/epoll.h>

#define FLOOR_EVENTS 64

/* Serves for ever: `admit` takes one connection off the listener, `serve` gets the mark of one that can be read. The
 * one argument of the program is the address; `usage` names it. */
static inline int floor_run(int count, char **arguments, const char *usage, void (*admit)(int set, int listener),
                            void (*serve)(void *mark))
{
    if (count != 2) {
        fprintf(stderr, "usage: %s %s\n", arguments[0], usage);
        return 2;
    }
    int listener = floor_listen(arguments[1]);
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
