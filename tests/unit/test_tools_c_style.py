"""What tools/check_c_style.py finds in C files."""

import pytest

import check_c_style


def faults(text: str, name: str = "codec/x.c", kind: str = "core") -> list[tuple[int, str]]:
    return list(check_c_style.file_faults(text, name, kind))


@pytest.mark.parametrize(
    ("line", "name", "what"),
    [
        ("    p = malloc(n);", "conn/x.c", "malloc() must go through struct pd_sys"),
        ("    n = strlen(s);", "codec/x.c", "strlen() looks for a NUL; peers send slices"),
        ("    strcpy(a, b);", "base/x.c", "strcpy() is not safe with what peers send"),
        ("static int counter;", "base/x.c", "a variable that all share; core/ has none"),
        ("static struct a *list = NULL;", "base/x.c", "a variable that all share; core/ has none"),
        ("/* TODO later */", "base/x.c", "TODO is left over"),
        ("#if 0", "base/x.c", "#if 0 is left over"),
    ],
)
def test_a_fault_is_found_with_its_line(line: str, name: str, what: str) -> None:
    assert faults(f"int a(void);\n{line}\n", name) == [(2, what)]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("    p = malloc(n);", "base/sys.c"),
        ("    n = strlen(path);", "loop/x.c"),
        ("    n = PD_SYS(sys, recv, fd, buf, n, 0);", "conn/x.c"),
        ("    s->close(s->ctx, fd);", "conn/x.c"),
        ("    static_assert(sizeof(int) == 4);", "conn/x.c"),
        ("/* malloc(n) would do */", "conn/x.c"),
        ('    say("free(p)");', "conn/x.c"),
        ("static const char names[] = { 0 };", "codec/x.c"),
        ("static inline int f(void);", "codec/x.c"),
        ("static int f(void)", "codec/x.c"),
        ("    int fd = open(path, 0);", "loop/unix_path.c"),
    ],
)
def test_what_is_allowed_is_no_fault(line: str, name: str) -> None:
    assert faults(line, name) == []


def test_tests_may_use_malloc() -> None:
    assert faults("    p = malloc(n);", "x.c", "tests/core") == []


def test_long_functions_and_files_are_found() -> None:
    line = "    a();\n"
    assert faults(f"void f(void)\n{{\n{81 * line}}}\n") == [(2, "the function has 81 lines, more than 80")]
    assert faults(f"void f(void)\n{{\n{80 * line}}}\n") == []
    assert faults("\n" * 121, "codec/x.h") == [(120, "the file has 121 lines, more than 120")]
    assert faults("\n" * 601) == [(600, "the file has 601 lines, more than 600")]
    assert faults("\n" * 121, "codec/reason.h") == []


def test_our_own_tree_is_clean() -> None:
    found = [
        fault
        for kind in check_c_style.FILE_LINES
        for fault in check_c_style.folder_faults(check_c_style.ROOT / kind, kind)
    ]
    assert found == []
