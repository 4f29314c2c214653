"""Every corpus case gives the documented events, however its bytes are delivered."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

import pytest

from support import cbuild, corpus

if TYPE_CHECKING:
    from pathlib import Path


@functools.cache
def outcomes(path: Path) -> dict[int, corpus.Outcome]:
    """The outcomes of a whole document, by line: one process runs them all."""
    cases = corpus.read_document(path)
    return {case.line: outcome for case, outcome in zip(cases, corpus.run_cases(cases), strict=True)}


def all_cases() -> list[object]:
    params: list[object] = []
    for path in corpus.documents():
        name = path.relative_to(corpus.FOLDER).with_suffix("")
        try:
            cases = corpus.read_document(path)
        except corpus.CorpusError as error:
            params.append(pytest.param(error, id=f"{name}: cannot be read"))
        else:
            params += [pytest.param(case, id=f"{name}: {case.heading}") for case in cases]
    return params


@pytest.mark.parametrize("case", all_cases())
def test_case_gives_the_documented_events(case: corpus.Case | corpus.CorpusError) -> None:
    if isinstance(case, corpus.CorpusError):
        pytest.fail(str(case))
    report = corpus.judge(case, outcomes(case.path)[case.line])
    assert not report, f"\n{report}"


@pytest.mark.parametrize(
    ("protocol", "least"),
    [
        *[("http", 250), ("fastcgi", 150), ("scgi", 80), ("uwsgi", 120), ("ajp", 300), ("cgi", 60)],
        *[("proxy", 100), ("auto", 40)],
    ],
)
def test_corpus_has_the_promised_number_of_different_cases(protocol: str, least: int) -> None:
    paths = [path for path in corpus.documents() if path.relative_to(corpus.FOLDER).parts[0] == protocol]
    cases = [case for path in paths for case in corpus.read_document(path)]
    headings = [(case.path, case.heading) for case in cases]
    inputs = [(case.data, tuple(case.words), tuple(case.environ or ())) for case in cases]
    assert len(set(headings)) == len(headings)
    assert len(set(inputs)) >= least


COVERAGE = corpus.FOLDER / "coverage.md"
LATER = "later: "
ROWS = 35  # of the table of parsing decisions
GROUPS = (("A", 11, 34), ("E", 1, 10), ("F", 1, 14), ("G", 1, 16))
SCENARIOS = [f"{group}{n}" for group, first, last in GROUPS for n in range(first, last + 1)]


@functools.cache
def coverage() -> dict[str, tuple[str, str]]:
    """The table's lines: number to what and what shows it."""
    lines = re.findall(r"^\| ([AEFG]?\d+) \| (.*) \| (.*) \|$", COVERAGE.read_text(), re.MULTILINE)
    return {number: (what, shown) for number, what, shown in lines}


@functools.cache
def guarded() -> tuple[set[str], set[str]]:
    """The rows and the scenarios that cases name."""
    lines = [case.guards for path in corpus.documents() for case in corpus.read_document(path)]
    rows = {row for line in lines for row in re.findall(r'row "([^"]*)"', line)}
    scenarios = {word for line in lines for word in re.findall(r"\b[AEFG]\d+\b", line)}
    return rows, scenarios


def test_the_table_of_coverage_leaves_nothing_out() -> None:
    assert list(coverage()) == [*map(str, range(1, ROWS + 1)), *SCENARIOS]


@pytest.mark.parametrize("number", coverage())
def test_what_the_table_of_coverage_says_is_there(number: str) -> None:
    what, shown = coverage()[number]
    rows, scenarios = guarded()
    has_cases = number in scenarios or any(row.startswith(what) for row in rows)
    assert has_cases == shown.startswith("cases")
    named = re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", shown)
    assert has_cases or named or shown.startswith(LATER)
    for path, test in named:
        assert f"def {test}" in (cbuild.ROOT / path).read_text()


def test_cases_name_only_rows_that_the_table_has() -> None:
    whats = [what for what, _ in coverage().values()]
    assert [row for row in guarded()[0] if not any(row.startswith(what) for what in whats)] == []
