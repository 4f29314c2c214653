/*
 * exchange_api.h - what an app thread does with the request it was given.
 *
 * Functions with `may_wait` return PD_SEND_AGAIN instead of waiting when it is
 * false, so that a caller that holds another lock (the GIL) can let go first.
 */
#ifndef PD_EXCHANGE_API_H
#define PD_EXCHANGE_API_H

#include "conn/respond.h"
#include "engine/engine.h"

/* The parsed request; valid until pd_exchange_last or pd_exchange_fail. */
static inline const struct pd_request *pd_exchange_request(const struct pd_exchange *x)
{
    return &x->request;
}

/* The response head, to be filled with pd_response_start and pd_response_add. */
static inline struct pd_response *pd_exchange_response(struct pd_exchange *x)
{
    return &x->response;
}

static inline bool pd_exchange_head_sent(const struct pd_exchange *x)
{
    return x->head_sent;
}

/* The client speaks HTTP to us directly, so that interim responses can be sent. */
bool pd_exchange_is_http(const struct pd_exchange *x);
/* The protocol of its connection: http, fastcgi and so on; and the other end's address, empty for a Unix socket. */
const char *pd_exchange_protocol(const struct pd_exchange *x);
const char *pd_exchange_peer(const struct pd_exchange *x);
/* The number that pd_port.file_map gave its listener. */
static inline unsigned pd_exchange_file_map(const struct pd_exchange *x)
{
    return x->conn->port->file_map;
}
/* "GET /path from 127.0.0.1, id 0123456789abcdef" with everything but printable ASCII escaped, for messages. */
void pd_exchange_describe(const struct pd_exchange *x, char *dst, size_t n);

/*
 * The application may use a request on several threads. One of them, the app thread, ends it. Each other one calls
 * enter() while the exchange cannot end yet, then functions that may wait, then leave(): the end of the exchange waits
 * for it. One thread reads at a time.
 */
void pd_exchange_enter(struct pd_exchange *x);
void pd_exchange_leave(struct pd_exchange *x);

/* The whole body was collected before the app was called (it may lie in a spill file). */
bool pd_exchange_body_is_collected(struct pd_exchange *x);
/* ... and it lies in memory: reading it waits for nothing. */
bool pd_exchange_body_is_in_memory(struct pd_exchange *x);

enum pd_read {
    PD_READ_OK,    /* some bytes, or 0 of them: the end of the body */
    PD_READ_ERROR, /* the body is broken, or the app thread ends the request meanwhile: see pd_exchange_body_error */
};

/* Up to `n` body bytes; waits until at least one is there, the body ends or breaks. May wait for peer and disk. */
enum pd_read pd_exchange_read(struct pd_thread *t, struct pd_exchange *x, char *dst, size_t n,
                              size_t *got) PD_MUST_CHECK;
/* Why the body is broken, as one English clause. */
const char *pd_exchange_body_error(struct pd_exchange *x);
/* Bytes of body received so far. */
uint64_t pd_exchange_body_received(struct pd_exchange *x);

enum pd_send pd_exchange_write(struct pd_exchange *x, struct pd_slice data, bool may_wait) PD_MUST_CHECK;
/* Ends the response with a last block (may be empty). Unless AGAIN or BAD_HEAD, the exchange is gone afterwards. */
enum pd_send pd_exchange_last(struct pd_thread *t, struct pd_exchange *x, struct pd_slice data,
                              bool may_wait) PD_MUST_CHECK;
/* Sends `n` bytes at `offset` of `fd`, which is taken over; they leave when the peer takes them. */
enum pd_send pd_exchange_file(struct pd_thread *t, struct pd_exchange *x, int fd, uint64_t offset,
                              uint64_t n) PD_MUST_CHECK;
/* An informational response with these fields ("Name: value\r\n"); false where the protocol has none. */
bool pd_exchange_early_hints(struct pd_exchange *x, struct pd_slice fields);
/*
 * The app waits without a thread: this thread asks for its next request, and the exchange comes out of
 * pd_engine_next() again after pd_exchange_resume(), which any thread may call, once for each park. A parked exchange
 * must be resumed before the engine is freed.
 */
void pd_exchange_park(struct pd_exchange *x);
void pd_exchange_resume(struct pd_exchange *x);
/* The app failed: a 500 page if nothing was sent, else a visibly broken response. The exchange is gone afterwards. */
void pd_exchange_fail(struct pd_thread *t, struct pd_exchange *x);
/*
 * The app passed on that its request's body broke off: the peer is answered what it would have been before the app was
 * called. False: the body did not break off, and nothing was done.
 */
bool pd_exchange_refuse_body(struct pd_thread *t, struct pd_exchange *x) PD_MUST_CHECK;
/* True when the peer no longer waits for this response; asks the descriptor itself. */
bool pd_exchange_client_gone(struct pd_exchange *x);

#endif
