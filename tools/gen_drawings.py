#!/usr/bin/env python3
"""Draws the state tables: docs/internals/states.md and one SVG for each table.

    tools/gen_drawings.py            write them (needs Graphviz' `dot`)
    tools/gen_drawings.py --check    say which of them do not fit the tables any more

The tables are the code's own: those of src/polydoor/states.py, the rows of core/conn/states.h. Each SVG carries the
text it was made from, so that checking needs no Graphviz.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "internals"
PAGE = FOLDER / "states.md"
ROW = re.compile(r'X\((PD_\w+), "([^"]*)",([^)]*)\)')

HEAD = """\
<!-- written by tools/gen_drawings.py -->

# States

Some things have states that are written down as tables in the code. A move that its table does not know is a
mistake of our own and ends the process.
"""


@dataclass
class State:
    """One state of a machine."""

    name: str
    text: str
    moves: list[str]


@dataclass
class Machine:
    """One table."""

    key: str
    title: str
    source: str
    states: list[State]


def main(arguments: list[str]) -> int:
    """Write or check; 1 when something is stale."""
    machines = [*python_machines(), *core_machines()]
    if arguments == ["--check"]:
        found = list(stale(machines))
        for path in found:
            print(f"{path.relative_to(ROOT)} does not fit the tables: run tools/gen_drawings.py", file=sys.stderr)
        return 1 if found else 0
    PAGE.write_text(page(machines), encoding="utf-8")
    for machine in machines:
        drawing(machine).write_text(_svg(dot(machine)), encoding="utf-8")
    return 0


def stale(machines: list[Machine] | None = None) -> Iterator[Path]:
    """The files that do not show the present tables."""
    machines = machines or [*python_machines(), *core_machines()]
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page(machines):
        yield PAGE
    for machine in machines:
        path = drawing(machine)
        if not path.exists() or _comment(dot(machine)) not in path.read_text(encoding="utf-8"):
            yield path


def python_machines() -> list[Machine]:
    """The tables of the Python side; what a state means stands behind its row as a comment."""
    source = "src/polydoor/states.py"
    text = (ROOT / source).read_text(encoding="utf-8")
    found = []
    for key, title in (
        ("supervisor", "The supervisor"),
        ("member", "A member of the pool: a worker as its supervisor sees it"),
        ("worker", "A worker, as it sees itself"),
    ):
        rows = re.search(rf"^{key.upper()}_MOVES = {{\n(.*?)^}}", text, re.MULTILINE | re.DOTALL)
        if not rows:
            raise ValueError(f"{source} has no table {key.upper()}_MOVES")
        parts = re.findall(r"^    ([A-Z]+): \((.*)\),  # (.*)$", rows[1], re.MULTILINE)
        states = [State(name, meaning, re.findall(r"[A-Z]+", to)) for name, to, meaning in parts]
        found.append(Machine(key, title, source, states))
    return found


def core_machines() -> list[Machine]:
    """The tables of the core."""
    source = "core/conn/states.h"
    text = (ROOT / source).read_text(encoding="utf-8").replace("\\\n", " ")
    found = []
    for key, title, macro, prefix in (
        ("connection", "A connection", "PD_CONN_STATES", "PD_CONN_"),
        ("exchange", "An exchange: one request with its response", "PD_EXCHANGE_STATES", "PD_X_"),
    ):
        line = next(line for line in text.splitlines() if line.startswith(f"#define {macro}(X)"))
        states = [
            State(name.removeprefix(prefix), meaning, [word.removeprefix(prefix) for word in re.findall(r"PD_\w+", to)])
            for name, meaning, to in ROW.findall(line)
        ]
        found.append(Machine(key, title, source, states))
    return found


def page(machines: list[Machine]) -> str:
    """The page with all drawings and tables."""
    parts = [HEAD]
    for machine in machines:
        parts.append(f"\n## {machine.title}\n\n![{machine.title}]({drawing(machine).name})\n\n")
        parts.append(f"From `{machine.source}`.\n\n| state | what it means | what may follow |\n| --- | --- | --- |\n")
        rows = ((state.name, state.text, ", ".join(state.moves) or "nothing") for state in machine.states)
        parts += [f"| {' | '.join(row)} |\n" for row in rows]
    return "".join(parts)


def drawing(machine: Machine) -> Path:
    """Where the drawing of a machine lies."""
    return FOLDER / f"{machine.key}.svg"


def dot(machine: Machine) -> str:
    """The machine in Graphviz' language."""
    lines = [
        f"digraph {machine.key} {{",
        "  rankdir=LR; bgcolor=transparent; nodesep=0.4; ranksep=0.6;",
        '  node [shape=box style="rounded,filled" fillcolor="#f4f6f8" color="#5b6b7b"];',
        '  node [fontname="Helvetica" fontsize=12];',
        '  edge [color="#5b6b7b" arrowsize=0.7];',
    ]
    lines += [f'  {state.name} [tooltip="{state.text}"];' for state in machine.states]
    lines += [f"  {state.name} -> {to};" for state in machine.states for to in state.moves]
    return "\n".join([*lines, "}"])


def _comment(text: str) -> str:
    # Two hyphens may not stand in a comment of XML.
    return "<!--\n" + text.replace("->", "→") + "\n-->"


def _svg(text: str) -> str:
    done = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=True)
    drawn = done.stdout[done.stdout.index("<svg") :]
    # Without the version of Graphviz, which says nothing.
    return re.sub(r"<!--.*?-->\n?", "", drawn, flags=re.DOTALL).rstrip() + "\n" + _comment(text) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
