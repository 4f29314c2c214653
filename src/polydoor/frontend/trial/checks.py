"""All checks in the order in which they are told, and what becomes of their findings."""

from __future__ import annotations

from polydoor.frontend.trial import advice, bodies, headers, paths, responses
from polydoor.frontend.trial.finding import Finding
from polydoor.frontend.trial.http import NoAnswerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from polydoor.frontend.trial.front import Front

CHECKS: dict[str, Callable[[Front], Iterator[Finding]]] = {
    "path and mount": paths.mount,
    "double slashes": paths.double_slashes,
    "%2F in a path": paths.escaped_slash,
    "non-ASCII in a path": paths.non_ascii,
    "query": paths.query,
    "host": paths.host,
    "client address": headers.address,
    "scheme": headers.scheme,
    "cookies": headers.cookies,
    "repeated headers": headers.repeated,
    "Authorization": headers.authorization,
    "spoofed headers": headers.spoofed,
    "two lengths": headers.two_lengths,
    "large request headers": headers.large_fields,
    "upload": bodies.upload,
    "chunked upload": bodies.chunked,
    "100-continue upload": bodies.expect,
    "early 413": bodies.refused,
    "HEAD": responses.head,
    "204": responses.no_content,
    "304": responses.not_modified,
    "redirect": responses.redirect,
    "large response headers": responses.large_fields,
    "streaming without delay": responses.streaming,
    "truncation with a length": responses.break_with_length,
    "truncation without one": responses.break_without_length,
    "keep-alive": responses.keep_alive,
}
PASSED, FAILED, CANNOT = "ok", "failed", "cannot"


class Verdict:
    """What one check came to. `change` is the line to change, or why there is none."""

    __slots__ = ("change", "check", "outcome", "seen")

    def __init__(self, check: str, outcome: str, seen: str = "", change: str = "") -> None:
        self.check = check
        self.outcome = outcome
        self.seen = seen
        self.change = change


def run(front: Front) -> Iterator[Verdict]:
    """Run every check: one verdict each, or one for each finding."""
    for name, check in CHECKS.items():
        found = list(_findings(front, check))
        yield from (_judge(front, name, finding) for finding in found)
        if not found:
            yield Verdict(name, PASSED)


def _findings(front: Front, check: Callable[[Front], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check(front)
    except NoAnswerError as error:
        yield Finding("lost", f"no answer: {error}")
    except TimeoutError:
        yield Finding("lost", f"no answer within {front.target.patience:g} s")
    except OSError as error:
        yield Finding("lost", f"no answer: {error.strerror or error}")


def _judge(front: Front, name: str, finding: Finding) -> Verdict:
    because = advice.limit(front, finding.fault)
    seen = front.masked(finding.seen)
    if because:
        return Verdict(name, CANNOT, seen, because)
    return Verdict(name, FAILED, seen, front.masked(advice.change(front, finding.fault)))
