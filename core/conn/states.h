/*
 * states.h - the states of a connection and of an exchange, and which moves there are.
 *
 * Each row: the state, what it means, and the states that may follow.
 * docs/internals/states.md draws these tables (tools/gen_drawings.py).
 */
#ifndef PD_STATES_H
#define PD_STATES_H

#include <stdbool.h>
#include <stddef.h>

/* clang-format off */
#define PD_CONN_STATES(X) \
    X(PD_CONN_OPEN, "requests and responses pass", PD_CONN_LINGER, PD_CONN_CLOSED) \
    X(PD_CONN_LINGER, "all is answered, the write side is shut, input is thrown away until the peer closes", \
      PD_CONN_CLOSED) \
    X(PD_CONN_CLOSED, "the descriptor is closed; the memory stays until the last exchange lets go", -1)

#define PD_EXCHANGE_STATES(X) \
    X(PD_X_HEAD, "its head is arriving", PD_X_BODY, PD_X_ENDED) \
    X(PD_X_BODY, "its body is being collected, the application is not called yet", PD_X_READY, PD_X_ENDED) \
    X(PD_X_READY, "in the ready queue (back if that is full)", PD_X_RUNNING, PD_X_BODY, PD_X_ENDED) \
    X(PD_X_RUNNING, "an application thread has it", PD_X_PARKED, PD_X_ENDED) \
    X(PD_X_PARKED, "its application waits for a descriptor or a time, without a thread", PD_X_READY) \
    X(PD_X_ENDED, "its response is framed or broken off; it waits for its next request", PD_X_HEAD)
/* clang-format on */

#define PD_STATE_NAME(name, text, ...) name,
enum pd_conn_state { PD_CONN_STATES(PD_STATE_NAME) };
enum pd_exchange_state { PD_EXCHANGE_STATES(PD_STATE_NAME) };
#undef PD_STATE_NAME

static inline bool pd_state_is_in(int state, const int *states, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (states[i] == state)
            return true;
    return false;
}

#define PD_STATE_MOVES(name, text, ...)                                                                                \
    case name:                                                                                                         \
        return pd_state_is_in((int)to, (const int[]){ __VA_ARGS__ },                                                   \
                              sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int));

static inline bool pd_conn_may_move(enum pd_conn_state from, enum pd_conn_state to)
{
    switch (from) {
        PD_CONN_STATES(PD_STATE_MOVES)
    }
    return false;
}

static inline bool pd_exchange_may_move(enum pd_exchange_state from, enum pd_exchange_state to)
{
    switch (from) {
        PD_EXCHANGE_STATES(PD_STATE_MOVES)
    }
    return false;
}
#undef PD_STATE_MOVES

#endif
