"""Every response of the corpus is read as documented by the client halves, however its bytes are delivered."""

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
    ran = corpus.run_cases(cases, corpus.program("client_driver"))
    return {case.line: outcome for case, outcome in zip(cases, ran, strict=True)}


def all_cases() -> list[object]:
    return [
        pytest.param(case, id=f"{path.relative_to(corpus.FOLDER).with_suffix('')}: {case.heading}")
        for path in corpus.documents(corpus.CLIENTS)
        for case in corpus.read_document(path)
    ]


@pytest.mark.parametrize("case", all_cases())
def test_response_is_read_as_documented(case: corpus.Case) -> None:
    report = corpus.judge(case, outcomes(case.path)[case.line])
    assert not report, f"\n{report}"


@pytest.mark.parametrize(
    ("protocol", "least"), [("http", 40), ("fastcgi", 25), ("scgi", 25), ("uwsgi", 12), ("ajp", 30)]
)
def test_corpus_has_enough_different_responses(protocol: str, least: int) -> None:
    cases = [case for path in corpus.documents([f"{protocol}-client"]) for case in corpus.read_document(path)]
    assert len({case.heading for case in cases}) == len(cases)
    assert len({(case.data, tuple(case.words)) for case in cases}) >= least


def test_every_allocation_of_every_response_may_fail() -> None:
    cases = [case for path in corpus.documents(corpus.CLIENTS) for case in corpus.read_document(path)]
    assert corpus.torture("client_driver", cases, "--torture") > len(cases)
