"""One sender, any number of requests that wait for what it says."""

from __future__ import annotations

import threading
import time
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
    """Keeps the last messages. All who wait share one descriptor, which publish() makes readable.

    A channel is of one process: what one worker publishes, the subscribers of the others do not hear.
    """

    def __init__(self, keep: int = 100) -> None:
        if keep < 1:
            raise ValueError("a channel must keep at least 1 message, or nobody can take one")
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
        """Take part from the message behind number `after`; without one from the next message on.

        A number that the channel has not reached is one of an earlier life: then, too, from the next message on.
        """
        with self._lock:
            is_known = after is not None and 0 <= after <= self._count
            return Subscription(self, after if is_known and after is not None else self._count)

    def _take(self, subscription: Subscription[T]) -> tuple[list[T], _Turn | None]:
        """The messages that it has not seen; and when there are none, what to wait for, which it has joined."""
        with self._lock:
            missing = self._count - subscription.number
            subscription.number = self._count
            kept = len(self._messages)
            if missing > kept:
                raise MissedError(f"{missing} messages have come and the channel keeps {self._messages.maxlen}")
            if missing:
                return [self._messages[index] for index in range(kept - missing, kept)], None
            self._turn.join()
            return [], self._turn


class _Turn:
    """From one message to the next: a descriptor, made when somebody waits, closed when the last one has left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bell: Bell | None = None
        self._waiting = 0

    def join(self) -> None:
        with self._lock:
            if self._bell is None:
                self._bell = Bell()
            self._waiting += 1

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

        MissedError: it was too slow, and some are gone. All that are there count as taken then, so one may go on.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            messages, turn = self._channel._take(self)  # noqa: SLF001 - the other half of the channel
            if turn is None:
                return messages
            left = None if deadline is None else deadline - time.monotonic()
            try:
                is_there = (left is None or left > 0) and (yield Wait(turn.fd, timeout=left))
            finally:
                turn.leave()
            if not is_there:
                return []
