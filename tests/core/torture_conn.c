/*
 * torture_conn.c - a whole engine, each of whose system calls and allocations fails in turn.
 *
 * For each kind of call, each number n and each errno that the call documents,
 * once and from then on: nothing may crash, hang or leak. What only delays
 * (EINTR, a short count, EAGAIN) must not change a byte of what the client
 * gets; everything else must end in an error answer or a cut that can be seen.
 *
 * torture_conn [STEP]: only every STEP-th n, for a quick pass.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "codec/detect.h"
#include "open_descriptors.h"
#include "rig.h"
#include "torture_judge.h"
#include "torture_scripts.h"

enum {
    PIECE = 1500,
    HEADER_PIECE = 25, /* cuts a PROXY header */
};

/* --- all of them -------------------------------------------------------------------------------------------------- */

struct tally {
    size_t runs;
    size_t faults;
    size_t failures;
};

/* Which protocol is spoken there; what is refused at its first byte is answered nothing in any of them. */
static const struct pd_codec *codec_of(const struct rig_scene *s, size_t visit)
{
    enum pd_reason reason;
    if (s->door != RIG_DETECTED)
        return s->codec;
    const struct pd_codec *found = pd_detect(s->scripts[visit].bytes.p[0], PD_OPTIONS_NONE, &reason);
    return found ? found : s->codec;
}

static const char *judge_run(const struct rig *r, const struct rig_scene *s, const struct rig *healthy, bool harmless)
{
    for (size_t i = 0; i < s->visits; i++) {
        struct visit_result got = { text_view(&r->client.got[i]), r->client.reset[i] };
        const char *fault = judge_visit(codec_of(s, i), text_view(&healthy->client.got[i]), got, harmless);
        if (fault)
            return fault;
    }
    return r->turns > RIG_TURNS_MAX ? "it goes round without end" : NULL;
}

/*
 * Only delays: the bytes must be the same. But an edge-triggered user of epoll(7) takes the kernel at its word: an
 * EAGAIN, or a recv() that gives less than is there, promises a report, so a spurious one may end in a timeout.
 */
static bool is_harmless(const struct faulty_plan *p)
{
    bool level = p->call == FAULTY_ACCEPT4;
    if (p->error == EAGAIN)
        return level && !p->for_ever;
    if (p->call == FAULTY_SENDFILE && (p->error == EINVAL || p->error == ENOSYS || p->error == EOPNOTSUPP))
        return true; /* the file is read instead */
    return p->error == EINTR || (p->error == FAULTY_SHORT && p->call != FAULTY_RECV);
}

static void report(const struct rig_scene *s, const struct faulty_plan *p, const char *fault)
{
    const char *what = p->error == FAULTY_SHORT ? "a short count" : strerrorname_np(p->error);
    printf("%s: %s number %zu with %s %s: %s\n", s->name, faulty_name(p->call), p->at, what,
           p->for_ever ? "for ever" : "once", fault);
}

static void try_plan(const struct rig_scene *s, const struct rig *healthy, struct faulty_plan plan, struct tally *tally)
{
    struct rig r;
    int before = open_descriptors();
    rig_run(&r, s, plan);
    const char *fault = judge_run(&r, s, healthy, is_harmless(&plan));
    tally->runs++;
    tally->faults += r.faulty.faults;
    rig_fini(&r);
    if (!fault && r.faulty.blocks)
        fault = "memory was not given back";
    if (!fault && open_descriptors() != before)
        fault = "a descriptor was not closed";
    if (!fault)
        return;
    tally->failures++;
    report(s, &plan, fault);
}

/*
 * An interruption that never stops is no fault that exists; and a Unix socket with a small buffer holds so few messages
 * of one byte that it would take too many turns.
 */
static bool can_last(const struct rig_scene *s, enum faulty_call call, int error)
{
    bool sends = call == FAULTY_SENDMSG || call == FAULTY_SENDFILE;
    return error != EINTR && !(s->unix_path && sends && error == FAULTY_SHORT);
}

static void torture_scene(const struct rig_scene *s, size_t step, struct tally *tally)
{
    struct rig healthy;
    rig_run(&healthy, s, (struct faulty_plan){ .call = FAULTY_MEMORY });
    if (healthy.client.at != s->visits || healthy.faulty.blocks || judge_run(&healthy, s, &healthy, true)) {
        printf("%s: does not even work without faults\n", s->name);
        tally->failures++;
    }
    for (int call = 0; call < FAULTY_CALLS_N; call++) {
        size_t errors_n;
        const int *errors = faulty_errors((enum faulty_call)call, &errors_n);
        for (size_t n = 1; n <= healthy.faulty.calls[call]; n += n < 4 ? 1 : step) {
            for (size_t i = 0; i < errors_n; i++) {
                try_plan(s, &healthy, (struct faulty_plan){ (enum faulty_call)call, n, false, errors[i] }, tally);
                if (can_last(s, (enum faulty_call)call, errors[i]))
                    try_plan(s, &healthy, (struct faulty_plan){ (enum faulty_call)call, n, true, errors[i] }, tally);
            }
        }
    }
    rig_fini(&healthy);
}

int main(int argc, char **argv)
{
    size_t step = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    struct scripts scripts;
    struct tally tally = { 0 };
    char path[64];
    snprintf(path, sizeof path, "/tmp/torture-%ld.sock", (long)getpid());
    scripts_init(&scripts);
    const struct {
        const char *name;
        enum scripts_name scripts;
        const struct pd_codec *codec;
        bool is_unix;
        enum pd_loop_backend backend;
        enum rig_door door;
    } scenes[] = {
        { "http, unix", SCRIPTS_HTTP, &pd_codec_http1, true, PD_LOOP_EPOLL, RIG_OPEN },
        { "fastcgi, unix", SCRIPTS_FASTCGI, &pd_codec_fastcgi, true, PD_LOOP_EPOLL, RIG_OPEN },
        { "scgi, tcp", SCRIPTS_SCGI, &pd_codec_scgi, false, PD_LOOP_EPOLL, RIG_OPEN },
        { "uwsgi, tcp", SCRIPTS_UWSGI, &pd_codec_uwsgi, false, PD_LOOP_EPOLL, RIG_OPEN },
        { "cgi, tcp", SCRIPTS_CGI, &pd_codec_cgi, false, PD_LOOP_EPOLL, RIG_OPEN },
        { "ajp, unix", SCRIPTS_AJP, &pd_codec_ajp13, true, PD_LOOP_EPOLL, RIG_OPEN },
        { "http behind a proxy", SCRIPTS_PROXIED_HTTP, &pd_codec_http1, false, PD_LOOP_EPOLL, RIG_PROXIED },
        { "fastcgi behind a proxy", SCRIPTS_PROXIED_FASTCGI, &pd_codec_fastcgi, true, PD_LOOP_EPOLL, RIG_PROXIED },
        { "auto, tcp", SCRIPTS_DETECTED, &pd_codec_http1, false, PD_LOOP_EPOLL, RIG_DETECTED },
        { "http, unix, poll", SCRIPTS_HTTP, &pd_codec_http1, true, PD_LOOP_POLL, RIG_OPEN },
        { "fastcgi, tcp, poll", SCRIPTS_FASTCGI, &pd_codec_fastcgi, false, PD_LOOP_POLL, RIG_OPEN },
    };
    alarm(540); /* a run that hangs ends here, and fails */
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        const struct script_set *set = &scripts.sets[scenes[i].scripts];
        const struct rig_scene scene = { .name = scenes[i].name,
                                         .door = scenes[i].door,
                                         .codec = scenes[i].codec,
                                         .backend = scenes[i].backend,
                                         .unix_path = scenes[i].is_unix ? path : NULL,
                                         .scripts = set->list,
                                         .visits = set->n,
                                         .piece = scenes[i].door == RIG_OPEN ? PIECE : HEADER_PIECE,
                                         .secret = scripts.secret };
        torture_scene(&scene, step ? step : 1, &tally);
    }
    printf("%zu runs, %zu faults, %zu failures\n", tally.runs, tally.faults, tally.failures);
    scripts_fini(&scripts);
    return tally.failures || !tally.faults;
}
