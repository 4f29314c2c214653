/* response.c - the one response head that all protocols start from (see response.h). */
#include "codec/response.h"

#include <assert.h>

#include "codec/bytes.h"
#include "codec/length.h"
#include "codec/names.h"

enum {
    STATUS_DIGITS = 3,
    STATUS_MIN = 200, /* a 1xx as final status makes front ends send corrupt responses (protocols, rule 8) */
    STATUS_MAX = 599,
    STATUS_OK = 200,
    STATUS_NO_CONTENT = 204,
    STATUS_RESET_CONTENT = 205,
    STATUS_NOT_MODIFIED = 304,
};

void pd_response_init(struct pd_response *r, const struct pd_sys *sys, size_t head_limit)
{
    *r = (struct pd_response){ .content_length = -1 };
    pd_buf_init(&r->line, sys, head_limit);
    pd_buf_init(&r->fields, sys, head_limit);
}

void pd_response_fini(struct pd_response *r)
{
    pd_buf_fini(&r->line);
    pd_buf_fini(&r->fields);
}

void pd_response_reset(struct pd_response *r)
{
    struct pd_buf line = r->line;
    struct pd_buf fields = r->fields;
    *r = (struct pd_response){ .line = line, .fields = fields, .content_length = -1, .http_minor = 1 };
    pd_buf_rewind(&r->line);
    pd_buf_rewind(&r->fields);
}

static enum pd_reason reason_of(enum pd_buf_result result)
{
    switch (result) {
    case PD_BUF_OK:
        return PD_R_NONE;
    case PD_BUF_FULL:
        return PD_R_RESPONSE_HEAD_TOO_LARGE;
    case PD_BUF_NOMEM:
        break;
    }
    return PD_R_NO_MEMORY;
}

enum pd_reason pd_response_reserve(struct pd_buf *out, size_t n)
{
    return reason_of(pd_buf_reserve(out, n));
}

/* Appends where pd_buf_reserve() has made room. */
static void append_nc(struct pd_buf *b, struct pd_slice s)
{
    assert(b->cap - b->end >= s.n);
    if (s.n)
        memcpy(b->data + b->end, s.p, s.n);
    b->end += s.n;
}

/* PEP 3333: three digits, a space, a reason without control characters; the reason may be empty. */
static bool read_status(struct pd_slice s, uint16_t *status)
{
    unsigned v = 0;
    if (s.n <= STATUS_DIGITS || s.p[STATUS_DIGITS] != ' ')
        return false;
    for (size_t i = 0; i < STATUS_DIGITS; i++) {
        if (!pd_byte_is_digit(s.p[i]))
            return false;
        v = v * 10 + (unsigned)(s.p[i] - '0');
    }
    for (size_t i = STATUS_DIGITS; i < s.n; i++)
        if (!pd_byte_is(s.p[i], PD_BYTE_VALUE) || s.p[i] == '\t')
            return false;
    *status = (uint16_t)v;
    return v >= STATUS_MIN && v <= STATUS_MAX;
}

enum pd_reason pd_response_start(struct pd_response *r, struct pd_slice status)
{
    pd_buf_rewind(&r->line);
    pd_buf_rewind(&r->fields);
    r->status = 0;
    r->content_length = -1;
    r->has_date = r->has_server = r->dropped_file = false;
    r->bodiless = r->chunked = r->close = false;
    uint16_t code;
    if (!read_status(status, &code))
        return PD_R_BAD_STATUS;
    enum pd_reason bad = reason_of(pd_buf_put(&r->line, status));
    if (!bad)
        r->status = code;
    return bad;
}

enum field_kind {
    FIELD_PLAIN,
    FIELD_HOP_BY_HOP, /* the connection's affair, PEP 3333 "Other HTTP Features" */
    FIELD_STATUS,     /* would be taken for the status itself by a CGI-style front end */
    FIELD_CONTENT_LENGTH,
    FIELD_DATE,
    FIELD_SERVER,
    FIELD_SEND_FILE, /* a front end would send a file of its own instead of the response */
};

static enum field_kind kind_of(struct pd_slice name)
{
    static const struct {
        struct pd_slice name;
        enum field_kind kind;
    } special[] = {
        { { "te", 2 }, FIELD_HOP_BY_HOP },
        { { "date", 4 }, FIELD_DATE },
        { { "server", 6 }, FIELD_SERVER },
        { { "status", 6 }, FIELD_STATUS },
        { { "trailer", 7 }, FIELD_HOP_BY_HOP },
        { { "upgrade", 7 }, FIELD_HOP_BY_HOP },
        { { "trailers", 8 }, FIELD_HOP_BY_HOP },
        { { "connection", 10 }, FIELD_HOP_BY_HOP },
        { { "keep-alive", 10 }, FIELD_HOP_BY_HOP },
        { { "x-sendfile", 10 }, FIELD_SEND_FILE },
        { { "x-sendfile2", 11 }, FIELD_SEND_FILE },
        { { "content-length", 14 }, FIELD_CONTENT_LENGTH },
        { { "proxy-connection", 16 }, FIELD_HOP_BY_HOP },
        { { "x-accel-redirect", 16 }, FIELD_SEND_FILE },
        { { "transfer-encoding", 17 }, FIELD_HOP_BY_HOP },
        { { "proxy-authenticate", 18 }, FIELD_HOP_BY_HOP },
        { { "proxy-authorization", 19 }, FIELD_HOP_BY_HOP },
        { { "x-lighttpd-send-file", 20 }, FIELD_SEND_FILE },
        { { "x-sendfile-temporary", 20 }, FIELD_SEND_FILE }, /* mod_xsendfile 1.0 deletes the file afterwards */
    };
    enum { LONGEST = 20 };
    /* bit n: some of them have n bytes; most fields of an application are told apart by that */
    const unsigned lengths = 1u << 2 | 1u << 4 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 10 | 1u << 11 | 1u << 14 |
                             1u << 16 | 1u << 17 | 1u << 18 | 1u << 19 | 1u << LONGEST;
    if (name.n > LONGEST || !(lengths >> name.n & 1))
        return FIELD_PLAIN;
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (pd_name_header_is(name, special[i].name))
            return special[i].kind;
    return FIELD_PLAIN;
}

static enum pd_reason check_field(struct pd_slice name, struct pd_slice value)
{
    if (!name.n || pd_byte_run(name, PD_BYTE_TOKEN) != name.n)
        return PD_R_BAD_RESPONSE_NAME;
    return pd_byte_value_run(value) == value.n ? PD_R_NONE : PD_R_BAD_RESPONSE_VALUE;
}

/* Notes the length; `*keep` tells whether the field is sent. */
static enum pd_reason take_length(struct pd_response *r, struct pd_slice value, bool *keep)
{
    int64_t length;
    if (r->content_length >= 0 || pd_length_parse(value, INT64_MAX, &length) != PD_R_NONE)
        return PD_R_BAD_RESPONSE_LENGTH;
    /* RFC 9110 section 8.6: MUST NOT be sent with 204; that of 205 is 0, whatever the application says */
    *keep = r->status != STATUS_NO_CONTENT && r->status != STATUS_RESET_CONTENT;
    if (*keep)
        r->content_length = length;
    return PD_R_NONE;
}

enum pd_reason pd_response_add(struct pd_response *r, struct pd_slice name, struct pd_slice value)
{
    bool keep = true;
    enum pd_reason bad = check_field(name, value);
    if (bad)
        return bad;
    switch (kind_of(name)) {
    case FIELD_PLAIN:
        break;
    case FIELD_HOP_BY_HOP:
        return PD_R_HOP_BY_HOP;
    case FIELD_STATUS:
        return PD_R_STATUS_AS_FIELD;
    case FIELD_CONTENT_LENGTH:
        bad = take_length(r, value, &keep);
        break;
    case FIELD_DATE:
        r->has_date = true;
        break;
    case FIELD_SERVER:
        r->has_server = true;
        break;
    case FIELD_SEND_FILE:
        keep = r->may_send_file;
        r->dropped_file |= !keep;
        break;
    }
    if (bad || !keep)
        return bad;
    bad = pd_response_reserve(&r->fields, name.n + value.n + 4);
    if (bad)
        return bad;
    append_nc(&r->fields, name);
    append_nc(&r->fields, PD_SLICE(": "));
    append_nc(&r->fields, value);
    append_nc(&r->fields, PD_SLICE("\r\n"));
    return PD_R_NONE;
}

/* The line of the first field of this name, with its end; nothing if there is none. */
static struct pd_slice field_find(const struct pd_response *r, struct pd_slice name)
{
    struct pd_slice left = pd_buf_view(&r->fields);
    while (left.n) {
        size_t n = pd_slice_find(left, '\n') + 1;
        assert(n <= left.n); /* every line ends */
        if (n > name.n && left.p[name.n] == ':' && pd_slice_eq_nocase(pd_slice(left.p, name.n), name))
            return pd_slice(left.p, n);
        left = pd_slice_from(left, n);
    }
    return PD_SLICE_NONE;
}

bool pd_response_hand_over(struct pd_response *r, struct pd_slice name, struct pd_slice value)
{
    const struct pd_slice no_body = PD_SLICE("\r\nContent-Length: 0\r\n");
    const struct pd_slice colon = PD_SLICE(": ");
    /* a front end sends the file as it lies there, whole or in the ranges that it was asked for itself */
    if (r->status != STATUS_OK || field_find(r, PD_SLICE("Content-Range")).n ||
        field_find(r, PD_SLICE("Content-Encoding")).n || check_field(name, value) != PD_R_NONE ||
        pd_response_reserve(&r->fields, name.n + colon.n + value.n + no_body.n) != PD_R_NONE)
        return false;
    struct pd_slice length = field_find(r, PD_SLICE("Content-Length"));
    if (length.n) {
        char *at = r->fields.data + (length.p - r->fields.data);
        memmove(at, at + length.n, (size_t)(r->fields.data + r->fields.end - at) - length.n);
        r->fields.end -= length.n;
    }
    append_nc(&r->fields, name);
    append_nc(&r->fields, colon);
    append_nc(&r->fields, value);
    append_nc(&r->fields, no_body);
    r->content_length = 0;
    return true;
}

bool pd_status_is_bodiless(unsigned status)
{
    return (status >= 100 && status < 200) || status == STATUS_NO_CONTENT || status == STATUS_NOT_MODIFIED;
}

bool pd_response_has_no_body(const struct pd_response *r)
{
    return r->is_head || pd_status_is_bodiless(r->status) || r->status == STATUS_RESET_CONTENT;
}

struct pd_slice pd_response_forced_length(const struct pd_response *r)
{
    return r->status == STATUS_RESET_CONTENT ? PD_SLICE("Content-Length: 0\r\n") : PD_SLICE_NONE;
}

static enum pd_reason put_gateway(struct pd_response *r, struct pd_slice label, bool last, struct pd_buf *out)
{
    const struct pd_slice end = PD_SLICE("\r\n");
    struct pd_slice line = pd_buf_view(&r->line);
    struct pd_slice fields = pd_buf_view(&r->fields);
    assert(r->status); /* pd_response_start() succeeded */
    struct pd_slice length = pd_response_forced_length(r);
    size_t n = label.n + line.n + end.n + fields.n + length.n + end.n;
    if (n > r->fields.limit)
        return PD_R_RESPONSE_HEAD_TOO_LARGE;
    enum pd_reason bad = pd_response_reserve(out, n);
    if (bad)
        return bad;
    r->bodiless = pd_response_has_no_body(r);
    if (last)
        append_nc(out, fields);
    append_nc(out, label);
    append_nc(out, line);
    append_nc(out, end);
    if (!last)
        append_nc(out, fields);
    append_nc(out, length);
    append_nc(out, end);
    return PD_R_NONE;
}

enum pd_reason pd_response_put_gateway(struct pd_response *r, struct pd_slice label, struct pd_buf *out)
{
    return put_gateway(r, label, false, out);
}

enum pd_reason pd_response_put_cgi(struct pd_response *r, struct pd_buf *out)
{
    return put_gateway(r, PD_SLICE("Status: "), r->status_last, out);
}

enum pd_reason pd_response_set_length(struct pd_response *r, uint64_t n)
{
    char digits[20]; /* 2^64 has 20 */
    char *p = digits + sizeof digits;
    r->content_length = (int64_t)n;
    do
        *--p = (char)('0' + n % 10);
    while (n /= 10);
    struct pd_slice value = pd_slice(p, (size_t)(digits + sizeof digits - p));
    static const struct pd_slice name = { "Content-Length: ", 16 };
    static const struct pd_slice end = { "\r\n", 2 };
    enum pd_reason bad = pd_response_reserve(&r->fields, name.n + value.n + end.n);
    if (bad)
        return bad;
    append_nc(&r->fields, name);
    append_nc(&r->fields, value);
    append_nc(&r->fields, end);
    return PD_R_NONE;
}

/* Year, month and day of a day number counted from 1970-01-01, in the proleptic Gregorian calendar. */
static void civil_date(int64_t day, int *year, int *month, int *mday)
{
    /* count from 0000-03-01, so that the leap day is the last of its year and of its 400 years */
    enum { TO_MARCH_0 = 719468, DAYS_400 = 146097, DAYS_100 = 36524, DAYS_4 = 1461 };
    int64_t days = day + TO_MARCH_0;
    int64_t era = days / DAYS_400;
    int64_t in_era = days % DAYS_400;
    int64_t years = (in_era - in_era / (DAYS_4 - 1) + in_era / DAYS_100 - in_era / (DAYS_400 - 1)) / 365;
    int64_t in_year = in_era - (365 * years + years / 4 - years / 100);
    int64_t from_march = (5 * in_year + 2) / 153; /* months of 31 30 31 30 31 days: 153 in five */
    *mday = (int)(in_year - (153 * from_march + 2) / 5 + 1);
    *month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = (int)(era * 400 + years + (*month <= 2 ? 1 : 0));
}

static char *put_digits(char *w, int value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        w[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return w + digits;
}

void pd_date_put(int64_t wall_s, char dst[PD_DATE_LEN])
{
    static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const int64_t last = 253402300799; /* 9999-12-31 23:59:59: the year has four digits */
    int64_t t = wall_s < 0 ? 0 : wall_s > last ? last : wall_s;
    int64_t day = t / 86400;
    int in_day = (int)(t % 86400);
    int year;
    int month;
    int mday;
    civil_date(day, &year, &month, &mday);
    char *w = dst;
    memcpy(w, weekdays + 3 * (day % 7), 3);
    memcpy(w + 3, ", ", 2);
    w = put_digits(w + 5, mday, 2);
    *w++ = ' ';
    memcpy(w, months + (size_t)(month - 1) * 3, 3);
    w[3] = ' ';
    w = put_digits(w + 4, year, 4);
    *w++ = ' ';
    w = put_digits(w, in_day / 3600, 2);
    *w++ = ':';
    w = put_digits(w, in_day / 60 % 60, 2);
    *w++ = ':';
    w = put_digits(w, in_day % 60, 2);
    memcpy(w, " GMT", 4);
    assert(w + 4 == dst + PD_DATE_LEN);
}
