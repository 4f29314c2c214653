"""Holds requests inside an application and lets them go (tests/apps/fifo.py)."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from support.server import APPS, Server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from peers.door import Door, Exchange


class Held:
    """One request that sits in the application."""

    def __init__(self, door: Door, ident: str, fifo: Path) -> None:
        os.mkfifo(fifo)
        self.ident = ident
        self._fifo = fifo
        self._writer = -1
        self.exchange: Exchange = door.start("GET", f"/hold?id={ident}&fifo={fifo}")

    def wait_running(self) -> None:
        """Returns when the application has opened its end: a FIFO opens on both ends at once."""
        self._writer = os.open(self._fifo, os.O_WRONLY)

    def release(self) -> None:
        """Lets the application go on, now or as soon as it is called."""
        if self._writer >= 0:
            os.close(self._writer)
        else:
            threading.Thread(target=lambda: os.close(os.open(self._fifo, os.O_WRONLY)), daemon=True).start()


class HoldingServer(Server):
    """A server of tests/apps/fifo.py."""

    def __init__(self, folder: Path, listeners: Sequence[str], threads: int, options: Sequence[str] = ()) -> None:
        self._folder = folder
        self._count = 0
        self._calls = folder / "calls"
        self._calls.touch()
        app = f"{APPS}/fifo.py:application"
        super().__init__(app, listeners, threads=threads, options=options, env={"CALLS": str(self._calls)})

    def hold(self, door: Door) -> Held:
        """Sends a request that will wait in the application."""
        self._count += 1
        return Held(door, f"held-{self._count}", self._folder / f"fifo-{self._count}")

    def calls(self) -> list[str]:
        """The ids of all calls so far, in order."""
        return self._calls.read_text().split()
