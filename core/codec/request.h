/*
 * request.h - the one request that all protocols end in.
 *
 * pd_request_build() is the policy layer's entry: it takes the head that a
 * codec gave, applies every rule on names, values, lengths and environ keys
 * (policy.c), computes the paths (paths.c), joins repeated headers, and leaves
 * the finished list of CGI variables that becomes the WSGI environ. It is the
 * same for every protocol. Everything it keeps is copied into the arena, in
 * one block of at most about 2 x the head and 40 bytes for each variable; the
 * values of head->fields are trimmed in place.
 */
#ifndef PD_REQUEST_H
#define PD_REQUEST_H

#include "base/arena.h"
#include "base/net.h"
#include "codec/codec.h"
#include "codec/names.h"

/* One CGI variable of the environ. `id` is its row in names.h, or PD_NAME_OTHER (then `name` is set). */
struct pd_var {
    uint16_t id;
    struct pd_slice name;
    struct pd_slice value;
};

/* Front ends whose variables need repair: the table is in profiles.c. */
enum pd_profile {
    PD_PROFILE_GENERIC,
    PD_PROFILE_APACHE,
    PD_PROFILE_NGINX,
    PD_PROFILE_LIGHTTPD,
    PD_PROFILE_HAPROXY,
    PD_PROFILE_CADDY
};

/*
 * What is believed of X-Forwarded-For, -Proto, -Host and -Port, or instead of them all the field of RFC 7239; and
 * besides, whether X-Request-Start is.
 */
enum pd_forwarded_field {
    PD_FORWARDED_FOR = 1,
    PD_FORWARDED_PROTO = 2,
    PD_FORWARDED_HOST = 4,
    PD_FORWARDED_PORT = 8,
    PD_FORWARDED_RFC7239 = 16,
    PD_FORWARDED_START = 32,
};

/* The proxies whose word counts on whom a request comes from (forwarded.h). */
struct pd_forwarders {
    const struct pd_net *nets;
    size_t n;
    bool unix_peers; /* so does that of who comes over a Unix socket and names no address */
    unsigned fields; /* of enum pd_forwarded_field */
};

/* What a listener knows beforehand about the requests that come through it. */
struct pd_site {
    struct pd_slice mount; /* SCRIPT_NAME prefix, "" or "/shop": decoded, no trailing slash */
    enum pd_profile profile;
    bool trust_remote_user; /* REMOTE_USER and AUTH_TYPE of the front end are believed */
    bool program;           /* variables are those of a CGI program that passes its request on: see pd_head.process */
    struct pd_forwarders forwarders;
    struct pd_slice server_name; /* when the peer names none: from the bound address; never empty */
    struct pd_slice server_port; /* decimal; never empty */
};

/* Who is at the other end; used where the protocol does not say (HTTP). */
struct pd_peer {
    struct pd_slice addr; /* text form of the address; empty on a Unix socket */
    struct pd_slice port;
};

struct pd_request {
    struct pd_var *vars;
    size_t nvars;
    struct pd_slice method;
    struct pd_slice path; /* PATH_INFO, for logs */
    struct pd_slice query;
    int64_t content_length; /* -1: not announced */
    uint8_t http_minor;     /* 1 for every protocol but HTTP/1.0 */
    bool chunked;           /* a body follows whose length is not known */
    bool expect_continue;
    bool keep_alive;
    bool is_head; /* REQUEST_METHOD is HEAD: no response body */
    bool https;   /* wsgi.url_scheme */
    bool authorizer;
    uint64_t stamp_us;      /* when the front end took it, in microseconds since 1970; 0: nobody who is believed says */
    struct pd_slice accept; /* only when it is refused: Accept as it stands in the head, for the answer */
};

/* Returns PD_R_NONE or why the request is refused; `out` is then what pd_request_refused() makes of it. */
enum pd_reason pd_request_build(const struct pd_head *head, const struct pd_site *site, const struct pd_peer *peer,
                                const struct pd_limits *limits, struct pd_arena *arena,
                                struct pd_request *out) PD_MUST_CHECK;

/*
 * What the answer to a refused request, and the lines that tell of it, need to know: no variables, only the request
 * line and Accept as they stand in the head. They are slices of it, and hold whatever the peer has sent.
 */
void pd_request_refused(const struct pd_head *head, struct pd_request *out);

/* The value of a known variable, or a slice with p == NULL. For tests and logs. */
struct pd_slice pd_request_get(const struct pd_request *r, enum pd_name id);

#endif
