/* spawn.h - executes Python: as the daemon, or for one request. */
#ifndef PD_CMD_SPAWN_H
#define PD_CMD_SPAWN_H

#include "cmd/start.h"

enum { PD_CGI_LISTENER_FD = 3, PD_CGI_LOCK_FD = 4 }; /* of the daemon */

/*
 * Forks the daemon off, detached from this process and the web server: `polydoor cgi daemon [CONFIG]`, with the
 * listener and the daemon's byte of the lock file. False with the reason in `err` when it cannot be forked; there may
 * be something to tell otherwise, too.
 */
bool pd_cgi_spawn(struct pd_cgi_start *s, int listener) PD_MUST_CHECK;
/* Becomes `polydoor cgi APP` for this request. `slot` is kept open, -1: none. Returns, with the reason in `err`, if it
 * cannot. */
void pd_cgi_become(struct pd_cgi_start *s, int slot);
/* Writes "polydoor-cgi: ", the message on one line, and a line feed. */
void pd_cgi_tell(const struct pd_sys *sys, int fd, const char *message);

#endif
