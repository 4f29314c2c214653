/*
 * variants.h - several requests from one file, which are asked in turn.
 *
 *     # a comment
 *     GET /catalogue?page=2
 *     Accept-Language: en
 *     @status 200
 *
 *     POST /orders
 *     Content-Type: application/json
 *     @body 1000
 *     @status 201
 *
 * METHOD PATH, then header lines and directives, then an empty line. What the command line says holds for all of them;
 * a directive goes before it. @body BYTES, @status N or any, @length N, @param NAME=VALUE (a CGI variable).
 */
#ifndef LOAD_VARIANTS_H
#define LOAD_VARIANTS_H

#include "request.h"

/* Makes all requests that there are to be asked, in the arena; gives their number. Ends the program on a mistake. */
size_t load_variants_make(const struct load_maker *m, struct load_request **requests);

#endif
