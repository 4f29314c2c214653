/*
 * request.c - the one request that all protocols end in (see request.h).
 *
 * policy.c says what passes, paths.c where the path is cut; here the variables
 * are laid down, all in one block of the arena whose size is known beforehand.
 */
#include "codec/request.h"

#include <assert.h>

#include "codec/bytes.h"
#include "codec/forwarded.h"
#include "codec/length.h"
#include "codec/paths.h"
#include "codec/policy.h"
#include "codec/profiles.h"

enum {
    OWN_VARS = 24,       /* variables that are not picks: one for each call of put_* below, those of forwarded.h */
    PORT_DIGITS_MAX = 5, /* of SERVER_PORT */
};

/* A request in the making. */
struct build {
    const struct pd_site *site;
    const struct pd_peer *peer;
    struct pd_request *out;
    struct pd_policy policy;
    enum pd_head_form form;
    struct pd_slice raw;     /* raw target, or p == NULL */
    struct pd_target target; /* of `raw` */
    struct pd_pair pair;     /* the front end's, mended, when it is of use */
    bool slash;              /* a slash belongs before pair.path_info */
    char *text;              /* where the next value goes */
    char *text_end;
    unsigned fixes;
};

/* --- before the memory is there: read and check --- */

/* protocols section 1.2. SERVER_PORT says nothing: behind Apache and Caddy it comes from the client's Host. */
static bool is_https(const struct pd_policy *p)
{
    static const struct pd_slice yes[] = { { "on", 2 }, { "1", 1 }, { "yes", 3 }, { "true", 4 } };
    struct pd_slice https = p->given[PD_NAME_HTTPS];
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        if (pd_slice_eq_nocase(https, yes[i]))
            return true;
    if (https.p && (!https.n || pd_slice_eq_nocase(https, PD_SLICE("off"))))
        return false;
    return pd_slice_eq_nocase(p->given[PD_NAME_REQUEST_SCHEME], PD_SLICE("https"));
}

static bool seldom_has_body(struct pd_slice method)
{
    static const struct pd_slice without_body[] = {
        { "GET", 3 }, { "HEAD", 4 }, { "OPTIONS", 7 }, { "DELETE", 6 }, { "TRACE", 5 },
    };
    for (size_t i = 0; i < sizeof without_body / sizeof without_body[0]; i++)
        if (pd_slice_eq(method, without_body[i]))
            return true;
    return false;
}

/*
 * A client of HTTP/2 or later may send a body and announce it in no field: nginx without request buffering then passes
 * an empty CONTENT_LENGTH. Only where a body is likely, as HAProxy may leave out the end of one that is not there.
 */
static bool may_be_unmeasured(const struct build *b, const struct pd_head *head)
{
    struct pd_slice protocol = b->policy.given[PD_NAME_SERVER_PROTOCOL];
    return head->body_has_end && !b->policy.process && protocol.n &&
           !pd_slice_has_prefix(protocol, PD_SLICE("HTTP/1.")) && !seldom_has_body(b->out->method);
}

static enum pd_reason read_length(struct build *b, const struct pd_head *head, const struct pd_limits *limits)
{
    struct pd_slice given = b->policy.given[PD_NAME_CONTENT_LENGTH];
    struct pd_request *r = b->out;
    r->content_length = -1;
    if (given.n) {
        enum pd_reason bad = pd_length_parse(given, limits->body, &r->content_length);
        if (bad)
            return bad;
    }
    /* where its standard input ends, a program cannot tell the end of a body from a client that has left (cgi.c) */
    if (b->policy.process && (b->policy.chunked || b->policy.odd_encoding) && r->content_length < 0)
        return PD_R_CGI_NO_LENGTH;
    /* never a fallback (CVE-2024-6827): where the front end has measured the body, it has decoded it, too */
    if (b->policy.odd_encoding && r->content_length < 0 && !head->authorizer)
        return PD_R_UNKNOWN_TRANSFER_ENCODING;
    /* an Authorizer gets the header of a chunked body, but never the body (FastCGI section 6.3) */
    bool unmeasured = (b->policy.chunked && !head->authorizer) || may_be_unmeasured(b, head);
    r->chunked = head->chunked || (unmeasured && r->content_length < 0);
    return PD_R_NONE;
}

/* The raw target, if the protocol has one, cut up. */
static enum pd_reason read_target(struct build *b, const struct pd_limits *limits)
{
    if (!b->raw.n)
        return b->form == PD_HEAD_HTTP ? PD_R_BAD_TARGET : PD_R_NONE;
    if (b->raw.n > limits->target)
        return PD_R_TARGET_TOO_LONG;
    enum pd_reason bad = pd_target_split(b->raw, &b->target);
    if (!bad && b->form == PD_HEAD_AJP && !b->target.has_query) {
        b->target.query = b->policy.given[PD_NAME_QUERY_STRING]; /* a field of its own there */
        b->target.has_query = b->target.query.p != NULL;
    }
    if (!bad && b->target.path.n && b->target.path.p[0] == '*' && !pd_slice_eq(b->out->method, PD_SLICE("OPTIONS")))
        bad = PD_R_BAD_TARGET;
    return bad;
}

/* The front end's SCRIPT_NAME and PATH_INFO. With a raw target they are a hint, and a wrong hint is ignored. */
static enum pd_reason read_pair(struct build *b)
{
    b->pair =
        (struct pd_pair){ b->policy.given[PD_NAME_SCRIPT_NAME], b->policy.given[PD_NAME_PATH_INFO], b->policy.process };
    enum pd_reason bad = pd_pair_mend(&b->pair, &b->slash);
    if (bad && b->raw.n) {
        b->pair = (struct pd_pair){ .script_name = PD_SLICE_NONE };
        bad = PD_R_NONE;
    }
    return bad;
}

static enum pd_reason read_head(struct build *b, const struct pd_head *head, const struct pd_limits *limits)
{
    struct pd_policy *p = &b->policy;
    enum pd_reason bad = pd_policy_sort(p, head, b->site, limits);
    if (bad)
        return bad;
    b->out->method = b->form != PD_HEAD_CGI ? head->method : p->given[PD_NAME_REQUEST_METHOD];
    b->raw = b->form != PD_HEAD_CGI ? head->target : p->given[PD_NAME_REQUEST_URI];
    if ((bad = pd_policy_check_method(b->out->method)) != PD_R_NONE)
        return bad;
    if ((bad = read_length(b, head, limits)) != PD_R_NONE)
        return bad;
    if ((bad = read_target(b, limits)) != PD_R_NONE)
        return bad;
    return read_pair(b);
}

/* --- the block: an array of variables and the text behind it --- */

static enum pd_reason take_memory(struct build *b, struct pd_arena *arena)
{
    const struct pd_policy *p = &b->policy;
    size_t table = (p->npicks + OWN_VARS) * sizeof(struct pd_var);
    /* the target is stored raw and decoded; each may get a slash that the target does not have */
    size_t text = p->text + b->out->method.n + 2 * (b->raw.n + 1) + b->target.query.n + 1 + b->site->server_name.n +
                  b->site->server_port.n + b->peer->addr.n + b->peer->port.n + PD_IP_TEXT;
    char *block = pd_arena_alloc(arena, table + text);
    if (!block)
        return PD_R_NO_MEMORY;
    b->out->vars = (struct pd_var *)(void *)block;
    b->out->nvars = 0;
    b->text = block + table;
    b->text_end = b->text + text;
    return PD_R_NONE;
}

static struct pd_slice copy(struct build *b, struct pd_slice s)
{
    assert((size_t)(b->text_end - b->text) >= s.n);
    char *p = b->text;
    if (s.n)
        memcpy(p, s.p, s.n);
    b->text += s.n;
    return pd_slice(p, s.n);
}

/* `value` lies in the arena or is a literal. */
static void add(struct build *b, enum pd_name id, struct pd_slice value)
{
    b->out->vars[b->out->nvars++] = (struct pd_var){ .id = (uint16_t)id, .value = value };
}

static void put(struct build *b, enum pd_name id, struct pd_slice value)
{
    add(b, id, copy(b, value));
}

static void put_if(struct build *b, enum pd_name id, struct pd_slice value)
{
    if (value.n)
        put(b, id, value);
}

/* --- paths --- */

/* REQUEST_URI in origin form, the same whatever form the target had. Returns its query. */
static struct pd_slice put_uri(struct build *b)
{
    const struct pd_target *t = &b->target;
    char *start = b->text;
    copy(b, t->path.n ? t->path : PD_SLICE("/"));
    struct pd_slice query = PD_SLICE("");
    if (t->has_query) {
        copy(b, PD_SLICE("?"));
        query = copy(b, t->query);
    }
    add(b, PD_NAME_REQUEST_URI, pd_slice(start, (size_t)(b->text - start)));
    return query;
}

/* The whole decoded path: of the raw target, or of the pair. */
static enum pd_reason put_path(struct build *b, struct pd_slice *path)
{
    char *start = b->text;
    struct pd_slice raw = b->target.path;
    if (!b->raw.n) {
        copy(b, b->pair.script_name);
        if (b->slash)
            copy(b, PD_SLICE("/"));
        copy(b, b->pair.path_info);
    } else if (!raw.n || raw.p[0] == '*') {
        /* "http://host" and "*" both ask the server as a whole (RFC 9112 section 3.2.4); PATH_INFO "*" is no WSGI */
        copy(b, PD_SLICE("/"));
    } else {
        size_t n;
        enum pd_reason bad = pd_path_decode(raw, b->text, &n);
        if (bad)
            return bad;
        b->text += n;
    }
    *path = pd_slice(start, (size_t)(b->text - start));
    return PD_R_NONE;
}

static enum pd_reason put_paths(struct build *b)
{
    struct pd_slice given = b->policy.given[PD_NAME_QUERY_STRING];
    struct pd_slice query = b->raw.n ? put_uri(b) : PD_SLICE("");
    struct pd_slice path;
    enum pd_reason bad = put_path(b, &path);
    if (bad)
        return bad;
    size_t cut = pd_path_cut(path, b->site, &b->pair, b->raw.n > 0);
    /* a front end that rewrites arguments says so in QUERY_STRING only; HAProxy may leave it out */
    if (given.p)
        query = copy(b, given);
    b->out->path = pd_slice_from(path, cut);
    b->out->query = query;
    add(b, PD_NAME_SCRIPT_NAME, pd_slice(path.p, cut));
    add(b, PD_NAME_PATH_INFO, b->out->path);
    add(b, PD_NAME_QUERY_STRING, query);
    return PD_R_NONE;
}

/* --- the server and the peer --- */

/* SERVER_NAME without the port that HAProxy leaves in it; a bare IPv6 address has several colons. */
static struct pd_slice server_name(const struct build *b)
{
    struct pd_slice name = b->policy.given[PD_NAME_SERVER_NAME];
    if (name.n && name.p[0] == '[') {
        size_t end = pd_slice_find(name, ']');
        name.n = end < name.n ? end + 1 : name.n;
    } else {
        size_t colon = pd_slice_find(name, ':');
        if (colon < name.n && !memchr(name.p + colon + 1, ':', name.n - colon - 1))
            name.n = colon;
    }
    return name.n ? name : b->site->server_name;
}

static struct pd_slice server_port(const struct build *b)
{
    struct pd_slice port = b->policy.given[PD_NAME_SERVER_PORT];
    for (size_t i = 0; i < port.n; i++)
        if (!pd_byte_is_digit(port.p[i]))
            return b->site->server_port;
    return port.n && port.n <= PORT_DIGITS_MAX ? port : b->site->server_port;
}

static void put_server(struct build *b, const struct pd_head *head)
{
    struct pd_slice protocol = b->policy.given[PD_NAME_SERVER_PROTOCOL];
    put(b, PD_NAME_SERVER_NAME, server_name(b));
    put(b, PD_NAME_SERVER_PORT, server_port(b));
    if (protocol.n)
        put(b, PD_NAME_SERVER_PROTOCOL, protocol);
    else
        add(b, PD_NAME_SERVER_PROTOCOL, b->out->http_minor ? PD_SLICE("HTTP/1.1") : PD_SLICE("HTTP/1.0"));
    if (head->form != PD_HEAD_HTTP)
        add(b, PD_NAME_GATEWAY_INTERFACE, PD_SLICE("CGI/1.1"));
    if (b->out->https)
        add(b, PD_NAME_HTTPS, PD_SLICE("on"));
}

/* REMOTE_ADDR is always there, as applications expect; empty on a Unix socket whose peer tells nothing. */
static void put_client(struct build *b)
{
    const struct pd_slice *given = b->policy.given;
    struct pd_slice addr = given[PD_NAME_REMOTE_ADDR];
    put(b, PD_NAME_REMOTE_ADDR, addr.n ? addr : b->peer->addr);
    put_if(b, PD_NAME_REMOTE_PORT, addr.n ? given[PD_NAME_REMOTE_PORT] : b->peer->port);
    /* Caddy repeats the address; a name that is not known is left out */
    if (!pd_slice_eq(given[PD_NAME_REMOTE_HOST], addr))
        put_if(b, PD_NAME_REMOTE_HOST, given[PD_NAME_REMOTE_HOST]);
    put_if(b, PD_NAME_REMOTE_USER, given[PD_NAME_REMOTE_USER]);
    put_if(b, PD_NAME_AUTH_TYPE, given[PD_NAME_AUTH_TYPE]);
}

/*
 * ::ffff:a.b.c.d is how whoever listens on a dual-stack socket writes an IPv4 address, such as nginx. One client has
 * one name, whichever way it came.
 */
static void mend_client(struct build *b)
{
    struct pd_ip ip;
    for (size_t i = 0; i < b->out->nvars; i++) {
        struct pd_var *var = &b->out->vars[i];
        if (var->id != PD_NAME_REMOTE_ADDR)
            continue;
        if (pd_slice_has_prefix(var->value, PD_SLICE("::")) && pd_ip_parse(var->value, &ip) && ip.n == 4)
            var->value = pd_ip_put(&ip, b->text); /* the room was counted */
        return;
    }
}

/* --- the client's header fields --- */

/*
 * SCGI always says CONTENT_LENGTH, and lighttpd, HAProxy, Caddy, mod_jk and mod_fcgid say 0 where the client said
 * nothing. So with a method that seldom has a body, 0 is the same as nothing, through every door.
 */
static bool is_filler_length(const struct build *b)
{
    return b->out->content_length == 0 && seldom_has_body(b->out->method);
}

static void put_host(struct build *b)
{
    struct pd_slice host = b->policy.host;
    if (b->target.authority.p)
        host = b->target.authority; /* RFC 9112 section 3.2.2: it replaces Host */
    if (host.p && (host.n || !(b->fixes & PD_FIX_EMPTY_HOST)))
        put(b, PD_NAME_HTTP_HOST, host);
}

static void put_headers(struct build *b)
{
    const struct pd_policy *p = &b->policy;
    put_if(b, PD_NAME_CONTENT_TYPE, p->given[PD_NAME_CONTENT_TYPE]);
    if (!is_filler_length(b))
        put_if(b, PD_NAME_CONTENT_LENGTH, p->given[PD_NAME_CONTENT_LENGTH]);
    put_host(b);
    for (size_t i = 0; i < p->npicks; i++) {
        const struct pd_pick *pick = &p->picks[i];
        struct pd_var *var = &b->out->vars[b->out->nvars++];
        *var = (struct pd_var){ .id = pick->id };
        if (pick->id == PD_NAME_OTHER) {
            var->name = pd_slice(b->text, pd_policy_put_key(p, pick, b->text));
            b->text += var->name.n;
        }
        var->value = pd_slice(b->text, pd_policy_put_value(p, pick, b->text));
        if (pick->id == PD_NAME_HTTP_COOKIE && b->fixes & PD_FIX_COOKIE_COMMAS && b->form != PD_HEAD_HTTP)
            pd_policy_mend_cookie(b->text, var->value.n);
        b->text += var->value.n;
    }
}

/* --- a refused request --- */

static struct pd_slice field_of(const struct pd_head *head, struct pd_slice name)
{
    for (size_t i = 0; i < head->nfields; i++)
        if (pd_slice_eq_nocase(head->fields[i].name, name))
            return head->fields[i].value;
    return PD_SLICE_NONE;
}

void pd_request_refused(const struct pd_head *head, struct pd_request *out)
{
    bool http = head->form != PD_HEAD_CGI;
    struct pd_slice target = http ? head->target : field_of(head, PD_SLICE("REQUEST_URI"));
    size_t path_n = pd_slice_find(target, '?');
    *out = (struct pd_request){
        .method = http ? head->method : field_of(head, PD_SLICE("REQUEST_METHOD")),
        .path = target.n ? pd_slice(target.p, path_n) : field_of(head, PD_SLICE("PATH_INFO")),
        .query = path_n < target.n ? pd_slice_from(target, path_n + 1) : PD_SLICE_NONE,
        .accept = field_of(head, http ? PD_SLICE("Accept") : PD_SLICE("HTTP_ACCEPT")),
        .content_length = -1,
        .http_minor = head->form == PD_HEAD_HTTP ? head->http_minor : 1,
        .keep_alive = head->keep_alive,
        .authorizer = head->authorizer,
    };
    out->is_head = pd_slice_eq(out->method, PD_SLICE("HEAD"));
}

static enum pd_reason refuse(const struct pd_head *head, struct pd_request *out, enum pd_reason reason)
{
    pd_request_refused(head, out);
    return reason;
}

enum pd_reason pd_request_build(const struct pd_head *head, const struct pd_site *site, const struct pd_peer *peer,
                                const struct pd_limits *limits, struct pd_arena *arena, struct pd_request *out)
{
    struct build b; /* large, and its tables need no zeros */
    b.site = site;
    b.peer = peer;
    b.out = out;
    b.form = head->form;
    b.target = (struct pd_target){ .path = PD_SLICE_NONE };
    b.fixes = pd_profile_fixes(site->profile);
    *out = (struct pd_request){
        .http_minor = head->form == PD_HEAD_HTTP ? head->http_minor : 1,
        .expect_continue = head->expect_continue,
        .keep_alive = head->keep_alive,
        .authorizer = head->authorizer,
    };
    enum pd_reason bad = read_head(&b, head, limits);
    out->is_head = pd_slice_eq(out->method, PD_SLICE("HEAD"));
    if (!bad)
        bad = take_memory(&b, arena);
    if (bad)
        return refuse(head, out, bad);
    out->https = is_https(&b.policy);
    out->method = copy(&b, out->method);
    add(&b, PD_NAME_REQUEST_METHOD, out->method);
    bad = put_paths(&b);
    if (bad)
        return refuse(head, out, bad);
    put_server(&b, head);
    put_client(&b);
    put_headers(&b);
    assert(b.text <= b.text_end && out->nvars + PD_FORWARDED_VARS <= b.policy.npicks + OWN_VARS);
    if (site->forwarders.fields & PD_FORWARDED_START)
        out->stamp_us = pd_forwarded_stamp(&site->forwarders, out, head->form != PD_HEAD_HTTP);
    if (site->forwarders.n || site->forwarders.unix_peers)
        pd_forwarded_apply(&site->forwarders, out);
    mend_client(&b);
    return PD_R_NONE;
}

struct pd_slice pd_request_get(const struct pd_request *r, enum pd_name id)
{
    for (size_t i = 0; i < r->nvars; i++)
        if (r->vars[i].id == id)
            return r->vars[i].value;
    return PD_SLICE_NONE;
}
