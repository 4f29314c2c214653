/*
 * policy.h - which names and values of a request head reach the environ.
 *
 * One strict layer for all protocols: it sorts the fields of a head into the
 * values that request.c computes variables from (`given`), and the variables
 * that pass as they are (`picks`), and drops or refuses the rest. It copies
 * nothing: slices point into the head, whose values it trims in place.
 */
#ifndef PD_POLICY_H
#define PD_POLICY_H

#include "codec/request.h"

/* The rows of names.h that are not header fields and that request.c computes. */
enum { PD_GIVEN_COUNT = PD_NAME_HTTP_HOST, PD_POLICY_SLOTS = 2 * PD_FIELDS_MAX };

/* One variable that passes: a chain of fields with the same name, in wire order. */
struct pd_pick {
    uint16_t id;    /* row in names.h, or PD_NAME_OTHER */
    uint16_t first; /* index of its first field ... */
    uint16_t last;  /* ... and of its last one, equal when the name stands once */
    uint32_t hash;  /* of the name, when it is not in names.h */
};

struct pd_policy {
    struct pd_field *fields;
    size_t nheaders;   /* of the fields: these have header names ... */
    size_t nvariables; /* ... up to here they are variables, and then attributes */
    bool trusting;     /* the front end's word on who the user is counts */
    bool chunked;      /* gateway form: the client sent a body of a length unknown to it */
    bool odd_encoding; /* gateway form: ... or encoded in a way that is not known here */
    bool process;      /* gateway form: what is not of the request is the process's own */
    bool gateway;      /* a front end stands between us and the client */
    size_t npicks;
    size_t text; /* most bytes that the names and values of all fields can need in the environ */
    size_t mask; /* of `slots`; 0 before its first use */
    struct pd_slice given[PD_GIVEN_COUNT]; /* by enum pd_name; p == NULL: not given */
    struct pd_slice host;                  /* HTTP_HOST; p == NULL: not given */
    uint16_t pick_of[PD_NAME_COUNT];       /* 1 + index of the pick of a known header */
    /* not initialised: */
    struct pd_pick picks[PD_FIELDS_MAX];
    uint16_t next[PD_FIELDS_MAX];    /* by field: the next field of the chain */
    uint16_t slots[PD_POLICY_SLOTS]; /* hash table of the picks whose names are not in names.h */
};

/* Sorts all fields of `head`. */
enum pd_reason pd_policy_sort(struct pd_policy *p, const struct pd_head *head, const struct pd_site *site,
                              const struct pd_limits *limits) PD_MUST_CHECK;

/* Whether a variable of a process that was started for one request (CGI) is about the request, and not its own. */
bool pd_policy_is_of_request(struct pd_slice name) PD_MUST_CHECK;

/* A method is a token of a length that can be served, and not CONNECT (RFC 9110 section 9.3.6: for proxies). */
enum pd_reason pd_policy_check_method(struct pd_slice method) PD_MUST_CHECK;

/* Writes the environ key of a pick whose name is not in names.h; at most 5 bytes longer than the field's name. */
size_t pd_policy_put_key(const struct pd_policy *p, const struct pd_pick *pick, char *dst);

/* Writes the value of a pick: repeated fields joined (RFC 9110 section 5.3, cookies RFC 9113 section 8.2.3). */
size_t pd_policy_put_value(const struct pd_policy *p, const struct pd_pick *pick, char *dst);

/* Turns "a=1, b=2" into "a=1; b=2" in place: only commas that a NAME= follows. */
void pd_policy_mend_cookie(char *p, size_t n);

#endif
