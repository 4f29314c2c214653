/*
 * late.h - the answer to a request in the place of its application, which still has it.
 */
#ifndef PD_LATE_H
#define PD_LATE_H

#include "conn/conn.h"

/*
 * Sends a whole answer, as the reason has it, behind the back of the application's thread, which may be at work on
 * x->response; waits for nobody.
 * conn.lock is held, and no head was sent. False: it could not be made, and nothing was sent.
 */
bool pd_late_answer(struct pd_exchange *x, enum pd_reason why) PD_MUST_CHECK;

#endif
