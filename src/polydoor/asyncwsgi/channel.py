"""One sender, any number of requests that wait for what it says."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from polydoor.asyncwsgi.bell import Bell
from polydoor.asyncwsgi.operations import Wait

if TYPE_CHECKING:
    from polydoor.asyncwsgi.operations import Operation

T = TypeVar("T")


class MissedError(LookupError):
    """A subscriber was so slow that messages it has not taken are gone."""


class Channel(Generic[T]):
    """Keeps the last messages. All who wait share one descriptor, which publish() makes readable."""

    def __init__(self, keep: int = 100) -> None:
        self._lock = threading.Lock()
        self._messages: deque[T] = deque(maxlen=keep)
        self._count = 0  # messages so far
        self._turn = _Turn()

    def publish(self, message: T) -> int:
        """Give a message to everybody who has subscribed; from any thread. Its number, counted from 1."""
        with self._lock:
            self._messages.append(message)
            self._count += 1
            turn, self._turn = self._turn, _Turn()
            number = self._count
        turn.end()
        return number

    def subscribe(self, after: int | None = None) -> Subscription[T]:
        """Take part from the message behind number `after`; without one from the next message on."""
        with self._lock:
            return Subscription(self, self._count if after is None else min(after, self._count))

    def _behind(self, number: int) -> tuple[list[T], _Turn]:
        """The messages behind this number; and for whom none is there, what to wait for."""
        with self._lock:
            missing = self._count - number
            if missing > len(self._messages):
                raise MissedError(
                    f"{missing - len(self._messages)} messages are gone; the channel keeps {self._messages.maxlen}"
                )
            messages = list(itertools.islice(self._messages, len(self._messages) - missing, None))
            if not messages:
                self._turn.join()
            return messages, self._turn


class _Turn:
    """From one message to the next: a descriptor, made when somebody waits, closed when the last one has left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bell: Bell | None = None
        self._waiting = 0

    def join(self) -> None:
        with self._lock:
            self._waiting += 1
            if self._bell is None:
                self._bell = Bell()

    @property
    def fd(self) -> int:
        assert self._bell is not None
        return self._bell.fd

    def leave(self) -> None:
        with self._lock:
            self._waiting -= 1
            if self._waiting == 0 and self._bell is not None:
                self._bell.close()
                self._bell = None

    def end(self) -> None:
        with self._lock:
            if self._bell is not None:
                self._bell.ring()


class Subscription(Generic[T]):
    """One request's place in a channel."""

    def __init__(self, channel: Channel[T], number: int) -> None:
        self._channel = channel
        self.number = number  # of the last message that was taken

    def take(self, timeout: float | None = None) -> Operation[list[T]]:
        """Wait for messages, and take all that are there; none when `timeout` seconds have passed.

        MissedError: it was too slow. `number` stands at the last message then, so one may go on.
        """
        messages, turn = self._channel._behind(self.number)  # noqa: SLF001 - the other half of the channel
        if not messages:
            try:
                is_there = yield Wait(turn.fd, timeout=timeout)
            finally:
                turn.leave()
            if is_there:
                messages, _ = self._channel._behind(self.number)  # noqa: SLF001
        self.number += len(messages)
        return messages
