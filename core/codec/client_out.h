/* client_out.h - how the client halves write a request: appending until something fails. */
#ifndef PD_CLIENT_OUT_H
#define PD_CLIENT_OUT_H

#include "codec/client.h"

struct pd_client_out {
    struct pd_buf *buf;
    enum pd_reason bad; /* the first thing that went wrong; nothing is written behind it */
};

enum { PD_DECIMAL_MAX = 20 }; /* 2^64 has 20 digits */

static inline void pd_out_put(struct pd_client_out *o, struct pd_slice s)
{
    if (o->bad)
        return;
    enum pd_buf_result put = pd_buf_put(o->buf, s);
    o->bad = put == PD_BUF_OK ? PD_R_NONE : put == PD_BUF_FULL ? PD_R_HEAD_TOO_LARGE : PD_R_NO_MEMORY;
}

/*
 * Whether method, target and the first `nheaders` fields, which are header fields, can be sent: nothing may end a line
 * too early, or frame the body a second time.
 */
enum pd_reason pd_client_head_check(const struct pd_head *head, size_t nheaders) PD_MUST_CHECK;

/* A number's decimal digits, written into `dst`. */
static inline struct pd_slice pd_decimal(uint64_t n, char dst[PD_DECIMAL_MAX])
{
    size_t first = PD_DECIMAL_MAX;
    do
        dst[--first] = (char)('0' + n % 10);
    while (n /= 10);
    return pd_slice(dst + first, PD_DECIMAL_MAX - first);
}

/*
 * The variables of a gateway request one by one: CONTENT_LENGTH first where it is sent, then those of head->fields but
 * for CONTENT_LENGTH and SCGI, which belong to the framing.
 */
struct pd_client_vars {
    const struct pd_head *head;
    size_t next;
    bool length_done;
    char digits[PD_DECIMAL_MAX];
};

/* Where `always`, CONTENT_LENGTH is sent for a request without a body, too, as 0. */
struct pd_client_vars pd_client_vars(const struct pd_head *head, bool always);
bool pd_client_vars_next(struct pd_client_vars *v, struct pd_field *f);
/* Whether the variables can be sent: a name with '=' or NUL, or a value with NUL, fits no environment. */
enum pd_reason pd_client_vars_check(const struct pd_head *head) PD_MUST_CHECK;
/* The value of a variable, or an empty slice. */
struct pd_slice pd_client_var(const struct pd_head *head, struct pd_slice name);

#endif
