/* forwarded.c - whom a request really comes from (see forwarded.h). */
#include "codec/forwarded.h"

#include "codec/authority.h"
#include "codec/bytes.h"

enum {
    PORT_DIGITS_MAX = 5,
    STAMP_DIGITS_MAX = 19, /* nanoseconds; what fits into 64 bits */
};

/* What one proxy, or several, said. A slice with p == NULL: nothing. */
struct told {
    struct pd_slice addr;
    struct pd_slice port; /* of the client */
    struct pd_slice proto;
    struct pd_slice host;
    struct pd_slice server; /* port of the server that the client asked */
    size_t depth;           /* how many entries of the list of addresses were believed */
};

/* --- texts --- */

/* Cuts what stands behind the last `mark` off `list`; a mark inside of quotes is none. */
static struct pd_slice take_last(struct pd_slice *list, char mark)
{
    bool quoted = false;
    for (size_t i = list->n; i-- > 0;) {
        if (list->p[i] == '"')
            quoted = !quoted;
        if (list->p[i] != mark || quoted)
            continue;
        struct pd_slice last = pd_slice_from(*list, i + 1);
        list->n = i;
        return pd_slice_trim(last);
    }
    struct pd_slice last = *list;
    list->n = 0;
    return pd_slice_trim(last);
}

static bool is_port(struct pd_slice s)
{
    return s.n > 0 && s.n <= PORT_DIGITS_MAX && pd_port_is_valid(s);
}

/* "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]:4711". */
static bool read_node(struct pd_slice s, struct pd_slice *addr, struct pd_slice *port, struct pd_ip *ip)
{
    size_t end = s.n;
    *port = PD_SLICE_NONE;
    if (s.n && s.p[0] == '[') {
        end = pd_slice_find(s, ']');
        if (end == s.n)
            return false;
        *addr = pd_slice(s.p + 1, end - 1);
        end++;
    } else {
        size_t colon = pd_slice_find(s, ':');
        bool one = colon < s.n && pd_slice_find(pd_slice_from(s, colon + 1), ':') == s.n - colon - 1;
        end = one ? colon : s.n;
        *addr = pd_slice(s.p, end);
    }
    if (end < s.n) {
        if (s.p[end] != ':' || !is_port(pd_slice_from(s, end + 1)))
            return false;
        *port = pd_slice_from(s, end + 1);
    }
    return pd_ip_parse(*addr, ip);
}

/* --- who is believed --- */

static bool is_trusted(const struct pd_forwarders *f, const struct pd_ip *ip)
{
    for (size_t i = 0; i < f->n; i++)
        if (pd_net_has(&f->nets[i], ip))
            return true;
    return false;
}

/* The peer itself: without its word there is nothing to read. */
static bool is_peer_trusted(const struct pd_forwarders *f, const struct pd_request *r)
{
    struct pd_slice addr = pd_request_get(r, PD_NAME_REMOTE_ADDR);
    struct pd_ip ip;
    if (!addr.n)
        return f->unix_peers;
    return pd_ip_parse(addr, &ip) && is_trusted(f, &ip);
}

/* --- X-Forwarded-* --- */

static void read_for(const struct pd_forwarders *f, struct pd_slice list, struct told *t)
{
    struct pd_slice addr, port;
    struct pd_ip ip;
    do {
        if (!list.n || !read_node(take_last(&list, ','), &addr, &port, &ip))
            return;
        t->addr = addr;
        t->port = port;
        t->depth++;
    } while (is_trusted(f, &ip));
}

/* What the proxy wrote that also wrote the believed address; one that replaces a list leaves a single entry. */
static struct pd_slice entry_at(struct pd_slice list, size_t depth)
{
    struct pd_slice found = PD_SLICE_NONE;
    for (size_t i = 0; list.n && (i < depth || i == 0); i++)
        found = take_last(&list, ',');
    return found;
}

static struct told read_x_forwarded(const struct pd_forwarders *f, const struct pd_request *r)
{
    struct told t = { .depth = 0 };
    read_for(f, pd_request_get(r, PD_NAME_HTTP_X_FORWARDED_FOR), &t);
    t.proto = entry_at(pd_request_get(r, PD_NAME_HTTP_X_FORWARDED_PROTO), t.depth);
    t.host = entry_at(pd_request_get(r, PD_NAME_HTTP_X_FORWARDED_HOST), t.depth);
    t.server = entry_at(pd_request_get(r, PD_NAME_HTTP_X_FORWARDED_PORT), t.depth);
    return t;
}

/* --- Forwarded (RFC 7239 section 4) --- */

/* One parameter of an element: a token, or a quoted string without escapes. */
static bool read_pair(struct pd_slice pair, struct pd_slice *name, struct pd_slice *value)
{
    size_t equals = pd_slice_find(pair, '=');
    if (equals == pair.n)
        return false;
    *name = pd_slice(pair.p, equals);
    *value = pd_slice_from(pair, equals + 1);
    if (value->n >= 2 && value->p[0] == '"' && value->p[value->n - 1] == '"')
        *value = pd_slice(value->p + 1, value->n - 2);
    return pd_slice_find(*value, '"') == value->n && pd_slice_find(*value, '\\') == value->n;
}

/* False: it cannot be understood, so nothing in it counts. */
static bool read_element(struct pd_slice element, struct told *t, struct pd_ip *ip)
{
    *t = (struct told){ .depth = 0 };
    *ip = (struct pd_ip){ .n = 0 };
    while (element.n) {
        struct pd_slice name, value;
        struct pd_slice pair = take_last(&element, ';');
        if (!pair.n)
            continue;
        if (!read_pair(pair, &name, &value))
            return false;
        if (pd_slice_eq_nocase(name, PD_SLICE("for")) && !read_node(value, &t->addr, &t->port, ip))
            t->addr = t->port = PD_SLICE_NONE; /* "unknown", or a name that hides it */
        if (pd_slice_eq_nocase(name, PD_SLICE("proto")))
            t->proto = value;
        if (pd_slice_eq_nocase(name, PD_SLICE("host")))
            t->host = value;
    }
    return true;
}

static struct told read_forwarded(const struct pd_forwarders *f, const struct pd_request *r)
{
    struct pd_slice list = pd_request_get(r, PD_NAME_HTTP_FORWARDED);
    struct told t = { .depth = 0 }, next;
    struct pd_ip ip;
    do {
        if (!list.n || !read_element(take_last(&list, ','), &next, &ip))
            return t;
        t = next;
    } while (is_trusted(f, &ip));
    return t;
}

/* --- X-Request-Start --- */

/*
 * "t=1700000000.123" (nginx, seconds), "1700000000123" (Heroku, milliseconds), "t=1700000000123456" (Apache's %t,
 * microseconds), and nanoseconds: only the number of digits tells them apart, and it does until the year 5138.
 */
static uint64_t read_stamp(struct pd_slice s)
{
    uint64_t whole = 0;
    size_t n = 0;
    if (pd_slice_has_prefix(s, PD_SLICE("t=")))
        s = pd_slice_from(s, 2);
    for (; n < s.n && n < STAMP_DIGITS_MAX && pd_byte_is_digit(s.p[n]); n++)
        whole = whole * 10 + (uint64_t)(s.p[n] - '0');
    size_t digits = n;
    uint64_t unit = digits <= 11 ? 1000000 : digits <= 14 ? 1000 : 1;
    uint64_t us = digits <= 17 ? whole * unit : whole / 1000;
    bool has_part = n < s.n && s.p[n] == '.';
    for (n += has_part; has_part && n < s.n && pd_byte_is_digit(s.p[n]); n++) {
        unit /= 10;
        us += unit * (uint64_t)(s.p[n] - '0');
    }
    return digits && n == s.n ? us : 0;
}

uint64_t pd_forwarded_stamp(const struct pd_forwarders *f, const struct pd_request *r, bool gateway)
{
    struct pd_slice list = pd_request_get(r, PD_NAME_HTTP_X_REQUEST_START);
    return list.n && (gateway || is_peer_trusted(f, r)) ? read_stamp(take_last(&list, ',')) : 0;
}

/* --- the variables --- */

static struct pd_var *find(struct pd_request *r, enum pd_name id)
{
    for (size_t i = 0; i < r->nvars; i++)
        if (r->vars[i].id == id)
            return &r->vars[i];
    return NULL;
}

static void set(struct pd_request *r, enum pd_name id, struct pd_slice value)
{
    struct pd_var *var = find(r, id);
    if (!var)
        var = &r->vars[r->nvars++];
    *var = (struct pd_var){ .id = (uint16_t)id, .value = value };
}

static void unset(struct pd_request *r, enum pd_name id)
{
    struct pd_var *var = find(r, id);
    if (var)
        *var = r->vars[--r->nvars];
}

static void set_client(struct pd_request *r, const struct told *t)
{
    if (!t->addr.p)
        return;
    set(r, PD_NAME_REMOTE_ADDR, t->addr);
    unset(r, PD_NAME_REMOTE_HOST); /* the proxy's */
    if (t->port.n)
        set(r, PD_NAME_REMOTE_PORT, t->port);
    else
        unset(r, PD_NAME_REMOTE_PORT);
}

static void set_scheme(struct pd_request *r, struct pd_slice proto)
{
    bool is_http = pd_slice_eq_nocase(proto, PD_SLICE("http"));
    if (!is_http && !pd_slice_eq_nocase(proto, PD_SLICE("https")))
        return;
    r->https = !is_http;
    if (is_http)
        unset(r, PD_NAME_HTTPS);
    else
        set(r, PD_NAME_HTTPS, PD_SLICE("on"));
}

/* The host that the client asked for, and with it the server's name and port. */
static void set_host(struct pd_request *r, struct pd_slice host)
{
    if (!host.n || !pd_authority_is_valid(host))
        return;
    size_t end = host.p[0] == '[' ? pd_slice_find(host, ']') + 1 : pd_slice_find(host, ':');
    set(r, PD_NAME_HTTP_HOST, host);
    set(r, PD_NAME_SERVER_NAME, pd_slice(host.p, end));
    if (end + 1 < host.n)
        set(r, PD_NAME_SERVER_PORT, pd_slice_from(host, end + 1));
    else
        set(r, PD_NAME_SERVER_PORT, r->https ? PD_SLICE("443") : PD_SLICE("80"));
}

void pd_forwarded_apply(const struct pd_forwarders *f, struct pd_request *r)
{
    if (!is_peer_trusted(f, r))
        return;
    struct told t = f->fields & PD_FORWARDED_RFC7239 ? read_forwarded(f, r) : read_x_forwarded(f, r);
    if (f->fields & PD_FORWARDED_FOR)
        set_client(r, &t);
    if (f->fields & PD_FORWARDED_PROTO)
        set_scheme(r, t.proto);
    if (f->fields & PD_FORWARDED_HOST)
        set_host(r, t.host);
    if (f->fields & PD_FORWARDED_PORT && is_port(t.server))
        set(r, PD_NAME_SERVER_PORT, t.server);
}
