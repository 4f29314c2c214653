"""Runs applications that wait by x-wsgiorg.fdevent on servers that do not have it: each wait holds its thread."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any

from polydoor.asyncwsgi.operations import READABLE, TIMEOUT, WRITABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from polydoor.asyncwsgi.operations import Descriptor

    Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

LONGEST = 1e6  # seconds; more is for ever


def sync_adapter(app: Application) -> Application:
    """Give `app` the three keys of x-wsgiorg.fdevent where the server does not; where it does, change nothing."""

    def adapted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if READABLE in environ:
            return app(environ, start_response)
        waiter = _Waiter()
        environ[READABLE] = waiter.readable
        environ[WRITABLE] = waiter.writable
        environ[TIMEOUT] = waiter.timeout
        return _Blocks(app(environ, start_response), waiter)

    return adapted


class _Timeout:
    """True when the last wait was ended by its time."""

    def __init__(self) -> None:
        self.has_passed = False

    def __bool__(self) -> bool:
        return self.has_passed


class _Waiter:
    """The wait of one request, if it has asked for one."""

    def __init__(self) -> None:
        self.timeout = _Timeout()
        self._wanted: tuple[int, int, float | None] | None = None

    def readable(self, fd: Descriptor, timeout: float | None = None, /) -> bytes:
        return self._want(fd, select.POLLIN, timeout)

    def writable(self, fd: Descriptor, timeout: float | None = None, /) -> bytes:
        return self._want(fd, select.POLLOUT, timeout)

    def _want(self, fd: Descriptor, events: int, timeout: float | None) -> bytes:
        if self._wanted is not None:
            raise RuntimeError(
                "x-wsgiorg.fdevent was called again before the empty string of the first call was yielded"
            )
        if timeout is not None and not timeout >= 0:
            raise ValueError("the timeout must be a number of seconds that is not negative, or None")
        number = fd if isinstance(fd, int) else fd.fileno()
        if number < 0:
            raise ValueError(f"a descriptor cannot be {number}")
        self._wanted = (number, events, None if timeout is None or timeout > LONGEST else timeout)
        return b""

    def end(self) -> None:
        """The application has ended."""
        if self._wanted is not None:
            raise RuntimeError("x-wsgiorg.fdevent was called, and then its empty string was not yielded")

    def end_block(self, block: bytes) -> None:
        """The application has yielded: wait, if it has asked to."""
        if self._wanted is None:
            return
        if block:
            raise RuntimeError(
                "x-wsgiorg.fdevent was called, and then something other than its empty string was yielded"
            )
        fd, events, timeout = self._wanted
        self._wanted = None
        poll = select.poll()  # rather than select(), which refuses descriptors from 1024 on
        poll.register(fd, events | select.POLLPRI)
        self.timeout.has_passed = not poll.poll(None if timeout is None else timeout * 1000)


class _Blocks:
    """The response of the application; between two blocks it waits."""

    def __init__(self, blocks: Iterable[bytes], waiter: _Waiter) -> None:
        self._blocks = blocks
        self._next: Iterator[bytes] | None = None
        self._waiter = waiter

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._next is None:
            self._next = iter(self._blocks)
        try:
            block = next(self._next)
        except StopIteration:
            self._waiter.end()
            raise
        self._waiter.end_block(block)
        return block

    def close(self) -> None:
        """PEP 3333 wants it to be passed on."""
        close = getattr(self._blocks, "close", None)
        if close is not None:
            close()
