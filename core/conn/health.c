/* health.c - requests that ask whether this server is well (see health.h). */
#include "conn/health.h"

#include "conn/respond.h"

/*
 * What follows the configured path in PATH_INFO, so that a mount does not matter; p is NULL for any other request. An
 * authorizer is not asked about itself: its 200 would let the request pass.
 */
static struct pd_slice health_suffix(const struct pd_exchange *x)
{
    const char *text = x->conn->host->config.health_path;
    struct pd_slice path = pd_slice(text, strlen(text));
    const struct pd_request *q = &x->request;
    bool below = path.n && !q->authorizer && pd_slice_has_prefix(q->path, path);
    return below ? pd_slice_from(q->path, path.n) : PD_SLICE_NONE;
}

bool pd_health_is_asked(const struct pd_exchange *x)
{
    struct pd_slice suffix = health_suffix(x);
    return suffix.p && (!suffix.n || pd_slice_eq(suffix, PD_SLICE("/ready")) || pd_slice_eq(suffix, PD_SLICE("/live")));
}

/* Fills x->response; false without memory. */
static bool health_compose(struct pd_exchange *x, struct pd_slice status, struct pd_slice body)
{
    struct pd_response *r = &x->response;
    bool ok = pd_response_start(r, status) == PD_R_NONE &&
              pd_response_add(r, PD_SLICE("Content-Type"), PD_SLICE("text/plain; charset=utf-8")) == PD_R_NONE &&
              pd_response_add(r, PD_SLICE("Cache-Control"), PD_SLICE("no-store")) == PD_R_NONE;
    if (ok && r->status == 405) /* RFC 9110 section 15.5.6 */
        ok = pd_response_add(r, PD_SLICE("Allow"), PD_SLICE("GET, HEAD")) == PD_R_NONE;
    return ok && pd_response_set_length(r, body.n) == PD_R_NONE;
}

void pd_health_answer(struct pd_exchange *x)
{
    struct pd_host *host = x->conn->host;
    bool live = pd_slice_eq(health_suffix(x), PD_SLICE("/live"));
    struct pd_slice status = PD_SLICE("503 Service Unavailable");
    struct pd_slice body;
    if (!x->request.is_head && !pd_slice_eq(x->request.method, PD_SLICE("GET"))) {
        status = PD_SLICE("405 Method Not Allowed");
        body = PD_SLICE("method not allowed\n");
    } else if (!live && host->draining)
        body = PD_SLICE("draining\n");
    else if (!live && !host->has_room(host))
        body = PD_SLICE("full\n");
    else {
        status = PD_SLICE("200 OK");
        body = PD_SLICE("ok\n");
    }
    enum pd_send sent = health_compose(x, status, body) ? pd_respond_last(x, body, false) : PD_SEND_BAD_HEAD;
    if (sent == PD_SEND_AGAIN || sent == PD_SEND_BAD_HEAD)
        pd_respond_break(x);
    host->health_checks++;
}
