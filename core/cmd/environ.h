/* environ.h - what of the stub's environment is of the request, and what its programs get. */
#ifndef PD_CMD_ENVIRON_H
#define PD_CMD_ENVIRON_H

#include "cmd/config.h"

enum { PD_CGI_OWN_MAX = 256 }; /* variables of a program, but for those of a request */

/* The value of a variable, or NULL. */
const char *pd_cgi_environ_get(char **env, const char *name);
/* Whether the string NAME=VALUE is of the request (policy.h), and no trap (httpoxy). */
bool pd_cgi_environ_passes(const char *string) PD_MUST_CHECK;

/*
 * The environment of the daemon: what is configured, what a program needs to live (PATH, HOME, LANG ...), and the
 * configuration that the web server set. Of several strings of a name the first one counts.
 */
void pd_cgi_environ_own(const struct pd_cgi_config *c, char **env, char *out[PD_CGI_OWN_MAX]);
/* The same and the variables of the request; NULL when there is no memory, else to be released where exec fails. */
char **pd_cgi_environ_request(const struct pd_sys *sys, const struct pd_cgi_config *c, char **env) PD_MUST_CHECK;

#endif
