/*
 * health.h - requests of load balancers that ask whether this server is well.
 *
 * They are answered by whoever has parsed them, without an app thread: also
 * when all threads are busy, the ready queue is full, or the server drains.
 * docs/guide/deploy.md says what each path answers.
 */
#ifndef PD_HEALTH_H
#define PD_HEALTH_H

#include "conn/exchange.h"

/* True for a request for one of the health paths; its head is complete. */
bool pd_health_is_asked(const struct pd_exchange *x);
/* Answers it; its body is complete, or too large to be collected. The exchange is ENDED. conn.lock is held. */
void pd_health_answer(struct pd_exchange *x);

#endif
