/*
 * detect.h - which protocol is spoken on a connection, by its first byte.
 *
 * The first byte of each is one that none of the others can begin with: FastCGI
 * has its version 1, uwsgi a modifier1 of 0 or 30, SCGI a digit, and HTTP the
 * letter of a method or an empty line. What follows is the codec's to judge.
 * Neither TLS nor PROXY headers are looked for: they are refused.
 */
#ifndef PD_DETECT_H
#define PD_DETECT_H

#include "codec/codec.h"

/* NULL: none of them begins with this byte, and `*reason` says so. */
const struct pd_codec *pd_detect(char first, enum pd_reason *reason);

#endif
