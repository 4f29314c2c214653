"""A socket that tells an orderly end from a reset and never waits for ever."""

from __future__ import annotations

import selectors
import socket
import struct
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

Address = str | tuple[str, int]

PATIENCE = 20.0  # seconds until a silent server fails a test


class Wire:
    """One client connection over TCP or a Unix socket."""

    def __init__(self, address: Address, *, receive_buffer: int | None = None, source: str = "") -> None:
        """`source` is the address that the server is to see as its peer's."""
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        if isinstance(address, tuple) and ":" in address[0]:
            family = socket.AF_INET6
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(PATIENCE)
        if source:
            self.sock.bind((source, 0))
        try:
            self.sock.connect(address)
        except OSError:
            self.sock.close()
            raise
        if family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ended: str | None = None  # how the server ended it: "eof" or "reset"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Sends all bytes; a server that has closed is an error here."""
        if data:  # sending nothing to a server that has closed would still be EPIPE
            self.sock.sendall(data)

    def recv(self, size: int = 65536) -> bytes:
        """The next bytes; b"" at the end, whose kind is then in `ended`."""
        try:
            data = self.sock.recv(size)
        except (ConnectionResetError, BrokenPipeError):
            self.ended = "reset"
            return b""
        if not data:
            self.ended = "eof"
        return data

    def recv_all(self) -> bytes:
        """Everything until the server ends the connection."""
        data = b""
        while piece := self.recv():
            data += piece
        return data

    def pump(self, data: bytes, take: Callable[[bytes], bool]) -> None:
        """Sends `data` while giving what arrives to `take`, until that says True or the end.

        A server may answer before it has read everything and close; the rest is then not sent.
        """
        left = memoryview(data)
        deadline = time.monotonic() + PATIENCE
        self.sock.setblocking(False)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self.sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
                while True:
                    events = selectors.EVENT_READ | (selectors.EVENT_WRITE if left else 0)
                    selector.modify(self.sock, events)
                    ready = selector.select(deadline - time.monotonic())
                    if not ready:
                        raise TimeoutError("the server neither takes nor sends anything")
                    mask = ready[0][1]
                    if mask & selectors.EVENT_WRITE:
                        left = self._send_some(left)
                    if mask & selectors.EVENT_READ:
                        piece = self.recv()
                        if not piece or take(piece):
                            return
                        deadline = time.monotonic() + PATIENCE
        finally:
            self.sock.settimeout(PATIENCE)

    def _send_some(self, left: memoryview) -> memoryview:
        try:
            return left[self.sock.send(left[:262144]) :]
        except BlockingIOError:
            return left
        except (BrokenPipeError, ConnectionResetError):
            return left[:0]  # what the server has sent before may still be readable

    def half_close(self) -> None:
        """Ends our side; the server can still answer."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Closes with RST (on TCP), the way a killed client does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        """Closes our side in order."""
        self.sock.close()

    leave = close
