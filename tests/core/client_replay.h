/*
 * client_replay.h - a response read by a client half, as text.
 *
 * Runs of body and of standard error are joined, so that every delivery of the same bytes must give the same text.
 */
#ifndef CLIENT_REPLAY_H
#define CLIENT_REPLAY_H

#include "codec/client.h"
#include "guard.h"
#include "text.h"

enum { CLIENT_SHOWN = 64 }; /* most bytes of a body that are shown, and not counted */

struct client_replay {
    const struct pd_client_codec *codec;
    const struct pd_limits *limits;
    const struct pd_sys *sys;
    struct guard *guard;
    struct pd_slice method;
    union {
        char bytes[PD_CLIENT_STATE_MAX];
        uint64_t aligned;
    } state;
    struct pd_scratch *scratch;
    struct text answers;
    struct text run;             /* the body or standard error that goes on */
    enum pd_answer_kind running; /* which of the two */
    bool head, over, bad;
    bool invalid; /* an answer was not as it must be; the text says which */
};

void client_replay_init(struct client_replay *r, const struct pd_client_codec *codec, const struct pd_limits *limits,
                        const struct pd_sys *sys, struct guard *guard, struct pd_slice method);
void client_replay_fini(struct client_replay *r);
void client_replay_restart(struct client_replay *r);
/* One piece, placed before an unreadable page. */
void client_replay_feed(struct client_replay *r, struct pd_slice piece);
void client_replay_eof(struct client_replay *r, bool clean);

#endif
