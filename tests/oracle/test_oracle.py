"""Our HTTP/1.1 codec against llhttp and h11: each class of disagreement is listed and justified in a document."""

from __future__ import annotations

import collections
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from oracle import llhttp_source, mutations, verdicts
from support import cbuild, corpus

if TYPE_CHECKING:
    from collections.abc import Sequence

MUTATIONS = 100_000
SEED = 9112
LISTED = Path(__file__).with_name("disagreements.md")
PARSERS = ("llhttp", "h11")


def ours(inputs: Sequence[bytes]) -> list[verdicts.Verdict]:
    sources = [cbuild.ROOT / "tests/oracle/ours.c", *cbuild.core_sources("base", "codec")]
    return verdicts.run_driver(cbuild.build("ours", sources, (*cbuild.SANITIZED, "-Itests/oracle")), inputs)


def llhttp(inputs: Sequence[bytes]) -> list[verdicts.Verdict]:
    try:
        driver = llhttp_source.driver()
    except llhttp_source.UnavailableError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    return verdicts.run_driver(driver, inputs)


def theirs(parser: str, inputs: Sequence[bytes]) -> list[verdicts.Verdict]:
    return llhttp(inputs) if parser == "llhttp" else [verdicts.run_h11(data) for data in inputs]


@functools.cache
def mutated() -> tuple[tuple[bytes, ...], tuple[verdicts.Verdict, ...]]:
    """Mutated inputs and our verdicts; seeds that we accept are taken more often, so that many mutations are too."""
    seeds = [case.data for path in sorted((corpus.FOLDER / "http").glob("*.md")) for case in corpus.read_document(path)]
    accepted = [data for data, verdict in zip(seeds, ours(seeds), strict=True) if not verdict.refuses]
    inputs = tuple(mutations.mutations([*seeds, *accepted, *accepted, *accepted], MUTATIONS, SEED))
    return inputs, tuple(ours(inputs))


def listed() -> list[corpus.Case]:
    return corpus.read_document(LISTED)


def test_mutations_are_worth_comparing() -> None:
    inputs, verdict = mutated()
    assert len(inputs) >= MUTATIONS
    assert len(set(inputs)) > MUTATIONS * 0.9
    assert sum(bool(item.messages) for item in verdict) > MUTATIONS * 0.15
    assert len({item.end for item in verdict}) >= 30


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.timeout(300)
def test_every_disagreement_is_listed(parser: str) -> None:
    inputs, mine = mutated()
    allowed = {line for case in listed() for line in case.expect}
    found: dict[str, list[bytes]] = collections.defaultdict(list)
    for data, our, their in zip(inputs, mine, theirs(parser, inputs), strict=True):
        if kind := verdicts.difference(our, their):
            found[f"{parser} {kind}"].append(data)
    unlisted = {kind: min(items, key=len) for kind, items in found.items() if kind not in allowed}
    assert not unlisted
    assert found


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("case", listed(), ids=lambda case: case.heading)
def test_listed_case_shows_its_disagreement(parser: str, case: corpus.Case) -> None:
    (mine,), (other,) = ours([case.data]), theirs(parser, [case.data])
    kind = verdicts.difference(mine, other)
    assert [f"{parser} {kind}"] * bool(kind) == [line for line in case.expect if line.startswith(f"{parser} ")]


def _message(**changes: object) -> verdicts.Message:
    parts = {"method": b"GET", "target": b"/", "minor": 1, "fields": ((b"host", b"a"),), "body": b"", **changes}
    return verdicts.Message(**parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"method": b"PUT"}, "another method"),
        ({"target": b"/x"}, "another target"),
        ({"minor": 0}, "another minor"),
        ({"fields": ()}, "another fields"),
        ({"body": b"x"}, "another body"),
        ({}, ""),
    ],
)
def test_difference_sees_every_part_of_a_request(change: dict[str, object], kind: str) -> None:
    first, second = (verdicts.Verdict((item,), "ok") for item in (_message(), _message(**change)))
    assert verdicts.difference(first, second) == kind


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ("ok", "cut", "another end: ok, cut"),
        ("bad:X", "ok", "we refuse: X"),
        ("bad:X", "cut", "we refuse earlier"),
        ("bad:X", "bad:Y", ""),
        ("ok", "bad:Y", "they refuse: Y"),
        ("cut", "bad:Y", "they refuse earlier"),
        ("closed", "bad:Y", ""),
        ("ok", "closed", "they close first"),
    ],
)
def test_difference_sees_every_end(first: str, second: str, kind: str) -> None:
    assert verdicts.difference(verdicts.Verdict((), first), verdicts.Verdict((), second)) == kind


def test_difference_sees_a_request_more() -> None:
    one, two = verdicts.Verdict((_message(),), "ok"), verdicts.Verdict((_message(), _message()), "ok")
    assert verdicts.difference(one, two) == "another number of requests"


def test_line_of_a_driver_is_read_whole() -> None:
    verdict = verdicts.parse_line("M 474554 2f 1 486f7374:61,58:,; =6162 C M 50 2f 0 ; =63 bad:HPE_X:some reason")
    assert verdict.messages == (_message(fields=((b"host", b"a"), (b"x", b"")), body=b"ab"),)
    assert verdict.end == "bad:HPE_X:some reason"
