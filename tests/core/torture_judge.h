/*
 * torture_judge.h - what the client of torture_conn sends, and what it may get.
 */
#ifndef TORTURE_JUDGE_H
#define TORTURE_JUDGE_H

#include "codec/codec.h"
#include "text.h"

enum { SCRIPTS_MAX = 4 };

/* The connections of each scene, as bytes. */
struct scripts {
    struct pd_slice http[SCRIPTS_MAX];
    struct pd_slice fastcgi[SCRIPTS_MAX];
    struct pd_slice scgi[SCRIPTS_MAX];
    struct pd_slice uwsgi[SCRIPTS_MAX];
    struct pd_slice cgi[SCRIPTS_MAX];
    size_t http_n, fastcgi_n, scgi_n, uwsgi_n, cgi_n;
    struct text texts[5 * SCRIPTS_MAX];
    size_t texts_n;
};

void scripts_init(struct scripts *s);
void scripts_fini(struct scripts *s);

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
