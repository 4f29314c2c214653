/* What all floors need from the system: a listening socket and an epoll set that it is in. */
#ifndef FLOOR_LISTEN_H
#define FLOOR_LISTEN_H

/* Listens on a Unix socket if `address` holds a slash, else on that port of 127.0.0.1. Ends the program on failure,
 * and has it survive peers that leave. */
int floor_listen(const char *address);

/* Makes one process into so many, each of which goes on from here; the others end with the first. Ends the program on
 * failure. */
void floor_multiply(unsigned long processes);

/* A new epoll set in which only the listener is, with a null pointer as its mark. Ends the program on failure. */
int floor_watch(int listener);

#endif
