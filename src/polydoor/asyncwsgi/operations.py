"""Operations: generators that yield what they wait for, are sent whether it came in time, and return a result."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import select
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping
    from typing import Protocol

    class HasFileno(Protocol):
        """A socket, a file."""

        def fileno(self) -> int:
            """Its descriptor."""

    Descriptor: TypeAlias = int | HasFileno

READABLE = "x-wsgiorg.fdevent.readable"
WRITABLE = "x-wsgiorg.fdevent.writable"
TIMEOUT = "x-wsgiorg.fdevent.timeout"
ABSENT = f"this server has no {READABLE}: wrap the application in polydoor.asyncwsgi.sync_adapter"
# A plain file, which never lets anybody wait, and a closed descriptor: its use will tell.
READY_AT_ONCE = (errno.EPERM, errno.EBADF)
ALWAYS = select.EPOLLHUP | select.EPOLLERR

T = TypeVar("T")


class Wait(NamedTuple):
    """One wait: until `fd` can be read, or written, or until `timeout` seconds have passed."""

    fd: Descriptor
    is_write: bool = False
    timeout: float | None = None


# What is sent back is True when the descriptor was ready, False when the time has passed.
Operation: TypeAlias = "Generator[Wait, bool, T]"


def readable(fd: Descriptor, timeout: float | None = None) -> Operation[bool]:
    """Wait until `fd` can be read; False when `timeout` seconds have passed."""
    return (yield Wait(fd, timeout=timeout))


def writable(fd: Descriptor, timeout: float | None = None) -> Operation[bool]:
    """Wait until `fd` can be written; False when `timeout` seconds have passed."""
    return (yield Wait(fd, is_write=True, timeout=timeout))


def sleep(seconds: float) -> Operation[None]:
    """Wait so many seconds."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        yield Wait(_never(), timeout=left)


@functools.cache
def _never() -> int:
    """A descriptor that can never be read; everybody who sleeps waits for the same one."""
    return os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)


def run(environ: Mapping[str, Any], operation: Operation[T]) -> Generator[bytes, None, T]:
    """Carry out an operation within the generator of a response.

        result = yield from run(environ, gather(first, second))

    It yields one empty block for each wait, which every middleware has to pass on as it is (PEP 3333, block
    boundaries). When the request ends before, because its client has left, the operation is closed.
    """
    try:
        calls = (environ[READABLE], environ[WRITABLE])
        has_timed_out = environ[TIMEOUT]
    except KeyError:
        raise RuntimeError(ABSENT) from None
    try:
        wait = next(operation)
        while True:
            yield calls[wait.is_write](wait.fd, wait.timeout)
            wait = operation.send(not has_timed_out)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        operation.close()


def gather(*operations: Operation[Any]) -> Operation[list[Any]]:
    """Carry out several operations at once; their results, in order. When one raises, the others are closed."""
    gathered = _Gathered(operations)
    with contextlib.ExitStack() as stack:
        for operation in operations:
            stack.callback(operation.close)
        for index in range(len(operations)):
            gathered.step(index)
        while gathered.waits:
            timeout = gathered.timeout()
            ready = yield from wait_for_any(gathered.waits.values(), timeout)
            gathered.go_on(ready)
    return gathered.results


class _Gathered:
    """The operations of one gather(): for what each waits, and until when."""

    def __init__(self, operations: tuple[Operation[Any], ...]) -> None:
        self._operations = operations
        self._deadlines: dict[int, float] = {}
        self.waits: dict[int, Wait] = {}
        self.results: list[Any] = [None] * len(operations)

    def step(self, index: int, was_ready: bool | None = None) -> None:
        """Let one begin, or go on, until it waits again or ends."""
        self._deadlines.pop(index, None)
        operation = self._operations[index]
        try:
            wait = next(operation) if was_ready is None else operation.send(was_ready)
        except StopIteration as end:
            self.waits.pop(index, None)
            self.results[index] = end.value
            return
        self.waits[index] = wait
        if wait.timeout is not None:
            self._deadlines[index] = time.monotonic() + wait.timeout

    def timeout(self) -> float | None:
        """Seconds to the first deadline."""
        return max(0.0, min(self._deadlines.values()) - time.monotonic()) if self._deadlines else None

    def go_on(self, ready: set[Wait]) -> None:
        """Let those go on whose descriptor is ready, or whose time has passed."""
        now = time.monotonic()
        for index, wait in list(self.waits.items()):
            if wait in ready:
                self.step(index, was_ready=True)
            elif self._deadlines.get(index, now + 1) <= now:
                self.step(index, was_ready=False)


def wait_for_any(waits: Iterable[Wait], timeout: float | None) -> Operation[set[Wait]]:
    """Wait until one of these descriptors is ready; which are. None when `timeout` seconds have passed."""
    waits = set(waits)
    if len(waits) == 1:
        (wait,) = waits
        return waits if (yield wait._replace(timeout=timeout)) else set()
    return (yield from _wait_for_set(waits, timeout))


def _wait_for_set(waits: set[Wait], timeout: float | None) -> Operation[set[Wait]]:
    """One set of the kernel's stands for all of them, since a request waits for one descriptor at a time."""
    wanted: dict[int, set[Wait]] = defaultdict(set)
    for wait in waits:
        wanted[wait.fd if isinstance(wait.fd, int) else wait.fd.fileno()].add(wait)
    with select.epoll(max(1, len(wanted))) as poll:
        ready: set[Wait] = set()
        for fd, here in wanted.items():
            try:
                poll.register(fd, _mask(here))
            except OSError as error:
                if error.errno not in READY_AT_ONCE:
                    raise
                ready |= here
        if not ready:
            yield Wait(poll, timeout=timeout)
        for fd, mask in poll.poll(0):
            ready |= {wait for wait in wanted[fd] if mask & (_mask({wait}) | ALWAYS)}
    return ready


def _mask(waits: set[Wait]) -> int:
    bits = 0
    for wait in waits:
        bits |= select.EPOLLOUT if wait.is_write else select.EPOLLIN
    return bits
