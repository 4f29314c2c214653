/* variants.c - requests from a file (see variants.h). */
#include "variants.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

struct reader {
    const struct load_maker *maker;
    const char *file;
    struct pd_slice rest;
    unsigned line;
    struct load_plan plan;
    bool open; /* `plan` has begun */
    struct load_request *requests;
    size_t n;
};

_Noreturn static void complain(const struct reader *r, const char *what, const char *line)
{
    load_fail(LOAD_USAGE, "%s, line %u: %s, not %s", r->file, r->line, what, line);
}

/* The next line as a string of its own; NULL at the end of the file. */
static char *next_line(struct reader *r)
{
    if (!r->rest.n)
        return NULL;
    size_t n = pd_slice_find(r->rest, '\n');
    size_t kept = n && r->rest.p[n - 1] == '\r' ? n - 1 : n;
    char *line = pd_arena_alloc(r->maker->arena, kept + 1);
    if (!line)
        load_fail(LOAD_CANNOT, "out of memory, or %s is too large", r->file);
    memcpy(line, r->rest.p, kept);
    line[kept] = '\0';
    r->rest = pd_slice_from(r->rest, n < r->rest.n ? n + 1 : n);
    r->line++;
    return line;
}

static uint64_t number(const struct reader *r, const char *text, const char *line)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end || *text < '0' || *text > '9')
        complain(r, "a number is needed", line);
    return value;
}

static void take_directive(struct reader *r, char *line)
{
    char *value = strchr(line, ' ');
    if (!value)
        complain(r, "@body, @status, @length or @param and a value are needed", line);
    size_t n = (size_t)(value++ - line);
    struct load_plan *p = &r->plan;
    if (n == 5 && strncmp(line, "@body", n) == 0) {
        p->body = number(r, value, line);
        p->body_file = NULL;
        p->has_body = true;
    } else if (n == 7 && strncmp(line, "@status", n) == 0) {
        p->status = strcmp(value, "any") == 0 ? 0 : (unsigned)number(r, value, line);
    } else if (n == 7 && strncmp(line, "@length", n) == 0) {
        p->length = (int64_t)number(r, value, line);
    } else if (n == 6 && strncmp(line, "@param", n) == 0 && strchr(value, '=') && p->nparams < LOAD_HEADERS_MAX) {
        p->params[p->nparams++] = value;
    } else {
        complain(r, "@body, @status, @length or @param and a value are needed", line);
    }
}

static void begin(struct reader *r, char *line)
{
    char *space = strchr(line, ' ');
    if (!space || space == line || !space[1] || strchr(space + 1, ' '))
        complain(r, "METHOD PATH is needed", line);
    *space = '\0';
    r->plan = r->maker->options->plan;
    r->plan.method = line;
    r->plan.path = space + 1;
    r->open = true;
}

static void finish(struct reader *r)
{
    if (r->open)
        load_request_make(&r->requests[r->n++], r->maker, &r->plan);
    r->open = false;
}

static void take_line(struct reader *r, char *line)
{
    struct load_plan *p = &r->plan;
    if (line[0] == '#')
        return;
    if (!line[0])
        finish(r);
    else if (!r->open)
        begin(r, line);
    else if (line[0] == '@')
        take_directive(r, line);
    else if (strchr(line, ':') && p->nheaders < LOAD_HEADERS_MAX)
        p->headers[p->nheaders++] = line;
    else
        complain(r, "a header line NAME: VALUE or an empty line is needed", line);
}

static struct load_request *room(const struct load_maker *m, size_t n)
{
    struct load_request *requests = pd_arena_alloc(m->arena, n * sizeof *requests);
    if (!requests)
        load_fail(LOAD_CANNOT, "out of memory, or there are too many requests");
    memset(requests, 0, n * sizeof *requests);
    return requests;
}

size_t load_variants_make(const struct load_maker *m, struct load_request **requests)
{
    const struct load_options *o = m->options;
    if (!o->variants) {
        *requests = room(m, 1);
        load_request_make(*requests, m, &o->plan);
        return 1;
    }
    struct reader r = { .maker = m, .file = o->variants, .rest = load_read_file(m, o->variants) };
    size_t most = 1;
    for (size_t i = 0; i < r.rest.n; i++)
        most += r.rest.p[i] == '\n';
    r.requests = *requests = room(m, most);
    for (char *line; (line = next_line(&r));)
        take_line(&r, line);
    finish(&r);
    if (!r.n)
        load_fail(LOAD_USAGE, "%s has no request; write a line METHOD PATH", r.file);
    return r.n;
}
