"""Reads a page of the documentation as the steps that a reader would take.

A page is MyST Markdown. Three things in it are steps:

    ```{code-block} python        a block with a caption is a file of that name
    :caption: shop.py

    ```console                    lines behind `$ ` are commands, the lines below one are what it prints;
    $ polydoor check shop:app     `…` stands for anything, and on a line of its own for any lines
    …

    <!-- stop the server -->      Ctrl-C in the terminal in which a server was started last

A command whose output ends in "Ctrl-C stops" is a server: it goes on while the page is followed. A console block behind
`<!-- not run: REASON; shown by TEST -->` is left out, and the named test must exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FENCE = re.compile(r"^```+\s*(?:\{[\w-]+\})?\s*([\w-]*)\s*$")
CAPTION = re.compile(r"^:caption:\s*(\S+)\s*$")
NOT_RUN = re.compile(r"^<!-- not run: (?P<reason>[^;]+); shown by (?P<path>tests/[\w./-]+)(?:::(?P<test>\w+))? -->$")
STOP = "<!-- stop the server -->"
PROMPT = "$ "
SERVES = "Ctrl-C stops"


@dataclass
class File:
    """A file that the page shows whole."""

    line: int
    path: str
    text: str


@dataclass
class Command:
    """A command with what it prints, as far as the page shows it."""

    line: int
    text: str
    output: list[str]

    @property
    def is_server(self) -> bool:
        """It stays in the foreground until somebody stops it."""
        return bool(self.output) and SERVES in self.output[-1]


@dataclass
class Stop:
    """Ctrl-C for the server that was started last."""

    line: int


@dataclass
class Left:
    """A console block that cannot be run by a test, and the test that shows the same."""

    line: int
    reason: str
    path: str
    test: str


@dataclass
class Block:
    """A fenced block."""

    line: int
    language: str
    caption: str
    lines: list[str]


Step = File | Command | Stop | Left


def read_page(page: Path) -> list[Step]:
    """All steps of a page in their order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return list(_steps(lines))


def stray_commands(page: Path) -> list[int]:
    """Lines that look like a command and stand where no test finds them."""
    lines = page.read_text(encoding="utf-8").splitlines()
    inside = {
        number
        for block in _blocks(lines)
        if block.language == "console"
        for number in range(block.line, block.line + len(block.lines) + 2)
    }
    return [number for number, line in enumerate(lines, 1) if line.lstrip().startswith(PROMPT) and number not in inside]


def _steps(lines: list[str]) -> Iterator[Step]:
    blocks = {block.line: block for block in _blocks(lines)}
    left: Left | None = None
    for number, line in enumerate(lines, 1):
        if line == STOP:
            yield Stop(number)
        elif found := NOT_RUN.match(line):
            left = Left(number, found["reason"], found["path"], found["test"] or "")
        elif block := blocks.get(number):
            if block.caption:
                yield File(number, block.caption, "\n".join(block.lines) + "\n")
            elif block.language == "console":
                yield from [left] if left else _commands(block)
            left = None


def _blocks(lines: list[str]) -> Iterator[Block]:
    block: Block | None = None
    for number, line in enumerate(lines, 1):
        if block is not None and line.startswith("```"):
            yield block
            block = None
        elif block is not None:
            caption = CAPTION.match(line)
            if caption and not block.lines:
                block.caption = caption[1]
            elif line or block.lines or not block.caption:
                block.lines.append(line)
        elif found := FENCE.match(line):
            block = Block(number, found[1], "", [])
    if block is not None:
        raise ValueError(f"line {block.line}: the block is never closed")


def _commands(block: Block) -> Iterator[Command]:
    command: Command | None = None
    continued = False
    for number, line in enumerate(block.lines, block.line + 1):
        if command is not None and continued:
            command.text += "\n" + line
        elif line.startswith(PROMPT):
            if command is not None:
                yield command
            command = Command(number, line.removeprefix(PROMPT), [])
        elif command is None:
            raise ValueError(f"line {number}: a console block begins with a command")
        else:
            command.output.append(line)
        continued = line.endswith("\\")
    if command is not None:
        yield command
