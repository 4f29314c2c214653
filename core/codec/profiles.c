/* profiles.c - front ends whose variables need repair, one row each (see profiles.h). */
#include "codec/profiles.h"

static const unsigned fixes[] = {
    [PD_PROFILE_GENERIC] = 0,
    /* mod_proxy_fcgi, mod_proxy_scgi and mod_proxy_uwsgi merge cookies like any other field */
    [PD_PROFILE_APACHE] = PD_FIX_COOKIE_COMMAS,
    /* sends a repeated field twice (up to 1.22) or joins it right; its paths are raw in REQUEST_URI */
    [PD_PROFILE_NGINX] = 0,
    /* with fastcgi.server on "/" SCRIPT_NAME is the first segment of the path */
    [PD_PROFILE_LIGHTTPD] = PD_FIX_NO_PAIR,
    /* SERVER_NAME with a port and REMOTE_USER unverified: both are treated alike for everybody; a Location behind the
       Status makes 302 of it (seen with 2.6.12) */
    [PD_PROFILE_HAPROXY] = PD_FIX_STATUS_LAST,
    [PD_PROFILE_CADDY] = PD_FIX_COOKIE_COMMAS | PD_FIX_EMPTY_HOST,
};

unsigned pd_profile_fixes(enum pd_profile profile)
{
    return fixes[profile];
}
