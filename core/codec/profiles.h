/*
 * profiles.h - front ends whose variables need repair, or who need it in ours, one row each.
 *
 * A repair that is right whoever sent the request is made for everybody and
 * has no flag (policy.c, paths.c); a flag stands only for what would be wrong
 * behind another front end. tests/core/test_request.c has a case for each row.
 */
#ifndef PD_PROFILES_H
#define PD_PROFILES_H

#include "codec/request.h"

enum pd_fix {
    PD_FIX_COOKIE_COMMAS = 1, /* several Cookie lines arrive joined with ", " */
    PD_FIX_NO_PAIR = 2,       /* where SCRIPT_NAME ends is a guess and not the mount */
    PD_FIX_EMPTY_HOST = 4,    /* an empty HTTP_HOST stands for "no Host" */
    PD_FIX_STATUS_LAST = 8,   /* of Status and Location in a response, the later one decides on the status */
};

/* A set of enum pd_fix. */
unsigned pd_profile_fixes(enum pd_profile profile);

#endif
