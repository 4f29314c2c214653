/* body.c - a request body on its way to the application (see body.h). */
#include "conn/body.h"

void pd_body_init(struct pd_body *b, const struct pd_sys *sys, const struct pd_spill_dir *dir, size_t mem_limit)
{
    *b = (struct pd_body){ .dir = dir, .fd = -1 };
    pd_buf_init(&b->mem, sys, mem_limit);
}

void pd_body_fini(struct pd_body *b)
{
    pd_buf_fini(&b->mem);
    if (b->fd >= 0)
        PD_SYS(b->mem.sys, close, b->fd);
    b->fd = -1;
}

char *pd_body_room(struct pd_body *b, size_t n)
{
    return pd_buf_reserve(&b->mem, n) == PD_BUF_OK ? b->mem.data + b->mem.end : NULL;
}

bool pd_body_put(struct pd_body *b, struct pd_slice s)
{
    if (pd_buf_put(&b->mem, s) != PD_BUF_OK)
        return false;
    b->received += s.n;
    return true;
}

bool pd_body_spill(struct pd_body *b)
{
    if (b->fd < 0)
        b->fd = pd_spill_open(b->dir);
    struct pd_slice s = pd_buf_view(&b->mem);
    if (s.n >= pd_body_step(b))
        s.n -= (b->file_end + s.n) % PD_BODY_STEP;
    if (b->fd < 0 || pd_spill_write(b->mem.sys, b->fd, s, b->file_end) < 0) {
        b->error = PD_BODY_DISK;
        return false;
    }
    b->file_end += s.n;
    pd_buf_skip(&b->mem, s.n);
    return true;
}

ssize_t pd_body_take(struct pd_body *b, char *dst, size_t n)
{
    size_t got = 0;
    while (got < n && !pd_body_is_in_memory(b)) {
        uint64_t left = b->file_end - b->file_read;
        size_t want = n - got < left ? n - got : (size_t)left;
        ssize_t r = pd_spill_read(b->mem.sys, b->fd, dst + got, want, b->file_read);
        if (r <= 0)
            return -1;
        got += (size_t)r;
        b->file_read += (uint64_t)r;
    }
    struct pd_slice s = pd_buf_view(&b->mem);
    if (s.n > n - got)
        s.n = n - got;
    if (s.n && pd_body_is_in_memory(b)) {
        memcpy(dst + got, s.p, s.n);
        pd_buf_skip(&b->mem, s.n);
        got += s.n;
    }
    if (pd_body_is_in_memory(b))
        b->file_read = b->file_end = 0; /* the file's room can be used again */
    return (ssize_t)got;
}
