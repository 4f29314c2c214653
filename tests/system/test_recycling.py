"""Workers that take too much or do not live any more, and what the others get to see of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from contextlib import ExitStack, contextmanager

import pytest

from peers.kept import keep
from support.memory import rss_kib
from support.pool_server import GOOD, PoolServer
from support.server import APPS, one_each
from support.waiting import eventually

GROWS = """\
from apps.history_app import application as answer
held = []
def application(environ, start_response):
    held.append(bytearray(b"x") * (1 << 20))
    return answer(environ, start_response)
"""
SPINS = """\
import time
from apps.history_app import application as answer
def application(environ, start_response):
    end = time.thread_time() + 0.05
    while time.thread_time() < end:
        pass
    return answer(environ, start_response)
"""
STUCK = f"import sys\nsys.path.insert(0, {str(APPS)!r})\nfrom stuck_apps import application\n"
GIL_TIMEOUT = ["--gil-timeout", "3"]


@contextmanager
def clients(server, count=4, **options):
    """Clients that ask at all doors for as long as the block lasts."""
    over = threading.Event()
    doors = [server.doors[number % len(server.doors)] for number in range(count)]
    threads = [
        threading.Thread(target=server.history.keep_asking, args=(door, over.is_set), kwargs=options) for door in doors
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--max-requests", "100", "--max-requests-jitter", "20"], GOOD),
        (["--max-lifetime", "1"], GOOD),
        (["--max-memory", "100M"], GROWS),
        (["--max-cpu", "0.5"], SPINS),
    ],
    ids=["requests", "lifetime", "memory", "cpu"],
)
def test_a_worker_that_reaches_a_limit_is_replaced_and_nobody_notices(tmp_path, options, code):
    with PoolServer(tmp_path, one_each(tmp_path), options=options, code=code) as server:
        before = server.wait_workers(2)
        with clients(server, 5):
            assert server.log.wait_until(lambda lines: sum("PD0350" in line for line in lines) >= 3), server.log.text
        assert eventually(lambda: not set(server.workers()) & set(before))
    assert server.history.judge().served > 20
    assert f"is replaced by {options[0].removeprefix('--')}: " in server.log.text


def test_a_memory_limit_that_no_worker_keeps_replaces_none(tmp_path):
    with PoolServer(tmp_path, options=["--max-memory", "1M"]) as server:
        before = server.wait_workers(2)
        server.log.wait_for("PD0352")
        server.ask()
        assert server.wait_workers(2) == before
    assert server.log.text.count("PD035") == 1


def test_of_memory_that_workers_share_each_has_its_part(tmp_path):
    code = "ballast = b'x' * (80 << 20)\n" + GROWS.replace("1 << 20", "30 << 20")
    with PoolServer(tmp_path, options=["--max-memory", "80M", "--preload"], code=code) as server:
        workers = server.wait_workers(3, threads=False)[1:]
        assert all(rss_kib(pid) > 80 * 1024 for pid in workers)
        server.reload()  # the supervisor has looked at all of them
        server.wait_workers(3, threads=False)
        assert "PD035" not in server.log.text
        server.ask()
        server.ask()
        server.ask()
        server.log.wait_for("is replaced by max-memory")
    server.history.judge()


def test_a_stuck_request_costs_its_worker_and_nobody_else(tmp_path):
    with PoolServer(tmp_path, options=["--request-timeout", "1"], code=STUCK) as server:
        before = server.wait_workers(2)
        stuck = [server.doors[0].start("GET", way) for way in ("/loop", "/c")]
        neighbour = server.doors[0].start("GET", "/steady?20")
        for exchange in stuck:
            assert exchange.finish().status == 504
        assert neighbour.finish().body == b"." * 20
        assert eventually(lambda: len(set(server.wait_workers(2)) - set(before)) in {1, 2})  # both may have had one
        assert server.doors[0].request("GET", "/").body == b"hello"
    assert "PD0340" not in server.log.text


def test_a_held_interpreter_costs_its_worker_and_nobody_else(tmp_path):
    with PoolServer(tmp_path, threads=1, options=GIL_TIMEOUT, code=STUCK) as server:
        server.wait_workers(2)
        held = server.doors[0].start("GET", "/hold")
        server.log.wait_for("stuck in /hold")
        for _ in range(4):
            assert server.doors[0].request("GET", "/").body == b"hello"
        assert held.finish().status == 504
        assert "ended with status 6" in server.log.wait_for("PD0340")
        server.wait_workers(2)


def silent(server):
    """The workers that are not heard of, as the control socket tells."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(server.folder / "ctl"))
        client.sendall(b'{"command":"status"}\n')
        told = json.loads(b"".join(iter(lambda: client.recv(65536), b"")))
    return [row["pid"] for row in told["workers"] if row["silent"]]


def test_a_stopped_worker_loses_its_turn_to_accept(tmp_path):
    """Nobody kills it here, so these clients would wait for ever."""
    options = ["--gil-timeout", "0", "--control", f"{tmp_path}/ctl"]
    with PoolServer(tmp_path, options=options) as server:
        workers = server.wait_workers(2)
        for pid, other in (workers, workers[::-1]):  # one of them has the turn
            os.kill(pid, signal.SIGSTOP)
            assert eventually(lambda pid=pid: silent(server) == [pid])  # until then it may still accept
            assert server.pids(server.doors[0], 5) == {other}
            os.kill(pid, signal.SIGCONT)
            assert eventually(lambda: not silent(server))
        assert server.workers() == workers
    server.history.judge()


def test_a_worker_whose_interpreter_is_held_loses_its_turn_to_accept(tmp_path):
    """Its other threads are idle, and its engine could go on giving them requests that nobody runs."""
    options = ["--gil-timeout", "1h", "--control", f"{tmp_path}/ctl"]
    with PoolServer(tmp_path, threads=4, options=options, code=STUCK) as server:
        server.wait_workers(2)
        with server.doors[0].start("GET", "/hold"):
            server.log.wait_for("stuck in /hold")
            assert eventually(lambda: len(silent(server)) == 1)
            (held,) = silent(server)
            with ExitStack() as stack:
                stack.callback(os.kill, held, signal.SIGKILL)
                for _ in range(12):  # kept, so that the other one has more and more
                    kept = stack.enter_context(keep(server.doors[0]))
                    assert kept.ask("GET", "/").body == b"hello"
                assert silent(server) == [held]


def test_a_worker_that_was_stopped_is_killed_and_replaced(tmp_path):
    with PoolServer(tmp_path, options=GIL_TIMEOUT) as server:
        first, second = server.wait_workers(2)
        os.kill(first, signal.SIGSTOP)
        assert "its main thread has not moved for" in server.log.wait_for("PD0351")
        assert second in server.wait_workers(2, without=[first])
        server.ask()
    server.history.judge()
    assert "PD0340" not in server.log.text
