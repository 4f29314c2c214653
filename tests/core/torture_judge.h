/*
 * torture_judge.h - what the client of torture_conn may get.
 */
#ifndef TORTURE_JUDGE_H
#define TORTURE_JUDGE_H

#include "codec/codec.h"
#include "text.h"

struct visit_result {
    struct pd_slice bytes;
    bool reset; /* the connection ended with a reset */
};

/*
 * NULL when `got` is the healthy answer, or (unless `harmless`) one in which every response is healthy, an error, or
 * cut off in a way that the client can see. Else what is wrong with it.
 */
const char *judge_visit(const struct pd_codec *codec, struct pd_slice healthy, struct visit_result got, bool harmless);

#endif
