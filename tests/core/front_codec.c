/* front_codec.c - what stands before a codec on a connection, in the clothes of a codec (see front_codec.h). */
#include "front_codec.h"

#include <stdio.h>

#include "codec/detect.h"
#include "codec/proxy.h"

struct front {
    const struct pd_codec *inner; /* NULL: not there yet */
    const struct pd_limits *limits;
    const struct pd_codec_options *options;
    bool some;
    _Alignas(16) char state[PD_CODEC_STATE_MAX];
};

static void front_init(void *state, const struct pd_limits *limits, const struct pd_codec_options *options)
{
    struct front *f = state;
    f->inner = NULL;
    f->limits = limits;
    f->options = options;
    f->some = false;
}

static void begin(struct front *f, const struct pd_codec *inner)
{
    f->inner = inner;
    inner->init(f->state, f->limits, f->options);
}

static void next_proxied(struct front *f, struct pd_slice in, size_t *used, struct pd_scratch *scratch,
                         struct pd_event *ev)
{
    struct pd_proxied who;
    enum pd_reason reason;
    int n;
    switch (pd_proxy_parse(in, &who, used, &reason)) {
    case PD_PROXY_MORE:
        break;
    case PD_PROXY_DONE:
        begin(f, &pd_codec_http1);
        n = snprintf(scratch->reply, sizeof scratch->reply, who.named ? "%s %s" : "-", who.addr, who.port);
        ev->kind = PD_EV_REPLY;
        ev->data = pd_slice(scratch->reply, (size_t)n);
        break;
    case PD_PROXY_BAD:
        *ev = (struct pd_event){ .kind = PD_EV_BAD, .reason = reason, .fatal = true };
        break;
    }
}

static void proxy_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct front *f = state;
    *used = 0;
    *ev = (struct pd_event){ .kind = PD_EV_MORE };
    f->some = f->some || in.n;
    if (f->inner)
        f->inner->next(f->state, in, used, scratch, ev);
    else
        next_proxied(f, in, used, scratch, ev);
}

static void auto_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct front *f = state;
    enum pd_reason reason = PD_R_NONE;
    *used = 0;
    *ev = (struct pd_event){ .kind = PD_EV_MORE };
    f->some = f->some || in.n;
    const struct pd_codec *found = f->inner || !in.n ? NULL : pd_detect(in.p[0], f->options, &reason);
    if (found && !reason)
        begin(f, found);
    if (reason)
        *ev = (struct pd_event){ .kind = PD_EV_BAD, .reason = reason, .fatal = true };
    else if (f->inner)
        f->inner->next(f->state, in, used, scratch, ev);
}

static enum pd_reason front_parse_head(void *state, uint32_t stream, struct pd_slice bytes, struct pd_scratch *scratch,
                                       struct pd_head *head)
{
    struct front *f = state;
    return f->inner->parse_head(f->state, stream, bytes, scratch, head);
}

static bool front_at_boundary(const void *state)
{
    const struct front *f = state;
    return f->inner ? f->inner->at_boundary(f->state) : !f->some;
}

static enum pd_reason front_put_head(void *state, uint32_t stream, struct pd_response *r, struct pd_buf *out)
{
    struct front *f = state;
    return f->inner->put_head(f->state, stream, r, out);
}

static void front_put_frame(void *state, uint32_t stream, const struct pd_response *r, size_t n, char *prefix,
                            size_t *prefix_n, char *suffix, size_t *suffix_n)
{
    struct front *f = state;
    f->inner->put_frame(f->state, stream, r, n, prefix, prefix_n, suffix, suffix_n);
}

static size_t front_put_end(void *state, uint32_t stream, struct pd_response *r, char *dst)
{
    struct front *f = state;
    return f->inner->put_end(f->state, stream, r, dst);
}

static void front_drop(void *state, uint32_t stream)
{
    struct front *f = state;
    f->inner->drop(f->state, stream);
}

const struct pd_codec front_codec_proxy = {
    .name = "proxy",
    .state_size = sizeof(struct front),
    .frame_max = SIZE_MAX,
    .init = front_init,
    .next = proxy_next,
    .parse_head = front_parse_head,
    .at_boundary = front_at_boundary,
    .put_head = front_put_head,
    .put_frame = front_put_frame,
    .put_end = front_put_end,
    .drop = front_drop,
};

const struct pd_codec front_codec_auto = {
    .name = "auto",
    .state_size = sizeof(struct front),
    .frame_max = SIZE_MAX,
    .init = front_init,
    .next = auto_next,
    .parse_head = front_parse_head,
    .at_boundary = front_at_boundary,
    .put_head = front_put_head,
    .put_frame = front_put_frame,
    .put_end = front_put_end,
    .drop = front_drop,
};
