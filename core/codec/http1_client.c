/*
 * http1_client.c - asks over HTTP/1.1: one request on a connection of its own (RFC 9112).
 */
#include <assert.h>

#include "codec/answer.h"
#include "codec/client_out.h"

struct http_client {
    struct pd_answer_reader reader;
    bool chunked; /* the body of the request has the chunked coding */
};

static_assert(sizeof(struct http_client) <= PD_CLIENT_STATE_MAX, "a client keeps this much room");
static_assert(offsetof(struct http_client, reader) == 0, "pd_client_fini() and its like take it for that");

static void http_client_init(void *state, const struct pd_sys *sys, const struct pd_limits *limits)
{
    struct http_client *c = state;
    *c = (struct http_client){ .chunked = false };
    pd_answer_init(&c->reader, PD_FORM_HTTP, false, sys, limits);
}

static void put_field(struct pd_client_out *out, struct pd_slice name, struct pd_slice value)
{
    pd_out_put(out, name);
    pd_out_put(out, PD_SLICE(": "));
    pd_out_put(out, value);
    pd_out_put(out, PD_SLICE("\r\n"));
}

static enum pd_reason http_client_put_head(void *state, const struct pd_head *head, struct pd_buf *buf)
{
    struct http_client *c = state;
    struct pd_client_out out = { buf, pd_client_head_check(head, head->nfields) };
    pd_answer_to(&c->reader, head->method);
    c->chunked = head->chunked;
    pd_out_put(&out, head->method);
    pd_out_put(&out, PD_SLICE(" "));
    pd_out_put(&out, head->target);
    pd_out_put(&out, PD_SLICE(" HTTP/1.1\r\n"));
    for (size_t i = 0; i < head->nfields; i++)
        put_field(&out, head->fields[i].name, head->fields[i].value);
    if (head->chunked) {
        put_field(&out, PD_SLICE("Transfer-Encoding"), PD_SLICE("chunked"));
    } else if (head->content_length >= 0) {
        char digits[PD_DECIMAL_MAX];
        put_field(&out, PD_SLICE("Content-Length"), pd_decimal((uint64_t)head->content_length, digits));
    }
    if (!head->keep_alive)
        put_field(&out, PD_SLICE("Connection"), PD_SLICE("close"));
    pd_out_put(&out, PD_SLICE("\r\n"));
    return out.bad;
}

static void http_client_put_frame(void *state, size_t n, char *prefix, size_t *prefix_n, char *suffix, size_t *suffix_n)
{
    struct http_client *c = state;
    *prefix_n = *suffix_n = 0;
    if (!c->chunked)
        return;
    *prefix_n = pd_chunked_put_size(prefix, n);
    memcpy(suffix, "\r\n", 2);
    *suffix_n = 2;
}

static size_t http_client_put_end(void *state, char *dst)
{
    struct http_client *c = state;
    const struct pd_slice last = PD_SLICE("0\r\n\r\n");
    if (!c->chunked)
        return 0;
    memcpy(dst, last.p, last.n);
    return last.n;
}

const struct pd_client_codec pd_client_http1 = {
    .name = "http1",
    .state_size = sizeof(struct http_client),
    .form = PD_HEAD_HTTP,
    .sends_chunks = true,
    .frame_max = SIZE_MAX,
    .init = http_client_init,
    .fini = pd_client_fini,
    .put_head = http_client_put_head,
    .put_frame = http_client_put_frame,
    .put_end = http_client_put_end,
    .next = pd_client_next,
    .eof = pd_client_eof,
};
