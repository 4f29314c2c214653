"""Standard output, as every command writes to it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from polydoor import codes
from polydoor.cli.main import PIPE_CLOSED
from polydoor.errors import PolydoorError

if TYPE_CHECKING:
    from typing import Any


class ReaderGoneError(PolydoorError):
    """Nobody reads standard output any more; the command ends without a word, as other tools do."""

    exit_code = PIPE_CLOSED


def put(text: str) -> None:
    """Write a text to standard output, all of it at once; what its encoding lacks is escaped."""
    out = sys.stdout
    if out is None or out.closed:
        raise _failed("it is closed")
    encoding = getattr(out, "encoding", None) or "utf-8"
    _write(out, text.encode(encoding, "backslashreplace").decode(encoding))


def put_bytes(data: bytes) -> None:
    """Write bytes to standard output, and have them read at once."""
    out = getattr(sys.stdout, "buffer", None)
    if out is None or out.closed:
        raise _failed("it is closed")
    _write(out, data)


def _write(out: Any, data: str | bytes) -> None:
    try:
        out.write(data)
        out.flush()
    except BrokenPipeError:
        _drop()
        raise ReaderGoneError("nobody reads standard output any more") from None
    except OSError as error:
        _drop()
        raise _failed(error.strerror or str(error)) from None


def _failed(why: str) -> PolydoorError:
    return PolydoorError(f"cannot write to standard output: {why}", code=codes.NO_OUTPUT)


def _drop() -> None:
    """Let the interpreter lose at its end what is still in the buffer, rather than complain again."""
    try:
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError):
        return  # it is no file, so there is nothing to lose
