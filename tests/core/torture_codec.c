/*
 * torture_codec.c - replays corpus cases while allocations fail.
 *
 * Standard input is a run of cases (corpus_case.h). For each, the n-th
 * allocation of the connection's side (collected heads, the arena of the
 * request, the response head) is made to fail, once and from then on, for n =
 * 1, 2, 3 ... until none is left to fail. Each time nothing may crash or leak,
 * and a result that differs from the healthy one must have been refused.
 */
#include <stdio.h>

#include "corpus_case.h"
#include "faulty_sys.h"
#include "guard.h"
#include "replay.h"

struct torture {
    struct guard guard;
    struct faulty_sys faulty;
    struct text healthy; /* the events without faults */
    size_t faults;
    size_t cases;
};

static bool fail(const struct corpus_case *c, struct faulty_plan plan, const char *what)
{
    fprintf(stderr, "%s: %s: allocation %zu failing %s\n--- input\n", c->codec->name, what, plan.at,
            plan.for_ever ? "for ever" : "once");
    fwrite(c->input.p, 1, c->input.n, stderr);
    fputs("\n---\n", stderr);
    return false;
}

/* Two pieces, so that a refused stream also meets input that comes later. */
static void run(struct replay *r, struct pd_slice in)
{
    size_t half = in.n / 2;
    replay_feed(r, pd_slice(in.p, half));
    replay_feed(r, pd_slice_from(in, half));
    replay_eof(r);
}

/* One replay with a plan; false when something is wrong. `*struck` tells whether the fault was reached. */
static bool run_with(struct torture *t, const struct corpus_case *c, struct faulty_plan plan, bool *struck)
{
    struct replay r;
    faulty_set(&t->faulty, plan);
    replay_init(&r, c->codec, &c->limits, &c->options, &c->site, &t->faulty.sys, &t->guard);
    run(&r, c->input);
    *struck = t->faulty.faults > 0;
    t->faults += t->faulty.faults;
    bool fine = true;
    if (!plan.at)
        text_put(&t->healthy, text_view(&r.events));
    else if (*struck && !r.refused && !pd_slice_eq(text_view(&r.events), text_view(&t->healthy)))
        fine = fail(c, plan, "another result, and no refusal");
    if (r.invalid && plan.at)
        fine = fail(c, plan, "an invalid event");
    replay_fini(&r);
    if (t->faulty.blocks)
        fine = fail(c, plan, "memory was not given back");
    return fine;
}

static bool torture_case(struct torture *t, const struct corpus_case *c)
{
    bool struck;
    text_reset(&t->healthy);
    if (!run_with(t, c, (struct faulty_plan){ .call = FAULTY_MEMORY }, &struck))
        return false;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        size_t n = 0;
        do {
            struct faulty_plan plan = { FAULTY_MEMORY, ++n, for_ever, 0 };
            if (!run_with(t, c, plan, &struck))
                return false;
        } while (struck);
    }
    t->cases++;
    return true;
}

int main(void)
{
    struct torture t = { 0 };
    struct corpus_case c = { 0 };
    bool fine = true;
    guard_init(&t.guard, CORPUS_INPUT_MAX);
    faulty_init(&t.faulty);
    while (fine && corpus_read(&c, stdin))
        fine = torture_case(&t, &c);
    printf("%zu cases, %zu faults\n", t.cases, t.faults);
    corpus_fini(&c);
    text_fini(&t.healthy);
    guard_fini(&t.guard);
    return !fine;
}
