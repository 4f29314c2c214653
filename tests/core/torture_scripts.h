/*
 * torture_scripts.h - what the client of torture_conn sends: the connections of each scene, as bytes.
 */
#ifndef TORTURE_SCRIPTS_H
#define TORTURE_SCRIPTS_H

#include "scripted_client.h"

enum scripts_name {
    SCRIPTS_HTTP,
    SCRIPTS_FASTCGI,
    SCRIPTS_SCGI,
    SCRIPTS_UWSGI,
    SCRIPTS_CGI,
    SCRIPTS_AJP,
    SCRIPTS_PROXIED_HTTP,
    SCRIPTS_PROXIED_FASTCGI,
    SCRIPTS_DETECTED,
    SCRIPTS_N
};

enum { AJP_WAITS = 6 };

struct script_set {
    struct script list[VISITS_MAX];
    struct text texts[VISITS_MAX];
    size_t n;
};

struct scripts {
    struct script_set sets[SCRIPTS_N];
    struct script_wait ajp_waits[AJP_WAITS];
    struct pd_slice secret; /* what AJP13 is asked for */
};

void scripts_init(struct scripts *s);
void scripts_fini(struct scripts *s);

#endif
