/* test_names.c - every row is found, and nothing else is. */
#include "check.h"

#include "codec/names.h"

struct row {
    enum pd_name id;
    struct pd_slice key;
    struct pd_slice header;
};

static const struct row rows[] = {
#define ROW(suffix, key, header) { PD_NAME_##suffix, { "" key, sizeof(key) - 1 }, { "" header, sizeof(header) - 1 } },
    PD_NAMES(ROW)
#undef ROW
};

enum { ROWS = sizeof rows / sizeof rows[0], NAME_MAX_LEN = 40 };

static void test_every_row_is_found(void)
{
    CHECK_INT(ROWS, PD_NAME_COUNT - 1);
    for (int i = 0; i < ROWS; i++) {
        CHECK_SLICE(pd_name_key(rows[i].id), rows[i].key);
        CHECK_INT(pd_name_of_variable(rows[i].key), rows[i].id);
        if (rows[i].header.n)
            CHECK_INT(pd_name_of_header(rows[i].header), rows[i].id);
    }
    CHECK_STR(pd_name_key(PD_NAME_OTHER), "");
}

static void test_header_key_is_the_mapped_header(void)
{
    for (int i = 0; i < ROWS; i++) {
        struct pd_slice h = rows[i].header;
        struct pd_slice key = rows[i].key;
        if (!h.n)
            continue;
        if (rows[i].id != PD_NAME_CONTENT_TYPE && rows[i].id != PD_NAME_CONTENT_LENGTH) {
            CHECK(pd_slice_has_prefix(key, PD_SLICE("HTTP_")));
            key = pd_slice_from(key, 5);
        }
        CHECK_INT(key.n, h.n);
        for (size_t k = 0; k < h.n; k++)
            CHECK(h.p[k] == '-' ? key.p[k] == '_' : key.p[k] == (h.p[k] & ~0x20));
    }
}

static void test_header_case_does_not_matter(void)
{
    char name[NAME_MAX_LEN];
    for (int i = 0; i < ROWS; i++) {
        struct pd_slice h = rows[i].header;
        for (int phase = 0; phase < 3; phase++) {
            for (size_t k = 0; k < h.n; k++) {
                bool upper = phase == 2 || (int)(k % 2) == phase;
                name[k] = upper && h.p[k] >= 'a' && h.p[k] <= 'z' ? (char)(h.p[k] - 32) : h.p[k];
            }
            if (h.n)
                CHECK_INT(pd_name_of_header(pd_slice(name, h.n)), rows[i].id);
        }
    }
}

/* Each byte of each header replaced by each other byte: never the same row, unless only the case changed. */
static void test_one_wrong_byte_is_not_found(void)
{
    char name[NAME_MAX_LEN];
    for (int i = 0; i < ROWS; i++) {
        struct pd_slice h = rows[i].header;
        int wrong = 0;
        for (size_t k = 0; k < h.n; k++) {
            for (int c = 0; c < 256; c++) {
                memcpy(name, h.p, h.n);
                name[k] = (char)c;
                bool same = pd_ascii_lower((char)c) == h.p[k];
                wrong += (pd_name_of_header(pd_slice(name, h.n)) == rows[i].id) != same;
            }
        }
        CHECK_INT(wrong, 0);
        struct pd_slice key = rows[i].key;
        for (size_t k = 0; k < key.n; k++) {
            for (int c = 0; c < 256; c++) {
                memcpy(name, key.p, key.n);
                name[k] = (char)c;
                bool same = (char)c == key.p[k];
                wrong += (pd_name_of_variable(pd_slice(name, key.n)) == rows[i].id) != same;
            }
        }
        CHECK_INT(wrong, 0);
    }
}

static void test_other_lengths_are_not_found(void)
{
    CHECK_INT(pd_name_of_header(PD_SLICE("")), PD_NAME_OTHER);
    CHECK_INT(pd_name_of_header(PD_SLICE("h")), PD_NAME_OTHER);
    CHECK_INT(pd_name_of_header(PD_SLICE("hosts")), PD_NAME_OTHER);
    CHECK_INT(pd_name_of_header(PD_SLICE("hos")), PD_NAME_OTHER);
    CHECK_INT(pd_name_of_header(PD_SLICE("x-a-name-longer-than-every-known-header-name")), PD_NAME_OTHER);
    CHECK_INT(pd_name_of_variable(PD_SLICE("")), PD_NAME_OTHER);
    CHECK_INT(pd_name_of_variable(PD_SLICE("HTTP_HOST_")), PD_NAME_OTHER);
    CHECK_INT(pd_name_of_variable(PD_SLICE("http_host")), PD_NAME_OTHER);
    CHECK_INT(pd_name_of_variable(PD_SLICE("A_NAME_LONGER_THAN_EVERY_KNOWN_VARIABLE")), PD_NAME_OTHER);
}

int main(void)
{
    test_every_row_is_found();
    test_header_key_is_the_mapped_header();
    test_header_case_does_not_matter();
    test_one_wrong_byte_is_not_found();
    test_other_lengths_are_not_found();
    return check_result();
}
