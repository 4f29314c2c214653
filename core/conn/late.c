/* late.c - a whole response in one piece, beside the one that the application works on (see late.h). */
#include "conn/late.h"

#include "conn/page.h"
#include "conn/respond.h"

enum { LATE_MAX = 8192 }; /* page and head of our own answers are far smaller */

/* A frame with `head` and `body` in it; nothing if both are empty. */
static bool put_frame(struct pd_exchange *x, const struct pd_response *r, struct pd_slice head, struct pd_slice body,
                      struct pd_buf *out)
{
    const struct pd_conn *c = x->conn;
    char prefix[PD_FRAME_PREFIX_MAX];
    char suffix[PD_FRAME_SUFFIX_MAX];
    size_t prefix_n = 0;
    size_t suffix_n = 0;
    size_t n = head.n + body.n;
    if (n > pd_codec_frame_max(c->codec, c->codec_state))
        return false;
    if (n)
        c->codec->put_frame(c->codec_state, x->stream, r, n, prefix, &prefix_n, suffix, &suffix_n);
    return pd_buf_put(out, pd_slice(prefix, prefix_n)) == PD_BUF_OK && pd_buf_put(out, head) == PD_BUF_OK &&
           pd_buf_put(out, body) == PD_BUF_OK && pd_buf_put(out, pd_slice(suffix, suffix_n)) == PD_BUF_OK;
}

/* All of the response but its end; the head is encoded into a buffer of its own, as it may have to go into a frame. */
static bool late_encode(struct pd_exchange *x, struct pd_response *r, struct pd_slice page, struct pd_buf *out)
{
    const struct pd_conn *c = x->conn;
    struct pd_buf head;
    pd_buf_init(&head, c->host->sys, LATE_MAX);
    bool ok = c->codec->put_head(c->codec_state, x->stream, r, &head) == PD_R_NONE;
    struct pd_slice encoded = pd_buf_view(&head);
    if (r->bodiless)
        page.n = 0;
    if (ok && !c->codec->head_is_data) {
        ok = pd_buf_put(out, encoded) == PD_BUF_OK;
        encoded.n = 0;
    }
    ok = ok && put_frame(x, r, encoded, page, out);
    x->body_sent = page.n;
    pd_buf_fini(&head);
    return ok;
}

static struct pd_slice late_compose(const struct pd_exchange *x, enum pd_reason why, struct pd_response *r,
                                    char text[PD_PAGE_MAX])
{
    const struct pd_conn *c = x->conn;
    int status = pd_reason_status(why);
    char id[PD_EXCHANGE_ID_SIZE];
    pd_exchange_id_put(x, id);
    r->http_minor = x->request.http_minor;
    r->is_head = x->request.is_head;
    r->server = PD_SLICE("polydoor");
    r->keep_alive = c->codec->multiplexed && x->request.keep_alive && !c->host->draining && !c->closing;
    return pd_page_compose(&x->request, r, status, "", id, status == 503 ? c->host->retry_after(c->host) : 0, text);
}

bool pd_late_answer(struct pd_exchange *x, enum pd_reason why)
{
    struct pd_conn *c = x->conn;
    const struct pd_sys *sys = c->host->sys;
    char text[PD_PAGE_MAX];
    char date[PD_DATE_LEN];
    char end[PD_END_MAX];
    struct pd_response r;
    struct pd_buf out;
    pd_response_init(&r, sys, LATE_MAX);
    pd_buf_init(&out, sys, LATE_MAX);
    struct pd_slice page = late_compose(x, why, &r, text);
    pd_date_put(PD_SYS0(sys, wall_s), date);
    r.date = pd_slice(date, PD_DATE_LEN);
    bool ok = page.n && pd_buf_reserve(&out, LATE_MAX / 2) == PD_BUF_OK && late_encode(x, &r, page, &out);
    if (ok) {
        size_t end_n = c->codec->put_end(c->codec_state, x->stream, &r, end);
        ok = pd_buf_put(&out, pd_slice(end, end_n)) == PD_BUF_OK;
    }
    if (ok) {
        x->answered = r.status;
        c->closing |= r.close || !c->codec->multiplexed;
        c->input_bad |= !c->codec->multiplexed; /* what follows on this connection is not served */
        pd_respond_put(c, pd_buf_view(&out));
    }
    pd_response_fini(&r);
    pd_buf_fini(&out);
    return ok;
}
