/*
 * verdict.h - what a parser made of one input, printed as one line for oracle.py.
 *
 *     M METHOD TARGET MINOR NAME:VALUE,... =BODY [C] ... END
 *
 * M begins a message, C says that it is complete; END is ok, cut, closed or bad:WHY. Bytes are in hexadecimal.
 */
#ifndef ORACLE_VERDICT_H
#define ORACLE_VERDICT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERDICT_INPUT_MAX = 1 << 20 };

static inline void verdict_hex(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%02x", (unsigned)(unsigned char)p[i]);
}

/* Reads a length of four bytes, most significant first, and that many bytes; false at the end. */
static inline int verdict_read(char *dst, size_t *n)
{
    unsigned char size[4];
    if (fread(size, 1, sizeof size, stdin) != sizeof size)
        return 0;
    *n = (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | size[3];
    if (*n > VERDICT_INPUT_MAX || fread(dst, 1, *n, stdin) != *n)
        abort();
    return 1;
}

#endif
