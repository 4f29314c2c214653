"""Clients that load a pool while something happens to it: each request has its own id, and none is asked twice."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Self

from peers.kept import Kept, keep
from support.history import SERVED
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from peers.door import Door
    from support.history import History, Record

BODY = b"what is posted must not be posted twice"
PAUSES = 0.05  # so often a client that keeps its connection lets it rest


class Load:
    """Runs from the beginning of the block to its end. `new` opens a connection for each request."""

    def __init__(
        self,
        history: History,
        doors: Sequence[Door],
        *,
        clients: int = 8,
        new: bool = False,
        pause: float = 0.3,
        **options: object,
    ) -> None:
        self._history = history
        self._keep: Callable[[Door], Kept] = Kept if new else keep
        self._pause = pause
        self._options = options
        self._is_over = threading.Event()
        self._served = 0  # nearly: threads add to it
        self._first = len(history.records)
        self._threads = [
            threading.Thread(target=self._ask, args=(doors[number % len(doors)], random.Random(number)))
            for number in range(clients)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    @property
    def records(self) -> list[Record]:
        """What was asked since the beginning, here or by anybody else."""
        return self._history.records[self._first :]

    def wait(self, count: int) -> None:
        """Waits until so many more have been answered."""
        wanted = self._served + count
        assert eventually(lambda: self._served >= wanted, 600)

    def _ask(self, door: Door, chance: random.Random) -> None:
        while not self._is_over.is_set():
            with self._keep(door) as kept:
                while not self._is_over.is_set() and not kept.is_ended():
                    self._served += self._history.ask_kept(kept, BODY, **self._options).outcome == SERVED
                    if kept.may_reuse and chance.random() < PAUSES:
                        self._is_over.wait(chance.random() * self._pause)


def quantiles(records: Sequence[Record]) -> tuple[float, float, float]:
    """Half of them, 99 % and all of them were answered within so many milliseconds."""
    took = sorted((record.ended - record.sent) * 1000 for record in records)
    return took[len(took) // 2], took[len(took) * 99 // 100], took[-1]
