/*
 * main.c - polydoor-load: asks a server over HTTP/1.1, FastCGI, SCGI, uwsgi or AJP13, and measures how it answers.
 *
 * First each request is asked once; its response, if right, is what the others are compared with. Then comes the
 * warm-up, and then what counts.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fail.h"
#include "report.h"
#include "variants.h"

enum { MEMORY = 1 << 30 };

/* Nothing can be measured where the first response is not right. */
static void check_first(const struct load_run *r)
{
    const struct load_deviations *d = &r->deviations;
    const char *where = r->options->target.name;
    if (d->counts[LOAD_CONNECT])
        load_fail(LOAD_CANNOT, "cannot connect to %s: %s; check that the server runs there", where, d->first);
    if (d->total)
        load_fail(LOAD_WRONG, "%s: the first response is not right: %s", where, d->first);
}

/* Streams share the descriptor, so that whole requests must fit into memory. */
static void check_streams(const struct load_run *r)
{
    for (size_t i = 0; r->options->streams > 1 && i < r->nrequests; i++)
        if (!r->requests[i].ended)
            load_fail(LOAD_USAGE, "%s: with --streams a body has at most %d bytes", r->requests[i].name,
                      LOAD_WIRE_BODY);
}

/* A descriptor for each connection, as far as the system lets us. */
static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* where it fails, opening a socket will tell */
}

/* Whoever started this may now look at the processor time of the server. */
static void hold(void)
{
    puts("warm");
    fflush(stdout);
    char byte = 0;
    while (byte != '\n' && read(STDIN_FILENO, &byte, 1) == 1)
        continue;
}

/* The warm-up takes no more of the load than what is to be counted. */
static struct load_usage run(struct load_run *r, struct load_tally *before, struct load_tally *t)
{
    const struct load_options *o = r->options;
    struct load_limit limit = { .duration_ns = o->warm_up_ns, .rate = o->rate, .asks = r->nasks };
    load_run_first(r, before);
    check_first(r);
    if (o->warm_up_ns)
        load_run_phase(r, limit, before);
    if (o->holds)
        hold();
    limit.duration_ns = o->duration_ns;
    limit.count = o->count;
    struct load_usage usage = load_usage_now();
    load_run_phase(r, limit, t);
    return load_usage_since(usage);
}

int main(int argc, char **argv)
{
    struct load_options options;
    load_options_parse(&options, argc, argv);
    raise_limit();
    struct pd_arena arena;
    pd_arena_init(&arena, pd_sys_default(), MEMORY);
    struct load_maker maker = { &options, &arena, PD_LIMITS_DEFAULT };
    maker.limits.body = (uint64_t)1 << 62;
    struct load_request *requests;
    size_t n = load_variants_make(&maker, &requests);
    struct load_run *r = load_alloc(1, sizeof *r);
    struct load_tally *tallies = load_alloc(2, sizeof *tallies);
    load_run_init(r, &options, requests, n);
    check_streams(r);
    struct load_usage usage = run(r, &tallies[0], &tallies[1]);
    load_report(r, &tallies[1], usage);
    bool right = r->deviations.total == 0;
    if (!right)
        fprintf(stderr, "polydoor-load: %llu deviations; the first: %s\n", (unsigned long long)r->deviations.total,
                r->deviations.first);
    load_run_fini(r);
    for (size_t i = 0; i < n; i++)
        load_request_fini(&requests[i], &maker);
    pd_arena_fini(&arena);
    free(tallies);
    free(r);
    return right ? LOAD_RIGHT : LOAD_WRONG;
}
