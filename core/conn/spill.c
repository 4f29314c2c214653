/* spill.c - anonymous temporary files (see spill.h). */
#define _GNU_SOURCE
#include "conn/spill.h"

#include <errno.h>
#include <fcntl.h>

static bool spill_dir_try(struct pd_spill_dir *d, const char *path)
{
    size_t n = path ? strnlen(path, PD_SPILL_DIR_MAX + 1) : 0;
    if (n == 0 || n > PD_SPILL_DIR_MAX)
        return false;
    memcpy(d->path, path, n + 1);
    int fd = pd_spill_open(d);
    if (fd < 0) {
        d->path[0] = '\0';
        return false;
    }
    PD_SYS(d->sys, close, fd);
    return true;
}

void pd_spill_dir_find(struct pd_spill_dir *d, const struct pd_sys *sys, const char *wanted, const char *tmpdir)
{
    *d = (struct pd_spill_dir){ .sys = sys };
    const char *const candidates[] = { wanted, tmpdir, "/tmp", "/dev/shm" };
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++)
        if (spill_dir_try(d, candidates[i]))
            return;
}

int pd_spill_open(const struct pd_spill_dir *d)
{
    int fd;
    do
        fd = PD_SYS(d->sys, open, d->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int pd_spill_write(const struct pd_sys *sys, int fd, struct pd_slice s, uint64_t offset)
{
    while (s.n) {
        ssize_t n = PD_SYS(sys, pwrite, fd, s.p, s.n, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        s = pd_slice_from(s, (size_t)n);
        offset += (uint64_t)n;
    }
    return 0;
}

ssize_t pd_spill_read(const struct pd_sys *sys, int fd, char *dst, size_t n, uint64_t offset)
{
    ssize_t got;
    do
        got = PD_SYS(sys, pread, fd, dst, n, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got;
}
