/* options.h - the command line. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/client.h"
#include "loop/addr.h"

enum load_check {
    LOAD_CHECK_BODY,   /* every byte is that of the first response to the same request */
    LOAD_CHECK_LENGTH, /* the body is as long */
    LOAD_CHECK_STATUS, /* the status only */
};

enum { LOAD_HEADERS_MAX = 256 };

/* Whom to ask, and how. */
struct load_target {
    const struct pd_client_codec *codec;
    const char *protocol; /* as in the URL */
    char name[PD_ADDR_TEXT_MAX];
    char authority[PD_ADDR_TEXT_MAX]; /* for Host and SERVER_NAME */
    union pd_local address;
    socklen_t address_n;
    const char *path; /* behind the address of the URL, or NULL */
};

/* A request as the command line describes it; the base of every variant of a file. */
struct load_plan {
    const char *method;
    const char *path;
    const char *headers[LOAD_HEADERS_MAX]; /* "NAME: VALUE" */
    unsigned nheaders;
    const char *params[LOAD_HEADERS_MAX]; /* "NAME=VALUE" */
    unsigned nparams;
    uint64_t body; /* bytes of a made body */
    bool has_body;
    bool chunked;          /* its length is not announced */
    const char *body_file; /* ... or the body itself */
    const char *expect_file;
    unsigned status; /* that a right response has; 0: any */
    int64_t length;  /* of its body; -1: that of the first response */
};

struct load_options {
    struct load_target target;
    struct load_plan plan;
    const char *variants; /* a file of requests */
    const char *secret;   /* AJP */
    enum load_check check;
    unsigned connections;
    unsigned streams; /* requests at once on a FastCGI connection */
    bool closes;      /* a connection for each request */
    bool holds;       /* wait for a line on standard input behind the warm-up */
    bool histogram;   /* the result has the buckets, too */
    double rate;      /* requests per second, whatever becomes of them; 0: closed loop */
    uint64_t count;   /* requests; 0: for a time */
    uint64_t duration_ns;
    uint64_t warm_up_ns;
    uint64_t think_ns;   /* between a response and the next request of a connection */
    uint64_t timeout_ns; /* for a response */
    uint64_t drain_ns;   /* for what is under way at the end */
    uint64_t send_rate;  /* most bytes per second that a connection sends; 0: all at once */
    uint64_t read_rate;  /* ... or takes */
};

/* Reads the command line, or ends the program. */
void load_options_parse(struct load_options *o, int argc, char **argv);

#endif
