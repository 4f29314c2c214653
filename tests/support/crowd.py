"""`Crowd`: thousands of HTTP clients in one thread, each with a connection of its own."""

from __future__ import annotations

import resource
import select
import socket
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from peers.wire import Address

SPARE = 500  # descriptors that the rest of the test process needs
PATIENCE = 60.0


def want_descriptors(count: int) -> None:
    """Lets this process, and those that it starts, have so many besides."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + SPARE:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + SPARE), hard))


class Crowd:
    """Sends the same request on each connection, and collects what comes."""

    def __init__(self, address: Address, count: int, target: str = "/") -> None:
        want_descriptors(count)
        self._poll = select.epoll()
        self.clients: dict[int, socket.socket] = {}
        self.received: dict[int, bytearray] = {}
        self._request = f"GET {target} HTTP/1.1\r\nHost: crowd\r\n\r\n".encode()
        try:
            for _ in range(count):
                self._join(address)
        except BaseException:
            self.close()
            raise

    def _join(self, address: Address) -> None:
        client = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.clients[client.fileno()] = client
        self.received[client.fileno()] = bytearray()
        client.connect(address)
        client.setblocking(False)
        self._poll.register(client, select.EPOLLIN)

    def ask(self) -> None:
        """All send their request."""
        for client in self.clients.values():
            assert client.send(self._request) == len(self._request)

    def read_until(self, is_enough: Callable[[bytearray], bool]) -> float:
        """Reads until each has received enough; the seconds that took."""
        begun = time.monotonic()
        waiting = {fd for fd, got in self.received.items() if not is_enough(got)}
        while waiting:
            assert time.monotonic() - begun < PATIENCE, f"{len(waiting)} of {len(self.clients)} still wait"
            for fd, _ in self._poll.poll(1.0, len(self.clients)):
                block = self.clients[fd].recv(65536)
                if not block:
                    self._poll.unregister(fd)
                    assert fd not in waiting, f"ended after {bytes(self.received[fd])!r}"
                self.received[fd] += block
                if is_enough(self.received[fd]):
                    waiting.discard(fd)
        return time.monotonic() - begun

    def forget(self) -> None:
        """What was received is not looked at again."""
        for got in self.received.values():
            got.clear()

    def leave(self, count: int) -> None:
        """So many close their connections."""
        for fd in list(self.clients)[:count]:
            del self.received[fd]
            self.clients.pop(fd).close()

    def close(self) -> None:
        """All leave."""
        self.leave(len(self.clients))
        self._poll.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
