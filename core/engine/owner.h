/* owner.h - what the loop watches; each descriptor's owner begins with one of these. */
#ifndef PD_OWNER_H
#define PD_OWNER_H

enum pd_owner {
    PD_OWNER_LISTENER,
    PD_OWNER_WAKEUP,
    PD_OWNER_CLIENT,
    PD_OWNER_SPREAD,
    PD_OWNER_HANDOVER,
    PD_OWNER_BEAT,
    PD_OWNER_WAITS,
};

#endif
