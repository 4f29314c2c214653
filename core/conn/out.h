/*
 * out.h - what a connection still has to send, in order.
 *
 * The queue holds copies of bytes, runs of spill files and files of the
 * application. Bytes are only appended in whole frames, so whatever is behind
 * the last item is a frame border. Sending never blocks on the peer.
 */
#ifndef PD_OUT_H
#define PD_OUT_H

#include "base/list.h"
#include "base/slice.h"
#include "base/sys.h"
#include "codec/codec.h"

enum pd_out_result {
    PD_OUT_EMPTY, /* all is sent */
    PD_OUT_WAIT,  /* the peer does not take more now */
    PD_OUT_FILE,  /* a file is next: call pd_out_flush again where it may wait for a disk */
    PD_OUT_GONE,  /* the connection is dead (errno) */
    PD_OUT_SHORT, /* an application's file ended before its announced length */
};

struct pd_out {
    const struct pd_sys *sys;
    struct pd_list items;
    size_t memory;  /* bytes of memory that the items take, filled or not */
    uint64_t moved; /* bytes sent since birth: the progress that the write timeout looks at */
};

/* How a file's bytes are framed when they are sent; the file is then read instead of passed to sendfile. */
struct pd_out_framing {
    const struct pd_codec *codec; /* NULL: the bytes go out as they are */
    void *state;
    uint32_t stream;
    bool chunked; /* HTTP: the response has the chunked coding */
};

/* A spill file shared by the queue and its writer; closed when the last one lets go. */
struct pd_out_file {
    int fd;
    unsigned refs;
    uint64_t exchange_id; /* whose response it is; that exchange may be over before its file is sent */
};

void pd_out_init(struct pd_out *o, const struct pd_sys *sys);
void pd_out_fini(struct pd_out *o);

static inline bool pd_out_is_empty(const struct pd_out *o)
{
    return pd_list_is_empty(&o->items);
}

/* More than `mark` bytes of memory wait, or a file does behind them. */
bool pd_out_is_over(const struct pd_out *o, size_t mark);
/* Appends a copy of the bytes. False: no memory; a frame may be cut off, so the connection cannot go on. */
bool pd_out_put(struct pd_out *o, struct pd_slice s) PD_MUST_CHECK;
/* Appends `n` bytes at `offset` of the file; joins a run that ends there. */
bool pd_out_put_file(struct pd_out *o, struct pd_out_file *file, uint64_t offset, uint64_t n,
                     struct pd_out_framing framing) PD_MUST_CHECK;

struct pd_out_file *pd_out_file_new(const struct pd_sys *sys, int fd, uint64_t exchange_id);
void pd_out_file_release(const struct pd_sys *sys, struct pd_out_file *file);

/* Of the file that is next, 0: none is. */
uint64_t pd_out_exchange_id(const struct pd_out *o);

/* Sends as much as the socket takes. With `files` false it stops before a file. */
enum pd_out_result pd_out_flush(struct pd_out *o, int fd, bool files);

/*
 * Sends the vectors straight to the socket. Returns the bytes taken (0 when the socket is full), or -1 when the
 * connection is dead.
 */
ssize_t pd_out_send(const struct pd_sys *sys, int fd, const struct iovec *iov, size_t n);

#endif
