/*
 * start.h - finds the daemon, or starts it, through the gate (loop/gate.h).
 */
#ifndef PD_CMD_START_H
#define PD_CMD_START_H

#include "cmd/config.h"
#include "cmd/place.h"
#include "loop/gate.h"

enum pd_cgi_way {
    PD_CGI_WAY_DAEMON, /* connected */
    PD_CGI_WAY_RUN,    /* run the application as CGI: there is little to do */
    PD_CGI_WAY_SLOT,   /* ... because the daemon cannot be started, if a slot is free */
    PD_CGI_WAY_BUSY,
    PD_CGI_WAY_HELD,  /* others have had the gate all the time */
    PD_CGI_WAY_ERROR, /* `err` says why */
};

struct pd_cgi_start {
    const struct pd_sys *sys;
    const struct pd_cgi_config *config;
    const struct pd_cgi_place *place;
    const char *config_path; /* for the daemon; NULL without a file */
    char **env;
    bool is_again; /* a daemon went away under this request */
    bool is_full;  /* no lock file could be made, for want of room */
    struct pd_gate gate;
    char *err; /* PD_CGI_ERR_MAX bytes */
};

/* Opens the gate. */
bool pd_cgi_start_init(struct pd_cgi_start *s) PD_MUST_CHECK;
/* `fd` is set for PD_CGI_WAY_DAEMON, and `is_ready` says that the daemon has booted. */
enum pd_cgi_way pd_cgi_start_find(struct pd_cgi_start *s, int *fd, bool *is_ready) PD_MUST_CHECK;

#endif
