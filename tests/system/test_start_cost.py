"""How long it takes until there is a worker again: `pytest -s tests/system/test_start_cost.py` prints the figures."""

from __future__ import annotations

import os
import signal
import statistics
import time

from support.pool_server import PoolServer
from support.scale import scaled

ROUNDS = scaled(5, 100)
KILLED_MS = 100
IDLE_MS = 30


def milliseconds(act):
    begun = time.monotonic()
    act()
    return (time.monotonic() - begun) * 1000


def judge(what, took, most_ms):
    """The best shows what it costs here; the others, what else the machine does."""
    print(f"{what}: median {statistics.median(took):.1f} ms, best {min(took):.1f}, longest {max(took):.1f}")
    assert min(took) <= most_ms


def test_a_killed_worker_is_replaced_soon(tmp_path):
    with PoolServer(tmp_path, workers="1") as server:
        door, took = server.doors[0], []
        for _ in range(ROUNDS):
            (worker,) = server.wait_workers(1)
            server.ask()
            os.kill(worker, signal.SIGKILL)
            took.append(milliseconds(lambda: server.history.ask(door)))
    judge("from SIGKILL to the first response", took, KILLED_MS)
    server.history.judge()


def test_an_idle_service_answers_soon(tmp_path):
    with PoolServer(tmp_path, workers="0:2", options=["--idle-stop", "50ms"]) as server:
        door, took = server.doors[0], []
        for _ in range(ROUNDS):
            server.wait_workers(0)
            took.append(milliseconds(lambda: server.history.ask(door)))
    judge("first response of an idle service", took, IDLE_MS)
    server.history.judge()
