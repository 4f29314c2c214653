/*
 * http1_head.c - request line and header fields of HTTP/1.1 (RFC 9112 sections 2 to 6).
 *
 * The head is parsed in one pass when it comes in one piece. When it does not,
 * the state remembers how far it was checked, so that every byte is looked at
 * a bounded number of times, and the complete head is parsed once more from
 * its start, because slices into earlier input would be stale. What is wrong
 * is decided by a rule on prefixes of the input alone (a byte that cannot
 * stand where it is, or a complete line), never by how the input was cut.
 *
 * A field that can be read but not served (a length over the limit, say) is
 * refused at the end of the head, so that the answer can be of the kind that
 * the client takes. Until then it counts as the first thing that is wrong.
 */
#include <assert.h>

#include "codec/authority.h"
#include "codec/bytes.h"
#include "codec/http1_state.h"
#include "codec/length.h"

/* The first thing that is wrong with a head is what counts. */
static void note_fault(struct pd_http1 *st, enum pd_reason reason)
{
    if (st->reason == PD_R_NONE)
        st->reason = (uint8_t)reason;
}

/* What follows cannot be read. */
static enum pd_http1_step refuse(struct pd_http1 *st, enum pd_reason reason)
{
    note_fault(st, reason);
    return PD_STEP_BAD;
}

/* --- the request line -------------------------------------------------- */

static enum pd_reason method_fault(char byte, bool first)
{
    if (byte == '\n')
        return PD_R_BARE_LF;
    if (byte == '\r')
        return first ? PD_R_BARE_CR : PD_R_BAD_REQUEST_LINE;
    return PD_R_BAD_METHOD;
}

static enum pd_http1_step head_method(struct pd_http1 *st, struct pd_slice win)
{
    size_t n = pd_byte_run(pd_slice(win.p, win.n < PD_METHOD_MAX ? win.n : PD_METHOD_MAX), PD_BYTE_TOKEN);
    if (n == win.n)
        return PD_STEP_MORE;
    if (n == PD_METHOD_MAX && pd_byte_is(win.p[n], PD_BYTE_TOKEN))
        return refuse(st, PD_R_METHOD_TOO_LONG);
    if (n == 0 || win.p[n] != ' ')
        return refuse(st, method_fault(win.p[n], n == 0));
    if (pd_slice_eq(pd_slice(win.p, n), PD_SLICE("CONNECT")))
        note_fault(st, PD_R_CONNECT_REFUSED);
    st->method_n = (uint8_t)n;
    st->u.at.line = st->u.at.scan = (uint32_t)n + 1;
    st->phase = PD_HTTP1_TARGET;
    return PD_STEP_DONE;
}

static enum pd_http1_step head_target(struct pd_http1 *st, struct pd_slice win)
{
    size_t start = st->u.at.line, room = st->limits->target;
    size_t i = st->u.at.scan;
    size_t stop = win.n - start > room ? start + room + 1 : win.n;
    while (i < stop && pd_byte_is(win.p[i], PD_BYTE_TARGET))
        i++;
    if (i - start > room)
        return refuse(st, PD_R_TARGET_TOO_LONG);
    st->u.at.scan = (uint32_t)i;
    if (i == win.n)
        return PD_STEP_MORE;
    if (win.p[i] == '\n')
        return refuse(st, PD_R_BARE_LF);
    if (win.p[i] == '\r' || (win.p[i] == ' ' && i == start))
        return refuse(st, PD_R_BAD_REQUEST_LINE); /* HTTP/0.9, or two spaces */
    if (win.p[i] != ' ')
        return refuse(st, PD_R_BAD_TARGET);
    st->u.at.target_n = (uint32_t)(i - start);
    st->u.at.line = st->u.at.scan = (uint32_t)i + 1;
    st->phase = PD_HTTP1_VERSION;
    return PD_STEP_DONE;
}

/* HTTP-version = %s"HTTP/" DIGIT "." DIGIT */
static bool is_version(struct pd_slice s)
{
    return s.n == 8 && memcmp(s.p, "HTTP/", 5) == 0 && pd_byte_is_digit(s.p[5]) && s.p[6] == '.' &&
           pd_byte_is_digit(s.p[7]);
}

/* A version other than HTTP/1.1; `line` is what stands between the space behind the target and the LF. */
static enum pd_reason parse_version(struct pd_slice line, uint8_t *minor)
{
    if (line.n == 0 || line.p[line.n - 1] != '\r')
        return PD_R_BARE_LF;
    line.n--;
    if (pd_slice_find(line, '\r') != line.n)
        return PD_R_BARE_CR;
    if (is_version(line)) {
        *minor = line.p[7] != '0'; /* a later minor version is served as 1.1: RFC 9110 section 2.5 */
        return line.p[5] == '1' ? PD_R_NONE : PD_R_UNSUPPORTED_VERSION;
    }
    if (pd_slice_find(line, ' ') == line.n)
        return PD_R_BAD_VERSION;
    /* A space too many: was it in the target, or does it only surround the version? */
    bool in_target =
        line.n > 9 && line.p[0] != ' ' && line.p[line.n - 9] == ' ' && is_version(pd_slice_from(line, line.n - 8));
    return in_target ? PD_R_BAD_TARGET : PD_R_BAD_REQUEST_LINE;
}

/* The authority of an absolute-form target (RFC 9112 section 3.2.2); p == NULL when it has another form. */
static struct pd_slice target_authority(struct pd_slice target)
{
    static const struct pd_slice schemes[] = { { "http://", 7 }, { "https://", 8 } };
    for (size_t i = 0; i < 2; i++) {
        size_t n = schemes[i].n;
        if (target.n < n || !pd_slice_eq_nocase(pd_slice(target.p, n), schemes[i]))
            continue;
        struct pd_slice authority = pd_slice_from(target, n);
        size_t end = 0;
        while (end < authority.n && authority.p[end] != '/' && authority.p[end] != '?')
            end++;
        return pd_slice(authority.p, end);
    }
    return PD_SLICE_NONE;
}

static struct pd_slice head_target_slice(const struct pd_http1 *st, struct pd_slice win)
{
    return pd_slice(win.p + st->method_n + 1, st->u.at.target_n);
}

/* The form of the target; its bytes were checked already. */
static bool target_is_valid(struct pd_slice method, struct pd_slice target)
{
    if (target.p[0] == '/')
        return true;
    if (target.p[0] == '*')
        return target.n == 1 && pd_slice_eq(method, PD_SLICE("OPTIONS"));
    struct pd_slice authority = target_authority(target);
    return authority.p && pd_authority_is_valid(authority);
}

static enum pd_http1_step head_version(struct pd_http1 *st, struct pd_slice win)
{
    static const struct pd_slice usual = { "HTTP/1.1\r\n", 10 };
    struct pd_slice rest = pd_slice_from(win, st->u.at.line);
    size_t used = usual.n;
    st->head.http_minor = 1;
    if (PD_UNLIKELY(!pd_slice_has_prefix(rest, usual))) {
        size_t lf = st->u.at.scan + pd_slice_find(pd_slice_from(win, st->u.at.scan), '\n');
        st->u.at.scan = (uint32_t)lf;
        if (lf == win.n)
            return PD_STEP_MORE;
        used = lf - st->u.at.line + 1;
        enum pd_reason fault = parse_version(pd_slice(rest.p, used - 1), &st->head.http_minor);
        if (fault != PD_R_NONE)
            return refuse(st, fault);
    }
    bool known = st->reason == PD_R_NONE; /* else the method is one whose targets have a form of their own */
    if (known && !target_is_valid(pd_slice(win.p, st->method_n), head_target_slice(st, win)))
        return refuse(st, PD_R_BAD_TARGET);
    st->u.at.line += (uint32_t)used;
    st->u.at.scan = st->u.at.line;
    st->phase = PD_HTTP1_FIELDS;
    return PD_STEP_DONE;
}

/* --- fields with a meaning for the connection -------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes the next element, without white space round it, off a comma-separated list. */
static bool list_take(struct pd_slice *list, struct pd_slice *item)
{
    if (!list->p)
        return false;
    size_t comma = pd_slice_find(*list, ',');
    *item = pd_slice(list->p, comma);
    *list = comma == list->n ? PD_SLICE_NONE : pd_slice_from(*list, comma + 1);
    while (item->n && is_blank(item->p[0]))
        *item = pd_slice_from(*item, 1);
    while (item->n && is_blank(item->p[item->n - 1]))
        item->n--;
    return true;
}

static enum pd_reason on_host(struct pd_http1 *st, struct pd_slice value)
{
    if (st->seen & PD_SEEN_HOST)
        return PD_R_DUPLICATE_FIELD;
    st->seen |= PD_SEEN_HOST;
    return pd_authority_is_valid(value) ? PD_R_NONE : PD_R_BAD_HOST;
}

static enum pd_reason on_length(struct pd_http1 *st, struct pd_slice value)
{
    if (st->seen & PD_SEEN_LENGTH)
        return PD_R_DUPLICATE_CONTENT_LENGTH;
    if (st->seen & PD_SEEN_ENCODING)
        return PD_R_LENGTH_AND_ENCODING;
    st->seen |= PD_SEEN_LENGTH;
    return pd_length_parse(value, st->limits->body, &st->head.content_length);
}

/* A Transfer-Encoding that is not "chunked": known to be wrong, or merely unknown (RFC 9112 section 6.1)? */
static enum pd_reason encoding_fault(struct pd_slice value)
{
    struct pd_slice item;
    bool chunked = false;
    while (list_take(&value, &item)) {
        if (chunked || item.n == 0 || pd_byte_run(item, PD_BYTE_TOKEN) != item.n)
            return PD_R_BAD_TRANSFER_ENCODING;
        chunked = pd_slice_eq_nocase(item, PD_SLICE("chunked"));
    }
    return chunked ? PD_R_UNKNOWN_TRANSFER_ENCODING : PD_R_BAD_TRANSFER_ENCODING;
}

static enum pd_reason on_encoding(struct pd_http1 *st, struct pd_slice value)
{
    if (st->seen & PD_SEEN_ENCODING)
        return PD_R_BAD_TRANSFER_ENCODING;
    if (st->seen & PD_SEEN_LENGTH)
        return PD_R_LENGTH_AND_ENCODING;
    if (st->head.http_minor == 0)
        return PD_R_ENCODING_IN_HTTP10;
    st->seen |= PD_SEEN_ENCODING;
    st->head.chunked = true;
    return pd_slice_eq_nocase(value, PD_SLICE("chunked")) ? PD_R_NONE : encoding_fault(value);
}

static enum pd_reason on_connection(struct pd_http1 *st, struct pd_slice value)
{
    struct pd_slice item;
    while (list_take(&value, &item)) {
        if (pd_slice_eq_nocase(item, PD_SLICE("close")))
            st->seen |= PD_SEEN_CLOSE;
        else if (pd_slice_eq_nocase(item, PD_SLICE("keep-alive")))
            st->seen |= PD_SEEN_KEEP_ALIVE;
    }
    return PD_R_NONE;
}

/* RFC 9110 section 10.1.1: an HTTP/1.0 client cannot expect anything. */
static enum pd_reason on_expect(struct pd_http1 *st, struct pd_slice value)
{
    if (st->head.http_minor == 0)
        return PD_R_NONE;
    st->head.expect_continue = true;
    return pd_slice_eq_nocase(value, PD_SLICE("100-continue")) ? PD_R_NONE : PD_R_BAD_EXPECTATION;
}

static enum pd_reason on_field(struct pd_http1 *st, const struct pd_field *f)
{
    switch (f->name.n) { /* the length tells almost all fields apart without a look at them */
    case 4:
        return pd_slice_eq_nocase(f->name, PD_SLICE("host")) ? on_host(st, f->value) : PD_R_NONE;
    case 6:
        return pd_slice_eq_nocase(f->name, PD_SLICE("expect")) ? on_expect(st, f->value) : PD_R_NONE;
    case 10:
        return pd_slice_eq_nocase(f->name, PD_SLICE("connection")) ? on_connection(st, f->value) : PD_R_NONE;
    case 14:
        return pd_slice_eq_nocase(f->name, PD_SLICE("content-length")) ? on_length(st, f->value) : PD_R_NONE;
    case 17:
        return pd_slice_eq_nocase(f->name, PD_SLICE("transfer-encoding")) ? on_encoding(st, f->value) : PD_R_NONE;
    default:
        return PD_R_NONE;
    }
}

/* --- field lines ------------------------------------------------------- */

/* Parses one line; returns where the next begins, or NULL: the line is not complete, or something is wrong with it. */
static const char *parse_field(const char *p, const char *end, struct pd_field *f)
{
    const char *name = p;
    while (p < end && pd_byte_is(*p, PD_BYTE_TOKEN))
        p++;
    if (p == end || *p != ':' || p == name)
        return NULL;
    f->name = pd_slice(name, (size_t)(p - name));
    do
        p++;
    while (p < end && is_blank(*p));
    const char *value = p;
    p += pd_byte_value_run(pd_slice(p, (size_t)(end - p)));
    if (end - p < 2 || p[0] != '\r' || p[1] != '\n')
        return NULL;
    const char *last = p;
    while (last > value && is_blank(last[-1]))
        last--;
    f->value = pd_slice(value, (size_t)(last - value));
    return p + 2;
}

/* What is wrong with a complete field line (without its LF) that parse_field did not like. */
static PD_COLD enum pd_reason field_fault(struct pd_slice line, bool first)
{
    if (line.n && is_blank(line.p[0]))
        return first ? PD_R_LEADING_SPACE : PD_R_OBS_FOLD;
    if (line.n == 0 || line.p[line.n - 1] != '\r')
        return PD_R_BARE_LF;
    line.n--;
    if (pd_slice_find(line, '\r') != line.n)
        return PD_R_BARE_CR;
    size_t colon = pd_slice_find(line, ':');
    if (colon == line.n)
        return PD_R_NO_COLON;
    if (colon && is_blank(line.p[colon - 1]))
        return PD_R_SPACE_BEFORE_COLON;
    bool name = colon && pd_byte_run(pd_slice(line.p, colon), PD_BYTE_TOKEN) == colon;
    return name ? PD_R_BAD_FIELD_VALUE : PD_R_BAD_FIELD_NAME;
}

/* The line that begins at `line` could not be parsed: wait for its end, or say what is wrong. */
static PD_COLD enum pd_http1_step field_stop(struct pd_http1 *st, struct pd_slice win, size_t line, bool first)
{
    struct pd_slice rest = pd_slice_from(win, line);
    size_t lf = pd_slice_find(rest, '\n');
    if (lf < rest.n)
        return refuse(st, field_fault(pd_slice(rest.p, lf), first));
    st->u.at.line = (uint32_t)line;
    st->u.at.scan = (uint32_t)win.n;
    return PD_STEP_MORE;
}

static enum pd_http1_step head_fields(struct pd_http1 *st, struct pd_slice win, struct pd_field *fields)
{
    const char *p = win.p + st->u.at.line, *end = win.p + win.n;
    size_t room = st->limits->fields < PD_FIELDS_MAX ? st->limits->fields : PD_FIELDS_MAX;
    size_t n = st->head.nfields;
    /* A line that was not complete the last time is not parsed before its end is there. */
    if (st->u.at.scan > st->u.at.line && !memchr(win.p + st->u.at.scan, '\n', win.n - st->u.at.scan)) {
        st->u.at.scan = (uint32_t)win.n;
        return PD_STEP_MORE;
    }
    for (;;) {
        struct pd_field f;
        if (end - p >= 2 && p[0] == '\r' && p[1] == '\n')
            break;
        const char *next = parse_field(p, end, &f);
        if (!next) {
            st->head.nfields = n;
            return field_stop(st, win, (size_t)(p - win.p), n == 0);
        }
        if (n == room)
            return refuse(st, PD_R_TOO_MANY_FIELDS);
        note_fault(st, on_field(st, &f));
        fields[n++] = f;
        p = next;
    }
    st->head.nfields = n;
    st->u.at.line = (uint32_t)(p + 2 - win.p);
    return PD_STEP_DONE;
}

/* --- the head as a whole ----------------------------------------------- */

void pd_http1_head_begin(struct pd_http1 *st)
{
    st->phase = PD_HTTP1_METHOD;
    st->seen = 0;
    st->reason = PD_R_NONE;
    st->head = (struct pd_head){ .form = PD_HEAD_HTTP, .content_length = -1 };
}

/* Goes on where the last call stopped. */
static enum pd_http1_step head_run(struct pd_http1 *st, struct pd_slice win, struct pd_field *fields)
{
    enum pd_http1_step s = PD_STEP_DONE;
    if (st->phase == PD_HTTP1_METHOD)
        s = head_method(st, win);
    if (s == PD_STEP_DONE && st->phase == PD_HTTP1_TARGET)
        s = head_target(st, win);
    if (s == PD_STEP_DONE && st->phase == PD_HTTP1_VERSION)
        s = head_version(st, win);
    return s == PD_STEP_DONE ? head_fields(st, win, fields) : s;
}

/* RFC 9112 section 3.2.2: the authority of an absolute-form target replaces Host. */
static enum pd_reason head_set_host(struct pd_http1 *st, struct pd_slice authority, struct pd_scratch *scratch)
{
    struct pd_head *h = &st->head;
    size_t i = 0;
    while (i < h->nfields && !pd_slice_eq_nocase(h->fields[i].name, PD_SLICE("host")))
        i++;
    if (i == h->nfields) {
        if (i == PD_FIELDS_MAX || i >= st->limits->fields)
            return PD_R_TOO_MANY_FIELDS;
        h->nfields++;
        memcpy(scratch->reply, "Host", 4); /* slices of a head point into the input or the scratch */
        h->fields[i].name = pd_slice(scratch->reply, 4);
    }
    h->fields[i].value = authority;
    return PD_R_NONE;
}

/* The rules that need the whole head. */
static enum pd_reason head_finish(struct pd_http1 *st, struct pd_slice win, struct pd_scratch *scratch)
{
    struct pd_head *h = &st->head;
    h->fields = scratch->fields;
    h->method = pd_slice(win.p, st->method_n);
    h->target = head_target_slice(st, win);
    if (PD_UNLIKELY(st->reason != PD_R_NONE))
        return (enum pd_reason)st->reason;
    if (h->http_minor && !(st->seen & PD_SEEN_HOST))
        return PD_R_MISSING_HOST;
    h->keep_alive = !(st->seen & PD_SEEN_CLOSE) && (h->http_minor || st->seen & PD_SEEN_KEEP_ALIVE);
    /* Without a body there is nothing to continue with: RFC 9110 section 10.1.1. */
    h->expect_continue = h->expect_continue && (h->chunked || h->content_length > 0);
    if (PD_UNLIKELY(h->target.p[0] != '/' && h->target.p[0] != '*'))
        return head_set_host(st, target_authority(h->target), scratch);
    return PD_R_NONE;
}

enum pd_http1_step pd_http1_head_parse(struct pd_http1 *st, struct pd_slice win, struct pd_scratch *scratch)
{
    bool resumed = st->phase != PD_HTTP1_METHOD;
    enum pd_http1_step step = head_run(st, win, scratch->fields);
    if (step == PD_STEP_DONE && PD_UNLIKELY(resumed)) {
        pd_http1_head_begin(st);
        step = head_run(st, win, scratch->fields);
        assert(step == PD_STEP_DONE);
    }
    if (step != PD_STEP_DONE)
        return step;
    enum pd_reason fault = head_finish(st, win, scratch);
    return fault == PD_R_NONE ? PD_STEP_DONE : refuse(st, fault);
}
