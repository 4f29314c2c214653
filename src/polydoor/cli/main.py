"""The entry of the command line: which command, and how its errors are told."""

from __future__ import annotations

import sys

from polydoor import codes
from polydoor.errors import PolydoorError
from polydoor.failures import clean, traceback_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TextIO

INTERRUPTED = 130  # what a shell expects of a command that Ctrl-C ended before it served
BROKEN = 1  # a defect of our own
PIPE_CLOSED = 141  # what a shell says of a command that SIGPIPE ended, which says nothing


# Each command is a module here with ROWS, what the help says of it, and main(). A first word that is none of them is an
# application.
COMMANDS = ("run", "status", "reload", "stop", "cgi", "check", "config", "frontend", "request", "bench")


class Program:
    """What the command knows of the process that it runs in."""

    is_whole = False  # there is nothing else in it, so it ends with the command


def load_command(name: str) -> Any:
    """The module of one command; importlib would be one more module in a process that serves."""
    full = f"polydoor.cli.{name}"
    __import__(full)
    return sys.modules[full]


def main(argv: list[str] | None = None) -> int:
    """Run one command and return the exit status: 0 ok, 2 usage or configuration, 3 cannot boot, 4 no application."""
    Program.is_whole = argv is None
    words = sys.argv[1:] if argv is None else argv
    return guarded(lambda: dispatch(words))


def dispatch(words: list[str]) -> int:
    """Run the command that the first word names, or `run`."""
    if words and words[0] in COMMANDS:
        status: int = load_command(words[0]).main(words[1:])
    else:
        status = load_command("run").main(words)
    return status


def guarded(action: Callable[[], int]) -> int:
    """Return the exit status of `action`; whatever we raise is told in one block."""
    stderr = sys.stderr  # as it is now: the application may put something else in its place
    try:
        return action()
    except PolydoorError as error:
        if error.exit_code != PIPE_CLOSED:
            say_error(str(error), error.code, stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        say_defect(error, stderr)
        return BROKEN


def say_error(text: str, code: str, stderr: TextIO) -> None:
    """One block: what is wrong, then, indented, what to do."""
    first, *rest = text.split("\n")
    lines = [f"polydoor: {code}: {first}", *(f"  {line}" for line in rest)]
    if code in (codes.UNKNOWN_OPTION, codes.NO_VALUE, codes.WHICH_APP):  # here the help does
        lines.append("  `polydoor --help` lists all options.")
    try:
        stderr.write(clean("\n".join(lines)) + "\n")
        stderr.flush()
    except (AttributeError, OSError, ValueError):
        return  # nobody reads it; the exit status still tells


def say_defect(error: BaseException, stderr: TextIO) -> None:
    """What should not be possible has happened: say so with all that a report needs."""
    told = f"something happened in Polydoor that should not be possible; please report it\n{traceback_text(error)}"
    say_error(told, codes.OWN_DEFECT, stderr)
