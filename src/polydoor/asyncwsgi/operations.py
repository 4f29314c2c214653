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
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet
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


class WaitAny(NamedTuple):
    """Until one of several can go on, or until `timeout` seconds have passed; the times of each count for nothing."""

    waits: frozenset[Wait]  # never one alone, see wait_for_any()
    timeout: float | None = None


# What is sent back for a Wait is True when the descriptor was ready, False when the time has passed; for a WaitAny it
# is the set of those that were ready.
Operation: TypeAlias = "Generator[Wait | WaitAny, Any, T]"


def readable(fd: Descriptor, timeout: float | None = None) -> Operation[bool]:
    """Wait until `fd` can be read; False when `timeout` seconds have passed."""
    was_ready: bool = yield Wait(fd, timeout=timeout)
    return was_ready


def writable(fd: Descriptor, timeout: float | None = None) -> Operation[bool]:
    """Wait until `fd` can be written; False when `timeout` seconds have passed."""
    was_ready: bool = yield Wait(fd, is_write=True, timeout=timeout)
    return was_ready


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
        wait = _checked(next(operation))
        while True:
            try:
                if isinstance(wait, WaitAny):
                    found: object = yield from _until_any(calls[False], wait)
                else:
                    yield calls[wait.is_write](wait.fd, wait.timeout)
                    found = not has_timed_out
            except Exception as error:  # a bad descriptor is an error where it is waited for
                wait = _checked(operation.throw(error))
            else:
                wait = _checked(operation.send(found))
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        operation.close()


def _checked(wait: object) -> Wait | WaitAny:
    if not isinstance(wait, Wait | WaitAny):
        raise TypeError(
            f"an operation must yield Wait(...), not {type(wait).__name__}; it carries another one out by `yield from`"
        )
    return wait


def _until_any(readable: Callable[..., bytes], wait: WaitAny) -> Generator[bytes, None, set[Wait]]:
    """One set of the kernel's stands for all of them, since a request waits for one descriptor at a time."""
    wanted: dict[int, set[Wait]] = defaultdict(set)
    for one in wait.waits:
        wanted[one.fd if isinstance(one.fd, int) else one.fd.fileno()].add(one)
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
            yield readable(poll, wait.timeout)
        for fd, mask in poll.poll(0):
            ready |= {one for one in wanted[fd] if mask & (_mask({one}) | ALWAYS)}
    return ready


def _mask(waits: set[Wait]) -> int:
    bits = 0
    for wait in waits:
        bits |= select.EPOLLOUT if wait.is_write else select.EPOLLIN
    return bits


def gather(*operations: Operation[Any]) -> Operation[list[Any]]:
    """Carry out several operations at once; their results, in order. When one raises, the others are closed."""
    gathered = _Gathered(operations)
    with contextlib.ExitStack() as stack:
        for operation in operations:
            stack.callback(operation.close)
        for index in range(len(operations)):
            gathered.step(index)
        while gathered.waits:
            gathered.go_on((yield from wait_for_any(gathered.all_waits(), gathered.timeout())))
    return gathered.results


class _Gathered:
    """The operations of one gather(): for what each waits, and until when.

    Those of a gather() among them stand beside the others: the kernel does not nest its sets as deep as one may.
    """

    def __init__(self, operations: tuple[Operation[Any], ...]) -> None:
        self._operations = operations
        self._deadlines: dict[int, float] = {}
        self.waits: dict[int, Wait | WaitAny] = {}
        self.results: list[Any] = [None] * len(operations)

    def step(self, index: int, found: object = None) -> None:
        """Let one begin, or go on with what it is sent, until it waits again or ends."""
        self._deadlines.pop(index, None)
        try:
            wait = _checked(self._operations[index].send(found))
        except StopIteration as end:
            self.waits.pop(index, None)
            self.results[index] = end.value
            return
        self.waits[index] = wait
        if wait.timeout is not None:
            self._deadlines[index] = time.monotonic() + wait.timeout

    def all_waits(self) -> Iterator[Wait]:
        """What one of them waits for."""
        for wait in self.waits.values():
            yield from wait.waits if isinstance(wait, WaitAny) else (wait,)

    def timeout(self) -> float | None:
        """Seconds to the first deadline."""
        return max(0.0, min(self._deadlines.values()) - time.monotonic()) if self._deadlines else None

    def go_on(self, ready: AbstractSet[Wait]) -> None:
        """Let those go on whose descriptor is ready, or whose time has passed."""
        now = time.monotonic()
        for index, wait in list(self.waits.items()):
            found = wait.waits & ready if isinstance(wait, WaitAny) else wait in ready
            if found or self._deadlines.get(index, now + 1) <= now:
                self.step(index, found)


def wait_for_any(waits: Iterable[Wait], timeout: float | None) -> Operation[AbstractSet[Wait]]:
    """Wait until one of these descriptors is ready; which are. None when `timeout` seconds have passed."""
    waits = frozenset(waits)
    if len(waits) == 1:
        (wait,) = waits
        return waits if (yield wait._replace(timeout=timeout)) else frozenset()
    found: AbstractSet[Wait] = yield WaitAny(waits, timeout)
    return found
