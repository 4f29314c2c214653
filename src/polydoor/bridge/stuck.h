/*
 * stuck.h - the end of a process whose interpreter stands still, with what all threads are doing.
 *
 * Nothing here needs the interpreter or its lock.
 */
#ifndef POLYDOOR_STUCK_H
#define POLYDOOR_STUCK_H

#include <stddef.h>

/* Writes to `fd`; where nobody reads, the process ends without the rest. */
void stuck_write(int fd, const char *text, size_t n);
/* From here on the process ends by itself, with that status, a little later. */
void stuck_begin(int status);
/*
 * Shows the Python stacks, by a handler for the signal `number` that faulthandler has, 0: none, and then the native ones.
 * Ends the process.
 */
_Noreturn void stuck_end(int fd, int number, int status);

#endif
