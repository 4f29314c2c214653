/*
 * codec.h - what a protocol is: bytes in, events out; a response in, bytes out.
 *
 * A codec is sans-I/O: it has no socket, no log, no global and no allocation.
 * The connection feeds it all bytes that are not yet consumed and takes one
 * event at a time. Slices in an event point into the fed bytes or into the
 * scratch and are valid until the next call. However the input is split, the
 * events are the same, but for how BODY and HEAD_BYTES runs are cut.
 *
 * Order of events for one stream (request):
 *
 *   OPEN -> HEAD_BYTES* -> HEAD -> BODY* -> BODY_END
 *           (ABORT may come at any point after OPEN and ends the stream;
 *            BAD with fatal = false ends it too)
 *
 * FastCGI has many streams; the others have one at a time, with the id 1.
 */
#ifndef PD_CODEC_H
#define PD_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "codec/head.h"
#include "codec/limits.h"
#include "codec/options.h"
#include "codec/reason.h"

enum pd_event_kind {
    PD_EV_MORE,       /* nothing more without further bytes */
    PD_EV_OPEN,       /* a stream begins */
    PD_EV_HEAD_BYTES, /* data: head bytes to collect for parse_head */
    PD_EV_HEAD,       /* the head is complete: `head`, or NULL: call parse_head on what was collected */
    PD_EV_BODY,       /* data: body bytes, decoded */
    PD_EV_BODY_END,   /* the body is complete */
    PD_EV_ABORT,      /* the peer gave the stream up */
    PD_EV_REPLY,      /* data: bytes the connection must send (never inside a response's frame); `fatal`: then close */
    PD_EV_BAD,        /* `reason`; `fatal`: the connection cannot go on; `head` once, if what is wrong is in it */
};

struct pd_event {
    enum pd_event_kind kind;
    uint32_t stream;
    struct pd_slice data;
    const struct pd_head *head;
    enum pd_reason reason;
    bool fatal;
    bool surplus; /* MORE: bytes behind the only request of this connection were thrown away */
};

struct pd_response; /* codec/response.h */

enum {
    PD_FRAME_PREFIX_MAX = 24, /* most bytes put_frame writes before a block */
    PD_FRAME_SUFFIX_MAX = 16, /* ... and behind it */
    PD_END_MAX = 32,          /* most bytes put_end and put_flush write */
    PD_CODEC_STATE_MAX = 384, /* the connection keeps this much room for a codec's state */
};

struct pd_codec {
    const char *name;
    size_t state_size;
    bool multiplexed;  /* several streams at once (FastCGI) */
    bool head_is_data; /* the response head travels inside the first data frame */
    bool gateway;      /* the peer is a front end and sends CGI-style variables */
    size_t frame_max;  /* most data bytes in one frame; SIZE_MAX: no limit */
    /* The same where the listener decides it; NULL: frame_max. See pd_codec_frame_max(). */
    size_t (*frame_room)(const void *state);

    /* --- request side --- */
    /* Both outlive the state. */
    void (*init)(void *state, const struct pd_limits *limits, const struct pd_codec_options *options);
    /* Behind init: the connection has had requests already, and is between two of them. NULL: that is all the same. */
    void (*resume)(void *state);
    /* Looks at `in` (all unconsumed bytes), says how many it consumed, and gives one event. */
    void (*next)(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev);
    /* How many of the next bytes are body and nothing else, as far as it knows: 0, or NULL, where it has frames
     * round them. */
    uint64_t (*body_ahead)(const void *state);
    /* For codecs whose HEAD event has no head: parses the collected HEAD_BYTES. A refused head has the fields that
     * could be read, or none at all. */
    enum pd_reason (*parse_head)(void *state, uint32_t stream, struct pd_slice bytes, struct pd_scratch *scratch,
                                 struct pd_head *head);
    /* True when the input may end here without anything being cut off. */
    bool (*at_boundary)(const void *state);

    /* --- response side --- */
    /* Decides framing (may set r->chunked, r->close) and appends the encoded head to `out`. */
    enum pd_reason (*put_head)(void *state, uint32_t stream, struct pd_response *r, struct pd_buf *out);
    /*
     * Frames the next `n` data bytes (1 <= n <= frame_max) of the response: writes what stands before and
     * behind them and their sizes. A codec without frames sets both sizes to 0.
     */
    void (*put_frame)(void *state, uint32_t stream, const struct pd_response *r, size_t n, char *prefix,
                      size_t *prefix_n, char *suffix, size_t *suffix_n);
    /* The bytes that tell the peer to pass on what it has (at most PD_END_MAX); NULL: it does so by itself. */
    size_t (*put_flush)(void *state, uint32_t stream, char *dst);
    /* The bytes that end a complete response (at most PD_END_MAX); may set r->close; also forgets the stream. */
    size_t (*put_end)(void *state, uint32_t stream, struct pd_response *r, char *dst);
    /* Forgets a stream whose response was broken off without put_end. */
    void (*drop)(void *state, uint32_t stream);
};

/* Most data bytes in one frame of this connection. */
static inline size_t pd_codec_frame_max(const struct pd_codec *codec, const void *state)
{
    return codec->frame_room ? codec->frame_room(state) : codec->frame_max;
}

extern const struct pd_codec pd_codec_http1;
extern const struct pd_codec pd_codec_fastcgi;
extern const struct pd_codec pd_codec_scgi;
extern const struct pd_codec pd_codec_uwsgi;
extern const struct pd_codec pd_codec_cgi;
extern const struct pd_codec pd_codec_ajp13;

#endif
