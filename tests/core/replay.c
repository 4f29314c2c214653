/* replay.c - a connection without a socket (see replay.h). */
#include "replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/response.h"

enum {
    ARENA_LIMIT = 4 << 20,
    IDLE_EVENTS_MAX = 64, /* events without consumed bytes before we call it a loop */
};

struct pd_site replay_site(void)
{
    return (struct pd_site){
        .mount = PD_SLICE(""),
        .profile = PD_PROFILE_GENERIC,
        .server_name = PD_SLICE("server.test"),
        .server_port = PD_SLICE("8080"),
    };
}

static void *must_alloc(size_t n)
{
    void *p = malloc(n);
    if (!p) {
        fputs("replay: out of memory\n", stderr);
        exit(2);
    }
    return p;
}

void replay_init(struct replay *r, const struct pd_codec *codec, const struct pd_limits *limits,
                 const struct pd_codec_options *options, const struct pd_site *site, const struct pd_sys *sys,
                 struct guard *guard)
{
    *r = (struct replay){
        .codec = codec, .limits = limits, .options = options, .site = site, .sys = sys, .guard = guard
    };
    r->state = must_alloc(codec->state_size);
    r->scratch = must_alloc(sizeof *r->scratch);
    pd_arena_init(&r->arena, sys, ARENA_LIMIT);
    codec->init(r->state, limits, options);
}

static void stream_close(struct replay_stream *s)
{
    if (s->phase != REPLAY_FREE)
        pd_buf_fini(&s->head_bytes);
    s->phase = REPLAY_FREE;
}

void replay_fini(struct replay *r)
{
    for (size_t i = 0; i < REPLAY_STREAMS; i++)
        stream_close(&r->streams[i]);
    pd_arena_fini(&r->arena);
    text_fini(&r->events);
    text_fini(&r->environ);
    free(r->scratch);
    free(r->state);
}

void replay_restart(struct replay *r)
{
    for (size_t i = 0; i < REPLAY_STREAMS; i++)
        stream_close(&r->streams[i]);
    pd_arena_reset(&r->arena);
    text_reset(&r->events);
    text_reset(&r->environ);
    r->rest = PD_SLICE_NONE;
    r->run = (struct replay_run){ 0 };
    r->over = r->invalid = r->refused = false;
    r->codec->init(r->state, r->limits, r->options);
}

/* --- the trace --- */

static void flush_run(struct replay *r)
{
    struct replay_run *run = &r->run;
    if (!run->n)
        return;
    if (run->n > REPLAY_BODY_SHOWN) {
        text_printf(&r->events, "BODY %" PRIu32 " %zu bytes #%016" PRIx64 "\n", run->stream, run->n, run->hash);
    } else {
        text_printf(&r->events, "BODY %" PRIu32 " \"", run->stream);
        text_escape(&r->events, pd_slice(run->first, run->n));
        text_printf(&r->events, "\"\n");
    }
    *run = (struct replay_run){ 0 };
}

static void add_run(struct replay *r, uint32_t stream, struct pd_slice data)
{
    struct replay_run *run = &r->run;
    if (run->n && run->stream != stream)
        flush_run(r);
    if (!run->n)
        *run = (struct replay_run){ .stream = stream, .hash = 0xcbf29ce484222325u };
    for (size_t i = 0; i < data.n; i++) {
        if (run->n < REPLAY_BODY_SHOWN)
            run->first[run->n] = data.p[i];
        run->hash = (run->hash ^ (unsigned char)data.p[i]) * 0x100000001b3u;
        run->n++;
    }
}

static void invalid(struct replay *r, const char *what)
{
    flush_run(r);
    text_printf(&r->events, "INVALID %s\n", what);
    r->invalid = true;
    r->over = true;
}

static void bad(struct replay *r, enum pd_reason reason, bool fatal)
{
    flush_run(r);
    text_printf(&r->events, "BAD %s %d%s\n", pd_reason_name(reason), pd_reason_status(reason), fatal ? " fatal" : "");
    r->over = r->over || fatal;
}

/* --- well-formedness --- */

static bool lies_in(struct pd_slice s, struct pd_slice room)
{
    return s.n == 0 || (s.p >= room.p && s.p <= room.p + room.n && s.n <= (size_t)(room.p + room.n - s.p));
}

static bool fields_ok(const struct replay *r, const struct pd_head *h, struct pd_slice bytes)
{
    size_t sum = h->method.n + h->target.n;
    for (size_t i = 0; i < h->nfields; i++) {
        const struct pd_field *f = &h->fields[i];
        struct pd_slice room = pd_slice(r->scratch->reply, sizeof r->scratch->reply);
        bool added = h->form == PD_HEAD_AJP || lies_in(f->name, room); /* from a code; Host of a target */
        bool made = h->form == PD_HEAD_AJP && (lies_in(f->value, room) || f->value.n < 3); /* numbers, and words */
        if ((!lies_in(f->name, bytes) && !added) || (!lies_in(f->value, bytes) && !made))
            return false;
        sum += (h->form == PD_HEAD_AJP ? 0 : f->name.n) + f->value.n;
    }
    if (h->form == PD_HEAD_AJP && (h->nheaders > h->nvariables || h->nvariables > h->nfields))
        return false;
    size_t most = h->form == PD_HEAD_HTTP ? r->limits->fields : (size_t)PD_FIELDS_MAX;
    return h->nfields <= most && sum <= r->limits->head + h->target.n; /* Host may be a part of the target */
}

static void check_head(struct replay *r, const struct pd_head *h, struct pd_slice bytes)
{
    if (!fields_ok(r, h, bytes))
        invalid(r, "a head's fields lie outside the bytes or the limits");
    if (h->content_length < -1 || (h->content_length > 0 && (uint64_t)h->content_length > r->limits->body))
        invalid(r, "a head's content length lies outside the limits");
    if (h->form != PD_HEAD_HTTP)
        return;
    if (!h->method.n || h->method.n > PD_METHOD_MAX || !lies_in(h->method, bytes))
        invalid(r, "a head's method is empty, too long or elsewhere");
    if (!h->target.n || h->target.n > r->limits->target || !lies_in(h->target, bytes))
        invalid(r, "a head's target is empty, too long or elsewhere");
    if (h->http_minor > 1 || (h->chunked && h->content_length >= 0))
        invalid(r, "a head has an impossible version or two body framings");
}

/* --- streams --- */

static struct replay_stream *stream_find(struct replay *r, uint32_t id)
{
    for (size_t i = 0; i < REPLAY_STREAMS; i++)
        if (r->streams[i].phase != REPLAY_FREE && r->streams[i].id == id)
            return &r->streams[i];
    return NULL;
}

static void stream_open(struct replay *r, uint32_t id)
{
    if (stream_find(r, id)) {
        invalid(r, "OPEN of a stream that is open");
        return;
    }
    for (size_t i = 0; i < REPLAY_STREAMS; i++) {
        struct replay_stream *s = &r->streams[i];
        if (s->phase == REPLAY_FREE) {
            *s = (struct replay_stream){ .id = id, .phase = REPLAY_HEAD, .http_minor = 1 };
            pd_buf_init(&s->head_bytes, r->sys, r->limits->head);
            text_printf(&r->events, "OPEN %" PRIu32 "\n", id);
            return;
        }
    }
    invalid(r, "more streams open than a codec may have");
}

/* Our own means failed: forget the stream; a codec with one stream cannot go on. */
static void refuse(struct replay *r, struct replay_stream *s)
{
    r->refused = true;
    r->codec->drop(r->state, s->id);
    stream_close(s);
    if (!r->codec->multiplexed)
        r->over = true;
}

static enum pd_reason put_response(struct replay *r, const struct replay_stream *s, struct pd_response *resp,
                                   struct pd_buf *out)
{
    static const char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
    enum pd_reason bad_reason = pd_response_start(resp, PD_SLICE("200 OK"));
    if (bad_reason == PD_R_NONE)
        bad_reason = pd_response_add(resp, PD_SLICE("Content-Length"), PD_SLICE("0"));
    if (bad_reason != PD_R_NONE)
        return bad_reason;
    resp->http_minor = s->http_minor;
    resp->is_head = s->is_head;
    resp->keep_alive = s->keep_alive;
    resp->date = pd_slice(date, sizeof date - 1);
    return r->codec->put_head(r->state, s->id, resp, out);
}

/* Answers a stream that is at its end, with an empty 200. */
static void respond(struct replay *r, struct replay_stream *s)
{
    struct pd_response resp;
    struct pd_buf out;
    pd_response_init(&resp, r->sys, 4096);
    pd_buf_init(&out, r->sys, 8192);
    enum pd_reason reason = put_response(r, s, &resp, &out);
    if (reason == PD_R_NONE) {
        char end[PD_END_MAX];
        if (r->codec->put_end(r->state, s->id, &resp, end) > sizeof end)
            invalid(r, "put_end wrote more than PD_END_MAX");
        stream_close(s);
    } else {
        if (reason != PD_R_NO_MEMORY)
            invalid(r, "an empty 200 was refused");
        refuse(r, s);
    }
    pd_buf_fini(&out);
    pd_response_fini(&resp);
}

/* --- heads --- */

static void show_var(struct replay *r, struct pd_slice name, struct pd_slice value)
{
    if (!value.p)
        return;
    text_put(&r->environ, name);
    text_put(&r->environ, PD_SLICE("="));
    text_escape(&r->environ, value);
    text_put(&r->environ, PD_SLICE("\n"));
}

/* What the answer to a refused head knows of it. */
static void show_refused(struct replay *r, const struct pd_request *req, enum pd_reason reason)
{
    text_reset(&r->environ);
    text_printf(&r->environ, "REFUSED %s\n", pd_reason_name(reason));
    show_var(r, PD_SLICE("REQUEST_METHOD"), req->method);
    show_var(r, PD_SLICE("PATH_INFO"), req->path);
    show_var(r, PD_SLICE("QUERY_STRING"), req->query);
    show_var(r, PD_SLICE("HTTP_ACCEPT"), req->accept);
}

static void show_refused_head(struct replay *r, const struct pd_head *h, struct pd_slice bytes, enum pd_reason reason)
{
    struct pd_request req;
    check_head(r, h, bytes);
    pd_request_refused(h, &req);
    show_refused(r, &req, reason);
}

static void show_environ(struct replay *r, const struct pd_head *h)
{
    const struct pd_peer peer = { PD_SLICE("192.0.2.1"), PD_SLICE("4711") };
    struct pd_request req;
    text_reset(&r->environ);
    pd_arena_reset(&r->arena);
    enum pd_reason reason = pd_request_build(h, r->site, &peer, r->limits, &r->arena, &req);
    if (reason != PD_R_NONE) {
        show_refused(r, &req, reason);
        r->refused = r->refused || reason == PD_R_NO_MEMORY;
        return;
    }
    for (size_t i = 0; i < req.nvars; i++) {
        const struct pd_var *v = &req.vars[i];
        show_var(r, v->id == PD_NAME_OTHER ? v->name : pd_name_key((enum pd_name)v->id), v->value);
    }
    if (req.stamp_us)
        text_printf(&r->environ, "STAMP=%" PRIu64 "\n", req.stamp_us);
}

static void show_head(struct replay *r, uint32_t id, const struct pd_head *h)
{
    struct text *t = &r->events;
    flush_run(r);
    if (h->form == PD_HEAD_HTTP) {
        text_printf(t, "HEAD %" PRIu32 " ", id);
        text_escape(t, h->method);
        text_put(t, PD_SLICE(" "));
        text_escape(t, h->target);
        text_printf(t, " 1.%u", h->http_minor);
    } else if (h->form == PD_HEAD_AJP) {
        text_printf(t, "HEAD %" PRIu32 " ajp ", id);
        text_escape(t, h->method);
        text_put(t, h->target.n ? PD_SLICE(" ") : PD_SLICE(""));
        text_escape(t, h->target);
    } else {
        text_printf(t, "HEAD %" PRIu32 " cgi", id);
    }
    if (h->content_length >= 0)
        text_printf(t, " length=%" PRId64, h->content_length);
    if (h->chunked)
        text_put(t, PD_SLICE(" chunked"));
    if (h->expect_continue)
        text_put(t, PD_SLICE(" continue"));
    if (h->keep_alive)
        text_put(t, PD_SLICE(" keep"));
    if (h->authorizer)
        text_put(t, PD_SLICE(" authorizer"));
    text_put(t, PD_SLICE("\n"));
}

static void take_head(struct replay *r, struct replay_stream *s, const struct pd_event *ev)
{
    struct pd_head parsed;
    const struct pd_head *h = ev->head;
    struct pd_slice bytes = r->rest;
    if (!h) {
        bytes = pd_buf_view(&s->head_bytes);
        enum pd_reason reason = r->codec->parse_head(r->state, s->id, bytes, r->scratch, &parsed);
        if (reason != PD_R_NONE) {
            show_refused_head(r, &parsed, bytes, reason);
            bad(r, reason, !r->codec->multiplexed);
            if (!r->over)
                respond(r, s);
            return;
        }
        h = &parsed;
    }
    check_head(r, h, bytes);
    s->phase = REPLAY_BODY;
    s->http_minor = h->http_minor;
    s->keep_alive = h->keep_alive;
    s->is_head = pd_slice_eq(h->method, PD_SLICE("HEAD"));
    show_head(r, s->id, h);
    show_environ(r, h);
}

static void take_head_bytes(struct replay *r, struct replay_stream *s, struct pd_slice data)
{
    switch (pd_buf_put(&s->head_bytes, data)) {
    case PD_BUF_OK:
        return;
    case PD_BUF_FULL:
        invalid(r, "HEAD_BYTES beyond the head limit");
        return;
    case PD_BUF_NOMEM:
        refuse(r, s);
        return;
    }
}

/* --- events --- */

/* Events of an open stream. */
static void take_stream_event(struct replay *r, struct replay_stream *s, const struct pd_event *ev)
{
    if ((s->phase == REPLAY_HEAD) != (ev->kind == PD_EV_HEAD_BYTES || ev->kind == PD_EV_HEAD)) {
        invalid(r, "an event out of order");
    } else if (ev->kind == PD_EV_HEAD_BYTES) {
        take_head_bytes(r, s, ev->data);
    } else if (ev->kind == PD_EV_HEAD) {
        take_head(r, s, ev);
    } else if (ev->kind == PD_EV_BODY) {
        add_run(r, s->id, ev->data);
    } else {
        flush_run(r);
        text_printf(&r->events, "BODY_END %" PRIu32 "\n", s->id);
        respond(r, s);
    }
}

static void take_bad(struct replay *r, const struct pd_event *ev)
{
    if (ev->reason <= PD_R_NONE || ev->reason >= PD_R_COUNT_) {
        invalid(r, "BAD without a reason");
        return;
    }
    if (ev->head)
        show_refused_head(r, ev->head, r->rest, ev->reason);
    bad(r, ev->reason, ev->fatal);
    struct replay_stream *s = stream_find(r, ev->stream);
    if (!ev->fatal && s)
        respond(r, s);
}

static void take_abort(struct replay *r, struct replay_stream *s)
{
    flush_run(r);
    text_printf(&r->events, "ABORT %" PRIu32 "\n", s->id);
    respond(r, s);
}

/* A fatal REPLY is the last thing the connection sends. */
static void take_reply(struct replay *r, const struct pd_event *ev)
{
    flush_run(r);
    text_put(&r->events, PD_SLICE("REPLY \""));
    text_escape(&r->events, ev->data);
    text_printf(&r->events, "\"%s\n", ev->fatal ? " fatal" : "");
    r->over = r->over || ev->fatal;
}

static void take_event(struct replay *r, const struct pd_event *ev)
{
    struct replay_stream *s;
    switch (ev->kind) {
    case PD_EV_MORE:
        return;
    case PD_EV_BAD:
        take_bad(r, ev);
        return;
    case PD_EV_REPLY:
        take_reply(r, ev);
        return;
    case PD_EV_OPEN:
        flush_run(r);
        stream_open(r, ev->stream);
        return;
    case PD_EV_HEAD_BYTES:
    case PD_EV_HEAD:
    case PD_EV_BODY:
    case PD_EV_BODY_END:
    case PD_EV_ABORT:
        s = stream_find(r, ev->stream);
        if (!s)
            invalid(r, "an event of a stream that is not open");
        else if (ev->kind == PD_EV_ABORT)
            take_abort(r, s);
        else
            take_stream_event(r, s, ev);
        return;
    }
    invalid(r, "an unknown kind of event");
}

static bool data_ok(const struct replay *r, const struct pd_event *ev)
{
    switch (ev->kind) {
    case PD_EV_HEAD_BYTES:
    case PD_EV_BODY:
        return ev->data.n && lies_in(ev->data, r->rest);
    case PD_EV_REPLY:
        return ev->data.n && lies_in(ev->data, pd_slice(r->scratch->reply, sizeof r->scratch->reply));
    case PD_EV_MORE:
    case PD_EV_OPEN:
    case PD_EV_HEAD:
    case PD_EV_BODY_END:
    case PD_EV_ABORT:
    case PD_EV_BAD:
        return true;
    }
    return false;
}

/* How many bytes of the rest are body, if what the codec says of them is true. */
static size_t body_ahead(const struct replay *r)
{
    uint64_t ahead = r->codec->body_ahead ? r->codec->body_ahead(r->state) : 0;
    return ahead < r->rest.n ? (size_t)ahead : r->rest.n;
}

static bool is_body(const struct pd_event *ev, struct pd_slice bytes)
{
    return ev->kind == PD_EV_BODY && ev->data.p == bytes.p && ev->data.n >= bytes.n;
}

static enum pd_event_kind step(struct replay *r, size_t *used)
{
    struct pd_event ev;
    size_t ahead = body_ahead(r);
    memset(&ev, 0xa5, sizeof ev); /* nothing of the last call may be counted on */
    memset(r->scratch, 0xa5, sizeof *r->scratch);
    *used = SIZE_MAX;
    r->codec->next(r->state, r->rest, used, r->scratch, &ev);
    if (*used > r->rest.n)
        invalid(r, "more bytes consumed than given");
    else if (!data_ok(r, &ev))
        invalid(r, "event data is empty or lies elsewhere");
    else if (ahead && !is_body(&ev, pd_slice(r->rest.p, ahead)))
        invalid(r, "what was ahead was not a body");
    else
        take_event(r, &ev);
    if (!r->invalid)
        r->rest = pd_slice_from(r->rest, *used);
    return ev.kind;
}

/* After a fatal BAD the codec must stay bad, whatever comes. */
static void check_stays_bad(struct replay *r)
{
    struct pd_event ev;
    size_t used = 0;
    memset(&ev, 0xa5, sizeof ev);
    r->codec->next(r->state, r->rest, &used, r->scratch, &ev);
    if (ev.kind != PD_EV_BAD || !ev.fatal || used > r->rest.n)
        invalid(r, "after a fatal BAD the codec went on");
}

void replay_feed(struct replay *r, struct pd_slice bytes)
{
    if (r->over)
        return;
    r->rest = guard_place(r->guard, r->rest, bytes);
    size_t idle = 0;
    enum pd_event_kind kind;
    do {
        size_t used;
        kind = step(r, &used);
        idle = used ? 0 : idle + 1;
        if (idle > IDLE_EVENTS_MAX)
            invalid(r, "events without end and without consumed bytes");
    } while (kind != PD_EV_MORE && !r->over);
    if (kind == PD_EV_BAD && !r->invalid && !r->refused)
        check_stays_bad(r);
}

void replay_eof(struct replay *r)
{
    flush_run(r);
    if (r->over)
        return;
    bool boundary = r->codec->at_boundary(r->state) && r->rest.n == 0;
    text_printf(&r->events, "EOF %s\n", boundary ? "boundary" : "cut");
}
