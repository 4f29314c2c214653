"""Plots as SVG, drawn by hand: bars with their spread, and percentiles on a logarithmic scale. Read well on paper."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from figures import Figure

WIDTH, ROW, LEFT, RIGHT, TOP, BOTTOM = 780, 22, 270, 70, 6, 28
OURS, THEIRS, GRID, INK = "#2a6f97", "#b8b8b8", "#dddddd", "#222222"
SHADES = {
    "p50": "#2a6f97",
    "p90": "#5fa8d3",
    "p99": "#e09f3e",
    "p99.9": "#c44536",
    "p99.99": "#772e25",
    "max": "#222222",
}
TICKS = 5


@dataclass(frozen=True)
class Bar:
    """A line of a bar plot."""

    label: str
    figure: Figure
    is_ours: bool


def bars(title: str, rows: Sequence[Bar], unit: str) -> str:
    """Medians as bars, with a thin line from the lowest to the highest value."""
    most = _round_up(max(row.figure.highest for row in rows))
    parts = [
        _grid([_Tick(most * n / TICKS, _number(most * n / TICKS)) for n in range(TICKS + 1)], most, len(rows), unit)
    ]
    for number, row in enumerate(rows):
        top = TOP + number * ROW
        end, low, high = (_at(value / most) for value in (row.figure.middle, row.figure.lowest, row.figure.highest))
        colour = OURS if row.is_ours else THEIRS
        parts += [
            _label(top, row.label),
            f'<rect x="{LEFT}" y="{top + 3}" width="{end - LEFT:.1f}" height="{ROW - 8}" fill="{colour}"/>',
            f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{top + ROW / 2 - 1}" y2="{top + ROW / 2 - 1}" stroke="{INK}"/>',
            _text(max(end, high) + 5, top + ROW - 8, _number(row.figure.middle)),
        ]
    return _drawing(title, parts, len(rows))


def percentiles(title: str, rows: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """Latencies in seconds: a dot for each percentile, on a scale on which each step is ten times the one before."""
    values = [value for _, latency in rows for value in latency.values() if value > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    span = max(1, high - low)
    ticks = [_Tick(n, _duration(10.0 ** (low + n))) for n in range(span + 1)]
    parts = [_grid(ticks, span, len(rows), "")]
    for number, (label, latency) in enumerate(rows):
        top = TOP + number * ROW
        parts.append(_label(top, label))
        places = {name: _at((math.log10(value) - low) / span) for name, value in latency.items() if value > 0}
        if places:
            first, last = min(places.values()), max(places.values())
            middle = top + ROW / 2 - 1
            parts.append(f'<line x1="{first:.1f}" x2="{last:.1f}" y1="{middle}" y2="{middle}" stroke="{THEIRS}"/>')
        for name, place in places.items():
            hint = f"<title>{name}: {_duration(latency[name])}</title>"
            parts.append(
                f'<circle cx="{place:.1f}" cy="{top + ROW / 2 - 1}" r="4" fill="{SHADES[name]}">{hint}</circle>'
            )
    names = list(rows[0][1])
    legend = [
        f'<tspan fill="{SHADES[name]}">●</tspan><tspan fill="{INK}"> {name}&#160;&#160;&#160;</tspan>' for name in names
    ]
    foot = TOP + len(rows) * ROW + BOTTOM + 10
    parts.append(f'<text x="{LEFT}" y="{foot}">{"".join(legend)}</text>')
    return _drawing(title, parts, len(rows), extra=18)


@dataclass(frozen=True)
class _Tick:
    value: float
    label: str


def _grid(ticks: Sequence[_Tick], most: float, rows: int, unit: str) -> str:
    bottom = TOP + rows * ROW
    lines = []
    for tick in ticks:
        x = _at(tick.value / most)
        label = f"{tick.label} {unit}".strip() if tick is ticks[-1] else tick.label
        lines.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="{GRID}"/>')
        lines.append(_text(x, bottom + 15, label, "middle"))
    return "".join(lines)


def _drawing(title: str, parts: Sequence[str], rows: int, extra: int = 0) -> str:
    height = TOP + rows * ROW + BOTTOM + extra
    body = "\n".join(parts)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" xmlns="http://www.w3.org/2000/svg" font-size="12" '
        f'font-family="sans-serif">\n<title>{escape(title)}</title>\n{body}\n</svg>'
    )


def _at(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _label(top: float, text: str) -> str:
    return _text(LEFT - 8, top + ROW - 8, text, "end")


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}">{escape(text)}</text>'


def _round_up(value: float) -> float:
    """The next of 1, 2, 2.5, 5 and 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-9))


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _duration(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= factor * (1 - 1e-9):
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
