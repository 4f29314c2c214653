/* paths.c - from the raw request target to SCRIPT_NAME and PATH_INFO (see paths.h). */
#include "codec/paths.h"

#include "codec/authority.h"
#include "codec/bytes.h"
#include "codec/profiles.h"

/* The length of "http://" or "https://", or 0. */
static size_t scheme_length(struct pd_slice s)
{
    static const struct pd_slice schemes[] = { { "http://", 7 }, { "https://", 8 } };
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (s.n >= schemes[i].n && pd_slice_eq_nocase(pd_slice(s.p, schemes[i].n), schemes[i]))
            return schemes[i].n;
    return 0;
}

/* White space or a control character: cannot come from a request line that was parsed. */
static bool has_odd_byte(struct pd_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
            return true;
    return false;
}

enum pd_reason pd_target_split(struct pd_slice raw, struct pd_target *out)
{
    *out = (struct pd_target){ .path = raw, .query = PD_SLICE("") };
    if (has_odd_byte(raw))
        return PD_R_BAD_TARGET;
    raw.n = pd_slice_find(raw, '#');
    size_t mark = pd_slice_find(raw, '?');
    out->path = pd_slice(raw.p, mark);
    if (mark < raw.n) {
        out->has_query = true;
        out->query = pd_slice_from(raw, mark + 1);
    }
    if (out->path.n && (out->path.p[0] == '/' || (out->path.n == 1 && out->path.p[0] == '*' && !out->has_query)))
        return PD_R_NONE;
    size_t skip = scheme_length(out->path);
    if (!skip)
        return PD_R_BAD_TARGET;
    out->path = pd_slice_from(out->path, skip);
    out->authority = pd_slice(out->path.p, pd_slice_find(out->path, '/'));
    out->path = pd_slice_from(out->path, out->authority.n);
    return pd_authority_is_valid(out->authority) ? PD_R_NONE : PD_R_BAD_TARGET;
}

enum pd_reason pd_path_decode(struct pd_slice raw, char *dst, size_t *n)
{
    char *w = dst;
    while (raw.n) {
        size_t run = pd_slice_find(raw, '%');
        memcpy(w, raw.p, run);
        w += run;
        raw = pd_slice_from(raw, run);
        if (!raw.n)
            break;
        if (raw.n < 3 || !pd_byte_is(raw.p[1], PD_BYTE_HEX) || !pd_byte_is(raw.p[2], PD_BYTE_HEX)) {
            *w++ = '%';
            raw = pd_slice_from(raw, 1);
            continue;
        }
        unsigned byte = pd_byte_hex(raw.p[1]) << 4 | pd_byte_hex(raw.p[2]);
        if (!byte)
            return PD_R_NUL_IN_PATH;
        *w++ = (char)(unsigned char)byte;
        raw = pd_slice_from(raw, 3);
    }
    *n = (size_t)(w - dst);
    return PD_R_NONE;
}

enum pd_reason pd_pair_mend(struct pd_pair *pair, bool *slash)
{
    struct pd_slice *script = &pair->script_name;
    struct pd_slice *info = &pair->path_info;
    bool mounted_on_slash = false; /* SCRIPT_NAME is "/m/": RFC 3875 section 4.1.13 wants "/m" and "/" */
    *slash = false;
    if (script->n && script->p[0] != '/')
        return PD_R_BAD_PATH;
    while (script->n && script->p[script->n - 1] == '/') {
        script->n--;
        mounted_on_slash = true;
    }
    if (info->n && info->p[0] == '/')
        return PD_R_NONE;
    if (info->n && !mounted_on_slash)
        return PD_R_BAD_PATH;
    *slash = mounted_on_slash || !script->n;
    return PD_R_NONE;
}

/* True when `path` is `prefix` or lies below it. Bytewise: case folding moves offsets (CVE-2026-27590). */
static bool is_below(struct pd_slice path, struct pd_slice prefix)
{
    return pd_slice_has_prefix(path, prefix) && (path.n == prefix.n || path.p[prefix.n] == '/');
}

/* Where a program is mounted whose URL may have been rewritten by an .htaccess file beside it. */
static size_t program_cut(struct pd_slice path, struct pd_slice program)
{
    if (is_below(path, program))
        return program.n;
    struct pd_slice folder = program;
    while (folder.n && folder.p[folder.n - 1] != '/')
        folder.n--;
    while (folder.n && folder.p[folder.n - 1] == '/')
        folder.n--;
    return is_below(path, folder) ? folder.n : 0;
}

size_t pd_path_cut(struct pd_slice path, const struct pd_site *site, const struct pd_pair *pair, bool raw)
{
    if (site->mount.n)
        return is_below(path, site->mount) ? site->mount.n : 0;
    if (pair->is_program)
        return raw ? program_cut(path, pair->script_name) : pair->script_name.n;
    if (pd_profile_fixes(site->profile) & PD_FIX_NO_PAIR)
        return 0;
    if (!raw)
        return pair->script_name.n;
    return pair->path_info.n && is_below(path, pair->script_name) ? pair->script_name.n : 0;
}
