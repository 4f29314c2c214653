/*
 * rig.h - a whole engine in one thread: loop, application and client.
 *
 * The client moves inside epoll_wait() and poll(), and the clock is ours: it
 * runs ahead when nobody has anything to do, so timeouts cost no time and
 * every run is the same. The application answers by path: /plain, /echo (the
 * length of the body), /big, /file and /broken (it fails).
 */
#ifndef RIG_H
#define RIG_H

#include "engine/engine.h"
#include "faulty_sys.h"
#include "scripted_client.h"

enum { RIG_TURNS_MAX = 5000 };

enum rig_door {
    RIG_OPEN,
    RIG_PROXIED,  /* each connection begins with a PROXY header */
    RIG_DETECTED, /* the protocol is found out */
};

struct rig_scene {
    const char *name;
    enum rig_door door;
    const struct pd_codec *codec;
    enum pd_loop_backend backend;
    const char *unix_path; /* NULL: TCP */
    const struct script *scripts;
    size_t visits;
    size_t piece;           /* most bytes the client sends at once */
    struct pd_slice secret; /* what AJP13 asks for */
};

struct rig {
    struct faulty_sys faulty; /* first: its address is the context of the table */
    struct pd_sys plain;      /* the table before we took our turns */
    struct pd_engine *engine;
    struct scripted_client client;
    size_t idle;
    size_t turns; /* more than RIG_TURNS_MAX: it went round without end, and was stopped */
    bool stopping;
    int ready; /* a descriptor that always is */
};

/* From birth to end of an engine; afterwards the client's answers are in r->client. */
void rig_run(struct rig *r, const struct rig_scene *s, struct faulty_plan plan);
void rig_fini(struct rig *r);

#endif
