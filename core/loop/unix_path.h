/*
 * unix_path.h - the file-system side of a Unix listener.
 *
 * Two servers must never share a path, and none may take a path away from a
 * living one. So PATH.lock is held (flock) as long as PATH is ours, a socket
 * that is in the way is asked by connect() whether somebody listens, and only
 * what we bound ourselves, known by its inode, is ever unlinked. Links, other
 * files and other users' sockets are left alone.
 *
 * Runs at start and stop only, and so calls the C library for paths.
 */
#ifndef PD_UNIX_PATH_H
#define PD_UNIX_PATH_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/compiler.h"
#include "base/sys.h"

/* What follows the last slash of a path, and the directory by descriptor. */
struct pd_unix_path {
    int dir_fd;  /* stays right when the process changes its directory */
    int lock_fd; /* holds the lock on NAME.lock */
    bool is_bound;
    pid_t pid; /* a forked child closes, but never unlinks */
    dev_t dev; /* of the socket that we bound */
    ino_t ino;
    char name[sizeof((struct sockaddr_un *)0)->sun_path];
};

/* A path that owns nothing; pd_unix_path_fini() may be called on it. */
void pd_unix_path_init(struct pd_unix_path *p);

/*
 * Checks the directory, takes the lock and clears a stale socket away.
 * `uid` is the user to whom the socket will be given, or (uid_t)-1. On failure
 * false with the reason in `err`.
 */
bool pd_unix_path_claim(struct pd_unix_path *p, const struct pd_sys *sys, const char *path, uid_t uid, char *err,
                        size_t err_n) PD_MUST_CHECK;

/* The same without taking or changing anything: somebody may be serving there. */
bool pd_unix_path_check(const char *path, const struct pd_sys *sys, uid_t uid, char *err, size_t err_n) PD_MUST_CHECK;

/* After bind(), before listen(): nobody can connect until the mode is right. */
bool pd_unix_path_bound(struct pd_unix_path *p, const char *path, mode_t mode, uid_t uid, gid_t gid, char *err,
                        size_t err_n) PD_MUST_CHECK;

/* Unlinks what was bound, then lets the lock go. */
void pd_unix_path_fini(struct pd_unix_path *p, const struct pd_sys *sys);

#endif
