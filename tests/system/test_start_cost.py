"""How long it takes until there is a worker again: `pytest -s tests/system/test_start_cost.py` prints the figures."""

from __future__ import annotations

import os
import signal
import statistics
import time

from support.best import best
from support.pool_server import PoolServer
from support.scale import scaled
from support.waiting import eventually

ROUNDS = scaled(5, 100)
KILLED_MS = 100
IDLE_MS = 30
PRELOADED_MS = 15


def judge(what, server, prepare, most_ms):
    """The best shows what the first answer costs after `prepare`; the others, what else the machine does."""
    took = []

    def once():
        prepare()
        begun = time.monotonic()
        server.history.ask(server.doors[0])
        took.append((time.monotonic() - begun) * 1000)
        return took[-1]

    shortest = best(once, most_ms, least=ROUNDS)
    print(f"{what}: median {statistics.median(took):.1f} ms, best {shortest:.1f}, longest {max(took):.1f}")
    assert shortest <= most_ms


def test_a_killed_worker_is_replaced_soon(tmp_path):
    with PoolServer(tmp_path, workers="1") as server:

        def kill():
            (worker,) = server.wait_workers(1)
            server.ask()  # its answer comes before the application is told of its end
            assert eventually(lambda: all(run.close for run in server.history.runs().values()))
            os.kill(worker, signal.SIGKILL)

        judge("from SIGKILL to the first response", server, kill, KILLED_MS)
    server.history.judge()


def test_an_idle_service_answers_soon(tmp_path):
    with PoolServer(tmp_path, workers="0:2", options=["--idle-stop", "50ms"]) as server:
        judge("first response of an idle service", server, lambda: server.wait_workers(0), IDLE_MS)
    server.history.judge()


def test_an_idle_service_that_is_preloaded_answers_sooner(tmp_path):
    """Only the prototype lives while nobody asks."""
    with PoolServer(tmp_path, workers="0:2", options=["--idle-stop", "50ms", "--preload"]) as server:

        def idle():
            server.wait_workers(1, threads=False)

        judge("first response of an idle service with --preload", server, idle, PRELOADED_MS)
    server.history.judge()
