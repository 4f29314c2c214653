/*
 * notice.h - the codes of what the core tells the operator, apart from refused
 * requests (codec/reason.h).
 *
 * Each row: enum suffix, the number of its code (201 is PD0201; never given to
 * another row, nor used again), and what it means. What to do about each is
 * written in src/polydoor/codes/engine.py.
 */
#ifndef PD_NOTICE_H
#define PD_NOTICE_H

#include <stddef.h>

#include "base/compiler.h"

/* clang-format off */
#define PD_NOTICES(X) \
    /* opening a listener */ \
    X(ADDRESS_IN_USE, 201, "the address is in use") \
    X(ADDRESS_FORBIDDEN, 202, "permission denied") \
    X(ADDRESS_NOT_HERE, 203, "no interface of this machine has the address") \
    X(NO_SUCH_NETWORK, 204, "this machine has no network of that family") \
    X(NOT_AN_ADDRESS, 205, "the host is not an address") \
    X(CANNOT_LISTEN, 206, "cannot listen") \
    X(GATEWAY_EXPOSED, 207, "a gateway open to the network") \
    X(BAD_SOCKET_PATH, 208, "not the path of a socket") \
    X(NO_SOCKET_DIR, 209, "the directory of the socket cannot be used") \
    X(UNSAFE_SOCKET_DIR, 210, "everybody may replace the socket") \
    X(PATH_IS_TAKEN, 211, "what lies at the path is not our socket") \
    X(NO_SOCKET_LOCK, 212, "the lock file of the socket cannot be used") \
    X(SOCKET_PATH_FAILED, 213, "the path of the socket cannot be prepared") \
    X(BAD_DESCRIPTOR, 214, "the inherited descriptor is no listening socket") \
    X(GATEWAY_UNPROTECTED, 729, "an AJP13 listener open to the network without a secret") \
    /* accepting */ \
    X(ACCEPT_EXHAUSTED, 221, "no descriptors or memory for another connection") \
    X(LISTENER_LOST, 222, "a listening socket does not listen any more") \
    X(CONNECTIONS_FULL, 223, "as many connections are open as may be, and new ones wait") \
    X(PROXY_NOT_LISTED, 755, "a peer that is not listed connected where PROXY headers are believed") \
    /* the process */ \
    X(LOG_LOST, 309, "messages were lost, because nobody took them in time") \
    X(ACCESS_LOG_REFUSED, 310, "the access log cannot be opened") \
    X(ACCESS_LOG_FAILED, 311, "the access log cannot be written") \
    X(ACCESS_LOG_LOST, 312, "lines of the access log were dropped") \
    X(ACCESS_LOG_KEPT, 313, "the access log cannot be opened anew") \
    X(REQUEST_CUT, 316, "a request was not finished when the server stopped") \
    X(STOP_CUT, 317, "how many requests were not finished when the server stopped") \
    X(WAIT_FAILED, 414, "a descriptor that a request waits for cannot be watched") \
    /* responses */ \
    X(RESPONSE_CUT, 403, "the application gave more than its Content-Length") \
    X(RESPONSE_SHORT, 404, "the application gave less than its Content-Length") \
    X(FILE_SHRANK, 405, "a file became shorter while it was sent") \
    X(WRITE_TIMEOUT, 406, "the peer does not take the response") \
    X(BODY_CUT, 407, "more of a request body came than was announced; it was dropped") \
    /* the CGI stub */ \
    X(STUB_CONFIG, 790, "the configuration of the CGI stub cannot be used") \
    X(STUB_PLACE, 791, "the CGI stub has no place for its lock and its socket") \
    X(STUB_FOREIGN, 792, "at the path of the CGI stub's socket is somebody else's") \
    X(STUB_START, 793, "the CGI stub cannot start its daemon") \
    X(STUB_RUN, 794, "the CGI stub cannot run Python") \
    X(STUB_BUSY, 795, "the CGI stub answered that the application is busy") \
    X(STUB_BROKEN, 796, "the daemon ended before it answered") \
    X(STUB_CUT, 797, "the daemon ended within a response") \
    X(STUB_NO_REQUEST, 798, "the CGI stub was not started by a web server")
/* clang-format on */

enum pd_notice {
#define PD_NOTICE_ENUM(name, number, text) PD_NOTICE_##name = (number),
    PD_NOTICES(PD_NOTICE_ENUM)
#undef PD_NOTICE_ENUM
};

/* What it means, as one English clause. */
const char *pd_notice_text(enum pd_notice notice);

/* Writes "PD0201: " and the rest as printf() would. A line feed ends what happened, behind it stands what to do. */
void pd_notice_say(char *dst, size_t n, enum pd_notice notice, const char *format, ...) PD_PRINTF(4, 5);

#endif
