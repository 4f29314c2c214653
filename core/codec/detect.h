/*
 * detect.h - which protocol is spoken on a connection, by its first byte.
 *
 * The first byte of each is one that none of the others can begin with: FastCGI
 * has its version 1, AJP13 the byte 0x12, uwsgi a modifier1 of 0 or 30, SCGI a
 * digit, and HTTP the letter of a method or an empty line. What follows is the
 * codec's to judge. AJP13 is only spoken where it has a secret.
 * Neither TLS nor PROXY headers are looked for: they are refused.
 */
#ifndef PD_DETECT_H
#define PD_DETECT_H

#include "codec/codec.h"

/* With a reason the connection cannot go on; NULL: none of them begins with this byte. */
const struct pd_codec *pd_detect(char first, const struct pd_codec_options *options, enum pd_reason *reason);

#endif
