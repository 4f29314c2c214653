/* config.c - the keys of the CGI stub's configuration, and how it is read from a file's text and from variables. */
#include "cmd/config.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>

#include "base/notice.h"
#include "codec/bytes.h"
#include "codec/length.h"

enum kind { KIND_WORD, KIND_PATH, KIND_NUMBER, KIND_WORDS, KIND_VARIABLES };

struct key {
    const char *name;
    enum kind kind;
    size_t at; /* in struct pd_cgi_config */
    int64_t least, most, usual;
};

#define AT(member) offsetof(struct pd_cgi_config, member)

/* The same keys as in src/polydoor/hosting/keys.py. */
static const struct key keys[] = {
    { "app", KIND_WORD, AT(app), 0, 0, 0 },
    { "python", KIND_PATH, AT(python), 0, 0, 0 },
    { "directory", KIND_PATH, AT(directory), 0, 0, 0 },
    { "state", KIND_PATH, AT(state), 0, 0, 0 },
    { "socket", KIND_PATH, AT(socket), 0, 0, 0 },
    { "log", KIND_PATH, AT(log), 0, 0, 0 },
    { "log-size", KIND_NUMBER, AT(log_size), 4096, (int64_t)1 << 40, 1024 * 1024 },
    { "options", KIND_WORDS, AT(options), 0, 0, 0 },
    { "environment", KIND_VARIABLES, AT(environment), 0, 0, 0 },
    { "idle-timeout", KIND_NUMBER, AT(idle_timeout), 0, 2592000, 300 },
    { "start-timeout", KIND_NUMBER, AT(start_timeout), 1, 600, 30 },
    { "patience", KIND_NUMBER, AT(patience), 1, 3600, 30 },
    { "backlog", KIND_NUMBER, AT(backlog), 1, 4096, 16 },
    { "uploads", KIND_NUMBER, AT(uploads), 1, 1024, 16 },
    { "exec-below", KIND_NUMBER, AT(exec_below), 0, 1000000, 0 },
    { "busy-page", KIND_PATH, AT(busy_page), 0, 0, 0 },
    { "error-page", KIND_PATH, AT(error_page), 0, 0, 0 },
    { "retry-after", KIND_NUMBER, AT(retry_after), 0, 86400, 10 },
};

enum { KEYS_N = sizeof keys / sizeof keys[0], NAME_MAX_N = 40 };

#define PREFIX "POLYDOOR_CGI_"

/* Where a value stands, for messages. */
struct place {
    const char *name; /* of the file, or NULL for a variable */
    size_t line;
    char *err;
    size_t err_n;
};

void pd_cgi_config_init(struct pd_cgi_config *c)
{
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < KEYS_N; i++)
        if (keys[i].kind == KIND_NUMBER)
            memcpy((char *)c + keys[i].at, &keys[i].usual, sizeof keys[i].usual);
}

static bool complain(const struct place *at, const struct key *key, const char *what)
{
    if (at->name)
        pd_notice_say(at->err, at->err_n, PD_NOTICE_STUB_CONFIG, "%s:%zu: %s%s%s", at->name, at->line,
                      key ? key->name : "", key ? " " : "", what);
    else
        pd_notice_say(at->err, at->err_n, PD_NOTICE_STUB_CONFIG, "the variable for the key %s %s", key->name, what);
    return false;
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static const struct key *find_key(struct pd_slice name)
{
    for (size_t i = 0; i < KEYS_N; i++)
        if (pd_slice_eq(name, pd_slice(keys[i].name, strlen(keys[i].name))))
            return &keys[i];
    return NULL;
}

static size_t least_of(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* How many letters must be changed, added or left out to make one of the other. */
static size_t distance(struct pd_slice a, const char *b)
{
    size_t n = strlen(b);
    size_t row[NAME_MAX_N + 1];
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; i < a.n; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t changed = corner + (a.p[i] != b[j]);
            corner = row[j + 1];
            row[j + 1] = least_of(changed, row[j] + 1, row[j + 1] + 1);
        }
    }
    return row[n];
}

/* `variable` is the name as it was given, where the key came as a variable. Its value may be a secret. */
static bool unknown_key(const struct place *at, struct pd_slice name, const char *variable)
{
    const char *best = NULL;
    size_t least = 4;
    for (size_t i = 0; i < KEYS_N && name.n <= NAME_MAX_N; i++) {
        size_t d = distance(name, keys[i].name);
        if (d < least) {
            least = d;
            best = keys[i].name;
        }
    }
    const char *hint = best ? "\nMeant may be: " : "\nTake it out.";
    int shown = (int)(name.n < NAME_MAX_N ? name.n : NAME_MAX_N);
    if (variable)
        pd_notice_say(at->err, at->err_n, PD_NOTICE_STUB_CONFIG, "unknown variable " PREFIX "%.*s%s%s", shown, variable,
                      hint, best ? best : "");
    else
        pd_notice_say(at->err, at->err_n, PD_NOTICE_STUB_CONFIG, "%s:%zu: unknown key %.*s%s%s", at->name, at->line,
                      shown, name.p, hint, best ? best : "");
    return false;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || pd_byte_is_digit(c) || c == '_';
}

static bool set_number(struct pd_cgi_config *c, const struct key *key, struct pd_slice s, const struct place *at)
{
    int64_t v = 0;
    bool has_zeros = s.n > 1 && s.p[0] == '0';
    if (has_zeros || pd_length_parse(s, (uint64_t)key->most, &v) != PD_R_NONE || v < key->least) {
        char what[96];
        snprintf(what, sizeof what, "needs a whole number from %lld to %lld", (long long)key->least,
                 (long long)key->most);
        return complain(at, key, what);
    }
    memcpy((char *)c + key->at, &v, sizeof v);
    return true;
}

static bool is_path(const char *s)
{
    if (s[0] != '/' || strlen(s) >= PD_CGI_PATH_MAX)
        return false;
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return false;
    return true;
}

static bool set_text(struct pd_cgi_config *c, const struct key *key, const char *s, const struct place *at)
{
    if (key->kind == KIND_PATH && !is_path(s))
        return complain(at, key, "needs an absolute path, which begins with a slash and has less than 1024 bytes");
    if (!*s)
        return complain(at, key, "is empty");
    memcpy((char *)c + key->at, &s, sizeof s);
    return true;
}

static bool add_word(struct pd_cgi_words *words, const struct key *key, const char *s, const struct place *at)
{
    if (key->kind == KIND_VARIABLES) {
        const char *p = s;
        while (is_name_byte(*p))
            p++;
        if (p == s || pd_byte_is_digit(*s) || *p != '=')
            return complain(at, key, "needs strings such as \"NAME=value\"");
    }
    if (words->n == PD_CGI_WORDS_MAX)
        return complain(at, key, "has more than 64 strings");
    words->at[words->n++] = s;
    return true;
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

static char *skip_blanks(char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

/* Decodes the string that begins at `p` where it stands; returns the place behind it, or NULL. */
static char *take_string(char *p, char **out)
{
    if (*p != '"')
        return NULL;
    char *to = *out = ++p;
    for (; *p != '"'; p++) {
        if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
            return NULL; /* the NUL at the end of the line, too */
        if (*p == '\\' && *++p != '"' && *p != '\\')
            return NULL;
        *to++ = *p;
    }
    *to = '\0';
    return p + 1;
}

static const char not_a_string[] = "needs a string in double quotes, in which a quote is \\\" and a backslash \\\\";

/* "[" strings and commas "]" on one line; a comma may stand behind the last. */
static char *take_words(struct pd_cgi_words *words, const struct key *key, char *p, const struct place *at)
{
    if (*p != '[') {
        complain(at, key, "needs an array of strings, as in [\"-t\", \"2\"]");
        return NULL;
    }
    p = skip_blanks(p + 1);
    while (*p != ']') {
        char *s;
        p = take_string(p, &s);
        if (!p) {
            complain(at, key, not_a_string);
            return NULL;
        }
        if (!add_word(words, key, s, at))
            return NULL;
        p = skip_blanks(p);
        if (*p != ',' && *p != ']') {
            complain(at, key, "needs an array of strings on one line, with commas between them");
            return NULL;
        }
        p = *p == ',' ? skip_blanks(p + 1) : p;
    }
    return p + 1;
}

/* The value at `p`; returns the place behind it, or NULL. */
static char *take_value(struct pd_cgi_config *c, const struct key *key, char *p, const struct place *at)
{
    char *s;
    if (key->kind == KIND_WORDS || key->kind == KIND_VARIABLES)
        return take_words((struct pd_cgi_words *)(void *)((char *)c + key->at), key, p, at);
    if (key->kind == KIND_NUMBER) {
        char *end = p;
        while (pd_byte_is_digit(*end))
            end++;
        return set_number(c, key, pd_slice(p, (size_t)(end - p)), at) ? end : NULL;
    }
    p = take_string(p, &s);
    if (!p) {
        complain(at, key, not_a_string);
        return NULL;
    }
    return set_text(c, key, s, at) ? p : NULL;
}

/* One line, which ends in a NUL. */
static bool take_line(struct pd_cgi_config *c, char *p, uint32_t *seen, const struct place *at)
{
    p = skip_blanks(p);
    if (*p == '\0' || *p == '#')
        return true;
    struct pd_slice name = pd_slice(p, 0);
    while (is_name_byte(*p) || *p == '-')
        p++;
    name.n = (size_t)(p - name.p);
    p = skip_blanks(p);
    if (!name.n || *p != '=')
        return complain(at, NULL, "a line is no `key = value`");
    const struct key *key = find_key(name);
    if (!key)
        return unknown_key(at, name, NULL);
    uint32_t bit = UINT32_C(1) << (key - keys);
    if (*seen & bit)
        return complain(at, key, "is given twice");
    *seen |= bit;
    p = take_value(c, key, skip_blanks(p + 1), at);
    if (!p)
        return false;
    p = skip_blanks(p);
    return *p == '\0' || *p == '#' || complain(at, key, "is followed by something else; a value ends with its line");
}

/* Bytes of the UTF-8 sequence at `p` (RFC 3629 section 4), or 0. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return 1;
    size_t more = p[0] >= 0xc2 && p[0] <= 0xdf ? 1 : p[0] >= 0xe0 && p[0] <= 0xef ? 2 : 3;
    if (p[0] < 0xc2 || p[0] > 0xf4 || more >= n)
        return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    for (size_t i = 1; i <= more; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return more + 1;
}

/* What TOML forbids on any line: control bytes but for tabs, and what is not UTF-8. */
static bool is_text(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;
    for (size_t i = 0, step; i < n; i += step) {
        step = utf8_length(u + i, n - i);
        if (!step || (u[i] < ' ' && u[i] != '\t') || u[i] == 0x7f)
            return false;
    }
    return true;
}

static const char byte_order_mark[] = "\xef\xbb\xbf"; /* what some editors put before UTF-8 */

bool pd_cgi_config_parse(struct pd_cgi_config *c, const char *name, char *text, size_t n, char *err, size_t err_n)
{
    struct place at = { name, 0, err, err_n };
    uint32_t seen = 0;
    static_assert(KEYS_N <= 32, "a bit each");
    if (n >= sizeof byte_order_mark - 1 && memcmp(text, byte_order_mark, sizeof byte_order_mark - 1) == 0) {
        at.line = 1;
        return complain(&at, NULL, "the file begins with a byte order mark\nSave it as UTF-8 without one.");
    }
    for (size_t i = 0; i < n;) {
        size_t end = i + pd_slice_find(pd_slice(text + i, n - i), '\n');
        size_t length = end - i;
        if (length && end < n && text[end - 1] == '\r')
            length--;
        at.line++;
        if (!is_text(text + i, length))
            return complain(&at, NULL, "a line holds control characters, or is not UTF-8");
        text[i + length] = '\0';
        if (!take_line(c, text + i, &seen, &at))
            return false;
        i = end + 1;
    }
    return true;
}

/* --- variables ---------------------------------------------------------------------------------------------------- */

/* The key of a variable: lower case, and `-` for `_`. */
static struct pd_slice key_name(const char *variable, char out[NAME_MAX_N])
{
    size_t n = 0;
    for (; n < NAME_MAX_N && variable[n] != '\0' && variable[n] != '='; n++)
        out[n] = variable[n] == '_' ? '-' : (char)(variable[n] >= 'A' && variable[n] <= 'Z' ? variable[n] | 0x20 : '?');
    return pd_slice(out, n);
}

bool pd_cgi_config_variables(struct pd_cgi_config *c, char **env, char *err, size_t err_n)
{
    struct place at = { NULL, 0, err, err_n };
    char text[NAME_MAX_N];
    for (; *env; env++) {
        if (strncmp(*env, PREFIX, sizeof PREFIX - 1) != 0)
            continue;
        const char *rest = *env + sizeof PREFIX - 1;
        const char *value = strchr(rest, '=');
        struct pd_slice name = key_name(rest, text);
        if (!value || pd_slice_eq(name, PD_SLICE("config")))
            continue;
        value++;
        const struct key *key = find_key(name);
        if (!key || key->kind == KIND_WORDS || key->kind == KIND_VARIABLES)
            return unknown_key(&at, name, rest);
        if (key->kind == KIND_NUMBER ? !set_number(c, key, pd_slice(value, strlen(value)), &at)
                                     : !set_text(c, key, value, &at))
            return false;
    }
    return true;
}

bool pd_cgi_config_check(const struct pd_cgi_config *c, const char *where, char *err, size_t err_n)
{
    const char *missing = !c->app ? "app" : !c->python ? "python" : !c->directory ? "directory" : NULL;
    if (missing)
        pd_notice_say(err, err_n, PD_NOTICE_STUB_CONFIG,
                      "%s: %s is missing\n`polydoor cgi init` writes the whole file.",
                      where ? where : "the environment (" PREFIX "*)", missing);
    return !missing;
}
