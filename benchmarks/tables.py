"""Turns outcomes into tables: for the terminal, for Markdown and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import servers
from case import Case, Entry, Target
from cases import CASES
from figures import Bound, Figure, bound_of, figure, pairs, ratios
from rounds import Outcome, Plan, Sample
from servers import KINDS, Place

FORMAT = 3
Row = tuple[str, ...]
DELAYS = ("p50", "p99", "p99.9")
DELAY_HEAD = tuple(f"{name} µs" for name in DELAYS)
TARGET_HEAD = ("ratio", "measured", "lowest – highest", "95 % bound", "must", "", "goal", "")
COSTS = {"": "", "own": "own CPU of ", "all": "CPU in all of "}
BOUND = (
    "A target is met when the 95 % bound of its ratio meets it, and not shown when only the median does: more rounds "
    "tell. Five rounds are the fewest that have a bound."
)


def case_table(outcome: Outcome) -> list[Row]:
    """A row for each server, the head first: figures and ratios to the references of the case."""
    case = outcome.case
    references = [key for key in case.references if key in outcome.samples]
    labels = [f"× {_short(case, key)}" for key in references]
    more = (*["own µs"] * case.counts_front, *["lost"] * case.is_lossy)
    rows: list[Row] = [("server", "µs CPU/request", *more, "lowest – highest", "requests/s", *DELAY_HEAD, *labels)]
    for entry in case.entries:
        if entry.key not in outcome.samples:
            rows.append((entry.label, "not measured", *[""] * (len(rows[0]) - 2)))
            continue
        against = [_against(outcome, entry, key) for key in references]
        rows.append((entry.label, *_columns(outcome, entry), *against))
    return rows


def _against(outcome: Outcome, entry: Entry, key: str) -> str:
    """The ratio to a reference, or to the row of its server with the same application."""
    other = outcome.case.entry(key)
    same = (each for each in outcome.case.entries if (each.kind, each.door) == (other.kind, other.door))
    if entry.app != other.app:
        key = next((each.key for each in same if each.app == entry.app and each.key in outcome.samples), "")
    return f"{_ratio(outcome, entry.key, key).middle:.2f}" if key else ""


def target_table(outcomes: Iterable[Outcome]) -> list[Row]:
    """A row for each promise, the head first."""
    rows: list[Row] = [TARGET_HEAD]
    for outcome in outcomes:
        rows += [_target_row(outcome, target) for target in outcome.case.targets]
    return rows


def _target_row(outcome: Outcome, target: Target) -> Row:
    values = target_values(outcome, target) if is_measured(outcome, target) else []
    return promise_row(target_name(outcome.case, target), values, target.must, target.goal)


def promise_row(name: str, values: Sequence[float], must: Bound | None, goal: Bound | None = None) -> Row:
    """What was measured in each round of what is promised, and whether it is kept; no values: it was not measured."""
    limits = [str(bound) if bound else "" for bound in (must, goal)]
    if not values:
        return (name, "not measured", "", "", limits[0], "", limits[1], "")
    found = figure(values)
    sure = [bound_of(values, is_least=bound.is_least) if bound else None for bound in (must, goal)]
    verdicts = [
        bound.verdict(found.middle, limit) if bound else "" for bound, limit in zip((must, goal), sure, strict=True)
    ]
    shown = next((f"{limit:.2f}" for limit in sure if limit is not None), "–")
    extent = f"{found.lowest:.2f} – {found.highest:.2f}"
    return (name, f"{found.middle:.2f}", extent, shown, limits[0], verdicts[0], limits[1], verdicts[1])


def is_measured(outcome: Outcome, target: Target) -> bool:
    """Whether all is there that a target compares."""
    if target.is_best:
        return all(best_row(outcome, kind) for kind in (target.entry, target.other))
    return set(target.needs()) <= outcome.samples.keys()


def best_row(outcome: Outcome, kind: str) -> str:
    """The row of a server that answers most requests per second."""
    keys = [entry.key for entry in outcome.case.entries if entry.kind == kind and outcome.samples.get(entry.key)]
    return max(keys, key=lambda key: figure([sample.rate for sample in outcome.samples[key]]).middle, default="")


def target_values(outcome: Outcome, target: Target) -> list[float]:
    """The ratio of a target in each round."""
    if target.is_best:
        rows = [best_row(outcome, kind) for kind in (target.entry, target.other)]
        return target_values(outcome, replace(target, entry=rows[0], other=rows[1], is_best=False))
    if target.is_scaling:
        ours, theirs = (pairs(outcome.values(two), outcome.values(one)) for two, one in target.scaled())
        return pairs(ours, theirs)
    if target.percentile:
        ours, theirs = _delays(outcome, target.entry, target), _delays(outcome, target.other, target)
        return pairs(ours, theirs)
    if target.cost:
        is_own = target.cost == "own"
        ours, theirs = (
            [each.cost if is_own else each.cost_of_all for each in outcome.samples[key]]
            for key in (target.entry, target.other)
        )
        return pairs(ours, theirs)
    return pairs(outcome.values(target.entry), outcome.values(target.other), target.factor)


def _delays(outcome: Outcome, key: str, target: Target) -> list[float]:
    return [sample.latency[target.percentile] for sample in outcome.samples[key]]


def target_name(case: Case, target: Target) -> str:
    """Which two figures are compared, in words."""
    if target.is_scaling:
        (two, one), (other, base) = [[case.entry(key).label for key in keys] for keys in target.scaled()]
        return f"{case.key}: {two} by {one} to {other} by {base}"
    what = f"{target.percentile} of " if target.percentile else COSTS[target.cost]
    if target.is_best:
        ours, theirs = (KINDS[kind].name for kind in (target.entry, target.other))
        return f"{case.key}: {what}{ours} to {theirs}, both at their best"
    times = f"{target.factor} × " if target.factor > 1 else ""
    return f"{case.key}: {what}{case.entry(target.entry).label} to {times}{case.entry(target.other).label}"


def _ratio(outcome: Outcome, key: str, other: str, factor: float = 1.0) -> Figure:
    return ratios(outcome.values(key), outcome.values(other), factor)


def _columns(outcome: Outcome, entry: Entry) -> Row:
    """The figures of a server; the extent is that of what the case is about."""
    samples = outcome.samples[entry.key]
    costs = figure([cost * 1e6 for cost in outcome.costs(entry.key)])
    rates = figure([sample.rate for sample in samples])
    extent = (
        f"{rate_text(rates.lowest)} – {rate_text(rates.highest)} /s"
        if outcome.case.is_throughput
        else f"{costs.lowest:.2f} – {costs.highest:.2f}"
    )
    delays = [
        f"{figure([sample.latency[name] * 1e6 for sample in samples]).middle:.0f}" if samples[0].latency else "–"
        for name in DELAYS
    ]
    is_front = servers.KINDS[entry.kind].is_apache or servers.KINDS[entry.kind].is_cgi
    own = "–" if is_front else f"{figure([sample.cost * 1e6 for sample in samples]).middle:.2f}"
    lost = str(sum(sample.lost for sample in samples))
    more = (*[own] * outcome.case.counts_front, *[lost] * outcome.case.is_lossy)
    return (f"{costs.middle:.2f}", *more, extent, rate_text(rates.middle), *delays)


def rate_text(rate: float) -> str:
    """Requests per second; few of them with a fraction."""
    return f"{rate:.0f}" if rate >= 100 else f"{rate:.2f}"


def _short(case: Case, key: str) -> str:
    entry: Entry = case.entry(key)
    return "empty C" if entry.kind == "floor" else entry.label


def noise(outcomes: Iterable[Outcome]) -> float:
    """How far apart the rounds of a server lie, as a part of their median: the middle server's figure."""
    spreads = [figure(outcome.values(key)).spread for outcome in outcomes for key in outcome.samples]
    return figure(spreads).middle if spreads else 0.0


def text(rows: Sequence[Row]) -> str:
    """A table for the terminal: words to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if is_words(rows, at) else cell.rjust(width) for at, (cell, width) in _cells(row, widths)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def markdown(rows: Sequence[Row]) -> str:
    """The same for a document."""
    rule = tuple("---" if is_words(rows, at) else "---:" for at in range(len(rows[0])))
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))


def _cells(row: Row, widths: Sequence[int]) -> Iterable[tuple[int, tuple[str, int]]]:
    return enumerate(zip(row, widths, strict=True))


def is_words(rows: Sequence[Row], column: int) -> bool:
    """Whether a column holds words: the first one, and verdicts."""
    return column == 0 or any(row[column].startswith(("met", "missed", "not shown")) for row in rows[1:])


def document(outcomes: Sequence[Outcome], plan: Plan, facts: dict[str, str]) -> dict[str, Any]:
    """Everything that was measured, for JSON."""
    return {
        "format": FORMAT,
        "facts": facts,
        "started as": {row[0]: row[1] for row in settings_table(outcomes)[1:]},
        "plan": asdict(plan),
        "noise": noise(outcomes),
        "cases": {
            outcome.case.key: {
                "title": outcome.case.title,
                "measured": outcome.measured,
                "samples": {key: [asdict(sample) for sample in samples] for key, samples in outcome.samples.items()},
                "absent": outcome.absent,
                "ratios": [_ratio_document(outcome, target) for target in outcome.case.targets],
            }
            for outcome in outcomes
        },
    }


def restored(document: dict[str, Any]) -> list[Outcome]:
    """The outcomes of an earlier run, as far as their cases and servers are still there."""
    cases = {case.key: case for case in CASES}
    found = []
    for key, told in document["cases"].items() if document.get("format") == FORMAT else ():
        if key not in cases:
            continue
        keys = {entry.key for entry in cases[key].entries}
        samples = {name: [Sample(**each) for each in of] for name, of in told["samples"].items() if name in keys}
        absent = {name: why for name, why in told["absent"].items() if name in keys}
        found.append(Outcome(cases[key], samples, absent, measured=told["measured"]))
    return found


def merged(earlier: Sequence[Outcome], later: Sequence[Outcome]) -> list[Outcome]:
    """Each case as it was measured last, in the order of the table."""
    found = {outcome.case.key: outcome for outcome in (*earlier, *later)}
    return [found[case.key] for case in CASES if case.key in found]


def _ratio_document(outcome: Outcome, target: Target) -> dict[str, Any]:
    """A target with the ratio of every round."""
    told = {name: str(bound) for name, bound in (("must", target.must), ("goal", target.goal)) if bound}
    found: dict[str, Any] = {"entry": target.entry, "other": target.other, "factor": target.factor} | told
    if is_measured(outcome, target):
        values = target_values(outcome, target)
        is_least = any(bound.is_least for bound in (target.must, target.goal) if bound)
        found |= {"values": values, "bound": bound_of(values, is_least=is_least)}
    return found


def settings_table(outcomes: Iterable[Outcome]) -> list[Row]:
    """How each server was started, the head first; alike ones once."""
    found: dict[str, str] = {}
    for outcome in outcomes:
        for entry in (entry for entry in outcome.case.entries if entry.key in outcome.samples):
            label = f"{entry.label}, {entry.threads} {'thread' if entry.threads == 1 else 'threads'}"
            if entry.has_threads or entry.kind in {"floor", "sink", servers.CALL}:
                label = entry.label
            app = outcome.case.app_of(entry)
            place = Place(entry.door, "", app, entry.threads, Path(), entry.workers, outcome.case.mpm)
            command = servers.settings(entry.kind, place)
            found.setdefault(label, command.replace(f"{app}:application", "APP:application"))
    return [("server", "started as"), *found.items()]


def title(facts: dict[str, str]) -> str:
    """What the pages are called: there is another one for a Python without the GIL."""
    return "Speed, side by side" + ", without the GIL" * ("free-threaded" in facts.get("Python", ""))


def page(outcomes: Sequence[Outcome], plan: Plan, facts: dict[str, str]) -> str:
    """The whole result as a Markdown page."""
    targets = target_table(outcomes)
    parts = [
        f"# {title(facts)}",
        f"Medians of {plan.rounds} interleaved rounds of {plan.seconds:g} s; the server on core {plan.server_core}, "
        f"load and front end on core {plan.load_core}. `make bench` repeats it; [how to read it](../README.md).",
        *([markdown(targets), BOUND] if len(targets) > 1 else []),
    ]
    for outcome in outcomes:
        parts += [f"## {outcome.case.title}", markdown(case_table(outcome)), *remarks(outcome)]
    commands = [(label, f"`{command}`") for label, command in settings_table(outcomes)[1:]]
    parts += ["## How each server was started", markdown([("server", "started as"), *commands])]
    parts += ["## Machine and versions", markdown([("what", ""), *facts.items()])]
    return "\n\n".join(parts) + "\n"


def remarks(outcome: Outcome) -> list[str]:
    """Notes on a case, and what was not measured and why."""
    reasons = (f"{outcome.case.entry(key).label} was not measured: {why}" for key, why in outcome.absent.items())
    when = [f"Measured {', '.join(outcome.measured.values())}."] if outcome.measured else []
    return [*outcome.case.notes, *reasons, *when]
