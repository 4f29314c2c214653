/* out.c - what a connection still has to send (see out.h). */
#include "conn/out.h"

#include "codec/response.h"
#include "conn/spill.h"

#include <errno.h>

enum {
    OUT_BLOCK = 16384 - 96, /* bytes of a memory item; with its head it fills four pages */
    OUT_IOV = 32,           /* memory items sent by one call */
    OUT_SENDFILE = 1 << 20, /* most bytes of one sendfile call */
    OUT_FRAME = 32768,      /* file bytes read into one frame */
    OUT_JOINED = 2048,      /* bytes that are laid side by side for one send() */
};

struct out_item {
    struct pd_list node;
    struct pd_out_file *file; /* NULL: bytes in memory */
    struct pd_out_framing framing;
    uint64_t begin; /* next byte to send: index into `bytes`, or offset of the file */
    uint64_t end;
    size_t cap;
    bool is_read; /* sendfile() does not serve this file: it is read instead */
    char bytes[];
};

void pd_out_init(struct pd_out *o, const struct pd_sys *sys)
{
    *o = (struct pd_out){ .sys = sys };
    pd_list_init(&o->items);
}

static void out_drop(struct pd_out *o, struct out_item *item)
{
    pd_list_remove(&item->node);
    if (item->file)
        pd_out_file_release(o->sys, item->file);
    o->memory -= item->cap;
    pd_release(o->sys, item);
}

void pd_out_fini(struct pd_out *o)
{
    while (!pd_out_is_empty(o))
        out_drop(o, PD_LIST_ENTRY(o->items.next, struct out_item, node));
}

bool pd_out_is_over(const struct pd_out *o, size_t mark)
{
    return o->memory > mark || (!pd_out_is_empty(o) && PD_LIST_ENTRY(o->items.prev, struct out_item, node)->file);
}

static struct out_item *out_append(struct pd_out *o, struct pd_out_file *file, size_t cap)
{
    struct out_item *item = pd_alloc(o->sys, sizeof *item + cap);
    if (!item)
        return NULL;
    *item = (struct out_item){ .file = file, .cap = cap };
    o->memory += cap;
    pd_list_push(&o->items, &item->node);
    return item;
}

static struct out_item *out_tail(struct pd_out *o)
{
    return pd_out_is_empty(o) ? NULL : PD_LIST_ENTRY(o->items.prev, struct out_item, node);
}

bool pd_out_put(struct pd_out *o, struct pd_slice s)
{
    while (s.n) {
        struct out_item *tail = out_tail(o);
        if (!tail || tail->file || tail->cap == tail->end)
            tail = out_append(o, NULL, OUT_BLOCK);
        if (!tail)
            return false;
        size_t room = tail->cap - (size_t)tail->end;
        size_t n = s.n < room ? s.n : room;
        memcpy(tail->bytes + tail->end, s.p, n);
        tail->end += n;
        s = pd_slice_from(s, n);
    }
    return true;
}

struct pd_out_file *pd_out_file_new(const struct pd_sys *sys, int fd, uint64_t exchange_id)
{
    struct pd_out_file *file = pd_alloc(sys, sizeof *file);
    if (file)
        *file = (struct pd_out_file){ .fd = fd, .refs = 1, .exchange_id = exchange_id };
    return file;
}

void pd_out_file_release(const struct pd_sys *sys, struct pd_out_file *file)
{
    if (--file->refs)
        return;
    PD_SYS(sys, close, file->fd);
    pd_release(sys, file);
}

bool pd_out_put_file(struct pd_out *o, struct pd_out_file *file, uint64_t offset, uint64_t n,
                     struct pd_out_framing framing)
{
    struct out_item *tail = out_tail(o);
    if (tail && tail->file == file && tail->end == offset) {
        tail->end += n;
        return true;
    }
    struct out_item *item = out_append(o, file, 0);
    if (!item)
        return false;
    file->refs++;
    item->framing = framing;
    item->begin = offset;
    item->end = offset + n;
    return true;
}

uint64_t pd_out_exchange_id(const struct pd_out *o)
{
    const struct out_item *next = pd_out_is_empty(o) ? NULL : PD_LIST_ENTRY(o->items.next, struct out_item, node);
    return next && next->file ? next->file->exchange_id : 0;
}

/* One vector for all, whose bytes are laid side by side if need be. False: they do not fit. */
static bool out_join(const struct iovec *iov, size_t n, char joined[OUT_JOINED], struct iovec *whole)
{
    char *w = joined;
    if (n == 1) {
        *whole = *iov;
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (iov[i].iov_len > (size_t)(joined + OUT_JOINED - w))
            return false;
        w = pd_put(w, pd_slice(iov[i].iov_base, iov[i].iov_len));
    }
    *whole = (struct iovec){ joined, (size_t)(w - joined) };
    return true;
}

/* A sendmsg() costs more than a send(), and more than it takes to lay a few short parts side by side. */
ssize_t pd_out_send(const struct pd_sys *sys, int fd, const struct iovec *iov, size_t n)
{
    enum { FLAGS = MSG_NOSIGNAL | MSG_DONTWAIT };
    struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n };
    char joined[OUT_JOINED];
    struct iovec whole;
    bool one = out_join(iov, n, joined, &whole);
    for (;;) {
        ssize_t sent =
            one ? PD_SYS(sys, send, fd, whole.iov_base, whole.iov_len, FLAGS) : PD_SYS(sys, sendmsg, fd, &msg, FLAGS);
        if (sent >= 0)
            return sent;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
            return 0;
        if (errno != EINTR)
            return -1;
    }
}

/* Marks `n` sent bytes of memory items as done. */
static void out_advance(struct pd_out *o, size_t n)
{
    o->moved += n;
    while (n) {
        struct out_item *item = PD_LIST_ENTRY(o->items.next, struct out_item, node);
        size_t left = (size_t)(item->end - item->begin);
        size_t step = n < left ? n : left;
        item->begin += step;
        n -= step;
        if (item->begin == item->end)
            out_drop(o, item);
    }
}

static enum pd_out_result out_flush_memory(struct pd_out *o, int fd)
{
    struct iovec iov[OUT_IOV];
    size_t n = 0;
    for (struct pd_list *l = o->items.next; l != &o->items && n < OUT_IOV; l = l->next) {
        struct out_item *item = PD_LIST_ENTRY(l, struct out_item, node);
        if (item->file)
            break;
        size_t left = (size_t)(item->end - item->begin);
        iov[n++] = (struct iovec){ item->bytes + item->begin, left };
    }
    ssize_t sent = pd_out_send(o->sys, fd, iov, n);
    if (sent < 0)
        return PD_OUT_GONE;
    out_advance(o, (size_t)sent);
    return sent ? PD_OUT_EMPTY : PD_OUT_WAIT; /* only EAGAIN promises a report, a short count does not */
}

/* Some file systems (procfs, FUSE) and sandboxes have no sendfile(2); such files can still be read. */
static bool has_no_sendfile(int error)
{
    return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

static enum pd_out_result out_flush_file(struct pd_out *o, int fd, struct out_item *item)
{
    while (item->begin < item->end) {
        uint64_t left = item->end - item->begin;
        off_t offset = (off_t)item->begin;
        ssize_t sent = PD_SYS(o->sys, sendfile, fd, item->file->fd, &offset,
                              left < OUT_SENDFILE ? (size_t)left : (size_t)OUT_SENDFILE);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            item->is_read = has_no_sendfile(errno);
            return item->is_read ? PD_OUT_EMPTY : errno == EAGAIN || errno == ENOBUFS ? PD_OUT_WAIT : PD_OUT_GONE;
        }
        if (sent == 0)
            return PD_OUT_SHORT;
        item->begin += (uint64_t)sent;
        o->moved += (uint64_t)sent;
    }
    out_drop(o, item);
    return PD_OUT_EMPTY;
}

/* Reads the next frame of a file, or the next bytes if it has no framing, into a memory item in front of it. */
static enum pd_out_result out_read_frame(struct pd_out *o, struct out_item *file)
{
    const struct pd_response like = { .chunked = file->framing.chunked }; /* all that framing looks at */
    size_t room = PD_FRAME_PREFIX_MAX + OUT_FRAME + PD_FRAME_SUFFIX_MAX;
    struct out_item *item = pd_alloc(o->sys, sizeof *item + room);
    if (!item)
        return PD_OUT_GONE;
    *item = (struct out_item){ .cap = room };
    const struct pd_out_framing *f = &file->framing;
    uint64_t left = file->end - file->begin;
    size_t most = f->codec ? pd_codec_frame_max(f->codec, f->state) : OUT_FRAME;
    if (most > OUT_FRAME)
        most = OUT_FRAME;
    char *data = item->bytes + PD_FRAME_PREFIX_MAX;
    ssize_t got = pd_spill_read(o->sys, file->file->fd, data, left < most ? (size_t)left : most, file->begin);
    if (got <= 0) {
        pd_release(o->sys, item);
        return PD_OUT_SHORT;
    }
    char prefix[PD_FRAME_PREFIX_MAX];
    size_t prefix_n = 0;
    size_t suffix_n = 0;
    if (f->codec)
        f->codec->put_frame(f->state, f->stream, &like, (size_t)got, prefix, &prefix_n, data + got, &suffix_n);
    item->begin = PD_FRAME_PREFIX_MAX - prefix_n;
    item->end = PD_FRAME_PREFIX_MAX + (size_t)got + suffix_n;
    memcpy(item->bytes + item->begin, prefix, prefix_n);
    o->memory += room;
    pd_list_push_front(&o->items, &item->node);
    file->begin += (uint64_t)got;
    return PD_OUT_EMPTY;
}

static enum pd_out_result out_flush_item(struct pd_out *o, int fd, struct out_item *item)
{
    if (item->begin == item->end) {
        out_drop(o, item);
        return PD_OUT_EMPTY;
    }
    if (!item->file)
        return out_flush_memory(o, fd);
    return item->framing.codec || item->is_read ? out_read_frame(o, item) : out_flush_file(o, fd, item);
}

enum pd_out_result pd_out_flush(struct pd_out *o, int fd, bool files)
{
    while (!pd_out_is_empty(o)) {
        struct out_item *item = PD_LIST_ENTRY(o->items.next, struct out_item, node);
        if (item->file && !files)
            return PD_OUT_FILE;
        enum pd_out_result r = out_flush_item(o, fd, item);
        if (r != PD_OUT_EMPTY)
            return r;
    }
    return PD_OUT_EMPTY;
}
