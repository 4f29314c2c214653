/*
 * exchange.h - one request with its response.
 *
 * An exchange is born when the first bytes of a request arrive and returns to
 * the engine's free list when its response is framed. All its fields are
 * guarded by the lock of its connection, but for what the application's
 * thread alone uses while the exchange is RUNNING (`request`, `response`).
 */
#ifndef PD_EXCHANGE_H
#define PD_EXCHANGE_H

#include <assert.h>
#include <pthread.h>

#include "base/list.h"
#include "codec/request.h"
#include "codec/response.h"
#include "conn/body.h"
#include "conn/out.h"
#include "conn/states.h"

struct pd_conn;
struct pd_thread; /* the engine's */
struct pd_wait;   /* ... */

struct pd_exchange {
    struct pd_list node;  /* in pd_conn.exchanges, or in the free list */
    struct pd_list queue; /* in the ready queue */
    struct pd_list late;  /* ... in the order of late_ms */
    struct pd_conn *conn;
    uint64_t id; /* tells it from all others of this engine, and most likely of all engines */
    uint32_t stream;
    enum pd_exchange_state state;
    uint64_t begin_ns;   /* when its first bytes came */
    uint64_t ready_ns;   /* ... it was put into the ready queue, 0: never */
    uint64_t started_ns; /* ... its app call began, 0: never */

    struct pd_arena arena;
    struct pd_buf head; /* collected head bytes, for codecs that give them in pieces */
    struct pd_request request;

    struct pd_body body;
    uint64_t input_ms;      /* when the wait for the body began; while the app does not wait, how long it has waited */
    bool is_read;           /* a thread waits for more of the body */
    bool is_awaited;        /* ... or the request is suspended until more has come */
    bool streaming;         /* the app is called at the head and reads while the body arrives */
    bool input_ended;       /* the peer has said that nothing more of this request comes */
    bool want_continue;     /* the client waits for 100 Continue */
    bool aborted;           /* the peer gave this request up */
    bool has_surplus;       /* it has sent a body that it had not announced; said once */
    enum pd_reason failure; /* what broke the body off while the app had the request, PD_R_NONE: nothing */
    bool is_health;         /* it asks for our health: no application gets it (see health.h) */

    struct pd_response response;
    struct pd_buf head_out;    /* the encoded response head */
    bool head_sent;            /* it is on its way: it cannot be changed any more */
    bool broken;               /* the response cannot be completed */
    bool too_long;             /* the app gave more than its Content-Length */
    uint64_t body_sent;        /* body bytes taken from the app */
    struct pd_out_file *spill; /* output that the peer does not take yet */
    uint64_t spill_end;

    int64_t date_s; /* the second that `date` shows */
    char date[PD_DATE_LEN];

    bool was_parked;     /* its app call has begun: it is always handed out again */
    uint64_t ready_ms;   /* when it was put into the ready queue */
    uint64_t lead_ms;    /* how long it had waited already when its head came, as the front end says */
    uint64_t late_ms;    /* when it has waited too long, 0: never (engine.lock) */
    bool doomed;         /* it gave its place to a newer one, and is to be refused (engine.lock) */
    pthread_cond_t cond; /* threads of the app wait here for input, or for room in the out queue */
    unsigned waiters;    /* threads that do: the application may read on one and write on another */
    unsigned guests;     /* threads between pd_exchange_enter and pd_exchange_leave */
    bool ending;         /* its app thread waits until they have left */

    uint64_t progress_ns; /* when the app last gave output, or had waited for its peer; 0: not yet */
    bool overdue;         /* past its time limit: answered, off its connection's list, and only its app still has it */
    uint16_t answered;    /* the status that the engine gave in the app's place, 0: none */
    struct pd_thread *thread; /* runs its app call (engine.lock) */
    struct pd_list parked;    /* pd_engine.parked (engine.lock) */
    uint64_t since_ns;        /* since when it counts as parked (engine.lock) */
    struct pd_wait *wait;     /* made when it is suspended for the first time, NULL: it never was */
};

static inline void pd_exchange_move(struct pd_exchange *x, enum pd_exchange_state to)
{
    assert(pd_exchange_may_move(x->state, to));
    x->state = to;
}

/* The exchange of a node in pd_conn.exchanges. */
static inline struct pd_exchange *pd_exchange_of(struct pd_list *node)
{
    return PD_LIST_ENTRY(node, struct pd_exchange, node);
}

enum { PD_EXCHANGE_ID_SIZE = 17 };

/* Writes the id as environ, log lines and error pages show it: 16 lower-case hexadecimal digits, NUL-terminated. */
static inline void pd_exchange_id_text(uint64_t id, char dst[PD_EXCHANGE_ID_SIZE])
{
    *pd_put_hex64(dst, id) = '\0';
}

static inline void pd_exchange_id_put(const struct pd_exchange *x, char dst[PD_EXCHANGE_ID_SIZE])
{
    pd_exchange_id_text(x->id, dst);
}

#endif
