/*
 * respond.h - the response side of an exchange.
 *
 * Called by the app thread that runs the exchange (or by the connection, for
 * its own error answers) with the connection's lock held. Functions with
 * `may_wait` let go of the lock and wait for a disk or the peer only when it
 * is true; otherwise they answer PD_SEND_AGAIN before anything was done.
 */
#ifndef PD_RESPOND_H
#define PD_RESPOND_H

#include "conn/conn.h"

enum pd_send {
    PD_SEND_OK,
    PD_SEND_AGAIN,     /* it would have to wait: call again with may_wait */
    PD_SEND_TOO_LONG,  /* what lies past the response's Content-Length was cut off */
    PD_SEND_TOO_SHORT, /* the response ended before its Content-Length: it was broken off */
    PD_SEND_GONE,      /* the peer has left; the bytes were dropped */
    PD_SEND_BAD_HEAD,  /* the response head cannot be encoded; nothing was sent */
};

/* Sends a block; the head goes out in front of the first one that is not empty. */
enum pd_send pd_respond_write(struct pd_exchange *x, struct pd_slice data, bool may_wait) PD_MUST_CHECK;
/* Sends a last block and ends the response in one write. The exchange is ENDED unless AGAIN or BAD_HEAD. */
enum pd_send pd_respond_last(struct pd_exchange *x, struct pd_slice data, bool may_wait) PD_MUST_CHECK;
/* Queues `n` bytes at `offset` of `fd` (which it takes over, also on failure). */
enum pd_send pd_respond_file(struct pd_exchange *x, int fd, uint64_t offset, uint64_t n) PD_MUST_CHECK;
/* An informational response (103) in front of the head; HTTP only. */
enum pd_send pd_respond_early(struct pd_exchange *x, struct pd_slice encoded) PD_MUST_CHECK;

/* Tells an HTTP client that waits with `Expect: 100-continue` to send its body, once. */
void pd_respond_continue(struct pd_exchange *x);

/* The response cannot be completed: the peer is made to see that. The exchange is ENDED. */
void pd_respond_break(struct pd_exchange *x);
/* Answers with the reason's status, if nothing was sent yet; else breaks off. The exchange is ENDED. */
void pd_respond_refuse(struct pd_exchange *x, enum pd_reason reason);
/* The same without a line in the log. */
void pd_respond_turn_away(struct pd_exchange *x, enum pd_reason reason);
/* The app failed before anything was sent: a plain 500; waits for room. False: it was not made, nothing was sent. */
bool pd_respond_plain_error(struct pd_exchange *x);
/* The peer gave the request up before the app was called: its stream ends, the connection goes on. */
void pd_respond_abandon(struct pd_exchange *x);
/* Takes the exchange off its connection without any answer. */
void pd_respond_drop(struct pd_exchange *x);

/* Something came of the app call: its time limit begins anew. */
static inline void pd_respond_progress(struct pd_exchange *x)
{
    const struct pd_host *host = x->conn->host;
    if (host->config.timeouts.request)
        x->progress_ns = PD_SYS0(host->sys, monotonic_ns);
}
/*
 * The app's time is up: the peer gets a 504, or sees that the response breaks off, and the connection goes on without
 * the exchange, which is the app's alone from here on; whatever that still gives is dropped. Never while it is lent.
 */
void pd_respond_overdue(struct pd_exchange *x);
/* The same with the answer of another reason, and without a word in the log. */
void pd_respond_instead(struct pd_exchange *x, enum pd_reason why);

/* Whole frames; sends what the kernel takes and keeps the rest in memory, whatever the mark: nothing is waited for. */
void pd_respond_put(struct pd_conn *c, struct pd_slice bytes);
/* Raw bytes outside any response (FastCGI management replies, 100 Continue). */
void pd_respond_raw(struct pd_conn *c, struct pd_slice bytes);

#endif
