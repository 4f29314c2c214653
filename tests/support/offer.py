"""An offered load: requests at a fixed rate, whether or not the server keeps up, and when each was answered."""

from __future__ import annotations

import selectors
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers.door import Door, Exchange
    from support.history import History, Record

PATIENCE = 20.0


class Offer:
    """One thread that sends requests of a History when they are due and reads answers as they come."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.records: list[Record] = []
        self.late = 0.0  # how far behind its own times this client was at worst
        self._selector = selectors.DefaultSelector()

    def run(self, doors: Sequence[Door], rate: float, seconds: float, **options: object) -> list[Record]:
        """Sends `rate` requests a second, through each door in turn; returns when all are answered."""
        begin = time.monotonic()
        count = int(rate * seconds)
        for number in range(count):
            due = begin + number / rate
            while (left := due - time.monotonic()) > 0:
                self._read(left)
            self.late = max(self.late, time.monotonic() - due)
            asked = self.history.start(doors[number % len(doors)], **options)
            self.records.append(asked.record)
            asked.exchange.wire.sock.setblocking(False)
            self._selector.register(asked.exchange.wire.sock, selectors.EVENT_READ, (asked.record, asked.exchange))
        deadline = time.monotonic() + PATIENCE
        while self._selector.get_map() and time.monotonic() < deadline:
            self._read(0.1)
        return self.records

    def _read(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            record, exchange = key.data
            self._take(record, exchange)

    def _take(self, record: Record, exchange: Exchange) -> None:
        piece = exchange.wire.recv()
        if piece:
            exchange.take(piece)
        else:
            exchange.decoder.end(exchange.wire.ended or "eof")
        if exchange.decoder.done:
            self._selector.unregister(exchange.wire.sock)
            exchange.wire.close()
            record.took(exchange.response)
