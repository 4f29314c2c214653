/*
 * late.h - the answer to a request whose application takes too long, given while that goes on.
 */
#ifndef PD_LATE_H
#define PD_LATE_H

#include "conn/conn.h"

/*
 * Sends a whole 504 behind the back of the application's thread, which may be at work on x->response; waits for nobody.
 * conn.lock is held, and no head was sent. False: it could not be made, and nothing was sent.
 */
bool pd_late_answer(struct pd_exchange *x) PD_MUST_CHECK;

#endif
