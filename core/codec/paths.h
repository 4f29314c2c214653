/*
 * paths.h - from the raw request target to SCRIPT_NAME and PATH_INFO.
 *
 * No two front ends agree on SCRIPT_NAME and PATH_INFO, but all of them send
 * the raw target (reference/protocols section 9.2). So the path is decoded
 * from it, once, and cut where the mount ends; the front end's pair is used
 * only where there is no raw target or no mount.
 */
#ifndef PD_PATHS_H
#define PD_PATHS_H

#include "codec/reason.h"
#include "codec/request.h"

/* A request target (RFC 9112 section 3.2), cut up; slices of what was given. */
struct pd_target {
    struct pd_slice authority; /* of the absolute form; p == NULL in the others */
    struct pd_slice path;      /* raw; empty in "http://host?x"; "*" in the asterisk form */
    struct pd_slice query;     /* raw, without '?' */
    bool has_query;            /* there is a '?' */
};

/* The pair of a front end, already decoded; p == NULL: not given. */
struct pd_pair {
    struct pd_slice script_name;
    struct pd_slice path_info;
    bool is_program; /* script_name is the path of the program that the front end has started (CGI) */
};

/* Strips "http://authority" and "#fragment" (nginx and lighttpd pass it on), splits at '?'. */
enum pd_reason pd_target_split(struct pd_slice raw, struct pd_target *out) PD_MUST_CHECK;

/*
 * Decodes percent escapes once into `dst` (room for raw.n bytes). A malformed
 * escape stays as it is, as everywhere else; %00 is refused.
 */
enum pd_reason pd_path_decode(struct pd_slice raw, char *dst, size_t *n) PD_MUST_CHECK;

/*
 * Brings the pair in order: SCRIPT_NAME ends in no slash (that of "/m/" goes
 * to PATH_INFO). `slash`: PATH_INFO lacks its first slash, put one before it.
 */
enum pd_reason pd_pair_mend(struct pd_pair *pair, bool *slash) PD_MUST_CHECK;

/*
 * How many bytes of the decoded path are SCRIPT_NAME; the rest is PATH_INFO.
 * With a mount: the mount if the path lies below it ("/shop" holds "/shop" and
 * "/shop/x", not "/shopping"), else nothing: SCRIPT_NAME is then "" and the
 * whole path is PATH_INFO, so the two together always are the path requested.
 * Without one, `pair` (mended) decides if `path` is made of it, and is a hint
 * if `path` comes from the raw target: believed when it has a PATH_INFO.
 * A program is mounted at its own path, or, where requests were rewritten to it, at its folder ("/sub" for
 * "/sub/shop.cgi"), or at the root: at the first of them that the raw target lies below.
 */
size_t pd_path_cut(struct pd_slice path, const struct pd_site *site, const struct pd_pair *pair, bool raw);

#endif
