/*
 * body.h - a request body on its way to the application: a first-in first-out
 * store that keeps a little in memory and the rest in a spill file.
 *
 *      read by the app                       written by the connection
 *      file:   [file_read ........ file_end)
 *      memory:                       [ mem ................. )
 *
 * The bytes in the file come before the bytes in memory. As long as the file
 * part is empty the store is a plain memory buffer.
 */
#ifndef PD_BODY_H
#define PD_BODY_H

#include "base/buf.h"
#include "conn/spill.h"

/* The spill file is written up to a multiple of it, which the kernel stores in fewer and larger pages. */
enum { PD_BODY_STEP = 262144 };

struct pd_body {
    struct pd_buf mem;
    const struct pd_spill_dir *dir;
    int fd;             /* spill file, -1: none */
    uint64_t file_read; /* next byte of the file to give to the app */
    uint64_t file_end;  /* bytes written to the file */
    uint64_t received;  /* bytes that came from the peer in all */
    bool complete;      /* no more will come */
    enum pd_body_error {
        PD_BODY_OK,
        PD_BODY_CUT,     /* the peer left before the end */
        PD_BODY_BROKEN,  /* malformed framing or over the limit */
        PD_BODY_TIMEOUT, /* the peer stopped sending */
        PD_BODY_DISK,    /* the spill file could not be written */
    } error;
};

void pd_body_init(struct pd_body *b, const struct pd_sys *sys, const struct pd_spill_dir *dir, size_t mem_limit);
void pd_body_fini(struct pd_body *b);

/* Where `n` bytes can be received that pd_body_put() takes next, without a copy. NULL: there is no memory for them. */
char *pd_body_room(struct pd_body *b, size_t n);
/* Takes bytes into memory. False when there is no memory for them. */
bool pd_body_put(struct pd_body *b, struct pd_slice s) PD_MUST_CHECK;
/* How much is to be in memory before it is worth writing to the spill file, which there is. */
static inline size_t pd_body_step(const struct pd_body *b)
{
    return PD_BODY_STEP - (size_t)(b->file_end % PD_BODY_STEP);
}

/*
 * Moves bytes from memory to the spill file, which it opens: as many as reach to the last multiple of PD_BODY_STEP,
 * else all. May wait for the disk. False sets `error`.
 */
bool pd_body_spill(struct pd_body *b) PD_MUST_CHECK;
/*
 * Gives up to `n` bytes to the reader; 0 when nothing is there now. -1: the spill file cannot be read (errno).
 * Reading from the file may wait for the disk.
 */
ssize_t pd_body_take(struct pd_body *b, char *dst, size_t n);

/* True when everything that is left is in memory. */
static inline bool pd_body_is_in_memory(const struct pd_body *b)
{
    return b->file_read == b->file_end;
}

#endif
