/*
 * policy.c - which names and values of a request head reach the environ (see policy.h).
 *
 * Refused is what leaves a doubt about the request itself; dropped is what a
 * peer may send but an app must not see. Nothing with a lower-case letter ever
 * passes, but behind "ajp.", so no key of the wire can be taken for wsgi.* or
 * polydoor.*.
 */
#include "codec/policy.h"

#include <assert.h>

#include "codec/authority.h"
#include "codec/bytes.h"

/* Header name byte to key byte; 0: a name with it is dropped ("X_Foo" must not meet "X-Foo"). */
/* clang-format off */
static const char key_bytes[256] = {
    ['-'] = '_',
    ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7',
    ['8'] = '8', ['9'] = '9',
    ['A'] = 'A', ['B'] = 'B', ['C'] = 'C', ['D'] = 'D', ['E'] = 'E', ['F'] = 'F', ['G'] = 'G', ['H'] = 'H',
    ['I'] = 'I', ['J'] = 'J', ['K'] = 'K', ['L'] = 'L', ['M'] = 'M', ['N'] = 'N', ['O'] = 'O', ['P'] = 'P',
    ['Q'] = 'Q', ['R'] = 'R', ['S'] = 'S', ['T'] = 'T', ['U'] = 'U', ['V'] = 'V', ['W'] = 'W', ['X'] = 'X',
    ['Y'] = 'Y', ['Z'] = 'Z',
    ['a'] = 'A', ['b'] = 'B', ['c'] = 'C', ['d'] = 'D', ['e'] = 'E', ['f'] = 'F', ['g'] = 'G', ['h'] = 'H',
    ['i'] = 'I', ['j'] = 'J', ['k'] = 'K', ['l'] = 'L', ['m'] = 'M', ['n'] = 'N', ['o'] = 'O', ['p'] = 'P',
    ['q'] = 'Q', ['r'] = 'R', ['s'] = 'S', ['t'] = 'T', ['u'] = 'U', ['v'] = 'V', ['w'] = 'W', ['x'] = 'X',
    ['y'] = 'Y', ['z'] = 'Z',
};
/* clang-format on */

/*
 * Variables that say something about the front end's own machine, its file
 * names or its transport, or that a process or another gateway would obey.
 * A name that ends in '*' stands for all names with that beginning.
 */
/* clang-format off */
static const struct pd_slice unwanted[] = {
#define X(name) { name, sizeof(name) - 1 },
    X("BASH_*") X("CONTEXT_*") X("DYLD_*") X("ENV") X("FCGI_*") X("HOME")
    X("IFS") X("LD_*") X("PATH") X("PHP_*") X("POLYDOOR_*") X("PWD")
    X("PYTHON*") X("REDIRECT_*") X("SCGI") X("SCRIPT_URI") X("SCRIPT_URL") X("SERVER_ADMIN")
    X("SERVER_SIGNATURE") X("SHELL") X("TMPDIR") X("UWSGI_*")
#undef X
};

/*
 * What passes of the environment of a process that was started for one request, beside what names.h has and HTTP_*: the
 * rest of RFC 3875 section 4.1, and what Apache's mod_ssl and mod_unique_id say of the request. Everything else may be
 * the process's own, such as a password that was meant for the application alone.
 */
static const struct pd_slice of_request[] = {
#define X(name) { name, sizeof(name) - 1 },
    X("REMOTE_IDENT") X("SSL_CIPHER*") X("SSL_CLIENT_*") X("SSL_COMPRESS_METHOD") X("SSL_PROTOCOL")
    X("SSL_SECURE_RENEG") X("SSL_SERVER_*") X("SSL_SESSION_*") X("SSL_SRP_*") X("SSL_TLS_SNI") X("SSL_VERSION_*")
    X("UNIQUE_ID")
#undef X
};
/* clang-format on */

static const struct pd_slice http_prefix = { "HTTP_", 5 };
static const struct pd_slice ajp_prefix = { "ajp.", 4 };

static bool is_header_row(enum pd_name id)
{
    return id >= PD_NAME_HTTP_HOST && id <= PD_NAME_HTTP_TRACEPARENT;
}

static bool has_control(struct pd_slice s)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t below = 0;
    size_t i = 0;
    for (; i + sizeof below <= s.n; i += sizeof below) {
        uint64_t w;
        memcpy(&w, s.p + i, sizeof w);
        below |= (w - ones * 0x20) & ~w & ones * 0x80; /* a byte below 0x20 in the word */
    }
    for (; i < s.n; i++)
        below |= (unsigned char)s.p[i] < 0x20;
    return below != 0;
}

/* Values that hold a NUL or a line end: nobody sends them who means well (header and log injection). */
static bool is_bad_value(struct pd_slice s)
{
    if (PD_LIKELY(!has_control(s)))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\0' || s.p[i] == '\r' || s.p[i] == '\n')
            return true;
    return false;
}

static enum pd_reason take_once(struct pd_slice *to, struct pd_slice value, enum pd_reason twice)
{
    if (to->p)
        return twice;
    *to = pd_slice(value.p ? value.p : "", value.n);
    return PD_R_NONE;
}

static struct pd_pick *add_pick(struct pd_policy *p, enum pd_name id, size_t at)
{
    struct pd_pick *pick = &p->picks[p->npicks++];
    *pick = (struct pd_pick){ .id = (uint16_t)id, .first = (uint16_t)at, .last = (uint16_t)at };
    return pick;
}

static void append_field(struct pd_policy *p, struct pd_pick *pick, size_t at)
{
    p->next[pick->last] = (uint16_t)at;
    pick->last = (uint16_t)at;
}

/*
 * About a connection, and no affair of the application (RFC 9110 section 7.6.1, RFC 3875 section 4.1.18): one front end
 * passes them on, another drops them, and mod_fcgid always says "Connection: close". Over HTTP, Connection and Upgrade
 * are what our own peer says.
 */
static bool is_of_connection(const struct pd_policy *p, enum pd_name id)
{
    switch (id) {
    case PD_NAME_HTTP_KEEP_ALIVE:
    case PD_NAME_HTTP_PROXY_CONNECTION:
    case PD_NAME_HTTP_TE:
        return true;
    case PD_NAME_HTTP_CONNECTION:
    case PD_NAME_HTTP_UPGRADE:
        return p->gateway;
    default:
        return false;
    }
}

/* A header in names.h; a second one is joined to the first. */
static void take_known_header(struct pd_policy *p, enum pd_name id, size_t at)
{
    if (is_of_connection(p, id))
        return;
    if (p->pick_of[id]) {
        append_field(p, &p->picks[p->pick_of[id] - 1], at);
    } else {
        add_pick(p, id, at);
        p->pick_of[id] = (uint16_t)p->npicks;
    }
}

/* Header field, variable or attribute: the same name is another key in each. */
static unsigned kind_of(const struct pd_policy *p, size_t at)
{
    return (at >= p->nheaders ? 1u : 0u) + (at >= p->nvariables ? 1u : 0u);
}

/* Allowed bytes only; the case of header names does not count, that of attributes does. */
static bool is_same_name(const struct pd_policy *p, size_t a, size_t b)
{
    struct pd_slice x = p->fields[a].name, y = p->fields[b].name;
    return kind_of(p, a) == kind_of(p, b) && (a >= p->nvariables ? pd_slice_eq(x, y) : pd_slice_eq_nocase(x, y));
}

/* The slot of the name of a field: that of its pick, or a free one. */
static uint16_t *find_slot(struct pd_policy *p, size_t at, uint32_t hash)
{
    for (size_t i = hash;; i++) {
        uint16_t *slot = &p->slots[i & p->mask];
        if (!*slot)
            return slot;
        const struct pd_pick *pick = &p->picks[*slot - 1];
        if (pick->hash == hash && is_same_name(p, pick->first, at))
            return slot;
    }
}

/* A name that is not in names.h; `join` says whether a second one is appended or takes the place of the first. */
static void take_other(struct pd_policy *p, uint32_t hash, size_t at, bool join)
{
    uint16_t *slot = find_slot(p, at, hash);
    if (!*slot) {
        add_pick(p, PD_NAME_OTHER, at)->hash = hash;
        *slot = (uint16_t)p->npicks;
        return;
    }
    struct pd_pick *pick = &p->picks[*slot - 1];
    if (join)
        append_field(p, pick, at);
    else
        pick->first = pick->last = (uint16_t)at;
}

static uint32_t hash_step(uint32_t h, char c)
{
    h = (h ^ (unsigned char)c) * 0x01000193u;
    return h ^ h >> 15;
}

static void take_other_header(struct pd_policy *p, size_t at)
{
    struct pd_slice name = p->fields[at].name;
    uint32_t hash = (uint32_t)name.n;
    for (size_t i = 0; i < name.n; i++) {
        char c = key_bytes[(unsigned char)name.p[i]];
        if (!c)
            return;
        hash = hash_step(hash, c);
    }
    /* httpoxy (CVE-2016-5385), and framing, which the codec has dealt with */
    if (pd_slice_eq_nocase(name, PD_SLICE("proxy")) || pd_slice_eq_nocase(name, PD_SLICE("transfer-encoding")))
        return;
    take_other(p, hash, at, true);
}

static enum pd_reason take_header(struct pd_policy *p, size_t at)
{
    struct pd_field *f = &p->fields[at];
    f->value = pd_slice_trim(f->value);
    enum pd_name id = pd_name_of_header(f->name);
    switch (id) {
    case PD_NAME_OTHER:
        take_other_header(p, at);
        return PD_R_NONE;
    case PD_NAME_CONTENT_LENGTH:
        return take_once(&p->given[id], f->value, PD_R_DUPLICATE_CONTENT_LENGTH);
    case PD_NAME_CONTENT_TYPE:
        return take_once(&p->given[id], f->value, PD_R_DUPLICATE_FIELD);
    case PD_NAME_HTTP_HOST:
        return take_once(&p->host, f->value, PD_R_DUPLICATE_FIELD);
    default:
        take_known_header(p, id, at);
        return PD_R_NONE;
    }
}

/* [A-Z0-9_]+; sets `hash`. */
static bool is_key(struct pd_slice name, uint32_t *hash)
{
    uint32_t h = (uint32_t)name.n;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
        h = hash_step(h, c);
    }
    *hash = h;
    return name.n > 0;
}

/* Header fields that a front end sends beside the variable made of them, or that must not be seen. */
static bool is_dropped_field(struct pd_policy *p, const struct pd_field *f)
{
    struct pd_slice rest = pd_slice_from(f->name, http_prefix.n);
    if (pd_slice_eq(rest, PD_SLICE("TRANSFER_ENCODING"))) {
        bool chunked = pd_slice_eq_nocase(f->value, PD_SLICE("chunked"));
        p->chunked = p->chunked || chunked;
        p->odd_encoding = p->odd_encoding || (f->value.n > 0 && !chunked);
        return true;
    }
    return pd_slice_eq(rest, PD_SLICE("CONTENT_LENGTH")) || pd_slice_eq(rest, PD_SLICE("CONTENT_TYPE")) ||
           pd_slice_eq(rest, PD_SLICE("PROXY"));
}

static enum pd_reason take_http_variable(struct pd_policy *p, enum pd_name id, size_t at)
{
    struct pd_field *f = &p->fields[at];
    uint32_t hash = 0;
    f->value = pd_slice_trim(f->value);
    if (id == PD_NAME_OTHER && (!is_key(f->name, &hash) || f->name.n == http_prefix.n || is_dropped_field(p, f)))
        return PD_R_NONE;
    if (is_bad_value(f->value))
        return PD_R_BAD_VARIABLE_VALUE;
    if (id == PD_NAME_OTHER)
        take_other(p, hash, at, true);
    else if (id == PD_NAME_HTTP_HOST)
        return take_once(&p->host, f->value, PD_R_DUPLICATE_VARIABLE);
    else
        take_known_header(p, id, at);
    return PD_R_NONE;
}

/* Apache sends names such as "proxy-fcgi-pathinfo"; a control byte or a space is never a slip. */
static enum pd_reason check_odd_name(struct pd_slice name)
{
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f)
            return PD_R_BAD_VARIABLE_NAME;
    return name.n ? PD_R_NONE : PD_R_BAD_VARIABLE_NAME;
}

static bool is_listed(struct pd_slice name, const struct pd_slice *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct pd_slice u = list[i];
        if (u.p[0] != name.p[0])
            continue;
        if (u.p[u.n - 1] == '*' ? pd_slice_has_prefix(name, pd_slice(u.p, u.n - 1)) : pd_slice_eq(name, u))
            return true;
    }
    return false;
}

static bool is_listed_of_request(struct pd_slice name)
{
    return is_listed(name, of_request, sizeof of_request / sizeof of_request[0]);
}

bool pd_policy_is_of_request(struct pd_slice name)
{
    return name.n && (pd_name_of_variable(name) != PD_NAME_OTHER || pd_slice_has_prefix(name, http_prefix) ||
                      is_listed_of_request(name));
}

static bool is_unwanted(const struct pd_policy *p, struct pd_slice name)
{
    return is_listed(name, unwanted, sizeof unwanted / sizeof unwanted[0]) ||
           (p->process && !is_listed_of_request(name));
}

/* HAProxy takes the user's name from a Basic header that nobody has verified. */
static bool is_identity(struct pd_slice name)
{
    return pd_slice_has_prefix(name, PD_SLICE("REMOTE_")) || pd_slice_has_prefix(name, PD_SLICE("AUTH_"));
}

/* A variable that the operator defined (fastcgi_param SHOP_ID 7). The last one counts, as behind other gateways. */
static enum pd_reason take_operator_variable(struct pd_policy *p, size_t at)
{
    const struct pd_field *f = &p->fields[at];
    uint32_t hash;
    if (!is_key(f->name, &hash))
        return p->process ? PD_R_NONE : check_odd_name(f->name);
    if (f->name.p[0] < 'A' || f->name.p[0] == '_' || is_unwanted(p, f->name))
        return PD_R_NONE;
    if (is_identity(f->name) && (!p->trusting || !f->value.n))
        return PD_R_NONE;
    /* certificates are handed over in PEM form, which has lines */
    bool lines = pd_slice_has_prefix(f->name, PD_SLICE("SSL_"));
    if (lines ? pd_slice_find(f->value, '\0') != f->value.n : is_bad_value(f->value))
        return p->process ? PD_R_NONE : PD_R_BAD_VARIABLE_VALUE;
    if (f->value.n)
        take_other(p, hash, at, false);
    return PD_R_NONE;
}

/* What is done with a variable of names.h that is no header. */
enum plain_rule {
    PLAIN_DROP,     /* the front end's own affairs, not even checked; also what the bridge sets itself */
    PLAIN_ONCE,     /* a second one leaves a doubt about the request */
    PLAIN_LENGTH,   /* the same, with a reason of its own */
    PLAIN_PATH,     /* once; decoded by the front end, so %0A is a line end in it and no harm */
    PLAIN_IDENTITY, /* once; only from a front end that is believed */
    PLAIN_LAST,     /* an operator's own line follows nginx's included file: the last one counts */
};

static const unsigned char plain_rules[PD_NAME_COUNT] = {
    [PD_NAME_REQUEST_METHOD] = PLAIN_ONCE,  [PD_NAME_SCRIPT_NAME] = PLAIN_PATH,
    [PD_NAME_PATH_INFO] = PLAIN_PATH,       [PD_NAME_QUERY_STRING] = PLAIN_ONCE,
    [PD_NAME_CONTENT_TYPE] = PLAIN_ONCE,    [PD_NAME_CONTENT_LENGTH] = PLAIN_LENGTH,
    [PD_NAME_SERVER_NAME] = PLAIN_LAST,     [PD_NAME_SERVER_PORT] = PLAIN_LAST,
    [PD_NAME_SERVER_PROTOCOL] = PLAIN_ONCE, [PD_NAME_REMOTE_ADDR] = PLAIN_LAST,
    [PD_NAME_REMOTE_PORT] = PLAIN_LAST,     [PD_NAME_REMOTE_HOST] = PLAIN_LAST,
    [PD_NAME_REMOTE_USER] = PLAIN_IDENTITY, [PD_NAME_AUTH_TYPE] = PLAIN_IDENTITY,
    [PD_NAME_REQUEST_URI] = PLAIN_ONCE,     [PD_NAME_REQUEST_SCHEME] = PLAIN_LAST,
    [PD_NAME_HTTPS] = PLAIN_LAST,
};

static enum pd_reason take_plain_variable(struct pd_policy *p, enum pd_name id, size_t at)
{
    struct pd_slice value = p->fields[at].value;
    enum plain_rule rule = plain_rules[id];
    if (rule == PLAIN_DROP || (rule == PLAIN_IDENTITY && !p->trusting))
        return PD_R_NONE;
    if (rule == PLAIN_PATH ? pd_slice_find(value, '\0') != value.n : is_bad_value(value))
        return PD_R_BAD_VARIABLE_VALUE;
    if (rule == PLAIN_LAST) {
        p->given[id] = pd_slice(value.p ? value.p : "", value.n);
        return PD_R_NONE;
    }
    return take_once(&p->given[id], value,
                     rule == PLAIN_LENGTH ? PD_R_DUPLICATE_CONTENT_LENGTH : PD_R_DUPLICATE_VARIABLE);
}

/* Tomcat's CVE-2020-1938: names by which servlet containers choose what to run or to show. */
static bool is_servlet_name(struct pd_slice name)
{
    return pd_slice_has_prefix(name, PD_SLICE("java")) || pd_slice_has_prefix(name, PD_SLICE("jakarta.")) ||
           pd_slice_has_prefix(name, PD_SLICE("org.apache."));
}

/* An attribute that the front end's operator defined, as SetEnv AJP_SHOP_ID does; the last one counts. */
static enum pd_reason take_attribute(struct pd_policy *p, size_t at)
{
    const struct pd_field *f = &p->fields[at];
    uint32_t hash = (uint32_t)f->name.n;
    if (is_servlet_name(f->name))
        return PD_R_NONE;
    for (size_t i = 0; i < f->name.n; i++) {
        char c = f->name.p[i];
        if (!key_bytes[(unsigned char)c] && c != '_' && c != '.')
            return check_odd_name(f->name);
        hash = hash_step(hash, c);
    }
    if (!f->name.n)
        return PD_R_BAD_VARIABLE_NAME;
    if (is_bad_value(f->value))
        return PD_R_BAD_VARIABLE_VALUE;
    take_other(p, hash, at, false);
    return PD_R_NONE;
}

static enum pd_reason sort_headers(struct pd_policy *p, size_t n, const struct pd_limits *limits)
{
    enum pd_reason bad = n > limits->fields ? PD_R_TOO_MANY_FIELDS : PD_R_NONE;
    for (size_t i = 0; i < n && !bad; i++) {
        p->text += p->fields[i].name.n + p->fields[i].value.n;
        bad = take_header(p, i);
    }
    return bad;
}

/* Only header fields count against the limit: a front end sends some 25 variables of its own. */
static enum pd_reason sort_variables(struct pd_policy *p, size_t n, const struct pd_limits *limits)
{
    enum pd_reason bad = PD_R_NONE;
    size_t headers = 0;
    for (size_t i = 0; i < n && !bad; i++) {
        struct pd_slice name = p->fields[i].name;
        p->text += name.n + p->fields[i].value.n;
        enum pd_name id = pd_name_of_variable(name);
        if (id == PD_NAME_OTHER ? pd_slice_has_prefix(name, http_prefix) : is_header_row(id))
            bad = ++headers > limits->fields ? PD_R_TOO_MANY_FIELDS : take_http_variable(p, id, i);
        else
            bad = id == PD_NAME_OTHER ? take_operator_variable(p, i) : take_plain_variable(p, id, i);
    }
    if (!bad && p->host.n && !pd_authority_is_valid(p->host))
        bad = PD_R_BAD_HOST; /* the codec checks it in the HTTP form; CVE-2026-48710 */
    return bad;
}

/* Header fields that no HTTP codec has looked at. */
static enum pd_reason check_headers(const struct pd_policy *p)
{
    for (size_t i = 0; i < p->nheaders; i++) {
        const struct pd_field *f = &p->fields[i];
        if (!f->name.n || pd_byte_run(f->name, PD_BYTE_TOKEN) != f->name.n)
            return PD_R_BAD_FIELD_NAME;
        if (pd_byte_run(f->value, PD_BYTE_VALUE) != f->value.n)
            return PD_R_BAD_FIELD_VALUE;
    }
    return PD_R_NONE;
}

static enum pd_reason sort_mixed(struct pd_policy *p, size_t n, const struct pd_limits *limits)
{
    enum pd_reason bad = check_headers(p);
    if (!bad)
        bad = sort_headers(p, p->nheaders, limits);
    for (size_t i = p->nheaders; i < n && !bad; i++) {
        struct pd_slice name = p->fields[i].name;
        p->text += name.n + p->fields[i].value.n;
        enum pd_name id = i < p->nvariables ? pd_name_of_variable(name) : PD_NAME_OTHER;
        if (i >= p->nvariables)
            bad = take_attribute(p, i);
        else
            bad = id == PD_NAME_OTHER ? take_operator_variable(p, i) : take_plain_variable(p, id, i);
    }
    if (!bad && p->host.n && !pd_authority_is_valid(p->host))
        bad = PD_R_BAD_HOST;
    return bad;
}

enum pd_reason pd_policy_sort(struct pd_policy *p, const struct pd_head *head, const struct pd_site *site,
                              const struct pd_limits *limits)
{
    assert(head->nfields <= PD_FIELDS_MAX);
    memset(p, 0, offsetof(struct pd_policy, picks));
    p->fields = head->fields;
    p->nheaders = head->form == PD_HEAD_AJP ? head->nheaders : head->form == PD_HEAD_HTTP ? head->nfields : 0;
    p->nvariables = head->form == PD_HEAD_AJP ? head->nvariables : head->nfields;
    assert(p->nheaders <= p->nvariables && p->nvariables <= head->nfields);
    p->trusting = site->trust_remote_user;
    p->process = head->process || (site->program && head->form == PD_HEAD_CGI);
    p->gateway = head->form != PD_HEAD_HTTP;
    /* per field: the prefix of the key, and what joins it to another */
    p->text = head->nfields * (http_prefix.n + 2);
    p->mask = 15;
    while (p->mask + 1 < 2 * head->nfields)
        p->mask = p->mask * 2 + 1;
    assert(p->mask < PD_POLICY_SLOTS);
    memset(p->slots, 0, (p->mask + 1) * sizeof p->slots[0]);
    switch (head->form) {
    case PD_HEAD_HTTP:
        return sort_headers(p, head->nfields, limits);
    case PD_HEAD_CGI:
        return sort_variables(p, head->nfields, limits);
    case PD_HEAD_AJP:
        break;
    }
    return sort_mixed(p, head->nfields, limits);
}

enum pd_reason pd_policy_check_method(struct pd_slice method)
{
    if (!method.n)
        return PD_R_MISSING_METHOD;
    if (method.n > PD_METHOD_MAX)
        return PD_R_METHOD_TOO_LONG;
    if (pd_byte_run(method, PD_BYTE_TOKEN) != method.n)
        return PD_R_BAD_METHOD;
    return pd_slice_eq(method, PD_SLICE("CONNECT")) ? PD_R_CONNECT_REFUSED : PD_R_NONE;
}

size_t pd_policy_put_key(const struct pd_policy *p, const struct pd_pick *pick, char *dst)
{
    struct pd_slice name = p->fields[pick->first].name;
    if (pick->first >= p->nheaders) {
        size_t prefix_n = pick->first >= p->nvariables ? ajp_prefix.n : 0;
        memcpy(dst, ajp_prefix.p, prefix_n);
        memcpy(dst + prefix_n, name.p, name.n);
        return prefix_n + name.n;
    }
    memcpy(dst, http_prefix.p, http_prefix.n);
    for (size_t i = 0; i < name.n; i++)
        dst[http_prefix.n + i] = key_bytes[(unsigned char)name.p[i]];
    return http_prefix.n + name.n;
}

size_t pd_policy_put_value(const struct pd_policy *p, const struct pd_pick *pick, char *dst)
{
    const char *between = pick->id == PD_NAME_HTTP_COOKIE ? "; " : ", ";
    char *w = dst;
    for (size_t i = pick->first;; i = p->next[i]) {
        struct pd_slice value = p->fields[i].value;
        if (value.n)
            memcpy(w, value.p, value.n);
        w += value.n;
        if (i == pick->last)
            return (size_t)(w - dst);
        memcpy(w, between, 2);
        w += 2;
    }
}

void pd_policy_mend_cookie(char *p, size_t n)
{
    for (size_t i = 0; i + 2 < n; i++) {
        if (p[i] != ',' || p[i + 1] != ' ')
            continue;
        size_t name = i + 2;
        size_t end = name + pd_byte_run(pd_slice(p + name, n - name), PD_BYTE_TOKEN);
        if (end > name && end < n && p[end] == '=')
            p[i] = ';';
        i = end - 1; /* the scan goes on behind the name, so no byte is looked at twice */
    }
}
