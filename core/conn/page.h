/*
 * page.h - the small pages of the answers that the server gives by itself.
 *
 * Each says the status, one sentence of what happened and the request id, as
 * HTML for browsers, JSON for programs that ask for it, or plain text. Nothing
 * of the request is repeated in them.
 */
#ifndef PD_PAGE_H
#define PD_PAGE_H

#include "base/slice.h"
#include "codec/request.h"
#include "codec/response.h"

enum pd_page_kind { PD_PAGE_TEXT, PD_PAGE_HTML, PD_PAGE_JSON };

enum { PD_PAGE_MAX = 1024 };

/* The kind that the value of Accept prefers (RFC 9110 section 12.5.1); plain text when it takes none of them. */
enum pd_page_kind pd_page_choose(struct pd_slice accept);
/* The Content-Type of a kind. */
struct pd_slice pd_page_type(enum pd_page_kind kind);
/* "400 Bad Request"; a status that we never give is 500. */
struct pd_slice pd_page_status(int status);
/*
 * Writes a page and returns its length. `why` is the clause of the reason, shown only with 400: behind a 5xx it would
 * tell of our inside, and the other statuses say it already.
 */
size_t pd_page_write(char dst[PD_PAGE_MAX], enum pd_page_kind kind, int status, const char *why, const char *id);
/* Fills a response with the page that suits the request, and gives its body; an empty slice without memory.
 * A 503 says when to try again. */
struct pd_slice pd_page_compose(const struct pd_request *q, struct pd_response *r, int status, const char *why,
                                const char *id, unsigned retry_s, char text[PD_PAGE_MAX]);

#endif
