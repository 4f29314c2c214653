"""The load generator of benchmarks/, built under the sanitizers, and a peer that answers by a script."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any, Self

import generator
from support import cbuild

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RIGHT = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
OVER = object()  # in a script: the peer closes
NOTHING = b""  # ... or keeps the connection open and says nothing


def program() -> Path:
    """The generator's path."""
    return cbuild.build("polydoor-load", generator.sources())


def load(*arguments: str) -> tuple[int, dict[str, Any], str]:
    """Runs it; gives exit status, result and what it said on standard error."""
    ran = subprocess.run([program(), *arguments], capture_output=True, text=True, check=False)
    return ran.returncode, json.loads(ran.stdout) if ran.stdout else {}, ran.stderr


class Peer:
    """Answers request after request as its script says, and rightly when the script is over.

    An item is a tuple of what happens to one request: bytes to send, seconds to let pass, OVER to close. What ends a
    request is `end`, which must stand at the end of it and nowhere else.
    """

    def __init__(self, path: Path, script: Sequence[tuple[Any, ...]], end: bytes = b"\r\n\r\n", usual: bytes = RIGHT):
        self.requests: list[bytes] = []
        self._script = list(script)
        self._end = end
        self._usual = usual
        self._pause = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pause.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with sock:
                while self._answer(sock):
                    pass

    def _answer(self, sock: socket.socket) -> bool:
        got = b""
        try:
            while not got.endswith(self._end):
                piece = sock.recv(65536)
                if not piece:
                    return False
                got += piece
            self.requests.append(got)
            for step in self._script.pop(0) if self._script else (self._usual,):
                if step is OVER:
                    return False
                if isinstance(step, bytes):
                    sock.sendall(step)
                else:
                    self._pause.wait(step)
        except ConnectionError:
            return False
        return True
