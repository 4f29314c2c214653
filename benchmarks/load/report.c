/* report.c - what was measured, as JSON (see report.h). */
#include "report.h"

#include <stdio.h>
#include <sys/resource.h>

enum { FNV_PRIME = 0x1b3 };

static double seconds(const struct timeval *t)
{
    return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

struct load_usage load_usage_now(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) < 0)
        return (struct load_usage){ 0, 0 };
    return (struct load_usage){ seconds(&usage.ru_utime), seconds(&usage.ru_stime) };
}

struct load_usage load_usage_since(struct load_usage before)
{
    struct load_usage now = load_usage_now();
    return (struct load_usage){ now.user - before.user, now.system - before.system };
}

static void put_string(const char *s)
{
    putchar('"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void put_text(const char *name, const char *value)
{
    printf(" \"%s\": ", name);
    put_string(value);
    puts(",");
}

static void put_count(const char *name, uint64_t value)
{
    printf(" \"%s\": %llu,\n", name, (unsigned long long)value);
}

static void put_latency(const struct load_histogram *h)
{
    static const struct {
        const char *name;
        double percent;
    } rows[] = { { "p50", 50 }, { "p75", 75 },     { "p90", 90 },       { "p95", 95 },
                 { "p99", 99 }, { "p99.9", 99.9 }, { "p99.99", 99.99 }, { "max", 100 } };
    double mean = h->count ? (double)h->sum / (double)h->count : 0;
    printf(" \"latency\": {\"count\": %llu, \"mean\": %.9f, \"min\": %.9f", (unsigned long long)h->count, mean / 1e9,
           h->count ? (double)h->min / 1e9 : 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        printf(", \"%s\": %.9f", rows[i].name, (double)load_histogram_at(h, rows[i].percent) / 1e9);
    puts("},");
}

/* Pairs of the highest value and the count of each bucket that is not empty. */
static void put_buckets(const struct load_histogram *h)
{
    const char *comma = "";
    printf(" \"histogram\": [");
    for (size_t i = 0; i < LOAD_BUCKETS; i++) {
        if (!h->buckets[i])
            continue;
        printf("%s[%.9f, %llu]", comma, (double)load_histogram_highest(i) / 1e9, (unsigned long long)h->buckets[i]);
        comma = ", ";
    }
    puts("],");
}

static void put_statuses(const struct load_tally *t)
{
    const char *comma = "";
    printf(" \"statuses\": {");
    for (unsigned i = 0; i < LOAD_STATUS_MAX; i++) {
        if (!t->statuses[i])
            continue;
        printf("%s\"%u\": %llu", comma, i, (unsigned long long)t->statuses[i]);
        comma = ", ";
    }
    puts("},");
}

static void put_deviations(const struct load_deviations *d)
{
    const char *comma = "";
    printf(" \"deviations\": {");
    for (unsigned i = 0; i < LOAD_DEVIATION_COUNT; i++) {
        if (!d->counts[i])
            continue;
        printf("%s\"%s\": %llu", comma, load_deviation_name((enum load_deviation)i), (unsigned long long)d->counts[i]);
        comma = ", ";
    }
    puts("},");
    put_text("first_deviation", d->first);
}

/* FNV-1a with 64 bits: names a body, and protects against nothing. */
static uint64_t digest(struct pd_slice s)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++)
        hash = (hash ^ (unsigned char)s.p[i]) * (((uint64_t)1 << 40) + FNV_PRIME);
    return hash;
}

static void put_requests(const struct load_run *r)
{
    printf(" \"right\": [");
    for (size_t i = 0; i < r->nrequests; i++) {
        const struct load_request *q = &r->requests[i];
        printf("%s\n  {\"request\": ", i ? "," : "");
        put_string(q->name);
        printf(", \"status\": %u, \"length\": %lld, \"fnv1a\": \"%016llx\"}", q->right.status,
               (long long)q->right.length, (unsigned long long)digest(pd_buf_view(&q->right.body)));
    }
    puts("\n ],");
}

void load_report(const struct load_run *r, const struct load_tally *t, struct load_usage usage)
{
    const struct load_options *o = r->options;
    puts("{\n \"format\": 1,");
    put_text("protocol", o->target.protocol);
    put_text("address", o->target.name);
    put_text("loop", o->rate > 0 ? "open" : "closed");
    printf(" \"rate\": %g,\n", o->rate);
    put_count("connections", o->connections);
    put_count("streams", o->streams);
    printf(" \"closes\": %s,\n", o->closes ? "true" : "false");
    printf(" \"seconds\": %.9f,\n", (double)t->elapsed_ns / 1e9);
    put_count("requests", t->requests);
    put_count("in_time", t->in_time);
    put_count("unsent", t->unsent);
    put_count("unanswered", t->unanswered);
    put_count("connects", t->connects);
    put_count("bytes_sent", t->sent);
    put_count("bytes_received", t->received);
    put_latency(&t->latency);
    if (o->histogram)
        put_buckets(&t->latency);
    put_statuses(t);
    put_deviations(&r->deviations);
    put_requests(r);
    printf(" \"cpu\": {\"user\": %.6f, \"system\": %.6f}\n}\n", usage.user, usage.system);
    fflush(stdout);
}
