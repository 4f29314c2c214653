/*
 * place.h - where lock, socket and log of a stub's daemon lie.
 *
 * In `state`, where that is a directory which only this user can change;
 * otherwise, or where the path of the socket would not fit an address, below
 * /tmp/polydoor-UID, which is looked at before it is used. The Python side
 * (src/polydoor/hosting/places.py) finds them by the same rules.
 */
#ifndef PD_CMD_PLACE_H
#define PD_CMD_PLACE_H

#include "cmd/config.h"

struct pd_cgi_place {
    char lock[PD_CGI_PATH_MAX + 16];
    char socket[PD_CGI_PATH_MAX + 16];
    char log[PD_CGI_PATH_MAX + 16];
};

/* Finds, and where needed makes, the directory. `path` is the configuration's, or the stub's own without one. */
bool pd_cgi_place_find(struct pd_cgi_place *p, const struct pd_cgi_config *c, const char *path, char *err,
                       size_t err_n) PD_MUST_CHECK;

#endif
