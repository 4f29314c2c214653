/*
 * corpus_driver.c - replays corpus cases in every delivery and prints what came out.
 *
 * Standard input is a run of cases, each a line of `key=value` words (size=N
 * last) and then N bytes:
 *
 *     proto=http1 head=200 fields=4 mount=/shop profile=nginx size=41\n<41 bytes>
 *
 * For each case the answer is, one line each: `E` and an event of the whole
 * delivery, `V` and a variable of the last head, `N` and the number of
 * deliveries; when a delivery gave something else, `D` and its description and
 * `F` and a line of what it gave; at last a dot. With `--trace` each delivery
 * is named on standard error before it runs: the last one named is the one
 * that crashed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "guard.h"
#include "replay.h"
#include "text.h"

enum {
    LINE_MAX_LEN = 8192,
    INPUT_MAX = 4 << 20,
    TWO_WAY_MAX = 2048, /* inputs up to here are cut at every place */
    RANDOM_CUTS = 16,
};

struct driver_case {
    const struct pd_codec *codec;
    struct pd_limits limits;
    struct pd_site site;
    size_t size;
};

struct driver {
    bool trace;
    struct guard guard;
    char *input;
    size_t deliveries;
    struct text events; /* of the whole delivery */
    struct text environ;
};

static void die(const char *what, const char *word)
{
    fprintf(stderr, "corpus_driver: %s: %s\n", what, word);
    exit(2);
}

/* --- the line that describes a case --- */

static const struct pd_codec *codec_named(const char *name)
{
    static const struct pd_codec *const all[] = { &pd_codec_http1, &pd_codec_fastcgi, &pd_codec_scgi };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    die("unknown protocol", name);
    return NULL;
}

static enum pd_profile profile_named(const char *name)
{
    static const char *const names[] = {
        [PD_PROFILE_GENERIC] = "generic",   [PD_PROFILE_APACHE] = "apache",   [PD_PROFILE_NGINX] = "nginx",
        [PD_PROFILE_LIGHTTPD] = "lighttpd", [PD_PROFILE_HAPROXY] = "haproxy", [PD_PROFILE_CADDY] = "caddy",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return (enum pd_profile)i;
    die("unknown profile", name);
    return PD_PROFILE_GENERIC;
}

static uint64_t number(const char *s)
{
    char *end;
    uint64_t v = strtoull(s, &end, 10);
    if (*s < '0' || *s > '9' || *end)
        die("not a number", s);
    return v;
}

static bool set_limit(struct pd_limits *l, const char *key, const char *value)
{
    if (strcmp(key, "head") == 0)
        l->head = number(value);
    else if (strcmp(key, "target") == 0)
        l->target = number(value);
    else if (strcmp(key, "fields") == 0)
        l->fields = number(value);
    else if (strcmp(key, "body") == 0)
        l->body = number(value);
    else if (strcmp(key, "overhead") == 0)
        l->chunk_overhead = number(value);
    else
        return false;
    return true;
}

static bool set_site(struct pd_site *s, const char *key, const char *value)
{
    if (strcmp(key, "mount") == 0)
        s->mount = pd_slice(value, strlen(value));
    else if (strcmp(key, "profile") == 0)
        s->profile = profile_named(value);
    else if (strcmp(key, "trust") == 0)
        s->trust_remote_user = number(value) != 0;
    else if (strcmp(key, "name") == 0)
        s->server_name = pd_slice(value, strlen(value));
    else if (strcmp(key, "port") == 0)
        s->server_port = pd_slice(value, strlen(value));
    else
        return false;
    return true;
}

/* The values of a case point into `line`. */
static struct driver_case parse_case(char *line)
{
    struct driver_case c = { .limits = PD_LIMITS_DEFAULT, .site = replay_site() };
    line[strcspn(line, "\n")] = '\0';
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
        char *value = strchr(word, '=');
        if (!value)
            die("not key=value", word);
        *value++ = '\0';
        if (strcmp(word, "proto") == 0)
            c.codec = codec_named(value);
        else if (strcmp(word, "size") == 0)
            c.size = number(value);
        else if (!set_limit(&c.limits, word, value) && !set_site(&c.site, word, value))
            die("unknown key", word);
    }
    if (!c.codec || c.size > INPUT_MAX)
        die("a case without protocol, or too large", line);
    return c;
}

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
    size_t n = 1 + next_random(seed) % (most < left ? most : left);
    return n;
}

static void print_lines(char mark, struct pd_slice text)
{
    while (text.n) {
        size_t n = pd_slice_find(text, '\n');
        printf("%c ", mark);
        fwrite(text.p, 1, n, stdout);
        putchar('\n');
        text = pd_slice_from(text, n < text.n ? n + 1 : n);
    }
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
    print_lines('F', same ? text_view(&r->environ) : text_view(&r->events));
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
    print_lines('E', text_view(&d->events));
    print_lines('V', text_view(&d->environ));
}

static void run_case(struct driver *d, const struct driver_case *c)
{
    struct replay r;
    struct pd_slice in = pd_slice(d->input, c->size);
    replay_init(&r, c->codec, &c->limits, &c->site, pd_sys_default(), &d->guard);
    deliver_whole(d, &r, in);
    if (deliver_bytes(d, &r, in) && deliver_two_way(d, &r, in))
        (void)deliver_random(d, &r, in);
    replay_fini(&r);
    printf("N %zu\n.\n", d->deliveries);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct driver d = { .trace = argc > 1 && strcmp(argv[1], "--trace") == 0 };
    static char line[LINE_MAX_LEN];
    d.input = malloc(INPUT_MAX);
    if (!d.input)
        die("no memory", "input");
    guard_init(&d.guard, INPUT_MAX);
    while (fgets(line, sizeof line, stdin)) {
        struct driver_case c = parse_case(line);
        if (fread(d.input, 1, c.size, stdin) != c.size)
            die("input ends inside a case", line);
        run_case(&d, &c);
    }
    guard_fini(&d.guard);
    text_fini(&d.events);
    text_fini(&d.environ);
    free(d.input);
    return 0;
}
