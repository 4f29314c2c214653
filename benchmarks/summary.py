"""The README's table and plot, made from results/speed.json, and from nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import svg
from figures import Figure, figure
from rivals import HERE
from servers import KINDS
from tables import Row, markdown, rate_text

README = HERE.parent / "README.md"
PLOT = HERE / "results" / "speed.svg"
BEGIN, END = "<!-- made by benchmarks/summary.py -->\n", "<!-- end -->\n"
OURS = "polydoor"
SHOWN = (OURS, "fastpysgi", "bjoern", "granian", "uwsgi", "waitress", "gunicorn", "cheroot", "mod_wsgi-daemon")
# Heading, case, the ends of the keys of its servers (of several the best is shown), whether it is a rate.
COLUMNS = (
    ("hello world, µs of processor time", "hello", ("", "-t1"), False),
    ("waits 0.5 ms, five threads, requests/s", "wait", ("-t5", ""), True),
    ("Django view, two cores, requests/s", "django", ("-w2-t4", "-w2-t1", "-t4", "-w2"), True),
)
TITLE = "Server processor time for a request: HTTP/1.1 keep-alive, hello world, one thread (µs; less is better)"


def figures_of(document: dict[str, Any], kind: str) -> Iterator[tuple[str, Figure | None]]:
    """Heading and figure of a server in each case that was measured."""
    for heading, key, ends, is_rate in COLUMNS:
        if key not in document["cases"]:
            continue
        samples = document["cases"][key]["samples"]
        rows = (samples[kind + end] for end in ends if samples.get(kind + end))
        found = [figure([_value(each, is_rate=is_rate) for each in row]) for row in rows]
        best = max if is_rate else min
        yield heading, best(found, key=lambda each: each.middle, default=None)


def _value(sample: dict[str, Any], *, is_rate: bool) -> float:
    if is_rate:
        return float(sample.get("in_time", sample["requests"]) / sample["seconds"])
    return float(sample["cpu_seconds"] / sample["requests"] * 1e6)


def table(document: dict[str, Any]) -> list[Row]:
    """A row for each server that was measured, the head first."""
    head = [heading for heading, _ in figures_of(document, OURS)]
    rows: list[Row] = [("server", *head)]
    for kind in SHOWN:
        found = [(heading, each) for heading, each in figures_of(document, kind)]
        if any(each for _, each in found):
            cells = (_cell(heading, each) for heading, each in found)
            rows.append((KINDS[kind].name, *cells))
    return rows


def _cell(heading: str, found: Figure | None) -> str:
    if found is None:
        return "–"
    return rate_text(found.middle) if "/s" in heading else f"{found.middle:.1f}"


def plot(document: dict[str, Any]) -> str:
    """The first column as bars, with the lowest and the highest round."""
    found = ((kind, next(figures_of(document, kind))[1]) for kind in SHOWN)
    bars = [svg.Bar(KINDS[kind].name, each, kind == OURS) for kind, each in found if each]
    return svg.bars(TITLE, bars, "µs") + "\n"


def block(document: dict[str, Any]) -> str:
    """What stands between the marks in the README."""
    facts = document["facts"]
    machine = f"Medians, on {facts['processor']}, {facts['system']}, {facts['Python'].split(',')[0]}."
    return f"{BEGIN}{markdown(table(document))}\n\n![{TITLE}](benchmarks/results/{PLOT.name})\n\n{machine}\n{END}"


def between(text: str) -> str:
    """What stands there, with the marks."""
    begin = text.index(BEGIN)
    return text[begin : text.index(END, begin) + len(END)]


def write(document: dict[str, Any], readme: Path = README, drawing: Path = PLOT) -> None:
    """Put table and plot where they belong."""
    text = readme.read_text(encoding="utf-8")
    readme.write_text(text.replace(between(text), block(document)), encoding="utf-8")
    drawing.write_text(plot(document), encoding="utf-8")
