"""Requests that wait without a thread while their workers are replaced: the old ones serve all of them."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from peers.kept import keep
from support.history import SERVED
from support.pool_server import PoolServer
from support.server import PATIENCE, one_each
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from peers.door import Door

DOORS = ("http", "fastcgi", "ajp")  # those that keep connections
MANY = 50
THREADS = 2


def wait_for(server: PoolServer, door: Door, fifo: Path) -> None:
    """One client: a request as any other, then one that waits, on the same connection."""
    with keep(door) as kept:
        server.history.ask_kept(kept)
        server.history.ask_kept(kept, awaits=fifo)


@contextmanager
def waiting(server: PoolServer, fifo: Path) -> Iterator[None]:
    """Fifty requests wait for as long as the block lasts. Only a few of them could be on a thread."""
    doors = [server.door(DOORS[number % len(DOORS)]) for number in range(MANY)]
    threads = [threading.Thread(target=wait_for, args=(server, door, fifo)) for door in doors]
    for thread in threads:
        thread.start()
    gate = os.open(fifo, os.O_RDWR)  # for reading too: then nobody need be there yet
    try:
        assert eventually(lambda: sum(bool(run.begin) for run in server.history.runs().values()) == 2 * MANY)
        yield
    finally:
        os.write(gate, b"!")
        for thread in threads:
            thread.join(PATIENCE)
        os.close(gate)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("how", ["SIGHUP", "SIGUSR2", "--max-requests"])
def test_what_waits_is_served_by_the_worker_that_is_replaced(tmp_path, how):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    options = ["--max-requests", str(3 * MANY)] if how == "--max-requests" else []
    with PoolServer(tmp_path, one_each(tmp_path), threads=THREADS, options=options) as server:
        before = set(server.wait_workers(2))
        with waiting(server, fifo):
            if not options:
                server.signal(signal.Signals[how])
            assert eventually(lambda: bool(server.pids(server.door("http"), 5) - before)), server.log.text
            there = set(server.workers()) & before
        assert eventually(lambda: bool(options) or not set(server.workers()) & before), server.log.text
    verdict = server.history.judge()
    slow = [record for record in verdict.records if "awaits" in record.options]
    assert [record.outcome for record in slow] == [SERVED] * MANY
    pids = {pid for record in slow for pid in verdict.runs[record.ident].pids}
    assert pids <= there, f"served by {pids}, and {there} were left of {before}"
    assert "PD0317" not in server.log.text
