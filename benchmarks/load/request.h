/*
 * request.h - a request, encoded once, and what a right response to it is.
 *
 * `wire` holds the head and as much of the body as is sent with it. A codec's state owns no memory until a response
 * begins, so a copy of `state`, to which the request was told, is all that it takes to ask again.
 */
#ifndef LOAD_REQUEST_H
#define LOAD_REQUEST_H

#include <stdalign.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/client.h"
#include "options.h"

enum {
    LOAD_WIRE_BODY = 65536,  /* body bytes that are encoded beforehand */
    LOAD_PREFIX_MAX = 64,    /* codec.h allows fewer */
    LOAD_KEPT_MAX = 1 << 24, /* bytes of a body that are compared */
    LOAD_BLOCK = 1 << 18,    /* of a made body */
};

/* Bytes that are sent again and again until `size` are sent. */
struct load_body {
    const char *block;
    size_t block_n;
    uint64_t size;
};

struct load_right {
    unsigned status; /* 0: any */
    bool known;      /* the first response has come, or all was given */
    int64_t length;  /* -1: not known */
    struct pd_buf body;
};

struct load_request {
    const char *name; /* "GET /path" */
    struct pd_head head;
    struct load_body body;
    bool has_body;
    struct pd_slice wire;
    uint64_t covered; /* body bytes in `wire` */
    bool ended;       /* the end of the body is there, too */
    struct load_right right;
    alignas(max_align_t) char state[PD_CLIENT_STATE_MAX];
};

/* What all requests share. */
struct load_maker {
    const struct load_options *options;
    struct pd_arena *arena;
    struct pd_limits limits;
};

/* Makes a request of a plan, or ends the program. */
void load_request_make(struct load_request *r, const struct load_maker *m, const struct load_plan *p);
void load_request_fini(struct load_request *r, const struct load_maker *m);

/* Takes the next piece of the body of up to `most` bytes from `at` on. */
struct pd_slice load_body_piece(const struct load_body *b, uint64_t at, size_t most);

/* A whole file, in the arena; ends the program if it cannot be read. */
struct pd_slice load_read_file(const struct load_maker *m, const char *path);

#endif
