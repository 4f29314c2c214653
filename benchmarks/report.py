"""The result as one HTML page that needs nothing else: tables, plots, machine, and how to read it."""

from collections.abc import Iterable, Sequence
from html import escape

import servers
import svg
import tables
from figures import figure
from rounds import Outcome, Plan, Sample

STYLE = """\
body { font: 15px/1.45 sans-serif; color: #222; max-width: 58rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; margin: 0.8rem 0; }
th, td { padding: 0.15rem 0.6rem 0.15rem 0; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
.words { text-align: left; white-space: normal; } .wide { overflow-x: auto; }
svg { width: 100%; height: auto; margin: 0.4rem 0; } figcaption { font-size: 13px; color: #555; }
figure { margin: 0.8rem 0; break-inside: avoid; } h2 { break-after: avoid; }
@media print { body { font-size: 10pt; margin: 0; max-width: none; } table { font-size: 8pt; } }
"""


def page(outcomes: Sequence[Outcome], plan: Plan, facts: dict[str, str]) -> str:
    """The whole page."""
    title = escape(tables.title(facts))
    targets = tables.target_table(outcomes)
    parts = [
        f"<h1>{title}</h1>",
        f"<p>Medians of {plan.rounds} interleaved rounds of {plan.seconds:g} s; the server on core {plan.server_core}, "
        f"load and front end on core {plan.load_core}. A thin line in a bar shows the lowest and the highest round. "
        "Processor time is that of the whole process tree of the server.</p>",
    ]
    if len(targets) > 1:
        parts += ["<h2>Targets</h2>", _table(targets), f"<p>{escape(tables.BOUND)}</p>"]
    for outcome in outcomes:
        parts += _case(outcome)
    parts += ["<h2>How each server was started</h2>", _table(tables.settings_table(outcomes), is_words=True)]
    parts += ["<h2>Machine and versions</h2>", _table([("what", ""), *facts.items()], is_words=True)]
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<style>\n{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _case(outcome: Outcome) -> Iterable[str]:
    """A case with what was measured in it."""
    yield f"<h2>{escape(outcome.case.title)}</h2>"
    measured = [entry for entry in outcome.case.entries if outcome.samples.get(entry.key)]
    if measured:
        is_rate = outcome.case.is_throughput
        scale = 1.0 if is_rate else 1e6
        rows = [
            svg.Bar(
                entry.label,
                figure([value * scale for value in outcome.values(entry.key)]),
                entry.kind.startswith("polydoor"),
            )
            for entry in measured
        ]
        what, unit = ("Requests per second", "/s") if is_rate else ("Server processor time per request", "µs")
        yield _figure(svg.bars(what, rows, unit), f"{what}{' (more is better)' if is_rate else ' (less is better)'}")
        delays = [
            (entry.label, _middle(outcome.samples[entry.key])) for entry in measured if entry.kind != servers.CALL
        ]
        yield _figure(svg.percentiles("Latency", delays), "Latency under this load; each step is ten times the last")
    yield _table(tables.case_table(outcome))
    for remark in tables.remarks(outcome):
        yield f"<p>{escape(remark)}</p>"


def _middle(samples: Sequence[Sample]) -> dict[str, float]:
    """The median of each percentile over the rounds."""
    return {name: figure([sample.latency[name] for sample in samples]).middle for name in tables.DELAYS}


def _figure(drawing: str, caption: str) -> str:
    return f"<figure>\n{drawing}\n<figcaption>{escape(caption)}</figcaption>\n</figure>"


def _table(rows: Sequence[tables.Row], *, is_words: bool = False) -> str:
    """A table; words to the left, numbers to the right."""
    lines = []
    for number, row in enumerate(rows):
        tag = "td" if number else "th"
        cells = []
        for at, cell in enumerate(row):
            kind = ' class="words"' if is_words or tables.is_words(rows, at) else ""
            cells.append(f"<{tag}{kind}>{escape(cell)}</{tag}>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return '<div class="wide"><table>\n' + "\n".join(lines) + "\n</table></div>"
