/* unix_path.c - claims, guards and gives back the path of a Unix listener. */
#define _GNU_SOURCE /* O_PATH */
#include "loop/unix_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/notice.h"

enum { LOCK_NAME_MAX = sizeof((struct pd_unix_path *)0)->name + sizeof ".lock" };

void pd_unix_path_init(struct pd_unix_path *p)
{
    memset(p, 0, sizeof *p);
    p->dir_fd = p->lock_fd = -1;
}

static void lock_name(const struct pd_unix_path *p, char out[LOCK_NAME_MAX])
{
    snprintf(out, LOCK_NAME_MAX, "%s.lock", p->name);
}

/* Opens the directory; where anybody could swap our socket for his, refuses. */
static bool open_dir(struct pd_unix_path *p, const char *path, char *err, size_t err_n)
{
    char dir[sizeof p->name];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t dir_n = slash ? (size_t)(slash - path) : 0;
    if (*name == '\0') {
        pd_notice_say(err, err_n, PD_NOTICE_BAD_SOCKET_PATH,
                      "cannot listen on unix:%s: the path must end in a file name", path);
        return false;
    }
    snprintf(p->name, sizeof p->name, "%s", name);
    snprintf(dir, sizeof dir, "%.*s", (int)dir_n, path);
    p->dir_fd = open(dir_n ? dir : slash ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    if (p->dir_fd < 0 || fstat(p->dir_fd, &st) < 0) {
        bool is_absent = errno == ENOENT;
        pd_notice_say(err, err_n, PD_NOTICE_NO_SOCKET_DIR, "cannot listen on unix:%s: its directory %s%s%s", path,
                      is_absent ? "does not exist" : "cannot be used: ", is_absent ? "" : strerror(errno),
                      is_absent ? "\nCreate it first." : "");
        return false;
    }
    if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX)) {
        pd_notice_say(err, err_n, PD_NOTICE_UNSAFE_SOCKET_DIR,
                      "will not listen on unix:%s: everybody may write to its directory and replace the socket\n"
                      "Take the write permission of others away (chmod o-w), or choose another directory.",
                      path);
        return false;
    }
    return true;
}

/* True when the open lock file still is the one of that name. */
static bool lock_is_current(const struct pd_unix_path *p, const char *name)
{
    struct stat held, named;
    return fstat(p->lock_fd, &held) == 0 && fstatat(p->dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static bool may_write(const struct pd_unix_path *p, const char *path, char *err, size_t err_n)
{
    if (faccessat(p->dir_fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
        return true;
    pd_notice_say(err, err_n, PD_NOTICE_ADDRESS_FORBIDDEN,
                  "cannot listen on unix:%s: this user may not write to its directory\n"
                  "Choose another directory, or change its owner.",
                  path);
    return false;
}

/* The lock file could not be opened: mostly because the directory is not this user's. */
static void complain_lock(const struct pd_unix_path *p, const char *path, char *err, size_t err_n)
{
    int error = errno;
    if (error != EACCES || may_write(p, path, err, err_n))
        pd_notice_say(err, err_n, PD_NOTICE_NO_SOCKET_LOCK,
                      "cannot listen on unix:%s: cannot open the lock file %s.lock: %s\n"
                      "Check who owns that file and its directory.",
                      path, path, strerror(error));
}

static bool take_lock(struct pd_unix_path *p, const struct pd_sys *sys, const char *path, char *err, size_t err_n)
{
    char name[LOCK_NAME_MAX];
    lock_name(p, name);
    /* A server that stops unlinks its lock file; then the next one counts. */
    for (int tries = 0; tries < 100; tries++) {
        p->lock_fd = openat(p->dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (p->lock_fd < 0) {
            complain_lock(p, path, err, err_n);
            return false;
        }
        if (flock(p->lock_fd, LOCK_EX | LOCK_NB) < 0) {
            if (errno == EWOULDBLOCK)
                pd_notice_say(err, err_n, PD_NOTICE_ADDRESS_IN_USE,
                              "cannot listen on unix:%s: the address is in use, another server holds %s.lock\n"
                              "Stop it, or choose another path.",
                              path, path);
            else
                pd_notice_say(err, err_n, PD_NOTICE_NO_SOCKET_LOCK,
                              "cannot listen on unix:%s: cannot lock %s.lock: %s\n"
                              "Choose a directory on a local disk.",
                              path, path, strerror(errno));
            return false;
        }
        if (lock_is_current(p, name))
            return true;
        PD_SYS(sys, close, p->lock_fd);
        p->lock_fd = -1;
    }
    pd_notice_say(err, err_n, PD_NOTICE_NO_SOCKET_LOCK,
                  "cannot listen on unix:%s: %s.lock is replaced again and again\nSee who does that.", path, path);
    return false;
}

/* 0 when somebody listens there, else the errno of connect(). */
static int probe(const struct pd_sys *sys, const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    memcpy(un.sun_path, path, strlen(path) + 1);
    int fd = PD_SYS(sys, socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    int error = connect(fd, (const struct sockaddr *)&un, sizeof un) < 0 ? errno : 0;
    PD_SYS(sys, close, fd);
    return error == EAGAIN ? 0 : error; /* EAGAIN: its backlog is full */
}

/* Says why what lies at the path must stay, or NULL for a socket of ours. */
static const char *why_not_ours(const struct stat *st, uid_t uid)
{
    if (S_ISLNK(st->st_mode))
        return "it is a symbolic link";
    if (!S_ISSOCK(st->st_mode))
        return "it is a file, not a socket";
    if (st->st_uid != geteuid() && st->st_uid != uid)
        return "it belongs to another user";
    return NULL;
}

/* True where nothing lies at the path, or a socket that is ours to take away. */
static bool may_replace(const struct pd_unix_path *p, const char *path, uid_t uid, bool *is_there, char *err,
                        size_t err_n)
{
    struct stat st;
    *is_there = fstatat(p->dir_fd, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!*is_there) {
        if (errno == ENOENT)
            return true;
        pd_notice_say(err, err_n, PD_NOTICE_SOCKET_PATH_FAILED, "cannot listen on unix:%s: cannot look at it: %s", path,
                      strerror(errno));
        return false;
    }
    const char *reason = why_not_ours(&st, uid);
    if (reason) {
        pd_notice_say(err, err_n, PD_NOTICE_PATH_IS_TAKEN,
                      "cannot listen on unix:%s: %s\nRemove it, or choose another path.", path, reason);
        return false;
    }
    return true;
}

static bool clear_stale(struct pd_unix_path *p, const struct pd_sys *sys, const char *path, uid_t uid, char *err,
                        size_t err_n)
{
    bool is_there;
    if (!may_replace(p, path, uid, &is_there, err, err_n))
        return false;
    if (!is_there)
        return true;
    int error = probe(sys, path);
    if (error == 0) {
        pd_notice_say(err, err_n, PD_NOTICE_ADDRESS_IN_USE,
                      "cannot listen on unix:%s: the address is in use\n"
                      "Stop the program that listens there, or choose another path.",
                      path);
        return false;
    }
    if (error != ECONNREFUSED && error != ENOENT) {
        pd_notice_say(err, err_n, PD_NOTICE_PATH_IS_TAKEN,
                      "cannot listen on unix:%s: cannot tell whether it is in use: %s\n"
                      "Remove it if nothing listens there.",
                      path, strerror(error));
        return false;
    }
    if (unlinkat(p->dir_fd, p->name, 0) < 0 && errno != ENOENT) {
        pd_notice_say(err, err_n, PD_NOTICE_SOCKET_PATH_FAILED,
                      "cannot listen on unix:%s: cannot remove the stale socket: %s", path, strerror(errno));
        return false;
    }
    return true;
}

bool pd_unix_path_claim(struct pd_unix_path *p, const struct pd_sys *sys, const char *path, uid_t uid, char *err,
                        size_t err_n)
{
    pd_unix_path_init(p);
    p->pid = getpid();
    if (open_dir(p, path, err, err_n) && take_lock(p, sys, path, err, err_n) &&
        clear_stale(p, sys, path, uid, err, err_n))
        return true;
    pd_unix_path_fini(p, sys);
    return false;
}

bool pd_unix_path_check(const char *path, const struct pd_sys *sys, uid_t uid, char *err, size_t err_n)
{
    struct pd_unix_path p;
    bool is_there;
    pd_unix_path_init(&p);
    bool is_fine = open_dir(&p, path, err, err_n) && may_write(&p, path, err, err_n) &&
                   may_replace(&p, path, uid, &is_there, err, err_n);
    pd_unix_path_fini(&p, sys);
    return is_fine;
}

bool pd_unix_path_bound(struct pd_unix_path *p, const char *path, mode_t mode, uid_t uid, gid_t gid, char *err,
                        size_t err_n)
{
    struct stat st;
    if (fstatat(p->dir_fd, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        pd_notice_say(err, err_n, PD_NOTICE_SOCKET_PATH_FAILED,
                      "cannot listen on unix:%s: cannot look at it after binding it: %s", path, strerror(errno));
        return false;
    }
    p->dev = st.st_dev;
    p->ino = st.st_ino;
    p->is_bound = true;
    bool must_chown = uid != (uid_t)-1 || gid != (gid_t)-1;
    if (must_chown && fchownat(p->dir_fd, p->name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0) {
        pd_notice_say(err, err_n, PD_NOTICE_SOCKET_PATH_FAILED,
                      "cannot listen on unix:%s: cannot give it to uid %ld, gid %ld: %s\n"
                      "Start as root, or leave the owner out.",
                      path, (long)(int)uid, (long)(int)gid, strerror(errno));
        return false;
    }
    if (fchmodat(p->dir_fd, p->name, mode, 0) < 0) {
        pd_notice_say(err, err_n, PD_NOTICE_SOCKET_PATH_FAILED, "cannot listen on unix:%s: cannot set its mode: %s",
                      path, strerror(errno));
        return false;
    }
    return true;
}

void pd_unix_path_fini(struct pd_unix_path *p, const struct pd_sys *sys)
{
    bool may_unlink = p->lock_fd >= 0 && p->pid == getpid();
    struct stat st;
    if (may_unlink && p->is_bound && fstatat(p->dir_fd, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_dev == p->dev && st.st_ino == p->ino)
        unlinkat(p->dir_fd, p->name, 0);
    char name[LOCK_NAME_MAX];
    lock_name(p, name);
    /* Only the holder's own lock file: after a failed claim it is somebody else's. */
    if (may_unlink && flock(p->lock_fd, LOCK_EX | LOCK_NB) == 0 && lock_is_current(p, name))
        unlinkat(p->dir_fd, name, 0);
    if (p->lock_fd >= 0)
        PD_SYS(sys, close, p->lock_fd);
    if (p->dir_fd >= 0)
        PD_SYS(sys, close, p->dir_fd);
    pd_unix_path_init(p);
}
