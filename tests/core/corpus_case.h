/*
 * corpus_case.h - how a corpus case is handed to a C program.
 *
 * A line of `key=value` words (size=N among them) and then N bytes:
 *
 *     proto=http1 head=200 fields=4 mount=/shop profile=nginx size=41\n<41 bytes>
 */
#ifndef CORPUS_CASE_H
#define CORPUS_CASE_H

#include <stdio.h>

#include "codec/client.h"
#include "codec/codec.h"
#include "codec/request.h"

enum { CORPUS_LINE_MAX = 8192, CORPUS_INPUT_MAX = 4 << 20, CORPUS_NETS_MAX = 4 };

/* Starts as all zero; must not be copied while a case is in it. */
struct corpus_case {
    const struct pd_codec *codec;
    struct pd_limits limits;
    struct pd_codec_options options;
    struct pd_site site;
    struct pd_net nets[CORPUS_NETS_MAX]; /* of site.forwarders */
    struct pd_slice input;
    const struct pd_client_codec *client; /* the other half of the protocol, if we have it */
    struct pd_slice method;               /* client halves: what was asked */
    bool reset;                           /* client halves: the server ends by a reset */
    char line[CORPUS_LINE_MAX];           /* what the site's slices point into */
    char *bytes;
};

/* Reads the next case; false at the end. What cannot be read ends the program. */
bool corpus_read(struct corpus_case *c, FILE *from);
void corpus_fini(struct corpus_case *c);

#endif
