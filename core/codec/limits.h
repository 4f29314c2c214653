/*
 * limits.h - what a request may cost, for all protocols. Sizes in bytes.
 */
#ifndef PD_LIMITS_H
#define PD_LIMITS_H

#include <stddef.h>
#include <stdint.h>

struct pd_limits {
    size_t head;           /* request head: HTTP start line and fields, or all variables */
    size_t target;         /* request target as it stands in the request line */
    size_t fields;         /* header fields; a gateway's other variables are bounded by PD_FIELDS_MAX alone */
    uint64_t body;         /* request body after decoding */
    size_t chunk_overhead; /* chunk extensions and trailers of one body */
};

enum {
    PD_FIELDS_MAX = 512,   /* size of the scratch array for a head's fields */
    PD_METHOD_MAX = 32,    /* longest method; the longest registered one has 17 letters */
    PD_HEAD_MAX = 1 << 20, /* the `head` limit may not be set above this */
};

#define PD_LIMITS_DEFAULT                                                                                              \
    ((struct pd_limits){                                                                                               \
        .head = 65536, .target = 16384, .fields = 128, .body = (uint64_t)1 << 30, .chunk_overhead = 16384 })

#endif
