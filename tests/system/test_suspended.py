"""Requests that wait without a thread: limits, stop, threads, counters, and many of them."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from peers import fastcgi
from peers.fastcgi import FcgiConnection
from support.fixtures import PROTOCOLS
from support.memory import pss_kib
from support.scale import scaled
from support.server import APPS, PATIENCE, Server, one_each
from support.waiting import eventually
from support.waits import Waits

if TYPE_CHECKING:
    from peers.door import Exchange

APP = f"{APPS}/fdevent_apps.py:application"
GONE = ["waiting", "exit", True, "closed"]  # what a request notes that nobody wants any more
MANY = 10_000
KIB_EACH = 16


def start(server: Server, name: str, target: str) -> Exchange:
    return server.door(name).start("GET", target)


# --- what ends a wait -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", ["", "1"])
def test_the_time_limit_of_a_request_goes_on_while_it_waits(tmp_path, begun):
    with Server(APP, one_each(tmp_path), threads=2, options=["--request-timeout", "1"]) as server:
        waits = Waits(server.door("http"))
        waiting = {name: start(server, name, f"/forever?key={name}&begun={begun}") for name in PROTOCOLS}
        for name, exchange in waiting.items():
            response = exchange.finish()
            assert (response.status, response.complete) == ((200, False) if begun else (504, True)), response.summary()
            assert waits.closed(name) == GONE
        assert server.log.wait_until(lambda lines: sum("PD0408" in line for line in lines) == len(PROTOCOLS))
        assert "PD0411" not in server.log.text  # no thread was to be interrupted


def test_an_abort_ends_one_request_of_a_connection(tmp_path):
    with Server(APP, one_each(tmp_path), threads=2) as server:
        waits = Waits(server.door("http"))
        door = server.door("fastcgi")
        with FcgiConnection(door.address) as client:
            client.start(1, door.variables("GET", "/forever?key=given-up"))
            client.start(3, door.variables("GET", "/once?key=goes-on"))
            waits.notes("given-up", 1)
            waits.notes("goes-on", 1)
            client.send(fastcgi.record(fastcgi.ABORT, 1))
            assert waits.closed("given-up") == GONE
            waits.poke("goes-on")
            assert client.response(3).json()["timeout"] is False


def test_a_drain_waits_for_what_waits(tmp_path):
    with Server(APP, one_each(tmp_path), threads=2) as server:
        waits = Waits(server.door("http"))
        waiting = {name: start(server, name, f"/once?key={name}&timeout=1") for name in PROTOCOLS}
        for name in PROTOCOLS:
            waits.notes(name, 1)
        server.process.send_signal(signal.SIGTERM)
        for exchange in waiting.values():
            response = exchange.finish()
            assert (response.status, response.json()["timeout"]) == (200, True), response.summary()


@pytest.mark.parametrize("begun", ["", "1"])
def test_what_waits_behind_the_drain_is_turned_away_or_breaks_off(tmp_path, begun):
    with Server(APP, one_each(tmp_path), threads=2, options=["--drain-timeout", "0.2"]) as server:
        waits = Waits(server.door("http"))
        waiting = {name: start(server, name, f"/forever?key={name}&begun={begun}") for name in PROTOCOLS}
        for name in PROTOCOLS:
            waits.notes(name, 1)
        server.process.send_signal(signal.SIGTERM)
        for exchange in waiting.values():
            response = exchange.finish()
            assert (response.status, response.complete) == ((200, False) if begun else (503, True)), response.summary()
            assert begun or response.header("Retry-After")
        server.log.wait_for(f"{len(PROTOCOLS)} in the app" if begun else f", {len(PROTOCOLS)} suspended")
        for name in PROTOCOLS:
            server.log.wait_for(f"closed {name}")


# --- how many ---------------------------------------------------------------------------------------------------------


def test_only_so_many_wait(tmp_path):
    with Server(APP, one_each(tmp_path), threads=2, options=["--max-suspended", "2"]) as server:
        waits = Waits(server.door("http"))
        first = [start(server, "http", f"/once?key=first&way=x-wsgiorg.fdevent.readable&number={i}") for i in range(2)]
        waits.notes("first", 2)
        for name in PROTOCOLS:
            response = start(server, name, f"/forever?key={name}").finish()
            assert (response.status, response.complete) == (503, True), response.summary()
            assert waits.closed(name)[1:] == ["exit", True, "closed"]
            if name == "fastcgi":
                continue  # its peer sends the end of the body by itself, and may find the connection cut
            broken = start(server, name, f"/forever?key={name}-begun&begun=1").finish()
            assert not broken.complete, broken.summary()
            assert waits.closed(f"{name}-begun")[1:] == ["exit", True, "closed"]
        waits.poke("first")
        for exchange in first:
            assert exchange.finish().status == 200
        server.log.wait_for("PD0556")


def test_the_status_counts_them(tmp_path):
    options = ["-w", "1", "--control", f"{tmp_path}/ctl"]
    with Server(APP, ["http://127.0.0.1:0"], threads=2, options=options) as server:
        waits = Waits(server.door("http"))

        def row():
            command = [sys.executable, "-m", "polydoor", "status", "--control", f"{tmp_path}/ctl", "--json"]
            ran = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=True)
            return json.loads(ran.stdout)["workers"][0]

        with contextlib.ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(start(server, "http", "/once?key=counted"))
            waits.notes("counted", 5)
            assert eventually(lambda: row()["suspended"] == 5)
            assert row()["busy"] == 0
            waits.poke("counted")
        assert eventually(lambda: row()["suspended"] == 0)


# --- where they go on -------------------------------------------------------------------------------------------------


def test_with_resume_any_no_thread_is_waited_for(tmp_path):
    with Server(APP, one_each(tmp_path), threads=2, options=["--resume", "any"]) as server:
        waits = Waits(server.door("http"))
        names = [f"{name}-{i}" for name in PROTOCOLS for i in range(4)]
        waiting = [start(server, name.split("-")[0], f"/context?key={name}") for name in names]
        for name in names:
            waits.notes(name, 1)
        with start(server, "http", "/hold?key=held") as held:
            waits.notes("held", 1)
            for count in (1, 2, 3):
                for name in names:
                    waits.notes(name, count)
                    waits.poke(name)
            for exchange in waiting:
                seen, threads, behind = exchange.finish().json()
                assert (seen, behind) == (True, "nothing")
                assert threads in {1, 2}
            assert not held.is_answered(0)
            waits.ask("/gate?key=held")
            assert held.finish().json() is True


def test_with_resume_any_the_rules_are_the_same(tmp_path):
    with Server(APP, one_each(tmp_path), threads=2, options=["--resume", "any"]) as server:
        waits = Waits(server.door("http"))
        for name in PROTOCOLS:
            assert start(server, name, f"/once?key={name}&timeout=0.01").finish().json()["timeout"] is True
            assert start(server, name, f"/twice?key={name}-twice").finish().status == 500
            assert start(server, name, f"/elsewhere?key={name}-elsewhere").finish().status == 200
            waits.notes(f"{name}-elsewhere", 2)
            with start(server, name, f"/forever?key={name}-gone"):
                waits.notes(f"{name}-gone", 1)
            assert waits.closed(f"{name}-gone") == GONE


# --- very many --------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(300)
def test_many_wait_on_two_threads(tmp_path):
    """Fewer than 10 000 in `make test`. The memory of each counts its connection and its environ."""
    count = scaled(300, MANY)
    with Server(APP, ["http://127.0.0.1:0"], threads=2, options=["--no-access-log"]) as server:
        waits = Waits(server.door("http"))
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(start(server, "http", "/shared?key=warm"))
            before = pss_kib(server.pid)
            waiting = [stack.enter_context(start(server, "http", "/shared?key=many")) for _ in range(count)]
            waits.ask("/keys")  # behind them in the queue
            each = (pss_kib(server.pid) - before) / count
            print(f"{count} wait: {each:.2f} KiB each")
            assert each <= KIB_EACH
            waits.poke("shared")
            for exchange in waiting:
                assert exchange.finish().body == b"resumed"
