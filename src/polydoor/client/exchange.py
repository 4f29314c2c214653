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


class Upload:
    """The body on its way out. `source` is the descriptor it is read from where it may keep us waiting, else -1."""

    def __init__(self, client: Client, pieces: Iterator[bytes], source: int) -> None:
        self.source = source
        self._client = client
        self._pieces = pieces
        self._left = b""
        self._ended = False

    def take(self, most: int) -> bytes:
        """The next piece of up to `most` bytes, encoded, or the end; nothing when there is no more to be sent."""
        if self._ended:
            return b""
        most = min(most, self._client.frame_max)
        data = self._left or next(self._pieces, b"")
        piece, self._left = data[:most], data[most:]
        if piece:
            return self._client.body(piece)
        self._ended = not self._client.on_demand  # who asks once more is told once more
        return self._client.end()


class Exchange:
    """What goes over one connection. `watch` sees the bytes of both directions."""

    def __init__(self, sock: socket.socket, client: Client, watch: Callable[[str, bytes], None]) -> None:
        self._sock = sock
        self._client = client
        self._watch = watch

    def run(self, head: bytes, upload: Upload, deadline: Deadline) -> Iterator[tuple[Any, ...]]:
        """Send everything, and give the answers as they come, up to the last one."""
        waiting = head
        sending = True
        wanted = 0 if self._client.on_demand else PIECE  # most bytes of the body in the next piece
        while True:
            if sending and not waiting and wanted and upload.source < 0:
                waiting = upload.take(wanted)
                sending = bool(waiting)
                wanted = 0 if self._client.on_demand else PIECE
            reads: list[Any] = [self._sock]
            if sending and not waiting and wanted:
                reads.append(upload.source)
            left = deadline.left("the response was not complete")
            readable, writable, _ = select.select(reads, [self._sock] if waiting else [], [], left)
            if upload.source in readable:
                waiting = upload.take(wanted)
                sending = bool(waiting)
                wanted = 0 if self._client.on_demand else PIECE
            if writable:
                sent = self._send(waiting)
                sending = sent >= 0
                waiting = waiting[sent:] if sending else b""
            if self._sock in readable:
                for answer in self._receive():
                    if answer[0] == "demand":
                        wanted = answer[1]
                        continue
                    yield answer
                    if answer[0] in {"end", "bad"}:
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
