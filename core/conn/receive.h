/*
 * receive.h - the request side of exchanges: codec events become requests.
 *
 * Called with the connection's lock held.
 */
#ifndef PD_RECEIVE_H
#define PD_RECEIVE_H

#include "conn/conn.h"

/* Where bytes can be received. */
struct pd_room {
    char *p;
    size_t n;
};

/*
 * Where the next bytes are to be received: behind those that go to a spill file, or as usual, where they are not sure
 * to be a body or it is not worth it.
 */
struct pd_room pd_receive_room(struct pd_conn *c, struct pd_room usual);
/* Feeds `in` to the codec until it wants more or the connection must wait; the bytes it consumed. */
size_t pd_receive_feed(struct pd_conn *c, struct pd_io *io, struct pd_slice in);
/* No more input will come: what is incomplete is refused, cut or dropped. */
void pd_receive_end(struct pd_conn *c);
/* The deadline of a head or a body has passed. */
void pd_receive_late(struct pd_conn *c, enum pd_reason reason);
/* The request cannot be received: refused, or its reader is told. */
void pd_receive_failed(struct pd_exchange *x, enum pd_reason reason);

/* The exchange still expects input. */
static inline bool pd_receive_is_open(const struct pd_exchange *x)
{
    return x->state == PD_X_HEAD || (!x->body.complete && !x->body.error);
}

/* When its body comes too late, 0: nobody waits for it. A body must reach PD_BODY_MIN_RATE after a time of grace. */
uint64_t pd_receive_deadline(const struct pd_exchange *x);
/* Its body holds more in memory than may stay there and the app does not read it yet: it goes to the spill file. */
bool pd_receive_must_spill(const struct pd_exchange *x);
/* Reading its body would not wait: some of it is there, or its end, or it broke off. */
bool pd_receive_is_readable(const struct pd_exchange *x);
/* From now on the body is waited for, or no longer, in one of two ways (`is_read`, `is_awaited`). */
void pd_receive_await(struct pd_exchange *x, bool *way, bool on);
/* Its body cannot take more before the app has read. */
bool pd_receive_is_full(const struct pd_exchange *x);

#endif
