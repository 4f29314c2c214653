/*
 * corpus_driver.c - replays corpus cases in every delivery and prints what came out.
 *
 * Standard input is a run of cases (corpus_case.h). For each the answer is, one
 * line each: `E` and an event of the whole delivery, `V` and a variable of the
 * last head, `N` and the number of deliveries; when a delivery gave something
 * else, `D` and its description and `F` and a line of what it gave; at last a
 * dot. With `--trace` each delivery is named on standard error before it runs:
 * the last one named is the one that crashed.
 */
#include <inttypes.h>
#include <stdio.h>

#include "corpus_case.h"
#include "guard.h"
#include "replay.h"
#include "text.h"

enum {
    TWO_WAY_MAX = 2048, /* inputs up to here are cut at every place */
    RANDOM_CUTS = 16,
};

struct driver {
    bool trace;
    struct guard guard;
    size_t deliveries;
    struct text events; /* of the whole delivery */
    struct text environ;
};

/* --- deliveries --- */

/* Small and seeded, so that every run makes the same cuts. */
static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static size_t random_piece(uint32_t *seed, size_t left)
{
    uint32_t shape = next_random(seed) % 4; /* mostly small pieces, some large */
    size_t most = shape == 0 ? 1 : shape == 1 ? 8 : shape == 2 ? 64 : left;
    return 1 + next_random(seed) % (most < left ? most : left);
}

/* Ends a delivery; false when it differs from the whole one. */
static bool compare(struct driver *d, struct replay *r, const char *how)
{
    replay_eof(r);
    d->deliveries++;
    bool same = pd_slice_eq(text_view(&r->events), text_view(&d->events));
    bool same_environ = pd_slice_eq(text_view(&r->environ), text_view(&d->environ));
    if (same && same_environ)
        return true;
    printf("D %s%s\n", how, same ? " (other variables)" : "");
    text_print_lines('F', same ? text_view(&r->environ) : text_view(&r->events));
    return false;
}

static void announce(const struct driver *d, struct replay *r, const char *how)
{
    replay_restart(r);
    if (d->trace)
        fprintf(stderr, "delivery: %s\n", how);
}

static bool deliver_bytes(struct driver *d, struct replay *r, struct pd_slice in)
{
    announce(d, r, "byte by byte");
    for (size_t i = 0; i < in.n; i++)
        replay_feed(r, pd_slice(in.p + i, 1));
    return compare(d, r, "byte by byte");
}

static bool deliver_two_way(struct driver *d, struct replay *r, struct pd_slice in)
{
    for (size_t cut = 1; in.n <= TWO_WAY_MAX && cut < in.n; cut++) {
        char how[64];
        snprintf(how, sizeof how, "cut at %zu", cut);
        announce(d, r, how);
        replay_feed(r, pd_slice(in.p, cut));
        replay_feed(r, pd_slice_from(in, cut));
        if (!compare(d, r, how))
            return false;
    }
    return true;
}

static bool deliver_random(struct driver *d, struct replay *r, struct pd_slice in)
{
    for (uint32_t k = 1; k <= RANDOM_CUTS; k++) {
        char how[64];
        uint32_t seed = k * 2654435761u + (uint32_t)in.n;
        snprintf(how, sizeof how, "random cutting %" PRIu32, k);
        announce(d, r, how);
        for (size_t at = 0; at < in.n;) {
            size_t n = random_piece(&seed, in.n - at);
            replay_feed(r, pd_slice(in.p + at, n));
            at += n;
        }
        if (!compare(d, r, how))
            return false;
    }
    return true;
}

static void deliver_whole(struct driver *d, struct replay *r, struct pd_slice in)
{
    announce(d, r, "whole");
    replay_feed(r, in);
    replay_eof(r);
    d->deliveries = 1;
    text_reset(&d->events);
    text_put(&d->events, text_view(&r->events));
    text_reset(&d->environ);
    text_put(&d->environ, text_view(&r->environ));
    text_print_lines('E', text_view(&d->events));
    text_print_lines('V', text_view(&d->environ));
}

static void run_case(struct driver *d, const struct corpus_case *c)
{
    struct replay r;
    replay_init(&r, c->codec, &c->limits, &c->options, &c->site, pd_sys_default(), &d->guard);
    deliver_whole(d, &r, c->input);
    if (deliver_bytes(d, &r, c->input) && deliver_two_way(d, &r, c->input))
        (void)deliver_random(d, &r, c->input);
    replay_fini(&r);
    printf("N %zu\n.\n", d->deliveries);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct driver d = { .trace = argc > 1 && strcmp(argv[1], "--trace") == 0 };
    struct corpus_case c = { 0 };
    guard_init(&d.guard, CORPUS_INPUT_MAX);
    while (corpus_read(&c, stdin))
        run_case(&d, &c);
    corpus_fini(&c);
    guard_fini(&d.guard);
    text_fini(&d.events);
    text_fini(&d.environ);
    return 0;
}
