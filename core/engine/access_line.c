/* access_line.c - one line of the access log (see access_line.h). No snprintf: this runs once for every request. */
#include "engine/access_line.h"

#include <assert.h>

enum escape { ESCAPE_WORD, ESCAPE_QUOTED, ESCAPE_JSON };

/* --- small things ------------------------------------------------------------------------------------------------- */

static char *put_number(char *w, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    return pd_put(w, pd_slice(digits + at, sizeof digits - at));
}

/* So many digits, with zeros in front. */
static char *put_digits(char *w, unsigned n, int digits)
{
    for (int i = digits - 1; i >= 0; i--, n /= 10)
        w[i] = (char)('0' + n % 10);
    return w + digits;
}

static char *put_hex(char *w, uint64_t n, unsigned digits)
{
    for (unsigned i = digits; i-- > 0;)
        *w++ = "0123456789abcdef"[n >> (4 * i) & 15];
    return w;
}

/* Milliseconds with one or three digits behind the point. */
static char *put_ms(char *w, uint64_t ns, int digits)
{
    uint64_t unit = digits == 1 ? 100000 : 1000;
    unsigned part = digits == 1 ? 10 : 1000;
    uint64_t n = ns / unit;
    w = put_number(w, n / part);
    *w++ = '.';
    return put_digits(w, (unsigned)(n % part), digits);
}

/* --- what a peer sent --------------------------------------------------------------------------------------------- */

static bool is_plain(unsigned char c, enum escape how)
{
    return c > 0x20 ? c < 0x7f && c != '"' && c != '\\' : c == ' ' && how != ESCAPE_WORD;
}

static char *put_escape(char *w, unsigned char c, enum escape how)
{
    *w++ = '\\';
    if (how != ESCAPE_JSON) {
        *w++ = 'x';
        return put_hex(w, c, 2);
    }
    if (c == '"' || c == '\\') {
        *w++ = (char)c;
        return w;
    }
    *w++ = 'u';
    return put_hex(w, c, 4); /* bytes above 0x7f are latin-1, as in the environ */
}

/* At most `limit` characters; what does not fit ends in three dots. */
static char *put_text(char *w, struct pd_slice s, size_t limit, enum escape how)
{
    enum { DOTS = 3, ESCAPE_MAX = 6 };
    const char *last = w + limit - DOTS - ESCAPE_MAX;
    for (size_t i = 0; i < s.n; i++) {
        if (w > last)
            return pd_put(w, PD_SLICE("..."));
        unsigned char c = (unsigned char)s.p[i];
        if (is_plain(c, how))
            *w++ = (char)c;
        else
            w = put_escape(w, c, how);
    }
    return w;
}

static char *put_or_dash(char *w, struct pd_slice s, size_t limit, enum escape how)
{
    return s.n ? put_text(w, s, limit, how) : pd_put(w, PD_SLICE("-"));
}

static char *put_target(char *w, const struct pd_access_entry *e, enum escape how)
{
    w = put_or_dash(w, e->path, PD_ACCESS_PATH_MAX, how);
    if (!e->has_query)
        return w;
    *w++ = '?';
    return put_text(w, e->query, PD_ACCESS_QUERY_MAX, how);
}

/* --- time --------------------------------------------------------------------------------------------------------- */

struct moment {
    unsigned year;
    unsigned month;  /* from 1 */
    unsigned day;    /* from 1 */
    unsigned second; /* of the day */
    unsigned ms;
    unsigned zone; /* minutes away from UTC */
    char sign;
};

enum { NS = 1000000000, DAY = 86400 };

static int64_t local_second(const struct pd_access_entry *e)
{
    return e->wall_ns / NS + e->offset_s;
}

/* Of its day. */
static unsigned second_of(int64_t local)
{
    return (unsigned)(local % DAY);
}

/* Local time; years are counted from a March, so that a leap day is the last day of its year. */
static struct moment moment_of(const struct pd_access_entry *e)
{
    enum { DAYS_400 = 146097, MARCH_0 = 719468 /* 0000-03-01 before 1970 */ };
    int64_t local = local_second(e);
    int64_t days = local / DAY + MARCH_0;
    int64_t era = days / DAYS_400;
    int64_t in_era = days % DAYS_400;
    int64_t years = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * years + years / 4 - years / 100);
    int64_t month = (5 * in_year + 2) / 153; /* from March; five months have 153 days */
    int32_t away = e->offset_s < 0 ? -e->offset_s : e->offset_s;
    return (struct moment){
        .year = (unsigned)(era * 400 + years + (month >= 10)),
        .month = (unsigned)(month >= 10 ? month - 9 : month + 3),
        .day = (unsigned)(in_year - (153 * month + 2) / 5 + 1),
        .second = second_of(local),
        .ms = (unsigned)(e->wall_ns % NS / 1000000),
        .zone = (unsigned)away / 60,
        .sign = e->offset_s < 0 ? '-' : '+',
    };
}

/* "07:12:44" */
static char *put_clock(char *w, unsigned second)
{
    w = put_digits(w, second / 3600, 2);
    *w++ = ':';
    w = put_digits(w, second / 60 % 60, 2);
    *w++ = ':';
    return put_digits(w, second % 60, 2);
}

/* "+0100" or "+01:00" */
static char *put_zone(char *w, const struct moment *m, bool colon)
{
    *w++ = m->sign;
    w = put_digits(w, m->zone / 60, 2);
    if (colon)
        *w++ = ':';
    return put_digits(w, m->zone % 60, 2);
}

/* RFC 3339 with milliseconds: "2026-11-21T07:12:44.123+00:00" */
static char *put_rfc3339(char *w, const struct moment *m)
{
    w = put_digits(w, m->year, 4);
    *w++ = '-';
    w = put_digits(w, m->month, 2);
    *w++ = '-';
    w = put_digits(w, m->day, 2);
    *w++ = 'T';
    w = put_clock(w, m->second);
    *w++ = '.';
    w = put_digits(w, m->ms, 3);
    return put_zone(w, m, true);
}

/* Apache's: "21/Nov/2026:07:12:44 +0000" */
static char *put_apache_time(char *w, const struct moment *m)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    w = put_digits(w, m->day, 2);
    *w++ = '/';
    w = pd_put(w, pd_slice(months + (size_t)(m->month - 1) * 3, 3));
    *w++ = '/';
    w = put_digits(w, m->year, 4);
    *w++ = ':';
    w = put_clock(w, m->second);
    *w++ = ' ';
    return put_zone(w, m, false);
}

/* --- the forms ---------------------------------------------------------------------------------------------------- */

static char *put_status(char *w, unsigned status, struct pd_slice none)
{
    return status ? put_number(w, status) : pd_put(w, none);
}

/* "07:12:44 127.0.0.1 GET /shop?page=2 200 5123B 1.3ms 0bcdbf8779493324", and " broken". No field holds a space. */
static char *put_short(char *w, const struct pd_access_entry *e)
{
    w = put_clock(w, second_of(local_second(e)));
    *w++ = ' ';
    w = put_or_dash(w, e->peer, PD_ACCESS_WORD_MAX, ESCAPE_WORD);
    *w++ = ' ';
    w = put_or_dash(w, e->method, PD_ACCESS_TOKEN_MAX, ESCAPE_WORD);
    *w++ = ' ';
    w = put_target(w, e, ESCAPE_WORD);
    *w++ = ' ';
    w = put_status(w, e->status, PD_SLICE("-"));
    *w++ = ' ';
    w = put_number(w, e->bytes);
    w = pd_put(w, PD_SLICE("B "));
    w = put_ms(w, e->total_ns, 1);
    w = pd_put(w, PD_SLICE("ms "));
    w = pd_put_hex64(w, e->id);
    return e->broken ? pd_put(w, PD_SLICE(" broken")) : w;
}

/* Apache's LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"" combined */
static char *put_combined(char *w, const struct pd_access_entry *e)
{
    struct moment m = moment_of(e);
    w = put_or_dash(w, e->peer, PD_ACCESS_WORD_MAX, ESCAPE_WORD);
    w = pd_put(w, PD_SLICE(" - "));
    w = put_or_dash(w, e->user, PD_ACCESS_WORD_MAX, ESCAPE_WORD);
    w = pd_put(w, PD_SLICE(" ["));
    w = put_apache_time(w, &m);
    w = pd_put(w, PD_SLICE("] \""));
    w = put_or_dash(w, e->method, PD_ACCESS_TOKEN_MAX, ESCAPE_WORD);
    if (e->path.n) {
        *w++ = ' ';
        w = put_target(w, e, ESCAPE_WORD);
        *w++ = ' ';
        w = put_or_dash(w, e->protocol, PD_ACCESS_TOKEN_MAX, ESCAPE_WORD);
    }
    w = pd_put(w, PD_SLICE("\" "));
    w = put_status(w, e->status, PD_SLICE("-"));
    *w++ = ' ';
    w = e->bytes ? put_number(w, e->bytes) : pd_put(w, PD_SLICE("-"));
    w = pd_put(w, PD_SLICE(" \""));
    w = put_or_dash(w, e->referer, PD_ACCESS_REFERER_MAX, ESCAPE_QUOTED);
    w = pd_put(w, PD_SLICE("\" \""));
    w = put_or_dash(w, e->agent, PD_ACCESS_AGENT_MAX, ESCAPE_QUOTED);
    return pd_put(w, PD_SLICE("\""));
}

static char *put_member(char *w, struct pd_slice name, struct pd_slice s, size_t limit)
{
    w = pd_put(w, name);
    if (!s.n)
        return pd_put(w, PD_SLICE("null"));
    *w++ = '"';
    w = put_text(w, s, limit, ESCAPE_JSON);
    *w++ = '"';
    return w;
}

static char *put_json(char *w, const struct pd_access_entry *e)
{
    struct moment m = moment_of(e);
    w = pd_put(w, PD_SLICE("{\"time\":\""));
    w = put_rfc3339(w, &m);
    w = pd_put(w, PD_SLICE("\",\"id\":\""));
    w = pd_put_hex64(w, e->id);
    w = put_member(w, PD_SLICE("\",\"peer\":"), e->peer, PD_ACCESS_WORD_MAX);
    w = put_member(w, PD_SLICE(",\"user\":"), e->user, PD_ACCESS_WORD_MAX);
    w = pd_put(w, PD_SLICE(",\"door\":\""));
    w = pd_put(w, e->door);
    w = put_member(w, PD_SLICE("\",\"method\":"), e->method, PD_ACCESS_TOKEN_MAX);
    w = put_member(w, PD_SLICE(",\"path\":"), e->path, PD_ACCESS_PATH_MAX);
    w = put_member(w, PD_SLICE(",\"query\":"), e->query, PD_ACCESS_QUERY_MAX);
    w = put_member(w, PD_SLICE(",\"protocol\":"), e->protocol, PD_ACCESS_TOKEN_MAX);
    w = pd_put(w, PD_SLICE(",\"status\":"));
    w = put_status(w, e->status, PD_SLICE("null"));
    w = pd_put(w, PD_SLICE(",\"bytes\":"));
    w = put_number(w, e->bytes);
    w = pd_put(w, PD_SLICE(",\"ms\":"));
    w = put_ms(w, e->total_ns, 3);
    w = pd_put(w, PD_SLICE(",\"queue_ms\":"));
    w = put_ms(w, e->queue_ns, 3);
    w = put_member(w, PD_SLICE(",\"referer\":"), e->referer, PD_ACCESS_REFERER_MAX);
    w = put_member(w, PD_SLICE(",\"user_agent\":"), e->agent, PD_ACCESS_AGENT_MAX);
    if (e->broken)
        w = pd_put(w, PD_SLICE(",\"broken\":true"));
    *w++ = '}';
    return w;
}

size_t pd_access_line(enum pd_access_form form, const struct pd_access_entry *e, char dst[PD_ACCESS_LINE_MAX])
{
    char *w = dst;
    switch (form) {
    case PD_ACCESS_SHORT:
        w = put_short(dst, e);
        break;
    case PD_ACCESS_COMBINED:
        w = put_combined(dst, e);
        break;
    case PD_ACCESS_JSON:
        w = put_json(dst, e);
        break;
    }
    *w++ = '\n';
    assert(w <= dst + PD_ACCESS_LINE_MAX);
    return (size_t)(w - dst);
}
