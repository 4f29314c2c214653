/* client_replay.c - a response read by a client half, as text (see client_replay.h). */
#include "client_replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void client_replay_init(struct client_replay *r, const struct pd_client_codec *codec, const struct pd_limits *limits,
                        const struct pd_sys *sys, struct guard *guard, struct pd_slice method)
{
    *r = (struct client_replay){ .codec = codec, .limits = limits, .sys = sys, .guard = guard, .method = method };
    r->scratch = malloc(sizeof *r->scratch);
    if (!r->scratch || codec->state_size > sizeof r->state)
        abort();
    codec->init(&r->state, sys, limits);
    client_replay_restart(r);
}

void client_replay_fini(struct client_replay *r)
{
    r->codec->fini(&r->state);
    free(r->scratch);
    text_fini(&r->answers);
    text_fini(&r->run);
}

/* A request that says which method it is: what is read depends on it. */
static void ask(struct client_replay *r)
{
    struct pd_field variable = { PD_SLICE("REQUEST_METHOD"), r->method };
    struct pd_head head = {
        .form = r->codec->form, .method = r->method, .target = PD_SLICE("/"), .content_length = -1
    };
    struct pd_buf request;
    pd_buf_init(&request, pd_sys_default(), 4096);
    if (r->codec->form == PD_HEAD_CGI)
        head = (struct pd_head){ .form = PD_HEAD_CGI, .fields = &variable, .nfields = 1, .content_length = -1 };
    if (r->codec->put_head(&r->state, &head, &request) != PD_R_NONE)
        abort();
    pd_buf_fini(&request);
}

void client_replay_restart(struct client_replay *r)
{
    r->codec->fini(&r->state);
    r->codec->init(&r->state, r->sys, r->limits);
    text_reset(&r->answers);
    text_reset(&r->run);
    r->head = r->over = r->bad = r->invalid = false;
    ask(r);
}

static void invalid(struct client_replay *r, const char *what)
{
    text_printf(&r->answers, "INVALID %s\n", what);
    r->invalid = true;
}

static void flush_run(struct client_replay *r)
{
    const char *name = r->running == PD_ANSWER_BODY ? "BODY" : "STDERR";
    uint64_t hash = 1469598103934665603u;
    if (!r->run.n)
        return;
    for (size_t i = 0; i < r->run.n; i++)
        hash = (hash ^ (unsigned char)r->run.p[i]) * 1099511628211u;
    if (r->run.n > CLIENT_SHOWN) {
        text_printf(&r->answers, "%s %zu bytes #%016" PRIx64 "\n", name, r->run.n, hash);
    } else {
        text_printf(&r->answers, "%s \"", name);
        text_escape(&r->answers, text_view(&r->run));
        text_printf(&r->answers, "\"\n");
    }
    text_reset(&r->run);
}

static void on_run(struct client_replay *r, const struct pd_answer *a)
{
    if (!a->data.n)
        invalid(r, "a run of no bytes");
    if (a->kind == PD_ANSWER_BODY && !r->head)
        invalid(r, "a body before its head");
    if (r->running != a->kind)
        flush_run(r);
    r->running = a->kind;
    text_put(&r->run, a->data);
}

static void on_head(struct client_replay *r, const struct pd_answer *a)
{
    const struct pd_answer_head *h = a->head;
    bool interim = a->kind == PD_ANSWER_INTERIM;
    if (r->head || interim != (h->status < 200))
        invalid(r, "a second head, or an interim one that is none");
    r->head = !interim;
    text_printf(&r->answers, "%s %u \"", interim ? "INTERIM" : "HEAD", h->status);
    text_escape(&r->answers, h->phrase);
    text_printf(&r->answers, "\"");
    if (h->content_length >= 0)
        text_printf(&r->answers, " length=%" PRId64, h->content_length);
    text_printf(&r->answers, "%s\n", h->chunked ? " chunked" : "");
    for (size_t i = 0; i < h->nfields; i++) {
        text_printf(&r->answers, "FIELD ");
        text_escape(&r->answers, h->fields[i].name);
        text_printf(&r->answers, h->fields[i].value.n ? ": " : ":");
        text_escape(&r->answers, h->fields[i].value);
        text_printf(&r->answers, "\n");
    }
}

static void on_end(struct client_replay *r, const struct pd_answer *a)
{
    static const char *const ended[] = { "whole", "closed", "cut" };
    if (!r->head)
        invalid(r, "an end without a head");
    text_printf(&r->answers, "END %s", ended[a->ended]);
    if (a->app_status)
        text_printf(&r->answers, " app=%" PRIu32, a->app_status);
    text_printf(&r->answers, "%s\n", a->surplus ? " surplus" : "");
    r->over = true;
}

static void on_answer(struct client_replay *r, const struct pd_answer *a)
{
    if (r->over && (a->kind != PD_ANSWER_BAD || !r->bad)) {
        invalid(r, "an answer behind the end");
        return;
    }
    if (a->kind == PD_ANSWER_BODY || a->kind == PD_ANSWER_STDERR) {
        on_run(r, a);
        return;
    }
    if (r->bad)
        return; /* it stays bad */
    flush_run(r);
    switch (a->kind) {
    case PD_ANSWER_INTERIM:
    case PD_ANSWER_HEAD:
        on_head(r, a);
        break;
    case PD_ANSWER_END:
        on_end(r, a);
        break;
    case PD_ANSWER_DEMAND:
        text_printf(&r->answers, "DEMAND %zu\n", a->wanted);
        break;
    default:
        text_printf(&r->answers, "BAD %s\n", pd_reason_name(a->reason));
        r->bad = r->over = true;
        break;
    }
}

void client_replay_feed(struct client_replay *r, struct pd_slice piece)
{
    struct pd_slice in = guard_place(r->guard, PD_SLICE_NONE, piece);
    for (size_t calls = 0;; calls++) {
        struct pd_answer a;
        size_t used = SIZE_MAX;
        r->codec->next(&r->state, in, &used, r->scratch, &a);
        if (used > in.n || calls > piece.n + 4) {
            invalid(r, used > in.n ? "more was taken than there is" : "answers without end");
            return;
        }
        if (a.data.n && (a.data.p < in.p || a.data.p + a.data.n > in.p + used))
            invalid(r, "data that was not taken");
        in = pd_slice_from(in, used);
        if (a.kind == PD_ANSWER_MORE) {
            if (in.n)
                invalid(r, "MORE with bytes left");
            return;
        }
        on_answer(r, &a);
        if (a.kind == PD_ANSWER_BAD)
            return;
    }
}

void client_replay_eof(struct client_replay *r, bool clean)
{
    struct pd_answer a;
    r->codec->eof(&r->state, clean, &a);
    if (a.kind != PD_ANSWER_MORE)
        on_answer(r, &a);
    if (!r->over)
        invalid(r, "no end");
    r->codec->eof(&r->state, clean, &a);
    if (a.kind != (r->bad ? PD_ANSWER_BAD : PD_ANSWER_MORE))
        invalid(r, "a second end");
}
