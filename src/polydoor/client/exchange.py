"""One request over a socket: sends while it receives, so that an early answer is never missed."""

from __future__ import annotations

import select
import socket
import time

from polydoor import codes
from polydoor.client.failure import CANNOT_CONNECT, RequestError, timed_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from polydoor.bridge import Client
    from polydoor.client.address import Address

PIECE = 65536


class Deadline:
    """When the whole request must be over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self, what: str) -> float:
        """The time that is left; RequestError says that `what` did not happen in time."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise timed_out(self.seconds, what)
        return left


def connect(address: Address, deadline: Deadline) -> socket.socket:
    """A connection to the server, not blocking."""
    what = f"{address} did not accept a connection"
    left = deadline.left(what)
    try:
        if address.path:
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(left)
            try:
                sock.connect(address.path)
            except BaseException:
                sock.close()
                raise
        else:
            sock = socket.create_connection((address.host, address.port), left)
    except TimeoutError:
        raise timed_out(deadline.seconds, what) from None
    except OSError as error:
        text = f"cannot connect to {address}: {_lowered(error.strerror or str(error))}\n{_advice(error)}"
        raise RequestError(text, code=codes.CANNOT_CONNECT, exit_code=CANNOT_CONNECT) from None
    sock.setblocking(False)
    return sock


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _advice(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "Check the name, or write a numeric address."
    if isinstance(error, PermissionError):
        return "Run this as a user who may write to the socket; `ls -l` shows which."
    return "Check that the server runs, and that it listens at this address."


class Exchange:
    """What goes over one connection. `watch` sees the bytes of both directions."""

    def __init__(self, sock: socket.socket, client: Client, watch: Callable[[str, bytes], None]) -> None:
        self._sock = sock
        self._client = client
        self._watch = watch

    def run(self, head: bytes, pieces: Iterator[bytes], deadline: Deadline, source: int) -> Iterator[tuple[Any, ...]]:
        """Send everything, and give the answers as they come, up to the last one.

        A `source` of 0 or more is the descriptor that the pieces are read from, and that may keep them waiting.
        """
        waiting = head
        sending = True
        while True:
            if sending and not waiting and source < 0:
                waiting = next(pieces, b"")
                sending = bool(waiting)
            reads: list[Any] = [self._sock, source] if sending and not waiting else [self._sock]
            left = deadline.left("the response was not complete")
            readable, writable, _ = select.select(reads, [self._sock] if waiting else [], [], left)
            if source in readable:
                waiting = next(pieces, b"")
                sending = bool(waiting)
            if writable:
                sent = self._send(waiting)
                sending = sent >= 0
                waiting = waiting[sent:] if sending else b""
            if self._sock in readable:
                answers = self._receive()
                yield from answers
                if answers and answers[-1][0] in {"end", "bad"}:
                    return

    def _send(self, data: bytes) -> int:
        """How much went out; -1 when the server takes no more, which leaves its answer to be read."""
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return -1
        self._watch(">", data[:sent])
        return sent

    def _receive(self) -> list[tuple[Any, ...]]:
        try:
            data = self._sock.recv(PIECE)
        except BlockingIOError:
            return []
        except OSError:
            return self._client.eof(False)
        self._watch("<", data)
        return self._client.feed(data) if data else self._client.eof(True)
