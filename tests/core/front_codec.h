/*
 * front_codec.h - what stands before a codec on a connection, in the clothes of a codec.
 *
 * `proxy` takes a PROXY header and is then HTTP/1.1; a REPLY event shows the
 * client that the header names, "-" for none. So corpus, fuzzing and torture
 * work on it as on every protocol. `auto` becomes the codec that the first
 * byte asks for.
 */
#ifndef FRONT_CODEC_H
#define FRONT_CODEC_H

#include "codec/codec.h"

extern const struct pd_codec front_codec_proxy;
extern const struct pd_codec front_codec_auto;

#endif
