/*
 * options.h - what the operator says about one listener that its codec must know.
 *
 * Each codec takes what concerns it. The listener's port owns what is pointed to.
 */
#ifndef PD_OPTIONS_H
#define PD_OPTIONS_H

#include "base/slice.h"

enum { PD_SECRET_MAX = 255 };

struct pd_codec_options {
    struct pd_slice secret; /* AJP: what each request must carry; empty: nothing is asked for */
    size_t packet;          /* AJP: most bytes of a packet in both directions; 0: the protocol's 8192 */
    bool lighttpd;          /* AJP: the peer is lighttpd, whose packets differ (see ajp13.h) */
    bool raw_path;          /* AJP: ... and it is told to send the path as the client did */
};

/* For codecs that take none. */
#define PD_OPTIONS_NONE (&(const struct pd_codec_options){ .packet = 0 })

#endif
