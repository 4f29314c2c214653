"""Servers that answer every connection with the same bytes, for tests of clients."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence


class Answerer:
    """Answers one connection after the other, and keeps what was asked.

    What is sent comes in pieces, each in a segment of its own. `ends` is eof, reset or never; before it answers, it
    reads until `until` stands at the end of what came.
    """

    def __init__(self, *pieces: bytes, until: bytes = b"", ends: str = "eof") -> None:
        self._pieces: Sequence[bytes] = pieces
        self._until = until
        self._ends = ends
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.asked = b""
        self.place = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with peer, contextlib.suppress(OSError):  # the client may have gone, as some tests want
                self._answer(peer)

    def _answer(self, peer: socket.socket) -> None:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.asked = b""
        while not self.asked or not self.asked.endswith(self._until):
            piece = peer.recv(65536)
            if not piece:
                return
            self.asked += piece
        for piece in self._pieces:
            peer.sendall(piece)
        if self._ends == "never":
            self._over.wait()
        elif self._ends == "reset":
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(65536):
                pass
