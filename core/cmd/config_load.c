/* config_load.c - finds, checks and loads the file of the CGI stub's configuration (see config.h). */
#define _GNU_SOURCE /* O_NOFOLLOW, O_CLOEXEC */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/notice.h"
#include "cmd/config.h"

bool pd_cgi_config_find(const char *stub, char self[PD_CGI_PATH_MAX], char path[PD_CGI_PATH_MAX])
{
    size_t n = 0;
    if (stub[0] != '/') {
        /* suEXEC changes to the directory and executes the bare name. */
        if (!getcwd(self, PD_CGI_PATH_MAX - 1))
            return false;
        n = strlen(self);
        if (n && self[n - 1] != '/')
            self[n++] = '/';
        while (stub[0] == '.' && stub[1] == '/')
            stub += 2;
    }
    if ((size_t)snprintf(self + n, PD_CGI_PATH_MAX - n, "%s", stub) >= PD_CGI_PATH_MAX - n)
        return false;
    const char *name = strrchr(self, '/') + 1;
    return (size_t)snprintf(path, PD_CGI_PATH_MAX, "%.*s.ht-%s.conf", (int)(name - self), self, name) < PD_CGI_PATH_MAX;
}

static bool refuse(const char *path, const char *what, const char *remedy, char *err, size_t err_n)
{
    pd_notice_say(err, err_n, PD_NOTICE_STUB_CONFIG, "the configuration %s: %s%s%s", path, what, *remedy ? "\n" : "",
                  remedy);
    return false;
}

/* reliability G11: whoever could write the file could run anything as this user. */
static bool may_trust(const struct stat *st, const char *path, const char *stub, char *err, size_t err_n)
{
    struct stat own;
    if (!S_ISREG(st->st_mode))
        return refuse(path, "is no file", "", err, err_n);
    if (st->st_mode & (S_IWGRP | S_IWOTH))
        return refuse(path, "can be written by others", "Take that away: chmod go-w.", err, err_n);
    if (st->st_uid != geteuid() && st->st_uid != 0 && (stat(stub, &own) < 0 || st->st_uid != own.st_uid))
        return refuse(path, "belongs neither to this user nor to the owner of the stub", "Change its owner.", err,
                      err_n);
    if (st->st_size > PD_CGI_FILE_MAX)
        return refuse(path, "is larger than 64 KiB", "", err, err_n);
    return true;
}

static ssize_t read_all(const struct pd_sys *sys, int fd, char *text)
{
    size_t n = 0;
    while (n < PD_CGI_FILE_MAX) {
        ssize_t r = PD_SYS(sys, pread, fd, text + n, PD_CGI_FILE_MAX - n, (off_t)n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -1;
        if (r == 0)
            break;
        n += (size_t)r;
    }
    return (ssize_t)n;
}

ssize_t pd_cgi_config_load(const struct pd_sys *sys, const char *path, const char *stub, char *text, char *err,
                           size_t err_n)
{
    struct stat st;
    err[0] = '\0';
    int fd = PD_SYS(sys, open, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) {
        if (errno != ENOENT)
            refuse(path, errno == ELOOP ? "is a symbolic link" : strerror(errno),
                   errno == ELOOP ? "Put the file itself there." : "Check owner and mode.", err, err_n);
        return -1;
    }
    ssize_t n = -1;
    if (PD_SYS(sys, fstat, fd, &st) < 0)
        refuse(path, strerror(errno), "", err, err_n);
    else if (may_trust(&st, path, stub, err, err_n) && (n = read_all(sys, fd, text)) < 0)
        refuse(path, strerror(errno), "", err, err_n);
    PD_SYS(sys, close, fd);
    return n;
}
