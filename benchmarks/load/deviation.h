/* deviation.h - what was not right: each is counted, the first is told. */
#ifndef LOAD_DEVIATION_H
#define LOAD_DEVIATION_H

#include <stdint.h>

#define LOAD_DEVIATIONS(X)                                                                                             \
    X(CONNECT, "connect")     /* no connection */                                                                      \
    X(CLOSED, "closed")       /* the connection ended without a byte of the response */                                \
    X(CUT, "cut")             /* ... within the response */                                                            \
    X(MALFORMED, "malformed") /* what came is no response of the protocol */                                           \
    X(SURPLUS, "surplus")     /* bytes came behind the end of the response */                                          \
    X(STATUS, "status")                                                                                                \
    X(LENGTH, "length")                                                                                                \
    X(BODY, "body")                                                                                                    \
    X(TIMEOUT, "timeout")

enum load_deviation {
#define LOAD_ENUM(name, text) LOAD_##name,
    LOAD_DEVIATIONS(LOAD_ENUM)
#undef LOAD_ENUM
        LOAD_DEVIATION_COUNT
};

struct load_deviations {
    uint64_t total;
    uint64_t counts[LOAD_DEVIATION_COUNT];
    char first[400]; /* empty: all was right */
};

/* As JSON has it. */
const char *load_deviation_name(enum load_deviation kind);

/* Counts one; the text of the first is kept. `request` may be NULL. */
void load_deviate(struct load_deviations *d, enum load_deviation kind, const char *request, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
