/*
 * client.h - connections and listeners as the loop knows them.
 *
 * The functions are called with engine.lock free, by the thread that holds the
 * loop role unless said otherwise.
 */
#ifndef PD_CLIENT_H
#define PD_CLIENT_H

#include "conn/conn.h"
#include "engine/engine.h"
#include "engine/owner.h"
#include "loop/timer.h"

/* A connection with what the loop needs to know of it. */
struct pd_client {
    enum pd_owner owner; /* first: the loop gives this pointer back */
    struct pd_engine *engine;
    struct pd_list all;    /* pd_engine.clients (loop role) */
    struct pd_list attend; /* pd_engine.attend (engine.lock) */
    struct pd_list job;    /* a thread's list of jobs */
    struct pd_timer timer; /* loop role */
    uint64_t timer_ms;     /* when the timer fires, 0: not set (conn.lock) */
    uint32_t watched;      /* events given to the loop, 0: not watched (conn.lock) */
    bool attending;        /* in the attend list (engine.lock) */
    bool on_job;           /* a thread is about to run its job (conn.lock) */
    bool minded;           /* its end is to be noticed while its requests wait (conn.lock) */
    bool holding;          /* requests of it wait until it has sent what it has to (conn.lock) */
    bool busy;             /* counted in pd_engine.nbusy (conn.lock) */
    bool unlisted;         /* only an overdue exchange keeps it: see client_unlist (loop role) */
    bool ended;            /* counted in pd_engine.nended (conn.lock) */
    struct pd_conn conn;
    _Alignas(16) char codec_state[];
};

struct pd_door {
    enum pd_owner owner;
    struct pd_list node; /* pd_engine.doors */
    struct pd_listener listener;
    struct pd_port port;
    struct pd_peer_rule *allow;
    struct pd_net *forwarders; /* of port.site */
    bool watched;
    bool broken;                /* it does not listen any more: never looked at again */
    size_t burst;               /* how many are accepted when it is reported; 0: it was not yet */
    size_t taken;               /* ... and were the last time */
    unsigned filled;            /* how often in a row these were the same */
    uint64_t refused_ms;        /* draining: nobody can connect since then */
    uint64_t asked_ms;          /* ... and when the kernel was asked last who is on the way */
    char secret[PD_SECRET_MAX]; /* of port.options */
    char mount[256];            /* the strings of port.site */
    uint64_t key;               /* tells it from the others of a service, in each of its workers the same */
    char server_name[PD_ADDR_TEXT_MAX];
    char server_port[6];
};

static inline struct pd_client *pd_client_of(struct pd_conn *c)
{
    return PD_CONTAINER_OF(c, struct pd_client, conn);
}

void pd_door_ready(struct pd_engine *e, struct pd_thread *t, struct pd_door *d);
/* A client for a connected socket, which nothing was read from; NULL: no memory, and it is closed. */
struct pd_client *pd_client_new(struct pd_engine *e, const struct pd_door *d, int fd);
/* Reads what has come, and waits for more. conn.lock is free. */
void pd_client_begin(struct pd_client *cl, struct pd_thread *t);
/* Takes over a connected socket through a door that does not listen; before any thread is made. */
bool pd_door_adopt(struct pd_engine *e, struct pd_door *d, int fd);
void pd_doors_watch(struct pd_engine *e);
void pd_doors_unwatch(struct pd_engine *e);
/* Nothing is accepted for a moment. */
void pd_doors_pause(struct pd_engine *e);
void pd_doors_close(struct pd_engine *e);
void pd_client_ready(struct pd_client *cl, struct pd_thread *t, uint32_t events);
/* From now on the loop hears when the peer leaves, whatever the connection waits for. */
void pd_client_mind(struct pd_client *cl, struct pd_thread *t);
void pd_client_expired(struct pd_client *cl, struct pd_thread *t);
void pd_client_attend(struct pd_client *cl, struct pd_thread *t);
/* Does what a connection asks for after any call on it; conn.lock is held and stays held. */
void pd_client_settle(struct pd_client *cl, struct pd_thread *t);
/* Whether the rules of its listener name the address that its PROXY header has named. */
bool pd_client_is_listed(const struct pd_conn *c);
void pd_client_unwatch(struct pd_host *h, struct pd_conn *c);
/* Ends a connection of which nothing was heard for so long, after a last look. conn.lock is held. True: it was one. */
bool pd_client_end_silent(struct pd_client *cl, struct pd_thread *t, uint64_t silent_ms);

/* drain.c: lets no more connections in, and closes those that nobody uses. */
void pd_clients_drain(struct pd_engine *e, struct pd_thread *t);
/* Closes all that is left, and tells what that cuts. What waits for a thread is answered 503. */
void pd_clients_cut(struct pd_engine *e, struct pd_thread *t);
/* The same without a word. */
void pd_clients_close(struct pd_engine *e, struct pd_thread *t);
/* Takes what waits in the backlog, and closes the listener. False: not all could be taken, come again. */
bool pd_door_drain(struct pd_engine *e, struct pd_thread *t, struct pd_door *d);

/* Runs the job that the loop found; the role is not held. conn.lock is free. */
void pd_client_run_job(struct pd_client *cl, struct pd_thread *t);

#endif
