/*
 * ajp13_request.c - FORWARD_REQUEST becomes a head (see ajp13.h).
 *
 * Only the packet's form is judged here, and the secret; what of names and
 * values reaches the application is the policy layer's affair.
 */
#include <assert.h>

#include "codec/ajp13.h"
#include "codec/ajp13_names.h"
#include "codec/length.h"

#define X(name) { name, sizeof(name) - 1 },
/* By their codes; FF: attribute 0D holds the method. */
static const struct pd_slice methods[] = { PD_AJP_METHODS(X) };
static const struct pd_slice headers[] = { PD_AJP_REQUEST_NAMES(X) };

/* Variables that a request has at most once. */
enum var {
    VAR_PROTOCOL,
    VAR_REMOTE_ADDR,
    VAR_REMOTE_HOST,
    VAR_REMOTE_PORT,
    VAR_SERVER_NAME,
    VAR_SERVER_PORT,
    VAR_HTTPS,
    VAR_PATH_INFO,
    VAR_QUERY_STRING,
    VAR_REMOTE_USER,
    VAR_AUTH_TYPE,
    VAR_SSL_CERT,
    VAR_SSL_CIPHER,
    VAR_SSL_SESSION,
    VAR_SSL_KEY_SIZE,
    VAR_SSL_PROTOCOL,
    VAR_COUNT
};

/* Their names, those of TLS as mod_ssl has them. */
static const struct pd_slice var_names[VAR_COUNT] = {
    X("SERVER_PROTOCOL") X("REMOTE_ADDR") X("REMOTE_HOST") X("REMOTE_PORT") X("SERVER_NAME") X("SERVER_PORT") X("HTTPS")
        X("PATH_INFO") X("QUERY_STRING") X("REMOTE_USER") X("AUTH_TYPE") X("SSL_CLIENT_CERT") X("SSL_CIPHER")
            X("SSL_SESSION_ID") X("SSL_CIPHER_USEKEYSIZE") X("SSL_PROTOCOL")
#undef X
};

enum {
    METHOD_STORED = 0xff,
    METHODS_N = sizeof methods / sizeof methods[0],
    HEADERS_N = sizeof headers / sizeof headers[0],
    HEADER_CODES = 0xa0, /* high byte of a coded name: no string of a name is that long */
    ATTRIBUTES_END = 0xff,
    HEADERS_MAX = PD_FIELDS_MAX - VAR_COUNT,
    DIGITS_MAX = 5, /* of a number of 16 bits */
};

struct parse {
    struct ajp *ajp;
    struct pd_cursor c;
    struct pd_field *fields; /* header fields, room for the variables, attributes */
    char *digits;            /* where numbers become text */
    size_t nheaders;
    size_t nattributes;
    struct pd_slice vars[VAR_COUNT]; /* p == NULL: not given */
    struct pd_slice stored_method;
    struct pd_slice secret;
    bool two_secrets;
    bool has_length;
    bool has_encoding;
};

/* --- data types (section "Data Types") --- */

/* The null string has p == NULL. A string without its NUL, or past the packet's end, makes the cursor bad. */
static struct pd_slice take_string(struct pd_cursor *c)
{
    uint16_t n = pd_cursor_be16(c);
    if (!c->ok || n == AJP_NULL_STRING)
        return PD_SLICE_NONE;
    struct pd_slice s = pd_cursor_take(c, n);
    if (pd_cursor_u8(c) != 0)
        c->ok = false;
    return c->ok ? s : PD_SLICE_NONE;
}

static struct pd_slice put_digits(struct parse *p, unsigned value)
{
    char *end = p->digits + DIGITS_MAX;
    char *w = end;
    do
        *--w = (char)('0' + value % 10);
    while (value /= 10);
    p->digits = end;
    return pd_slice(w, (size_t)(end - w));
}

static enum pd_reason set_once(struct pd_slice *to, struct pd_slice value)
{
    if (to->p)
        return PD_R_DUPLICATE_VARIABLE;
    *to = value;
    return PD_R_NONE;
}

/* --- header fields --- */

static enum pd_reason take_name(struct pd_cursor *c, struct pd_slice *name)
{
    struct pd_cursor ahead = *c;
    uint16_t code = pd_cursor_be16(&ahead);
    if (code >> 8 != HEADER_CODES) {
        *name = take_string(c);
        return c->ok && name->p ? PD_R_NONE : PD_R_AJP_BAD_STRING;
    }
    *c = ahead;
    unsigned row = code & 0xffu;
    if (row == 0 || row > HEADERS_N)
        return PD_R_AJP_BAD_CODE;
    *name = headers[row - 1];
    return PD_R_NONE;
}

/*
 * How the body is framed. Any doubt ends the request: what follows it could be taken for another one (CVE-2022-26377,
 * CVE-2022-36760). "identity" is refused too: it says nothing, and only an attacker says it.
 */
static enum pd_reason take_framing(struct parse *p, const struct pd_field *f)
{
    struct pd_head *head = &p->ajp->head;
    if (pd_slice_eq_nocase(f->name, PD_SLICE("content-length"))) {
        if (p->has_length)
            return PD_R_DUPLICATE_CONTENT_LENGTH;
        p->has_length = true;
        enum pd_reason bad = pd_length_parse(f->value, p->ajp->limits->body, &head->content_length);
        return bad ? bad : p->has_encoding ? PD_R_LENGTH_AND_ENCODING : PD_R_NONE;
    }
    if (!pd_slice_eq_nocase(f->name, PD_SLICE("transfer-encoding")))
        return PD_R_NONE;
    if (p->has_encoding)
        return PD_R_BAD_TRANSFER_ENCODING;
    p->has_encoding = true;
    head->chunked = true;
    if (!pd_slice_eq_nocase(f->value, PD_SLICE("chunked")))
        return PD_R_UNKNOWN_TRANSFER_ENCODING;
    return p->has_length ? PD_R_LENGTH_AND_ENCODING : PD_R_NONE;
}

static enum pd_reason take_headers(struct parse *p)
{
    uint16_t count = pd_cursor_be16(&p->c);
    enum pd_reason first = PD_R_NONE; /* the others say of which kind the answer should be */
    if (count > HEADERS_MAX)
        return PD_R_TOO_MANY_FIELDS;
    for (uint16_t i = 0; i < count; i++) {
        struct pd_field f;
        enum pd_reason bad = take_name(&p->c, &f.name);
        if (bad)
            return bad;
        f.value = take_string(&p->c);
        if (!p->c.ok)
            return PD_R_AJP_BAD_STRING;
        if (!f.value.p) /* how lighttpd writes an empty string */
            f.value = PD_SLICE("");
        bad = take_framing(p, &f);
        first = first ? first : bad;
        if (!bad)
            p->fields[p->nheaders++] = f;
    }
    return first;
}

/* --- attributes --- */

static enum pd_reason add_attribute(struct parse *p, struct pd_slice name, struct pd_slice value)
{
    if (!value.p)
        return PD_R_NONE;
    if (p->nheaders + VAR_COUNT + p->nattributes == PD_FIELDS_MAX)
        return PD_R_TOO_MANY_FIELDS;
    p->fields[p->nheaders + VAR_COUNT + p->nattributes++] = (struct pd_field){ name, value };
    return PD_R_NONE;
}

/* Two of them are what mod_proxy_ajp and mod_jk always send, and have names elsewhere; the last one counts. */
static enum pd_reason take_named_attribute(struct parse *p)
{
    struct pd_slice name = take_string(&p->c);
    struct pd_slice value = take_string(&p->c);
    if (!p->c.ok || !name.p)
        return PD_R_AJP_BAD_STRING;
    if (pd_slice_eq(name, PD_SLICE("AJP_REMOTE_PORT")))
        p->vars[VAR_REMOTE_PORT] = value;
    else if (pd_slice_eq(name, PD_SLICE("AJP_SSL_PROTOCOL")))
        p->vars[VAR_SSL_PROTOCOL] = value;
    else
        return add_attribute(p, name, value);
    return PD_R_NONE;
}

static enum pd_reason take_secret(struct parse *p)
{
    struct pd_slice secret = take_string(&p->c);
    p->two_secrets = p->two_secrets || p->secret.p;
    p->secret = secret;
    return PD_R_NONE;
}

static enum pd_reason take_key_size(struct parse *p)
{
    bool text = p->ajp->options->lighttpd;
    struct pd_slice size = text ? take_string(&p->c) : put_digits(p, pd_cursor_be16(&p->c));
    return set_once(&p->vars[VAR_SSL_KEY_SIZE], size);
}

static enum pd_reason take_attribute(struct parse *p, uint8_t code)
{
    switch (code) {
    case 0x01:
        return add_attribute(p, PD_SLICE("context"), take_string(&p->c));
    case 0x02:
        return add_attribute(p, PD_SLICE("servlet_path"), take_string(&p->c));
    case 0x03:
        return set_once(&p->vars[VAR_REMOTE_USER], take_string(&p->c));
    case 0x04:
        return set_once(&p->vars[VAR_AUTH_TYPE], take_string(&p->c));
    case 0x05:
        return set_once(&p->vars[VAR_QUERY_STRING], take_string(&p->c));
    case 0x06:
        return add_attribute(p, PD_SLICE("jvm_route"), take_string(&p->c));
    case 0x07:
        return set_once(&p->vars[VAR_SSL_CERT], take_string(&p->c));
    case 0x08:
        return set_once(&p->vars[VAR_SSL_CIPHER], take_string(&p->c));
    case 0x09:
        return set_once(&p->vars[VAR_SSL_SESSION], take_string(&p->c));
    case 0x0a:
        return take_named_attribute(p);
    case 0x0b:
        return take_key_size(p);
    case 0x0c:
        return take_secret(p);
    case 0x0d:
        return set_once(&p->stored_method, take_string(&p->c));
    default:
        return PD_R_AJP_BAD_ATTRIBUTE; /* nobody knows where its value ends */
    }
}

/* Up to FF, which ends the packet too. */
static enum pd_reason take_attributes(struct parse *p)
{
    for (;;) {
        uint8_t code = pd_cursor_u8(&p->c);
        if (!p->c.ok)
            return PD_R_AJP_BAD_STRING;
        if (code == ATTRIBUTES_END)
            return pd_cursor_left(&p->c) ? PD_R_AJP_BAD_STRING : PD_R_NONE;
        enum pd_reason bad = take_attribute(p, code);
        if (!p->c.ok)
            return PD_R_AJP_BAD_STRING;
        if (bad)
            return bad;
    }
}

/* --- the whole --- */

/* In a time that tells nothing of what the secret is, nor of how much of it was right (CVE-2026-43514). */
static bool is_secret(struct pd_slice given, struct pd_slice wanted)
{
    unsigned differ = given.n != wanted.n;
    for (size_t i = 0; i < given.n; i++)
        differ |= (unsigned)(unsigned char)given.p[i] ^ (unsigned char)wanted.p[i % wanted.n];
    return differ == 0;
}

static enum pd_reason check_secret(const struct parse *p)
{
    struct pd_slice wanted = p->ajp->options->secret;
    if (!wanted.n)
        return PD_R_NONE;
    return is_secret(p->secret, wanted) && !p->two_secrets ? PD_R_NONE : PD_R_AJP_NOT_AUTHENTIC;
}

static void take_line(struct parse *p)
{
    struct pd_head *head = &p->ajp->head;
    p->vars[VAR_PROTOCOL] = take_string(&p->c);
    head->target = take_string(&p->c);
    p->vars[VAR_REMOTE_ADDR] = take_string(&p->c);
    p->vars[VAR_REMOTE_HOST] = take_string(&p->c);
    p->vars[VAR_SERVER_NAME] = take_string(&p->c);
    p->vars[VAR_SERVER_PORT] = put_digits(p, pd_cursor_be16(&p->c));
    if (pd_cursor_u8(&p->c))
        p->vars[VAR_HTTPS] = PD_SLICE("on");
}

static enum pd_reason take_all(struct parse *p, uint8_t method)
{
    struct pd_head *head = &p->ajp->head;
    if (method != METHOD_STORED && (method == 0 || method > METHODS_N))
        return PD_R_AJP_BAD_CODE;
    if (method != METHOD_STORED)
        head->method = methods[method - 1];
    take_line(p);
    enum pd_reason bad = p->c.ok ? take_headers(p) : PD_R_AJP_BAD_STRING;
    bad = bad ? bad : take_attributes(p);
    bad = bad ? bad : check_secret(p);
    if (bad)
        return bad;
    if (method == METHOD_STORED)
        head->method = p->stored_method;
    else if (p->stored_method.p)
        return PD_R_BAD_METHOD; /* two of them */
    if (!head->method.n)
        return PD_R_MISSING_METHOD;
    return head->target.n ? PD_R_NONE : PD_R_BAD_TARGET;
}

/* Lays the variables behind the header fields, and moves the attributes up to them. */
static void finish_fields(struct parse *p)
{
    struct pd_head *head = &p->ajp->head;
    size_t n = p->nheaders;
    for (size_t i = 0; i < VAR_COUNT; i++)
        if (p->vars[i].p)
            p->fields[n++] = (struct pd_field){ var_names[i], p->vars[i] };
    head->nheaders = (uint16_t)p->nheaders;
    head->nvariables = (uint16_t)n;
    head->nfields = n + p->nattributes;
    memmove(p->fields + n, p->fields + p->nheaders + VAR_COUNT, p->nattributes * sizeof *p->fields);
}

enum pd_reason pd_ajp_parse(struct ajp *a, struct pd_slice payload, struct pd_scratch *scratch)
{
    struct parse p = { .ajp = a, .c = pd_cursor(payload), .fields = scratch->fields, .digits = scratch->reply };
    a->head =
        (struct pd_head){ .form = PD_HEAD_AJP, .fields = scratch->fields, .content_length = -1, .keep_alive = true };
    uint8_t method = pd_cursor_u8(&p.c);
    enum pd_reason bad = p.c.ok ? take_all(&p, method) : PD_R_AJP_BAD_STRING;
    if (!bad && a->options->lighttpd && !a->options->raw_path) { /* it has decoded the path: there is no raw one */
        p.vars[VAR_PATH_INFO] = a->head.target;
        a->head.target = PD_SLICE_NONE;
    }
    finish_fields(&p);
    return bad;
}
