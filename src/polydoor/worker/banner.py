"""What the server says when it starts, and how a message is written: one block on standard error.

The banner names the application, a URL for each listener, the capacity, the configuration file, and the process.
"""

from __future__ import annotations

import os
import sys

from polydoor.failures import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

BOLD, DIM, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
takers: list[Callable[[str], None]] = []  # whose turn it is to write messages: the last; see messages.py


def say(first: str, *more: str, code: str = "") -> None:
    """Write a block: what happened, then, indented, what to do."""
    write(clean("\n".join([f"polydoor: {code}{': ' if code else ''}{first}", *(f"  {line}" for line in more)]) + "\n"))


def write(text: str) -> None:
    """Give a message to who writes them, else write it to standard error at once."""
    if takers:
        takers[-1](text)
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        return  # nobody reads our messages, or standard error is closed; that is no reason to stop serving


def wants_colour(environ: Mapping[str, str]) -> bool:
    """Say whether standard error should be coloured: a terminal, unless NO_COLOR is set; FORCE_COLOR always."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    try:
        return environ.get("TERM") != "dumb" and sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


def banner(
    name: str,
    urls: Sequence[str],
    *,
    threads: int,
    connections: int,
    workers: tuple[int, int] = (1, 1),
    config_file: str = "",
    colour: bool = False,
) -> str:
    """Return the block that tells what is served, where, with what capacity, and how it ends."""
    bold, dim, plain = (BOLD, DIM, PLAIN) if colour else ("", "", "")
    requests = "1 request at a time" if threads == 1 else f"{threads} requests at once"
    low, high = workers
    pool = "" if high == 1 else f"{low if low == high else f'{low} to {high}'} workers, each: "
    facts = [f"{pool}{requests}, up to {connections} connections"]
    if config_file:
        facts.append(f"configuration {clean(config_file)}")
    facts.append(f"pid {os.getpid()}; Ctrl-C stops")
    lines = [
        f"polydoor: serving {clean(name)}",
        *(f"  {bold}{clean(url)}{plain}" for url in urls),
        *(f"  {dim}{fact}{plain}" for fact in facts),
    ]
    return "\n".join(lines) + "\n"
