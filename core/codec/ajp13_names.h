/*
 * ajp13_names.h - what AJP13 has codes for, in the order of the codes (ajpv13a in the Tomcat connectors).
 */
#ifndef PD_AJP13_NAMES_H
#define PD_AJP13_NAMES_H

/* clang-format off */
/* Methods, from 1 on. */
#define PD_AJP_METHODS(X) \
    X("OPTIONS") X("GET") X("HEAD") X("POST") X("PUT") X("DELETE") X("TRACE") X("PROPFIND") X("PROPPATCH") X("MKCOL") \
    X("COPY") X("MOVE") X("LOCK") X("UNLOCK") X("ACL") X("REPORT") X("VERSION-CONTROL") X("CHECKIN") X("CHECKOUT") \
    X("UNCHECKOUT") X("SEARCH") X("MKWORKSPACE") X("UPDATE") X("LABEL") X("MERGE") X("BASELINE-CONTROL") \
    X("MKACTIVITY")

/* Names of request header fields, from A001 on. */
#define PD_AJP_REQUEST_NAMES(X) \
    X("Accept") X("Accept-Charset") X("Accept-Encoding") X("Accept-Language") X("Authorization") X("Connection") \
    X("Content-Type") X("Content-Length") X("Cookie") X("Cookie2") X("Host") X("Pragma") X("Referer") X("User-Agent")

/* Names of response header fields, from A001 on. */
#define PD_AJP_RESPONSE_NAMES(X) \
    X("Content-Type") X("Content-Language") X("Content-Length") X("Date") X("Last-Modified") X("Location") \
    X("Set-Cookie") X("Set-Cookie2") X("Servlet-Engine") X("Status") X("WWW-Authenticate")
/* clang-format on */

#endif
