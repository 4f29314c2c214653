/*
 * spill.h - anonymous temporary files for bodies that are too large for memory.
 *
 * A spill file never has a name (O_TMPFILE), so nothing can be planted, found
 * or left behind. The directory is chosen once, at start.
 */
#ifndef PD_SPILL_H
#define PD_SPILL_H

#include "base/slice.h"
#include "base/sys.h"

enum { PD_SPILL_DIR_MAX = 255 };

struct pd_spill_dir {
    const struct pd_sys *sys;
    char path[PD_SPILL_DIR_MAX + 1]; /* empty: no directory works, bodies are streamed instead */
};

/* Tries `wanted` (may be NULL), $TMPDIR's value `tmpdir` (may be NULL), /tmp, /dev/shm, in this order. */
void pd_spill_dir_find(struct pd_spill_dir *d, const struct pd_sys *sys, const char *wanted, const char *tmpdir);

static inline bool pd_spill_dir_works(const struct pd_spill_dir *d)
{
    return d->path[0] != '\0';
}

/* A new empty file; its descriptor or -1 with errno. */
int pd_spill_open(const struct pd_spill_dir *d);

/* Writes all of `s` at `offset`, however often the kernel stops short. 0, or -1 with errno. */
int pd_spill_write(const struct pd_sys *sys, int fd, struct pd_slice s, uint64_t offset);

/* Reads up to `n` bytes at `offset`, again after EINTR. Bytes read, or -1 with errno. */
ssize_t pd_spill_read(const struct pd_sys *sys, int fd, char *dst, size_t n, uint64_t offset);

#endif
