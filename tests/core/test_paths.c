/* test_paths.c - targets cut up, escapes decoded, pairs mended, paths cut at the mount. */
#include "check.h"

#include "codec/paths.h"

/* --- pd_target_split --- */

static struct pd_target split(struct pd_slice raw)
{
    struct pd_target t;
    CHECK_INT(pd_target_split(raw, &t), PD_R_NONE);
    return t;
}

static void test_origin_form(void)
{
    struct pd_target t = split(PD_SLICE("/a%20b/c?x=1?y#z"));
    CHECK_STR(t.path, "/a%20b/c");
    CHECK_STR(t.query, "x=1?y");
    CHECK(t.has_query && !t.authority.p);
    t = split(PD_SLICE("/"));
    CHECK_STR(t.path, "/");
    CHECK_STR(t.query, "");
    CHECK(!t.has_query);
    t = split(PD_SLICE("/?"));
    CHECK_STR(t.path, "/");
    CHECK(t.has_query && t.query.n == 0);
    t = split(PD_SLICE("/a#b?c"));
    CHECK_STR(t.path, "/a");
    CHECK(!t.has_query);
    t = split(PD_SLICE("//host/x"));
    CHECK_STR(t.path, "//host/x");
    CHECK(!t.authority.p);
    t = split(PD_SLICE("/a://b"));
    CHECK_STR(t.path, "/a://b");
}

static void test_absolute_form(void)
{
    struct pd_target t = split(PD_SLICE("http://a.test:81/x?q#f"));
    CHECK_STR(t.authority, "a.test:81");
    CHECK_STR(t.path, "/x");
    CHECK_STR(t.query, "q");
    t = split(PD_SLICE("HTTPS://a.test"));
    CHECK_STR(t.authority, "a.test");
    CHECK_STR(t.path, "");
    t = split(PD_SLICE("http://a.test?x/y"));
    CHECK_STR(t.authority, "a.test");
    CHECK_STR(t.path, "");
    CHECK_STR(t.query, "x/y");
    t = split(PD_SLICE("http://[::1]:8/"));
    CHECK_STR(t.authority, "[::1]:8");
}

static void test_asterisk_form(void)
{
    CHECK_STR(split(PD_SLICE("*")).path, "*");
}

static void test_refused_targets(void)
{
    static const struct pd_slice bad[] = {
        { "", 0 },
        { "a", 1 },
        { "a.test:80", 9 },
        { "**", 2 },
        { "*?x", 3 },
        { "?x", 2 },
        { "#", 1 },
        { "http:/a", 7 },
        { "http://", 7 },
        { "http:///x", 9 },
        { "http://u@a/", 11 },
        { "ftp://a/", 8 },
        { "/a b", 4 },
        { "/a\n", 3 },
        { "/a\x7f", 3 },
        { "/a\0b", 4 },
        { "http", 4 },
        { "http://a b/", 11 },
        { "*x", 2 },
    };
    struct pd_target t;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_INT(pd_target_split(bad[i], &t), PD_R_BAD_TARGET);
}

/* --- pd_path_decode --- */

static void check_decoded(struct pd_slice raw, struct pd_slice want)
{
    char text[64];
    size_t n = 0;
    CHECK_INT(pd_path_decode(raw, text, &n), PD_R_NONE);
    CHECK_SLICE(pd_slice(text, n), want);
}

static void test_escapes_are_decoded_once(void)
{
    check_decoded(PD_SLICE("/plain"), PD_SLICE("/plain"));
    check_decoded(PD_SLICE("/a%20b%2fc%2Fd"), PD_SLICE("/a b/c/d"));
    check_decoded(PD_SLICE("/%C3%a9"), PD_SLICE("/\xc3\xa9"));
    check_decoded(PD_SLICE("/%2541"), PD_SLICE("/%41"));
    check_decoded(PD_SLICE("/a%0Ab"), PD_SLICE("/a\nb"));
    check_decoded(PD_SLICE("/..%2f..//x;y=1+2"), PD_SLICE("/../..//x;y=1+2"));
    check_decoded(PD_SLICE("%ff"), PD_SLICE("\xff"));
    check_decoded(PD_SLICE(""), PD_SLICE(""));
}

static void test_malformed_escapes_stay(void)
{
    check_decoded(PD_SLICE("/100%"), PD_SLICE("/100%"));
    check_decoded(PD_SLICE("/%4"), PD_SLICE("/%4"));
    check_decoded(PD_SLICE("/%zz%41"), PD_SLICE("/%zzA"));
    check_decoded(PD_SLICE("/%4g%g4"), PD_SLICE("/%4g%g4"));
    check_decoded(PD_SLICE("/%%41"), PD_SLICE("/%A"));
}

static void test_nul_is_refused(void)
{
    char text[64];
    size_t n = 0;
    CHECK_INT(pd_path_decode(PD_SLICE("/a%00"), text, &n), PD_R_NUL_IN_PATH);
    CHECK_INT(pd_path_decode(PD_SLICE("%00/b"), text, &n), PD_R_NUL_IN_PATH);
    check_decoded(PD_SLICE("/%2500"), PD_SLICE("/%00"));
}

/* --- pd_pair_mend --- */

struct pair_row {
    const char *script;
    const char *info;
    const char *want_script;
    const char *want_info; /* with the slash that belongs before it; NULL: BAD_PATH */
};

static struct pd_slice text_of(const char *s)
{
    return s ? pd_slice(s, strlen(s)) : PD_SLICE_NONE;
}

static void test_pairs_are_mended(void)
{
    static const struct pair_row rows[] = {
        { "/m", "/x", "/m", "/x" }, { "/m", "", "/m", "" },      { "/m", NULL, "/m", "" },
        { "", "/x", "", "/x" },     { NULL, "/x", "", "/x" },    { NULL, NULL, "", "/" },
        { "", "", "", "/" },        { "/", NULL, "", "/" },      { "/", "/x", "", "/x" },
        { "/", "x", "", "/x" },     { "/m/", "/", "/m", "/" },   { "/m/", "", "/m", "/" },
        { "/m/", "x", "/m", "/x" }, { "/m/", "/x", "/m", "/x" }, { "/m//", "/x", "/m", "/x" },
        { "m", "/x", NULL, NULL },  { "/m", "x", NULL, NULL },   { "", "x", NULL, NULL },
        { NULL, "x", NULL, NULL },  { "x/", NULL, NULL, NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct pair_row *row = &rows[i];
        struct pd_pair pair = { text_of(row->script), text_of(row->info), false };
        bool slash = false;
        enum pd_reason bad = pd_pair_mend(&pair, &slash);
        CHECK_INT(bad, row->want_info ? PD_R_NONE : PD_R_BAD_PATH);
        if (bad || !row->want_info)
            continue;
        CHECK(pd_slice_eq(pair.script_name, text_of(row->want_script)));
        char info[16] = "/";
        memcpy(info + slash, pair.path_info.n ? pair.path_info.p : "", pair.path_info.n);
        CHECK_SLICE(pd_slice(info, slash + pair.path_info.n), text_of(row->want_info));
    }
}

/* --- pd_path_cut --- */

static size_t cut(const char *path, const char *mount, const char *script, const char *info, bool raw)
{
    struct pd_site site = { .mount = text_of(mount) };
    struct pd_pair pair = { text_of(script), text_of(info), false };
    return pd_path_cut(text_of(path), &site, &pair, raw);
}

static void test_mount_is_cut_at_segments(void)
{
    CHECK_INT(cut("/shop/x", "/shop", NULL, NULL, true), 5);
    CHECK_INT(cut("/shop", "/shop", NULL, NULL, true), 5);
    CHECK_INT(cut("/shop/", "/shop", NULL, NULL, true), 5);
    CHECK_INT(cut("/shopping", "/shop", NULL, NULL, true), 0);
    CHECK_INT(cut("/Shop/x", "/shop", NULL, NULL, true), 0);
    CHECK_INT(cut("/sho", "/shop", NULL, NULL, true), 0);
    CHECK_INT(cut("/", "/shop", NULL, NULL, true), 0);
    CHECK_INT(cut("/a/b/c", "/a/b", NULL, NULL, true), 4);
    CHECK_INT(cut("//shop/x", "/shop", NULL, NULL, true), 0);
    /* the mount beats the pair, whatever it says */
    CHECK_INT(cut("/shop/x", "/shop", "/shop/x", "/y", true), 5);
    CHECK_INT(cut("/other/x", "/shop", "/other", "/x", true), 0);
    CHECK_INT(cut("/shop/x", "/shop", "/shop/x", "", false), 5);
}

static void test_pair_is_a_hint(void)
{
    CHECK_INT(cut("/m/x", "", "/m", "/x", true), 2);
    CHECK_INT(cut("/m/x", "", "/m", "", true), 0);
    CHECK_INT(cut("/m/x", "", "/m", NULL, true), 0);
    CHECK_INT(cut("/m/x", "", "", "/m/x", true), 0);
    CHECK_INT(cut("/mx", "", "/m", "x", true), 0);
    CHECK_INT(cut("/n/x", "", "/m", "/x", true), 0);
    CHECK_INT(cut("/m/x", "", "/m/x/y/z", "/x", true), 0);
    /* without a raw target the path is made of the pair */
    CHECK_INT(cut("/m/x", "", "/m", "/x", false), 2);
    CHECK_INT(cut("/m", "", "/m", "", false), 2);
}

static void test_lighttpd_pair_is_no_hint(void)
{
    struct pd_site site = { .mount = PD_SLICE(""), .profile = PD_PROFILE_LIGHTTPD };
    struct pd_pair pair = { PD_SLICE("/x"), PD_SLICE("/y"), false };
    CHECK_INT(pd_path_cut(PD_SLICE("/x/y"), &site, &pair, true), 0);
    CHECK_INT(pd_path_cut(PD_SLICE("/x/y"), &site, &pair, false), 0);
    site.mount = PD_SLICE("/x");
    CHECK_INT(pd_path_cut(PD_SLICE("/x/y"), &site, &pair, true), 2);
}

/* The rest is in tests/corpus/cgi/paths.md. */
static void test_program_is_mounted_at_its_path_or_its_folder(void)
{
    struct pd_site site = { .mount = PD_SLICE("") };
    struct pd_pair pair = { PD_SLICE("/a/b.cgi"), PD_SLICE("/x"), true };
    CHECK_INT(pd_path_cut(PD_SLICE("/a/b.cgi/x"), &site, &pair, true), 8);
    CHECK_INT(pd_path_cut(PD_SLICE("/a/x"), &site, &pair, true), 2);
    CHECK_INT(pd_path_cut(PD_SLICE("/ab"), &site, &pair, true), 0);
    CHECK_INT(pd_path_cut(PD_SLICE("/a/b.cgi/x"), &site, &pair, false), 8);
    pair.script_name = PD_SLICE("//b.cgi");
    CHECK_INT(pd_path_cut(PD_SLICE("//x"), &site, &pair, true), 0);
    pair.script_name = PD_SLICE("");
    CHECK_INT(pd_path_cut(PD_SLICE("/x"), &site, &pair, true), 0);
}

int main(void)
{
    test_origin_form();
    test_absolute_form();
    test_asterisk_form();
    test_refused_targets();
    test_escapes_are_decoded_once();
    test_malformed_escapes_stay();
    test_nul_is_refused();
    test_pairs_are_mended();
    test_mount_is_cut_at_segments();
    test_pair_is_a_hint();
    test_lighttpd_pair_is_no_hint();
    test_program_is_mounted_at_its_path_or_its_folder();
    return check_result();
}
