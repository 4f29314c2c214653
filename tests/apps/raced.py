"""An application behind the CGI stub that writes down each of its calls, and finds out a second daemon beside its own.

RACED_JOURNAL names a file in which each call is a line, RACED_ALONE one that a daemon locks while it listens.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polydoor.bridge._gate import Gate

FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT
journal = os.open(os.environ["RACED_JOURNAL"], FLAGS, 0o600)
is_daemon = "GATEWAY_INTERFACE" not in os.environ


class Watched:
    """The gate of a daemon, which is alone as long as that has not left."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.alone = os.open(os.environ["RACED_ALONE"], FLAGS, 0o600)
        self.be_alone()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.gate, name)

    def be_alone(self) -> None:
        """Lock the file; it tells of whoever has done so before."""
        try:
            fcntl.flock(self.alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.write(self.alone, b"two daemons listen\n")

    def leave(self, *words: Any) -> str:
        """Unlock it a little early, as the gate is open for the next daemon when this has returned."""
        fcntl.flock(self.alone, fcntl.LOCK_UN)
        result: str = self.gate.leave(*words)
        if result in {"late", "pending"} and words[1]:  # it was only tried
            self.be_alone()
        return result


def watch() -> None:
    """Take the place of the gate when the daemon says for the first time that it serves."""
    from polydoor.hosting.life import Life

    serves = Life.serves

    def serves_alone(self: Any) -> None:
        if not isinstance(self._gate, Watched):
            self._gate = Watched(self._gate)
        serves(self)

    Life.serves = serves_alone  # type: ignore[method-assign]


if is_daemon:
    watch()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer by whom it was called."""
    os.write(journal, environ["QUERY_STRING"].encode() + b"\n")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{'daemon' if is_daemon else 'cgi'} {os.getpid()}\n".encode()]
