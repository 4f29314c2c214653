"""Many clients in one thread: each asks once on a connection of its own, at its time, and leaves when it is tired."""

import errno
import math
import selectors
import socket
import time
from dataclasses import dataclass

END = b"done\n"  # of what apps/slow.py answers
STATUS = slice(9, 12)  # in "HTTP/1.1 200 OK"


@dataclass
class Visit:
    """One request as its client saw it; times are those of time.monotonic()."""

    ident: str
    target: str
    sent: float = 0.0
    ended: float = math.inf  # answered, or given up
    status: int = 0  # 0: no answer

    @property
    def took(self) -> float:
        """From the first step of the connection to the end of the answer."""
        return self.ended - self.sent


class Swarm:
    """The clients of one address."""

    def __init__(self, address: str, patience: float) -> None:
        host, _, port = address.rpartition(":")
        self.visits: list[Visit] = []
        self._where = (host, int(port))
        self._patience = patience
        self._selector = selectors.DefaultSelector()
        self._open: dict[socket.socket, tuple[Visit, bytearray]] = {}  # oldest first

    def send(self, wait_ms: int) -> Visit:
        """A new client."""
        ident = f"{len(self.visits)}"
        visit = Visit(ident, f"/{ident}/{wait_ms}", time.monotonic())
        self.visits.append(visit)
        sock = socket.socket()
        sock.setblocking(False)
        if sock.connect_ex(self._where) not in {0, errno.EINPROGRESS}:
            sock.close()
            visit.ended = time.monotonic()
            return visit
        self._open[sock] = (visit, bytearray())
        self._selector.register(sock, selectors.EVENT_WRITE)
        return visit

    def offer(self, rate: float, seconds: float, wait_ms: int) -> float:
        """Send `rate` requests a second, whatever becomes of them; return when that was begun."""
        begin = time.monotonic()
        for number in range(int(rate * seconds)):
            self.watch(begin + number / rate)
            self.send(wait_ms)
        return begin

    def watch(self, until: float) -> None:
        """Read what comes until that time."""
        while True:
            self._tire()
            left = until - time.monotonic()
            if left <= 0:
                return
            self._step(min(left, 0.05))

    def finish(self) -> None:
        """Read until nobody waits any more."""
        while self._open:
            self._tire()
            self._step(0.05)

    def leave(self) -> None:
        """All that still wait go away."""
        for sock in list(self._open):
            self._close(sock)

    def _tire(self) -> None:
        for sock, (visit, _) in list(self._open.items()):
            if time.monotonic() - visit.sent < self._patience:
                return
            self._close(sock)

    def _step(self, timeout: float) -> None:
        for key, events in self._selector.select(timeout):
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            try:
                if events & selectors.EVENT_WRITE:
                    self._ask(sock)
                else:
                    self._read(sock)
            except OSError:
                self._close(sock)

    def _ask(self, sock: socket.socket) -> None:
        visit, _ = self._open[sock]
        sock.send(f"GET {visit.target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        self._selector.modify(sock, selectors.EVENT_READ)

    def _read(self, sock: socket.socket) -> None:
        visit, got = self._open[sock]
        piece = sock.recv(65536)
        got += piece
        if not piece or got.endswith(END):
            visit.status = int(got[STATUS] or b"0")
            self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        visit, _ = self._open.pop(sock)
        visit.ended = time.monotonic()
        self._selector.unregister(sock)
        sock.close()
