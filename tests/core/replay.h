/*
 * replay.h - a connection without a socket, for tests of codecs.
 *
 * It does with a codec what the connection engine does: keeps the bytes that
 * are not consumed, collects HEAD_BYTES for parse_head, builds the request,
 * and answers each finished stream at once with an empty 200. It writes down
 * what it saw, in the words of tests/corpus/README.md, and checks that every
 * event is well-formed; a breach is written as an INVALID line.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include "codec/codec.h"
#include "codec/request.h"

#include "guard.h"
#include "text.h"

enum {
    REPLAY_STREAMS = 64,
    REPLAY_BODY_SHOWN = 64, /* longer bodies are shown by their length */
};

/* How far a stream has come. */
enum replay_phase {
    REPLAY_FREE, /* the slot holds no stream */
    REPLAY_HEAD, /* OPEN was seen */
    REPLAY_BODY, /* HEAD was seen */
};

struct replay_stream {
    uint32_t id;
    enum replay_phase phase;
    struct pd_buf head_bytes;
    bool is_head;
    bool keep_alive;
    uint8_t http_minor;
};

/* A run of body bytes that has not been written to the trace yet. */
struct replay_run {
    uint32_t stream;
    size_t n;
    uint64_t hash;
    char first[REPLAY_BODY_SHOWN];
};

struct replay {
    const struct pd_codec *codec;
    const struct pd_limits *limits;
    const struct pd_codec_options *options;
    const struct pd_site *site;
    const struct pd_sys *sys; /* for what the connection allocates */
    struct guard *guard;
    void *state;
    struct pd_scratch *scratch;
    struct pd_arena arena;
    struct pd_slice rest; /* unconsumed bytes, at the wall of the guard */
    struct replay_stream streams[REPLAY_STREAMS];
    struct replay_run run;
    struct text events;
    struct text environ; /* of the last head */
    bool over;           /* after a fatal BAD */
    bool invalid;        /* an INVALID line was written */
    bool refused;        /* our own means failed (no memory) */
};

void replay_init(struct replay *r, const struct pd_codec *codec, const struct pd_limits *limits,
                 const struct pd_codec_options *options, const struct pd_site *site, const struct pd_sys *sys,
                 struct guard *guard);
void replay_fini(struct replay *r);
/* Forgets everything and begins a new connection with the same settings. */
void replay_restart(struct replay *r);
/* More bytes from the peer. */
void replay_feed(struct replay *r, struct pd_slice bytes);
/* The end of the input: writes the last body run and the EOF line. */
void replay_eof(struct replay *r);

/* The site of tests that name none. */
struct pd_site replay_site(void);

#endif
