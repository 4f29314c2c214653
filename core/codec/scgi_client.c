/*
 * scgi_client.c - asks over SCGI: one netstring of variables, the body, and a CGI response that closing ends.
 *
 * CONTENT_LENGTH stands first, SCGI second, as the protocol wants it (python.ca/scgi/protocol.txt).
 */
#include "codec/answer.h"
#include "codec/client_out.h"

static void put_variable(struct pd_client_out *out, struct pd_slice name, struct pd_slice value)
{
    pd_out_put(out, name);
    pd_out_put(out, pd_slice("", 1));
    pd_out_put(out, value);
    pd_out_put(out, pd_slice("", 1));
}

static enum pd_reason scgi_client_put_head(void *state, const struct pd_head *head, struct pd_buf *buf)
{
    const struct pd_slice version = PD_SLICE("SCGI"), one = PD_SLICE("1");
    struct pd_client_out out = { buf, pd_client_vars_check(head) };
    if (head->chunked)
        return PD_R_BAD_CONTENT_LENGTH; /* the protocol has no body of unknown length */
    pd_answer_to(state, pd_client_var(head, PD_SLICE("REQUEST_METHOD")));
    size_t n = version.n + one.n + 2;
    struct pd_field f;
    struct pd_client_vars v = pd_client_vars(head, true);
    while (pd_client_vars_next(&v, &f))
        n += f.name.n + f.value.n + 2;
    char digits[PD_DECIMAL_MAX];
    pd_out_put(&out, pd_decimal(n, digits));
    pd_out_put(&out, PD_SLICE(":"));
    v = pd_client_vars(head, true);
    for (bool first = true; pd_client_vars_next(&v, &f); first = false) {
        put_variable(&out, f.name, f.value);
        if (first)
            put_variable(&out, version, one);
    }
    pd_out_put(&out, PD_SLICE(","));
    return out.bad;
}

const struct pd_client_codec pd_client_scgi = {
    .name = "scgi",
    .state_size = sizeof(struct pd_answer_reader),
    .form = PD_HEAD_CGI,
    .sends_chunks = false,
    .frame_max = SIZE_MAX,
    .init = pd_client_init_plain,
    .fini = pd_client_fini,
    .put_head = scgi_client_put_head,
    .put_frame = pd_client_put_no_frame,
    .put_end = pd_client_put_no_end,
    .next = pd_client_next,
    .eof = pd_client_eof,
};
