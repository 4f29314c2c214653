/*
 * uwsgi_client.c - asks over uwsgi: four bytes, a block of variables, the body; closing ends the response.
 *
 * From uwsgi-docs, Protocol.rst. The response should be that of HTTP/1.x; one in CGI style is taken, too, as nginx
 * does.
 */
#include "codec/answer.h"
#include "codec/client_out.h"

enum { UWSGI_BLOCK_MAX = 65535 }; /* its size has 16 bits */

static void put_sized(struct pd_client_out *out, struct pd_slice s)
{
    char size[2] = { (char)(s.n & 0xff), (char)(s.n >> 8 & 0xff) };
    pd_out_put(out, pd_slice(size, sizeof size));
    pd_out_put(out, s);
}

static enum pd_reason uwsgi_client_put_head(void *state, const struct pd_head *head, struct pd_buf *buf)
{
    struct pd_client_out out = { buf, pd_client_vars_check(head) };
    if (head->chunked)
        return PD_R_BAD_CONTENT_LENGTH; /* the protocol has no body of unknown length */
    pd_answer_to(state, pd_client_var(head, PD_SLICE("REQUEST_METHOD")));
    size_t n = 0;
    struct pd_field f;
    struct pd_client_vars v = pd_client_vars(head, false);
    while (pd_client_vars_next(&v, &f))
        n += f.name.n + f.value.n + 4;
    if (n > UWSGI_BLOCK_MAX)
        return PD_R_HEAD_TOO_LARGE;
    char packet[4] = { 0, (char)(n & 0xff), (char)(n >> 8 & 0xff), 0 }; /* both modifiers are 0: a WSGI request */
    pd_out_put(&out, pd_slice(packet, sizeof packet));
    v = pd_client_vars(head, false);
    while (pd_client_vars_next(&v, &f)) {
        put_sized(&out, f.name);
        put_sized(&out, f.value);
    }
    return out.bad;
}

const struct pd_client_codec pd_client_uwsgi = {
    .name = "uwsgi",
    .state_size = sizeof(struct pd_answer_reader),
    .form = PD_HEAD_CGI,
    .sends_chunks = false,
    .frame_max = SIZE_MAX,
    .init = pd_client_init_plain,
    .fini = pd_client_fini,
    .put_head = uwsgi_client_put_head,
    .put_frame = pd_client_put_no_frame,
    .put_end = pd_client_put_no_end,
    .next = pd_client_next,
    .eof = pd_client_eof,
};
