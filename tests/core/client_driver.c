/*
 * client_driver.c - replays responses through the client halves in every delivery, and prints what came out.
 *
 * Standard input and output are those of corpus_driver.c. With `--torture` every allocation of each case is made to
 * fail instead, once and from then on: then nothing may crash or leak, and what is answered differently must say why.
 */
#include <inttypes.h>
#include <stdio.h>

#include "client_replay.h"
#include "corpus_case.h"
#include "faulty_sys.h"

enum { TWO_WAY_MAX = 2048, RANDOM_CUTS = 16 };

struct driver {
    bool trace;
    struct guard guard;
    struct text whole;
    size_t deliveries;
    size_t cases;
    size_t faults;
};

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* Feeds everything: `first` bytes and the rest, or pieces of up to `most` bytes; false when it gives something else. */
static bool deliver(struct driver *d, struct client_replay *r, const struct corpus_case *c, size_t first, size_t most)
{
    uint32_t seed = (uint32_t)(first * 31 + most);
    struct pd_slice in = c->input;
    if (d->trace)
        fprintf(stderr, "delivery: %zu bytes, then up to %zu\n", first, most);
    client_replay_restart(r);
    for (size_t n = first; in.n; n = most == SIZE_MAX ? in.n : 1 + next_random(&seed) % most) {
        n = n < in.n ? n : in.n;
        client_replay_feed(r, pd_slice(in.p, n));
        in = pd_slice_from(in, n);
    }
    client_replay_eof(r, !c->reset);
    d->deliveries++;
    if (pd_slice_eq(text_view(&r->answers), text_view(&d->whole)))
        return true;
    printf("D %zu bytes, then up to %zu\n", first, most);
    text_print_lines('F', text_view(&r->answers));
    return false;
}

static void run_case(struct driver *d, const struct corpus_case *c)
{
    struct client_replay r;
    client_replay_init(&r, c->client, &c->limits, pd_sys_default(), &d->guard, c->method);
    client_replay_feed(&r, c->input);
    client_replay_eof(&r, !c->reset);
    text_reset(&d->whole);
    text_put(&d->whole, text_view(&r.answers));
    text_print_lines('E', text_view(&d->whole));
    d->deliveries = 1;
    bool same = deliver(d, &r, c, 1, 1);
    for (size_t cut = 1; same && c->input.n <= TWO_WAY_MAX && cut < c->input.n; cut++)
        same = deliver(d, &r, c, cut, SIZE_MAX);
    for (size_t k = 1; same && k <= RANDOM_CUTS; k++)
        same = deliver(d, &r, c, k, 1 + k * k);
    client_replay_fini(&r);
    printf("N %zu\n.\n", d->deliveries);
    fflush(stdout);
}

/* --- failing allocations --- */

static bool run_with(struct driver *d, struct faulty_sys *faulty, const struct corpus_case *c, struct faulty_plan plan,
                     bool *struck)
{
    struct client_replay r;
    faulty_set(faulty, plan);
    client_replay_init(&r, c->client, &c->limits, &faulty->sys, &d->guard, c->method);
    client_replay_feed(&r, pd_slice(c->input.p, c->input.n / 2));
    client_replay_feed(&r, pd_slice_from(c->input, c->input.n / 2));
    client_replay_eof(&r, !c->reset);
    *struck = faulty->faults > 0;
    d->faults += faulty->faults;
    bool fine = !r.invalid;
    if (!plan.at) {
        text_reset(&d->whole);
        text_put(&d->whole, text_view(&r.answers));
    } else if (*struck) {
        fine = fine && r.bad;
    }
    client_replay_fini(&r);
    fine = fine && !faulty->blocks;
    if (!fine)
        fprintf(stderr, "allocation %zu of:\n%.*s\n", plan.at, (int)c->input.n, c->input.p);
    return fine;
}

static bool torture_case(struct driver *d, struct faulty_sys *faulty, const struct corpus_case *c)
{
    bool struck;
    if (!run_with(d, faulty, c, (struct faulty_plan){ .call = FAULTY_MEMORY }, &struck))
        return false;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        size_t n = 0;
        do {
            struct faulty_plan plan = { FAULTY_MEMORY, ++n, for_ever, 0 };
            if (!run_with(d, faulty, c, plan, &struck))
                return false;
        } while (struck);
    }
    d->cases++;
    return true;
}

int main(int argc, char **argv)
{
    struct driver d = { .trace = argc > 1 && strcmp(argv[1], "--trace") == 0 };
    bool torture = argc > 1 && strcmp(argv[1], "--torture") == 0;
    struct faulty_sys faulty;
    struct corpus_case c = { 0 };
    bool fine = true;
    guard_init(&d.guard, CORPUS_INPUT_MAX);
    faulty_init(&faulty);
    while (fine && corpus_read(&c, stdin)) {
        if (torture)
            fine = torture_case(&d, &faulty, &c);
        else
            run_case(&d, &c);
    }
    if (torture)
        printf("%zu cases, %zu faults\n", d.cases, d.faults);
    corpus_fini(&c);
    guard_fini(&d.guard);
    text_fini(&d.whole);
    return !fine;
}
