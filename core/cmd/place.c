/* place.c - finds the directory of lock, socket and log (see place.h). */
#define _GNU_SOURCE /* lstat */
#include "cmd/place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/notice.h"

enum { SOCKET_PATH_MAX = sizeof((struct sockaddr_un *)0)->sun_path };

static const char not_usable[] = "is no directory of this user which nobody else can write to";

/* Makes the directory where it is missing. NULL when only this user can change what is in it, else why not. */
static const char *look_at(const char *folder, mode_t forbidden)
{
    struct stat st;
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return strerror(errno);
    if (lstat(folder, &st) < 0)
        return strerror(errno);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & forbidden)
        return not_usable;
    return access(folder, W_OK | X_OK) < 0 ? strerror(errno) : NULL; /* as on a disk that is read-only */
}

static void put_names(struct pd_cgi_place *p, const struct pd_cgi_config *c, const char *folder)
{
    snprintf(p->lock, sizeof p->lock, "%s/lock", folder);
    snprintf(p->socket, sizeof p->socket, "%s%s", c->socket ? c->socket : folder, c->socket ? "" : "/socket");
    snprintf(p->log, sizeof p->log, "%s%s", c->log ? c->log : folder, c->log ? "" : "/log");
}

/* FNV-1a: any hash would do, as the directory above is this user's. */
static uint64_t hash(const char *s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
    return h;
}

bool pd_cgi_place_find(struct pd_cgi_place *p, const struct pd_cgi_config *c, const char *path, char *err, size_t err_n)
{
    char folder[64];
    const char *why = "is not given";
    struct pd_cgi_config moved = *c;
    if (c->state) {
        put_names(p, c, c->state);
        why = "is too long for a socket";
        if (strlen(p->socket) < SOCKET_PATH_MAX && !(why = look_at(c->state, S_IWGRP | S_IWOTH)))
            return true;
    }
    /* reliability G12: somebody may have been there before us. */
    int n = snprintf(folder, sizeof folder, "/tmp/polydoor-%ld", (long)geteuid());
    const char *refused = look_at(folder, 077);
    if (!refused) {
        snprintf(folder + n, sizeof folder - (size_t)n, "/%016" PRIx64, hash(path));
        refused = look_at(folder, 077);
    }
    if (refused) {
        pd_notice_say(err, err_n, PD_NOTICE_STUB_PLACE,
                      "state %s%s%s, and %s %s\nSet `state` in %s to a directory of this user's own with mode 0700; "
                      "`polydoor cgi init` does that.",
                      c->state ? c->state : "", c->state ? " " : "", why, folder, refused, path);
        return false;
    }
    if (c->socket && strlen(c->socket) >= SOCKET_PATH_MAX)
        moved.socket = NULL;
    put_names(p, &moved, folder);
    return true;
}
