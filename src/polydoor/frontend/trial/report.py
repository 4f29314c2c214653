"""What `polydoor frontend test` prints: for people, or as JSON for programs."""

from __future__ import annotations

from polydoor.frontend.trial.checks import CANNOT, FAILED, PASSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.frontend.trial.checks import Verdict
    from polydoor.frontend.trial.front import Front

WORDS = {PASSED: "ok", FAILED: "FAILED", CANNOT: "cannot"}
INDENT = " " * 10


def as_text(front: Front, verdicts: list[Verdict]) -> str:
    """A line for each check, and below it what to change."""
    lines = [f"{front.target.url}: {front.describe()}", ""]
    for verdict in verdicts:
        seen = f": {verdict.seen}" if verdict.seen else ""
        lines.append(f"  {WORDS[verdict.outcome]:<8}{verdict.check}{seen}")
        if verdict.outcome == FAILED:
            lines.append(f"{INDENT}change: {verdict.change}")
        elif verdict.outcome == CANNOT:
            lines.append(f"{INDENT}because {verdict.change}")
    return "\n".join([*lines, "", _summary(verdicts)]) + "\n"


def as_json(front: Front, verdicts: list[Verdict]) -> str:
    """The same for programs."""
    import json

    assert front.first is not None
    document = {
        "url": front.target.url,
        "front_end": front.name,
        "software": front.software,
        "protocol": front.protocol,
        "polydoor": front.first.facts["polydoor"],
        "listeners": front.first.facts.get("listeners", []),
        "checks": [
            {"check": row.check, "outcome": row.outcome, "seen": row.seen, "change": row.change} for row in verdicts
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _summary(verdicts: list[Verdict]) -> str:
    counts = {word: sum(verdict.outcome == word for verdict in verdicts) for word in WORDS}
    if counts[FAILED]:
        first = f"{counts[FAILED]} failed"
    elif counts[CANNOT]:
        first = "all comes through that this front end can do"
    else:
        return f"all {counts[PASSED]} checks are passed"
    more = f", {counts[CANNOT]} the front end cannot do" if counts[CANNOT] else ""
    return f"{first}: {counts[PASSED]} are passed{more}"
