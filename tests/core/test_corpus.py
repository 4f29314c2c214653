"""Every corpus case gives the documented events, however its bytes are delivered."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from support import corpus

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


@pytest.mark.parametrize(("protocol", "least"), [("http", 250), ("fastcgi", 150), ("scgi", 80)])
def test_corpus_has_the_promised_number_of_different_cases(protocol: str, least: int) -> None:
    paths = [path for path in corpus.documents() if path.relative_to(corpus.FOLDER).parts[0] == protocol]
    cases = [case for path in paths for case in corpus.read_document(path)]
    headings = [(case.path, case.heading) for case in cases]
    inputs = [(case.data, tuple(case.words), tuple(case.environ or ())) for case in cases]
    assert len(set(headings)) == len(headings)
    assert len(set(inputs)) >= least
