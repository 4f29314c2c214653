/*
 * ajp13.c - AJP13: packets, the body on demand, pings (see ajp13.h).
 *
 * - A FORWARD_REQUEST is waited for as a whole, which is one packet; data is
 *   passed on as it arrives. No announced length is allocated.
 * - A data packet has no code, so in the place of a request it can be taken
 *   for one (CVE-2022-26377). Bytes that come before our END_RESPONSE make it
 *   the last one of the connection, and what is neither FORWARD_REQUEST nor
 *   CPING closes it.
 * - The web server sends the first packet of a body of known length unasked,
 *   and every other one when it gets GET_BODY_CHUNK; so no more is asked for
 *   while nobody asks this codec for more.
 *
 * A fatal event consumes nothing, so asking again gives the same answer.
 */
#include "codec/ajp13.h"

#include <assert.h>

#include "codec/response.h"

static_assert(sizeof(struct ajp) <= PD_CODEC_STATE_MAX, "the connection keeps this much room");

static void ajp_init(void *state, const struct pd_limits *limits, const struct pd_codec_options *options)
{
    struct ajp *a = state;
    size_t packet = options->packet ? options->packet : AJP_PACKET_DEFAULT;
    assert(packet >= AJP_PACKET_DEFAULT && packet <= AJP_PACKET_MAX);
    *a = (struct ajp){ .limits = limits, .options = options, .packet = (uint32_t)packet, .phase = AJP_IDLE };
}

static void give(struct pd_event *ev, enum pd_event_kind kind)
{
    ev->kind = kind;
    ev->stream = AJP_STREAM;
}

static void refuse(struct pd_event *ev, enum pd_reason reason)
{
    give(ev, PD_EV_BAD);
    ev->reason = reason;
    ev->fatal = true;
}

static void reply(struct pd_event *ev, const struct pd_scratch *scratch, const char *end)
{
    give(ev, PD_EV_REPLY);
    ev->data = pd_slice(scratch->reply, (size_t)(end - scratch->reply));
}

/* --- packets --- */

/* False: 12 34 and the length of the payload are not there yet, or it is no packet, which `ev` then tells. */
static bool take_header(struct pd_cursor *c, size_t *length, struct pd_event *ev)
{
    static const uint8_t magic[2] = { 0x12, 0x34 };
    for (size_t i = 0; i < sizeof magic; i++) {
        uint8_t byte = pd_cursor_u8(c);
        if (c->ok && byte != magic[i])
            refuse(ev, PD_R_AJP_BAD_MAGIC); /* at the first byte: HTTP, TLS or noise */
        if (!c->ok || byte != magic[i])
            return false;
    }
    *length = pd_cursor_be16(c);
    return c->ok;
}

static enum pd_reason check_request_size(const struct ajp *a, size_t length)
{
    if (AJP_HEADER_LEN + length > a->packet)
        return PD_R_AJP_PACKET_TOO_LARGE;
    return length > a->limits->head ? PD_R_HEAD_TOO_LARGE : PD_R_NONE;
}

/* A packet where a request may begin, behind its header. */
static void take_request(struct ajp *a, struct pd_cursor *c, size_t length, size_t *used, struct pd_scratch *scratch,
                         struct pd_event *ev)
{
    size_t there = pd_cursor_left(c);
    uint8_t code = pd_cursor_u8(c);
    if (!c->ok)
        return;
    if (code == AJP_CPING && length == 1) {
        *used += AJP_HEADER_LEN + 1;
        a->empty_ok = false;
        reply(ev, scratch, ajp_put_packet(scratch->reply, 1, AJP_CPONG));
        return;
    }
    if (code != AJP_FORWARD_REQUEST) {
        refuse(ev, code == AJP_SHUTDOWN ? PD_R_AJP_SHUTDOWN : PD_R_AJP_BAD_PACKET);
        return;
    }
    enum pd_reason bad = check_request_size(a, length);
    if (bad) {
        refuse(ev, bad);
        return;
    }
    if (there < length)
        return;
    a->phase = AJP_OPENED;
    give(ev, PD_EV_OPEN);
}

static void next_idle(struct ajp *a, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct pd_cursor c = pd_cursor(in);
    size_t length = 0;
    if (!take_header(&c, &length, ev))
        return;
    if (length == 0 && a->empty_ok) {
        *used = AJP_HEADER_LEN;
        a->empty_ok = false;
        next_idle(a, pd_slice_from(in, AJP_HEADER_LEN), used, scratch, ev);
        return;
    }
    if (length == 0)
        refuse(ev, PD_R_AJP_BAD_PACKET);
    else
        take_request(a, &c, length, used, scratch, ev);
}

/* --- the head --- */

static void next_head(struct ajp *a, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct pd_cursor c = pd_cursor(in);
    size_t length = 0;
    bool there = take_header(&c, &length, ev);
    assert(there && pd_cursor_left(&c) >= length); /* unconsumed input never shrinks */
    (void)there;
    enum pd_reason bad = pd_ajp_parse(a, pd_slice((const char *)c.p + 1, length - 1), scratch);
    ev->head = &a->head;
    if (bad) {
        refuse(ev, bad);
        return;
    }
    *used = AJP_HEADER_LEN + length;
    a->left = a->head.content_length > 0 ? (uint64_t)a->head.content_length : 0;
    a->asked = a->left > 0;
    a->phase = a->left > 0 || a->head.chunked ? AJP_BODY : AJP_ENDED;
    a->empty_ok = a->phase == AJP_ENDED;
    a->surplus = false;
    give(ev, PD_EV_HEAD);
}

/* --- the body --- */

static void ask_for_data(struct ajp *a, struct pd_scratch *scratch, struct pd_event *ev)
{
    size_t want = a->packet - AJP_DATA_OVERHEAD;
    if (!a->head.chunked && a->left < want)
        want = (size_t)a->left;
    a->asked = true;
    reply(ev, scratch, ajp_put16(ajp_put_packet(scratch->reply, 3, AJP_GET_BODY_CHUNK), want));
}

static void next_ended(struct ajp *a, struct pd_event *ev)
{
    a->phase = AJP_READ;
    give(ev, PD_EV_BODY_END);
}

/* mod_jk ends a body of unknown length by 12 34 00 00, mod_proxy_ajp by 12 34 00 02 00 00. */
static void take_end_mark(struct ajp *a, size_t *used, size_t n, struct pd_event *ev)
{
    if (!a->head.chunked) {
        refuse(ev, PD_R_BODY_TRUNCATED);
        return;
    }
    *used = n;
    next_ended(a, ev);
}

/* The bytes of data in a packet of `length`; false: not known yet, or wrong, which `ev` then tells. */
static bool take_data_length(const struct ajp *a, struct pd_cursor *c, size_t length, size_t *n, struct pd_event *ev)
{
    *n = length;
    bool fits = AJP_HEADER_LEN + length <= a->packet;
    if (fits && !a->options->lighttpd && length > 0) {
        *n = pd_cursor_be16(c);
        if (!c->ok && length >= 2)
            return false;
        fits = *n + 2 == length;
    }
    if (fits && (a->head.chunked || *n <= a->left))
        return true;
    refuse(ev, PD_R_AJP_BAD_DATA);
    return false;
}

static void next_body(struct ajp *a, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct pd_cursor c = pd_cursor(in);
    size_t length = 0, n = 0;
    if (!a->asked) {
        ask_for_data(a, scratch, ev);
        return;
    }
    if (!take_header(&c, &length, ev) || !take_data_length(a, &c, length, &n, ev))
        return;
    size_t header = in.n - pd_cursor_left(&c);
    if (n == 0) {
        take_end_mark(a, used, header, ev);
        return;
    }
    if (pd_cursor_left(&c) == 0)
        return;
    a->phase = AJP_DATA;
    a->data = (uint32_t)n;
    *used = header;
}

static void next_data(struct ajp *a, struct pd_slice in, size_t *used, struct pd_event *ev)
{
    if (in.n == 0)
        return;
    size_t n = in.n < a->data ? in.n : a->data;
    ev->data = pd_slice(in.p, n);
    *used += n;
    a->data -= (uint32_t)n;
    a->left -= a->head.chunked ? 0 : n;
    a->asked = a->data > 0;
    if (a->data == 0)
        a->phase = a->head.chunked || a->left > 0 ? AJP_BODY : AJP_ENDED;
    give(ev, PD_EV_BODY);
}

/* Nobody sends anything here but lighttpd its empty packet: whatever else comes is not for us to understand. */
static void next_read(struct ajp *a, struct pd_slice in, size_t *used)
{
    static const char empty[] = { 0x12, 0x34, 0, 0 };
    if (a->empty_ok && !a->surplus && pd_slice_has_prefix(in, pd_slice(empty, sizeof empty))) {
        *used = sizeof empty;
        a->empty_ok = false;
    }
    in = pd_slice_from(in, *used);
    bool begins = a->empty_ok && pd_slice_has_prefix(pd_slice(empty, sizeof empty), in);
    a->surplus = a->surplus || (in.n > 0 && !begins);
}

/* --- struct pd_codec --- */

static void ajp_next(void *state, struct pd_slice in, size_t *used, struct pd_scratch *scratch, struct pd_event *ev)
{
    struct ajp *a = state;
    *used = 0;
    *ev = (struct pd_event){ .kind = PD_EV_MORE };
    switch ((enum ajp_phase)a->phase) {
    case AJP_IDLE:
        next_idle(a, in, used, scratch, ev);
        break;
    case AJP_OPENED:
        next_head(a, in, used, scratch, ev);
        break;
    case AJP_BODY:
        next_body(a, in, used, scratch, ev);
        if (a->phase == AJP_DATA)
            next_data(a, pd_slice_from(in, *used), used, ev);
        break;
    case AJP_DATA:
        next_data(a, in, used, ev);
        break;
    case AJP_ENDED:
        next_ended(a, ev);
        break;
    case AJP_READ:
        next_read(a, in, used);
        break;
    case AJP_OVER:
        *used = in.n;
        ev->surplus = in.n > 0;
        break;
    }
    a->cut = ev->kind == PD_EV_MORE && *used < in.n;
}

/* The last request may have been one without a body. */
static void ajp_resume(void *state)
{
    ((struct ajp *)state)->empty_ok = true;
}

static bool ajp_at_boundary(const void *state)
{
    const struct ajp *a = state;
    return (a->phase == AJP_IDLE || a->phase == AJP_READ || a->phase == AJP_OVER) && !a->cut;
}

static size_t ajp_frame_room(const void *state)
{
    const struct ajp *a = state;
    return a->packet - AJP_CHUNK_OVERHEAD;
}

/* The request is over, read or not: bytes that still come belong to nobody. */
static void ajp_drop(void *state, uint32_t stream)
{
    struct ajp *a = state;
    (void)stream;
    a->phase = AJP_OVER;
}

const struct pd_codec pd_codec_ajp13 = {
    .name = "ajp",
    .state_size = sizeof(struct ajp),
    .multiplexed = false,
    .head_is_data = false,
    .gateway = true,
    .frame_max = AJP_PACKET_MAX - AJP_CHUNK_OVERHEAD,
    .frame_room = ajp_frame_room,
    .init = ajp_init,
    .next = ajp_next,
    .parse_head = NULL,
    .resume = ajp_resume,
    .at_boundary = ajp_at_boundary,
    .put_head = pd_ajp_put_head,
    .put_frame = pd_ajp_put_frame,
    .put_flush = pd_ajp_put_flush,
    .put_end = pd_ajp_put_end,
    .drop = ajp_drop,
};
