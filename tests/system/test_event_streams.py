"""Very many clients that wait, on one worker with two threads: 1 000 here, 10 000 in `make soak`."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.best import best
from support.crowd import Crowd, want_descriptors
from support.memory import pss_kib
from support.scale import scaled
from support.server import APPS, PATIENCE, Server
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = f"{APPS}/event_apps.py:application"
MANY = scaled(1000, 10_000)
LEAVE = MANY // 10
KIB_EACH = 16
FRESH = 0.020  # seconds for a plain request meanwhile
DELIVERED = 1.0  # ... for a message to all
IDLE = 0.02  # of a processor
WATCHED = 1.0  # seconds
pytestmark = [pytest.mark.scaled, pytest.mark.timeout(300)]


@contextlib.contextmanager
def serving(*options: str) -> Iterator[Server]:
    want_descriptors(MANY)
    words = ["--no-access-log", "--max-connections", "20000", "--max-suspended", "20000"]
    words += ["--queue-limit", "20000", *options]
    with Server(APP, threads=2, options=words) as server:
        yield server


def listening(server: Server) -> int:
    """How many requests wait, streams and others."""
    return int(server.doors[0].request("GET", "/").body)


def cpu_seconds(pid: int) -> float:
    """Of the processor so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fresh(server: Server) -> float:
    """The seconds of a plain request on a new connection."""
    begun = time.perf_counter()
    assert server.doors[0].request("GET", "/").status == 200
    return time.perf_counter() - begun


def idle_share(server: Server) -> float:
    """The part of a processor that it takes while nothing happens."""
    before, begun = cpu_seconds(server.pid), time.monotonic()
    time.sleep(WATCHED)
    return (cpu_seconds(server.pid) - before) / (time.monotonic() - begun)


def test_many_suspended_requests_cost_little_and_delay_nobody():
    with serving() as server:
        with Crowd(server.doors[0].address, 50, "/wait") as crowd:
            crowd.ask()  # what grows once, has grown
            assert eventually(lambda: listening(server) == 50)
        assert eventually(lambda: listening(server) == 0)
        before = pss_kib(server.pid)
        with Crowd(server.doors[0].address, MANY, "/wait") as crowd:
            crowd.ask()
            assert eventually(lambda: listening(server) == MANY, PATIENCE)
            each = (pss_kib(server.pid) - before) / MANY
            share = best(lambda: idle_share(server), IDLE)
            delay = best(lambda: fresh(server), FRESH)
    print(f"{MANY} wait: {each:.2f} KiB each, {share:.2%} of a processor, {delay * 1000:.1f} ms for a plain request")
    assert each <= KIB_EACH
    assert share <= IDLE
    assert delay <= FRESH


def test_a_message_to_many_and_some_who_leave_at_once():
    with serving() as server, Crowd(server.doors[0].address, MANY, "/events") as crowd:
        door = server.doors[0]
        crowd.ask()
        crowd.read_until(lambda got: b":\n\n" in got)

        def deliver() -> float:
            crowd.forget()
            begun = time.monotonic()
            assert door.request("GET", "/say").status == 200
            crowd.read_until(lambda got: b"data: x\n\n" in got)
            return time.monotonic() - begun

        took = best(deliver, DELIVERED, least=2)
        lines = server.log.lines
        crowd.leave(LEAVE)
        assert eventually(lambda: listening(server) == MANY - LEAVE)
        after = best(deliver, DELIVERED)
        print(f"to {MANY} streams: {took:.3f} s; to those that are left: {after:.3f} s")
        assert took <= DELIVERED
        assert server.log.lines == lines


def test_readers_that_are_too_slow_hold_no_thread_and_are_let_go():
    """More readers that take nothing than threads, and far more for each than memory and spill file may hold."""
    options = ["--write-timeout", "600"]
    with serving(*options) as server, contextlib.ExitStack() as stack:
        door = server.doors[0]
        slow = []
        for _ in range(4):
            reader = stack.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(door.address)
            reader.sendall(b"GET /events HTTP/1.1\r\nHost: slow\r\n\r\n")
            slow.append(reader)
        assert eventually(lambda: listening(server) == len(slow))
        with Crowd(door.address, 10, "/events") as quick:
            quick.ask()
            quick.read_until(lambda got: b":\n\n" in got)
            before = pss_kib(server.pid)
            for number in range(1, 101):
                assert int(door.request("GET", "/say?500000").body) == number
                quick.read_until(lambda got: got.endswith(b"x\n\n\r\n"))
                quick.forget()
            assert pss_kib(server.pid) - before < 30_000  # the channel keeps 20 messages of 500 kB
        for reader in slow:  # what it was sent before is there, and then the stream ends
            reader.settimeout(PATIENCE)
            taken = b""
            while block := reader.recv(1 << 20):
                taken = (taken + block)[-100:]
                if taken.endswith(b"\r\n0\r\n\r\n"):
                    break
            assert taken.endswith(b"x\n\n\r\n0\r\n\r\n")
        assert eventually(lambda: listening(server) == 0)
