"""The stable codes: one table, no number twice, nothing said without one, nothing in it that nobody says."""

import re
from pathlib import Path

import pytest

import gen_codes
from polydoor import codes

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for path in (ROOT / "src").rglob("*.p[yx]*") if path.suffix in {".py", ".pyx", ".pxi"})
CORE = sorted(path for path in (ROOT / "core").rglob("*.[ch]") if path not in {gen_codes.REASONS, gen_codes.NOTICES})
LITERAL = re.compile(r'"(PD\d{4})')


def texts(paths):
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def test_the_page_is_what_the_tables_give(capsys):
    assert gen_codes.main(["--check"]) == 0, capsys.readouterr().err


def test_a_page_that_is_out_of_date_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(gen_codes, "TARGET", tmp_path / "codes.md")
    assert gen_codes.main(["--check"]) == 1
    assert gen_codes.main([]) == 0
    assert gen_codes.main(["--check"]) == 0


def test_no_number_is_given_twice(monkeypatch):
    rows = gen_codes.all_rows()
    monkeypatch.setattr(gen_codes, "core_rows", lambda: rows[:1])
    with pytest.raises(SystemExit, match="given twice: PD0001"):
        gen_codes.all_rows()


def test_every_number_has_four_digits_and_a_chapter():
    chapters = tuple(prefix for prefix, _ in gen_codes.CHAPTERS)
    for row in gen_codes.all_rows():
        assert re.fullmatch(r"PD0\d\d\d", row.code), row
        assert row.code.startswith(chapters), row
        assert row.happened.endswith("."), row
        assert row.remedy.endswith("."), row
        assert not row.title.endswith("."), row


def test_every_code_that_python_names_is_in_the_table():
    named = set(re.findall(r"\bcodes\.([A-Z_]+)\b", texts(SOURCES)))
    assert {name for name in named if not hasattr(codes, name)} == set()
    in_table = {row.code for row in gen_codes.all_rows()}
    literal = {code for path in SOURCES if path.parent.name != "codes" for code in LITERAL.findall(texts([path]))}
    assert literal <= in_table


def test_every_row_of_python_is_used():
    used = set(re.findall(r"\bcodes\.([A-Z_]+)\b", texts(SOURCES)))
    assert {row.name for row in gen_codes.python_rows()} - used == set()


def test_every_row_of_the_core_is_used():
    text = texts(CORE)
    rows = {row.name for row in gen_codes.core_rows()}
    unused = {name for name in rows if not re.search(rf"\bPD_(?:NOTICE|R)_{name}\b", text)}
    assert unused == set()
