/*
 * fuzz.h - what the fuzz targets share.
 *
 * An input begins with FUZZ_KNOBS bytes that set limits, options and places to
 * cut at; the rest is what the peer sends. fuzz/seeds.py writes inputs of this
 * form.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/client.h"
#include "codec/codec.h"
#include "codec/request.h"

enum { FUZZ_KNOBS = 4, FUZZ_INPUT_MAX = 1 << 17 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Holds in every build; a broken one is a finding. */
#define FUZZ_ASSERT(cond) ((cond) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #cond))

static inline _Noreturn void fuzz_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

/* The limits that a knob byte stands for: the default ones, or small ones that inputs reach. */
struct pd_limits fuzz_limits(uint8_t knob);
/* The site that a knob byte stands for. */
struct pd_site fuzz_site(uint8_t knob);

/*
 * The invariant of all codecs: delivered whole and in pieces, an input gives the same well-formed events and the same
 * variables; nothing past the bytes given is read; after a fatal BAD comes nothing else.
 */
void fuzz_codec(const struct pd_codec *codec, const struct pd_codec_options *options, const uint8_t *data, size_t size);

/* The same of all client halves; the second knob says whether HEAD was asked and whether the server ends by a reset. */
void fuzz_client(const struct pd_client_codec *codec, const uint8_t *data, size_t size);

/* A small random number whose seed the fuzzer controls. */
static inline uint32_t fuzz_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

#endif
