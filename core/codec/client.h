/*
 * client.h - the client half of a protocol: a request in, bytes out; bytes in, a response out.
 *
 * The counterpart of codec.h, for whoever asks a server: the command `polydoor
 * request`, the CGI stub, the load generator. It is sans-I/O as well: no socket,
 * no log, no clock. The only memory it takes is for a response head, through
 * struct pd_sys, as it comes and never above limits->head.
 *
 * Order of answers to one request (STDERR and DEMAND may come anywhere before END):
 *
 *   INTERIM* -> HEAD -> BODY* -> END         or BAD at any point
 *
 * However the input is split, the answers are the same, but for how BODY and
 * STDERR runs are cut. After END further bytes are swallowed; BAD stays.
 */
#ifndef PD_CLIENT_H
#define PD_CLIENT_H

#include "base/buf.h"
#include "codec/head.h"
#include "codec/limits.h"
#include "codec/reason.h"

enum pd_answer_kind {
    PD_ANSWER_MORE,    /* every byte was taken; `surplus`: some of them behind the end of the response */
    PD_ANSWER_INTERIM, /* head: of an interim response (1xx), HTTP only */
    PD_ANSWER_HEAD,    /* head */
    PD_ANSWER_BODY,    /* data */
    PD_ANSWER_STDERR,  /* data: what the application wrote to its standard error (FastCGI) */
    PD_ANSWER_DEMAND,  /* wanted: the server asks for so many more bytes of the request body (AJP13) */
    PD_ANSWER_END,     /* ended, app_status */
    PD_ANSWER_BAD,     /* reason: this is no response, or its frame is lost */
};

enum pd_ended {
    PD_ENDED_WHOLE,  /* proven by a length, by chunks or by the protocol's own end */
    PD_ENDED_CLOSED, /* by closing, where nothing tells whether that was all */
    PD_ENDED_CUT,    /* broken off */
};

struct pd_answer_head {
    unsigned status;
    struct pd_slice phrase;  /* the reason phrase; may be empty */
    struct pd_field *fields; /* in wire order, values trimmed; without the Status of CGI */
    size_t nfields;
    int64_t content_length; /* -1: not announced */
    bool chunked;
    uint8_t http_minor;
};

struct pd_answer {
    enum pd_answer_kind kind;
    enum pd_ended ended;
    enum pd_reason reason;
    struct pd_slice data;
    const struct pd_answer_head *head;
    size_t wanted;
    uint32_t app_status; /* FastCGI: the exit status that the application gave */
    bool surplus;
    bool reuse; /* with END, AJP13: the server takes another request on this connection */
};

/* The body of the request is framed like the body of a response in codec.h, with the same bounds. */
enum { PD_CLIENT_STATE_MAX = 320 };

struct pd_client_codec {
    const char *name;
    size_t state_size;
    enum pd_head_form form; /* of a request; AJP: the variable `secret` is what the server asks for */
    bool sends_chunks;      /* can send a body of unknown length (head->chunked) */
    bool on_demand;         /* a frame is sent for each DEMAND, the first of a known length unasked; see put_end */
    size_t frame_max;       /* most body bytes in one frame; SIZE_MAX: no limit */

    void (*init)(void *state, const struct pd_sys *sys, const struct pd_limits *limits);
    void (*fini)(void *state);

    /* --- request --- */
    /*
     * Appends the request up to its body, which is head->content_length bytes, or of unknown length when
     * head->chunked, or not there. The codec writes the fields that frame it: they may not stand in head->fields of
     * an HTTP head, and are passed over among variables. What cannot be sent is refused; `out` is then worthless.
     */
    enum pd_reason (*put_head)(void *state, const struct pd_head *head, struct pd_buf *out);
    /* What stands before and behind the next `n` body bytes (1 <= n <= frame_max). */
    void (*put_frame)(void *state, size_t n, char *prefix, size_t *prefix_n, char *suffix, size_t *suffix_n);
    /* The bytes that end the body, also one of no bytes; with on_demand only for a DEMAND when there is no more. */
    size_t (*put_end)(void *state, char *dst);

    /* --- response --- */
    /* Takes bytes and gives one answer. Asked again, with what it did not take, until it says MORE. */
    void (*next)(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_answer *a);
    /* The server sends no more; not `clean`: it was reset. Gives END or BAD, or MORE when one of them came before. */
    void (*eof)(void *state, bool clean, struct pd_answer *a);
};

extern const struct pd_client_codec pd_client_http1;
extern const struct pd_client_codec pd_client_ajp13;
extern const struct pd_client_codec pd_client_fastcgi;
extern const struct pd_client_codec pd_client_scgi;
extern const struct pd_client_codec pd_client_uwsgi;

#endif
