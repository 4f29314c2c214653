/*
 * names.h - known CGI variable names, so that the bridge can use prebuilt keys.
 *
 * The rows of PD_NAMES are the single list: enum, text and look-up come from
 * it. X(suffix, environ key, HTTP header name in lower case or "").
 */
#ifndef PD_NAMES_H
#define PD_NAMES_H

#include "base/slice.h"

/* clang-format off */
#define PD_NAMES(X) \
    X(REQUEST_METHOD, "REQUEST_METHOD", "") \
    X(SCRIPT_NAME, "SCRIPT_NAME", "") \
    X(PATH_INFO, "PATH_INFO", "") \
    X(QUERY_STRING, "QUERY_STRING", "") \
    X(CONTENT_TYPE, "CONTENT_TYPE", "content-type") \
    X(CONTENT_LENGTH, "CONTENT_LENGTH", "content-length") \
    X(SERVER_NAME, "SERVER_NAME", "") \
    X(SERVER_PORT, "SERVER_PORT", "") \
    X(SERVER_PROTOCOL, "SERVER_PROTOCOL", "") \
    X(SERVER_SOFTWARE, "SERVER_SOFTWARE", "") \
    X(GATEWAY_INTERFACE, "GATEWAY_INTERFACE", "") \
    X(REMOTE_ADDR, "REMOTE_ADDR", "") \
    X(REMOTE_PORT, "REMOTE_PORT", "") \
    X(REMOTE_HOST, "REMOTE_HOST", "") \
    X(REMOTE_USER, "REMOTE_USER", "") \
    X(AUTH_TYPE, "AUTH_TYPE", "") \
    X(REQUEST_URI, "REQUEST_URI", "") \
    X(REQUEST_SCHEME, "REQUEST_SCHEME", "") \
    X(HTTPS, "HTTPS", "") \
    X(HTTP_HOST, "HTTP_HOST", "host") \
    X(HTTP_USER_AGENT, "HTTP_USER_AGENT", "user-agent") \
    X(HTTP_ACCEPT, "HTTP_ACCEPT", "accept") \
    X(HTTP_ACCEPT_LANGUAGE, "HTTP_ACCEPT_LANGUAGE", "accept-language") \
    X(HTTP_ACCEPT_ENCODING, "HTTP_ACCEPT_ENCODING", "accept-encoding") \
    X(HTTP_ACCEPT_CHARSET, "HTTP_ACCEPT_CHARSET", "accept-charset") \
    X(HTTP_CONNECTION, "HTTP_CONNECTION", "connection") \
    X(HTTP_KEEP_ALIVE, "HTTP_KEEP_ALIVE", "keep-alive") \
    X(HTTP_PROXY_CONNECTION, "HTTP_PROXY_CONNECTION", "proxy-connection") \
    X(HTTP_COOKIE, "HTTP_COOKIE", "cookie") \
    X(HTTP_REFERER, "HTTP_REFERER", "referer") \
    X(HTTP_ORIGIN, "HTTP_ORIGIN", "origin") \
    X(HTTP_AUTHORIZATION, "HTTP_AUTHORIZATION", "authorization") \
    X(HTTP_CACHE_CONTROL, "HTTP_CACHE_CONTROL", "cache-control") \
    X(HTTP_PRAGMA, "HTTP_PRAGMA", "pragma") \
    X(HTTP_UPGRADE_INSECURE_REQUESTS, "HTTP_UPGRADE_INSECURE_REQUESTS", "upgrade-insecure-requests") \
    X(HTTP_DNT, "HTTP_DNT", "dnt") \
    X(HTTP_TE, "HTTP_TE", "te") \
    X(HTTP_VIA, "HTTP_VIA", "via") \
    X(HTTP_DATE, "HTTP_DATE", "date") \
    X(HTTP_FROM, "HTTP_FROM", "from") \
    X(HTTP_RANGE, "HTTP_RANGE", "range") \
    X(HTTP_IF_RANGE, "HTTP_IF_RANGE", "if-range") \
    X(HTTP_IF_MATCH, "HTTP_IF_MATCH", "if-match") \
    X(HTTP_IF_NONE_MATCH, "HTTP_IF_NONE_MATCH", "if-none-match") \
    X(HTTP_IF_MODIFIED_SINCE, "HTTP_IF_MODIFIED_SINCE", "if-modified-since") \
    X(HTTP_IF_UNMODIFIED_SINCE, "HTTP_IF_UNMODIFIED_SINCE", "if-unmodified-since") \
    X(HTTP_EXPECT, "HTTP_EXPECT", "expect") \
    X(HTTP_MAX_FORWARDS, "HTTP_MAX_FORWARDS", "max-forwards") \
    X(HTTP_PRIORITY, "HTTP_PRIORITY", "priority") \
    X(HTTP_UPGRADE, "HTTP_UPGRADE", "upgrade") \
    X(HTTP_CONTENT_ENCODING, "HTTP_CONTENT_ENCODING", "content-encoding") \
    X(HTTP_SEC_CH_UA, "HTTP_SEC_CH_UA", "sec-ch-ua") \
    X(HTTP_SEC_CH_UA_MOBILE, "HTTP_SEC_CH_UA_MOBILE", "sec-ch-ua-mobile") \
    X(HTTP_SEC_CH_UA_PLATFORM, "HTTP_SEC_CH_UA_PLATFORM", "sec-ch-ua-platform") \
    X(HTTP_SEC_FETCH_DEST, "HTTP_SEC_FETCH_DEST", "sec-fetch-dest") \
    X(HTTP_SEC_FETCH_MODE, "HTTP_SEC_FETCH_MODE", "sec-fetch-mode") \
    X(HTTP_SEC_FETCH_SITE, "HTTP_SEC_FETCH_SITE", "sec-fetch-site") \
    X(HTTP_SEC_FETCH_USER, "HTTP_SEC_FETCH_USER", "sec-fetch-user") \
    X(HTTP_SEC_GPC, "HTTP_SEC_GPC", "sec-gpc") \
    X(HTTP_FORWARDED, "HTTP_FORWARDED", "forwarded") \
    X(HTTP_X_FORWARDED_FOR, "HTTP_X_FORWARDED_FOR", "x-forwarded-for") \
    X(HTTP_X_FORWARDED_PROTO, "HTTP_X_FORWARDED_PROTO", "x-forwarded-proto") \
    X(HTTP_X_FORWARDED_HOST, "HTTP_X_FORWARDED_HOST", "x-forwarded-host") \
    X(HTTP_X_FORWARDED_PORT, "HTTP_X_FORWARDED_PORT", "x-forwarded-port") \
    X(HTTP_X_REAL_IP, "HTTP_X_REAL_IP", "x-real-ip") \
    X(HTTP_X_REQUEST_ID, "HTTP_X_REQUEST_ID", "x-request-id") \
    X(HTTP_X_REQUEST_START, "HTTP_X_REQUEST_START", "x-request-start") \
    X(HTTP_X_REQUESTED_WITH, "HTTP_X_REQUESTED_WITH", "x-requested-with") \
    X(HTTP_X_CSRFTOKEN, "HTTP_X_CSRFTOKEN", "x-csrftoken") \
    X(HTTP_TRACEPARENT, "HTTP_TRACEPARENT", "traceparent") \
    X(DOCUMENT_ROOT, "DOCUMENT_ROOT", "") \
    X(DOCUMENT_URI, "DOCUMENT_URI", "") \
    X(SCRIPT_FILENAME, "SCRIPT_FILENAME", "") \
    X(PATH_TRANSLATED, "PATH_TRANSLATED", "") \
    X(SERVER_ADDR, "SERVER_ADDR", "")
/* clang-format on */

enum pd_name {
    PD_NAME_OTHER = 0, /* not in the list */
#define PD_NAME_ENUM(suffix, key, header) PD_NAME_##suffix,
    PD_NAMES(PD_NAME_ENUM)
#undef PD_NAME_ENUM
        PD_NAME_COUNT
};

/* The environ key of a known name; for PD_NAME_OTHER an empty slice. */
struct pd_slice pd_name_key(enum pd_name id);
/* The row of an HTTP header name (any case), or PD_NAME_OTHER. */
enum pd_name pd_name_of_header(struct pd_slice header);
/* Is the name, in any case, `want`: letters, digits and dashes, in lower case? */
bool pd_name_header_is(struct pd_slice name, struct pd_slice want);
/* The row of a CGI variable name (exact case), or PD_NAME_OTHER. */
enum pd_name pd_name_of_variable(struct pd_slice variable);

#endif
