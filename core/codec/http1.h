/*
 * http1.h - what HTTP/1.1 has beyond struct pd_codec: interim responses.
 *
 * pd_codec_http1 itself is declared in codec.h. It is strict (RFC 9112, with
 * every MAY that has led to request smuggling decided for "refuse"): CR LF
 * only, no folding, no doubt about framing. What it refuses and why is shown
 * case by case in tests/corpus/http.
 */
#ifndef PD_HTTP1_H
#define PD_HTTP1_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/slice.h"
#include "codec/reason.h"

enum { PD_HTTP1_CONTINUE_LEN = 25 };

/* Writes "HTTP/1.1 100 Continue" with both line ends into `dst`; returns PD_HTTP1_CONTINUE_LEN. */
size_t pd_http1_put_continue(char *dst);

/*
 * Appends an interim response (RFC 9110 section 15.2), such as 103 Early Hints, with `fields` in wire form, already
 * checked. The caller knows that the client speaks HTTP/1.1. 101 is refused: no protocol is ever switched.
 */
enum pd_reason pd_http1_put_informational(unsigned status, struct pd_slice fields, struct pd_buf *out) PD_MUST_CHECK;

#endif
