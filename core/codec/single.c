/* single.c - one request for each connection (see single.h). */
#include "codec/single.h"

#include "codec/response.h"

/* --- the head ----------------------------------------------------------------------------------------------------- */

static void give(struct pd_event *ev, enum pd_event_kind kind)
{
    ev->kind = kind;
    ev->stream = PD_SINGLE_STREAM;
}

void pd_single_open(struct pd_single *s, struct pd_event *ev)
{
    s->phase = PD_SINGLE_OPENED;
    give(ev, PD_EV_OPEN);
}

void pd_single_give_head(struct pd_single *s, struct pd_event *ev)
{
    s->phase = PD_SINGLE_BODY;
    s->left = s->head.content_length > 0 ? (uint64_t)s->head.content_length : 0;
    give(ev, PD_EV_HEAD);
    ev->head = &s->head;
}

void pd_single_refuse(enum pd_reason reason, struct pd_event *ev)
{
    ev->kind = PD_EV_BAD;
    ev->reason = reason;
    ev->fatal = true;
}

void pd_single_refuse_head(struct pd_single *s, enum pd_reason reason, struct pd_event *ev)
{
    pd_single_refuse(reason, ev);
    ev->stream = PD_SINGLE_STREAM;
    ev->head = &s->head;
}

/* --- the body ----------------------------------------------------------------------------------------------------- */

static void take_body(struct pd_single *s, struct pd_slice in, size_t *used, struct pd_event *ev)
{
    if (s->phase == PD_SINGLE_DONE) {
        *used = in.n;
        ev->surplus = in.n > 0;
    } else if (s->left == 0) {
        s->phase = PD_SINGLE_DONE;
        give(ev, PD_EV_BODY_END);
    } else if (in.n > 0) {
        *used = s->left < in.n ? (size_t)s->left : in.n;
        s->left -= *used;
        give(ev, PD_EV_BODY);
        ev->data = pd_slice(in.p, *used);
    }
}

void pd_single_next(void *state, const struct pd_single_reader *reader, struct pd_slice in, size_t *used,
                    struct pd_scratch *scratch, struct pd_event *ev)
{
    struct pd_single *s = state;
    *used = 0;
    *ev = (struct pd_event){ .kind = PD_EV_MORE };
    s->some = s->some || in.n > 0;
    if (s->phase == PD_SINGLE_HEAD)
        reader->open(state, in, ev);
    else if (s->phase == PD_SINGLE_OPENED)
        reader->head(state, in, used, scratch, ev);
    else
        take_body(s, in, used, ev);
}

uint64_t pd_single_body_ahead(const void *state)
{
    const struct pd_single *s = state;
    return s->phase == PD_SINGLE_BODY ? s->left : 0;
}

/* A connection that ends before its first byte is normal: Apache opens one and then answers 411 itself. */
bool pd_single_at_boundary(const void *state)
{
    const struct pd_single *s = state;
    return s->phase == PD_SINGLE_DONE || !s->some;
}

/* --- the response ------------------------------------------------------------------------------------------------- */

enum pd_reason pd_single_put_head(void *state, uint32_t stream, struct pd_response *r, struct pd_buf *out)
{
    (void)state, (void)stream;
    r->close = true;
    return pd_response_put_cgi(r, out);
}

void pd_single_put_frame(void *state, uint32_t stream, const struct pd_response *r, size_t n, char *prefix,
                         size_t *prefix_n, char *suffix, size_t *suffix_n)
{
    (void)state, (void)stream, (void)r, (void)n, (void)prefix, (void)suffix;
    *prefix_n = 0;
    *suffix_n = 0;
}

/* The request is over, read or not: bytes that still come belong to nobody. */
void pd_single_drop(void *state, uint32_t stream)
{
    struct pd_single *s = state;
    (void)stream;
    s->phase = PD_SINGLE_DONE;
}

size_t pd_single_put_end(void *state, uint32_t stream, struct pd_response *r, char *dst)
{
    (void)r, (void)dst;
    pd_single_drop(state, stream);
    return 0;
}
