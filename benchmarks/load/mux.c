/*
 * mux.c - several FastCGI requests on one connection (section 3 of its specification).
 *
 * The codec speaks for one request with the id 1. Here each record gets the id of its request on the way out, and on
 * the way in goes to the codec of the request whose id it bears, without its padding.
 */
#include "codec/fastcgi.h"
#include "conn.h"
#include "fail.h"

void load_mux_put(struct load_conn *c, const struct load_ask *ask)
{
    struct pd_slice wire = ask->request->wire;
    if (pd_buf_put(&c->out, wire) != PD_BUF_OK)
        load_fail(LOAD_CANNOT, "out of memory, or the server takes nothing any more");
    unsigned char *at = (unsigned char *)c->out.data + c->out.end - wire.n;
    for (const unsigned char *end = at + wire.n; at < end;) {
        at[2] = (unsigned char)(ask->id >> 8);
        at[3] = (unsigned char)(ask->id & 0xff);
        at += FCGI_HEADER_LEN + ((size_t)at[4] << 8 | at[5]) + at[6];
    }
}

/* A record header is complete; false: the connection is over. */
static bool begin(struct load_run *r, struct load_conn *c)
{
    struct load_demux *d = &c->demux;
    unsigned id = (unsigned)d->header[2] << 8 | d->header[3];
    d->have = 0;
    d->content = (size_t)d->header[4] << 8 | d->header[5];
    d->padding = d->header[6];
    d->to = id && id <= r->options->streams ? &c->asks[id - 1] : NULL;
    if (id && (!d->to || !d->to->request)) {
        load_conn_fail(r, c, LOAD_MALFORMED, "a FastCGI record for a request that is not under way");
        return false;
    }
    if (!d->to)
        return true;
    d->header[2] = d->header[6] = 0;
    d->header[3] = 1;
    d->to->begun = true;
    return load_conn_take(r, d->to, pd_slice((const char *)d->header, sizeof d->header)) || c->fd >= 0;
}

bool load_mux_take(struct load_run *r, struct load_conn *c, struct pd_slice in)
{
    struct load_demux *d = &c->demux;
    while (in.n) {
        if (d->content) {
            size_t n = in.n < d->content ? in.n : d->content;
            d->content -= n;
            if (d->to && !load_conn_take(r, d->to, pd_slice(in.p, n)) && c->fd < 0)
                return false;
            in = pd_slice_from(in, n);
        } else if (d->padding) {
            size_t n = in.n < d->padding ? in.n : d->padding;
            d->padding -= n;
            in = pd_slice_from(in, n);
        } else {
            d->header[d->have++] = (unsigned char)*in.p;
            in = pd_slice_from(in, 1);
            if (d->have == sizeof d->header && !begin(r, c))
                return false;
        }
    }
    return true;
}
