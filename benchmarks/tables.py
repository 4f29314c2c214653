"""Turns outcomes into tables: for the terminal, for Markdown and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import servers
from cases import Case, Entry, Target
from figures import Figure, bound_of, figure, pairs, ratios
from rounds import Outcome, Plan, Sample

Row = tuple[str, ...]
DELAYS = ("p50", "p99", "p99.9")
DELAY_HEAD = tuple(f"{name} µs" for name in DELAYS)
TARGET_HEAD = ("ratio", "measured", "lowest – highest", "95 % bound", "must", "", "goal", "")
BOUND = (
    "A target is met when the 95 % bound of its ratio meets it, and not shown when only the median does: more rounds "
    "tell. Five rounds are the fewest that have a bound."
)


def case_table(outcome: Outcome) -> list[Row]:
    """A row for each server, the head first: figures and ratios to the references of the case."""
    references = [key for key in outcome.case.references if key in outcome.samples]
    labels = [f"× {_short(outcome.case, key)}" for key in references]
    rows: list[Row] = [("server", "µs CPU/request", "lowest – highest", "requests/s", *DELAY_HEAD, *labels)]
    for entry in outcome.case.entries:
        if entry.key not in outcome.samples:
            rows.append((entry.label, "not measured", *[""] * (2 + len(DELAYS) + len(labels))))
            continue
        samples = outcome.samples[entry.key]
        against = [f"{_ratio(outcome, entry.key, key).middle:.2f}" for key in references]
        rows.append((entry.label, *_columns(samples, is_rate=outcome.case.is_throughput), *against))
    return rows


def target_table(outcomes: Iterable[Outcome]) -> list[Row]:
    """A row for each promise, the head first."""
    rows: list[Row] = [TARGET_HEAD]
    for outcome in outcomes:
        rows += [_target_row(outcome, target) for target in outcome.case.targets]
    return rows


def _target_row(outcome: Outcome, target: Target) -> Row:
    name = target_name(outcome.case, target)
    limits = [str(bound) if bound else "" for bound in (target.must, target.goal)]
    if not set(target.needs()) <= outcome.samples.keys():
        return (name, "not measured", "", "", limits[0], "", limits[1], "")
    values = target_values(outcome, target)
    ratio = figure(values)
    sure = [bound_of(values, is_least=bound.is_least) if bound else None for bound in (target.must, target.goal)]
    verdicts = [
        bound.verdict(ratio.middle, limit) if bound else ""
        for bound, limit in zip((target.must, target.goal), sure, strict=True)
    ]
    shown = next((f"{limit:.2f}" for limit in sure if limit is not None), "–")
    extent = f"{ratio.lowest:.2f} – {ratio.highest:.2f}"
    return (name, f"{ratio.middle:.2f}", extent, shown, limits[0], verdicts[0], limits[1], verdicts[1])


def target_values(outcome: Outcome, target: Target) -> list[float]:
    """The ratio of a target in each round."""
    if target.is_scaling:
        ours, theirs = (pairs(outcome.values(two), outcome.values(one)) for two, one in target.scaled())
        return pairs(ours, theirs)
    if target.percentile:
        ours, theirs = _delays(outcome, target.entry, target), _delays(outcome, target.other, target)
        return pairs(ours, theirs)
    return pairs(outcome.values(target.entry), outcome.values(target.other), target.factor)


def _delays(outcome: Outcome, key: str, target: Target) -> list[float]:
    return [sample.latency[target.percentile] for sample in outcome.samples[key]]


def target_name(case: Case, target: Target) -> str:
    """Which two figures are compared, in words."""
    if target.is_scaling:
        (two, one), (other, base) = [[case.entry(key).label for key in keys] for keys in target.scaled()]
        return f"{case.key}: {two} by {one} to {other} by {base}"
    what = f"{target.percentile} of " if target.percentile else ""
    times = f"{target.factor} × " if target.factor > 1 else ""
    return f"{case.key}: {what}{case.entry(target.entry).label} to {times}{case.entry(target.other).label}"


def _ratio(outcome: Outcome, key: str, other: str, factor: float = 1.0) -> Figure:
    return ratios(outcome.values(key), outcome.values(other), factor)


def _columns(samples: Sequence[Sample], *, is_rate: bool) -> Row:
    """The figures of a server; the extent is that of what the case is about."""
    costs = figure([sample.cost * 1e6 for sample in samples])
    rates = figure([sample.rate for sample in samples])
    extent = (
        f"{rate_text(rates.lowest)} – {rate_text(rates.highest)} /s"
        if is_rate
        else f"{costs.lowest:.2f} – {costs.highest:.2f}"
    )
    delays = [
        f"{figure([sample.latency[name] * 1e6 for sample in samples]).middle:.0f}" if samples[0].latency else "–"
        for name in DELAYS
    ]
    return (f"{costs.middle:.2f}", extent, rate_text(rates.middle), *delays)


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
        "format": 2,
        "facts": facts,
        "started as": {row[0]: row[1] for row in settings_table(outcomes)[1:]},
        "plan": asdict(plan),
        "noise": noise(outcomes),
        "cases": {
            outcome.case.key: {
                "title": outcome.case.title,
                "samples": {key: [asdict(sample) for sample in samples] for key, samples in outcome.samples.items()},
                "absent": outcome.absent,
                "ratios": [_ratio_document(outcome, target) for target in outcome.case.targets],
            }
            for outcome in outcomes
        },
    }


def _ratio_document(outcome: Outcome, target: Target) -> dict[str, Any]:
    """A target with the ratio of every round."""
    told = {name: str(bound) for name, bound in (("must", target.must), ("goal", target.goal)) if bound}
    found: dict[str, Any] = {"entry": target.entry, "other": target.other, "factor": target.factor} | told
    if set(target.needs()) <= outcome.samples.keys():
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
            if entry.has_threads or entry.kind in {"floor", servers.CALL}:
                label = entry.label
            command = servers.settings(entry.kind, entry.door, outcome.case.app, entry.threads, entry.workers)
            found.setdefault(label, command.replace(f"{outcome.case.app}:application", "APP:application"))
    return [("server", "started as"), *found.items()]


def page(outcomes: Sequence[Outcome], plan: Plan, facts: dict[str, str]) -> str:
    """The whole result as a Markdown page."""
    parts = [
        "# Speed, side by side",
        f"Medians of {plan.rounds} interleaved rounds of {plan.seconds:g} s; the server on core {plan.server_core}, "
        f"load and front end on core {plan.load_core}. `make bench` repeats it; [how to read it](../README.md).",
        markdown(target_table(outcomes)),
        BOUND,
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
    return [*outcome.case.notes, *reasons]
