"""Requests that never end: what their clients, the others, the log and the process get to see of it."""

from __future__ import annotations

import random
import re
import signal
import sysconfig
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.fixtures import PROTOCOLS
from support.scale import scaled
from support.server import APPS, Server, one_each
from support.waiting import eventually

LIMIT = ["--request-timeout", "1"]
APP = f"{APPS}/stuck_apps.py:application"
NEIGHBOUR = "/steady?20"  # takes twice as long as the limit, and gives something all the time
INTERRUPTED = 5
STUCK = 6


def start_all(server, path):
    return {name: server.door(name).start("GET", path) for name in PROTOCOLS}


def codes_of(log, ident):
    return {re.search(r"PD\d{4}", line)[0] for line in log.lines if f"id {ident}" in line and "PD" in line}


def end_of_504(exchange):
    """The id of a request, from its page."""
    response = exchange.finish()
    assert (response.status, response.complete) == (504, True), response.summary()
    assert response.header("Cache-Control") == "no-store"
    return re.search(rb"Request ([0-9a-f]{16})", response.body)[1].decode()


# --- one request ends, and no other -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("way", "function"), [("/loop", "loop"), ("/sleep", "sleep"), ("/c", "c_call")])
def test_a_stuck_request_is_answered_504_and_hurts_no_other(tmp_path, way, function):
    with Server(APP, one_each(tmp_path), threads=10, options=LIMIT) as server:
        neighbours = start_all(server, NEIGHBOUR)
        for exchange in neighbours.values():
            assert exchange.wait_body(b".")
        stuck = start_all(server, way)
        wanted = {"PD0408", "PD0411", "PD0412"} if way == "/loop" else {"PD0408", "PD0411"}
        for exchange in stuck.values():
            ident = end_of_504(exchange)
            assert server.log.wait_until(lambda _, ident=ident: codes_of(server.log, ident) >= wanted), server.log.text
        for exchange in neighbours.values():
            response = exchange.finish()
            assert (response.status, response.body, response.complete) == (200, b"." * 20, True)
        server.wait(status=INTERRUPTED)
    assert server.log.text.count(f", in {function}\n") == len(PROTOCOLS)
    assert server.log.text.count("PD0331: a request was interrupted: finishing the others") == 1
    assert ("PD0306" in server.log.text) == (way != "/loop")


def test_a_begun_response_that_gets_stuck_is_seen_as_broken(tmp_path):
    with Server(APP, one_each(tmp_path), threads=5, options=LIMIT) as server:
        for name, exchange in start_all(server, "/stream").items():
            response = exchange.finish()
            assert (response.status, response.body, response.complete) == (200, b"begun\n", False), name
        server.wait(status=INTERRUPTED)
    assert server.log.text.count("PD0412") == len(PROTOCOLS)


def test_what_is_swallowed_is_not_raised_again_and_the_process_ends(tmp_path):
    with Server(APP, options=LIMIT) as server:
        end_of_504(server.doors[0].start("GET", "/swallow"))
        server.wait(status=INTERRUPTED)
    assert server.log.text.count("swallowed") == 1
    assert "PD0306: 1 of 5 threads are still in the application" in server.log.text


def test_a_request_that_is_interrupted_after_sigterm_ends_with_its_status(tmp_path):
    with Server(APP, options=LIMIT) as server:
        stuck = server.doors[0].start("GET", "/loop")
        server.log.wait_for("stuck in /loop")
        server.process.send_signal(signal.SIGTERM)
        end_of_504(stuck)
        server.wait(status=0)
    assert "PD0412" in server.log.text


def test_without_a_limit_and_for_a_peer_that_is_waited_for_nothing_is_late(tmp_path):
    streaming = Server(APP, ["http://127.0.0.1:0?stream=1"], options=["--request-timeout", "0.2"])
    with streaming, streaming.doors[0].start("POST", "/upload", length=2) as upload:
        upload.send(b"1")
        assert not upload.is_answered(1)
        upload.send(b"2")
        assert upload.finish().body == b"12"
    with Server(APP, options=["--request-timeout", "0"]) as server, server.doors[0].start("GET", "/nap") as nap:
        assert nap.finish().body == b"hello"


def test_what_the_server_says_behind_a_failed_close_is_not_interrupted(tmp_path):
    with Server(APP, options=["--request-timeout", "0.2"]) as server:
        assert server.doors[0].request("GET", "/unclosable").body == b"hello"
        server.log.wait_for("TediousError: said at last")
        assert server.doors[0].request("GET", "/").body == b"hello"
    assert "PD0408" not in server.log.text
    assert "PD0411" not in server.log.text


# --- one that holds the interpreter's lock ----------------------------------------------------------------------------


@pytest.mark.skipif(bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="this Python has no such lock")
def test_a_held_lock_ends_the_process_with_all_stacks_and_answers(tmp_path):
    with Server(APP, one_each(tmp_path), threads=1, options=["--gil-timeout", "3"]) as server:
        begun = time.monotonic()
        held = server.door("http").start("GET", "/hold")
        server.log.wait_for("stuck in /hold")
        waiting = start_all(server, "/")
        end_of_504(held)
        for name, exchange in waiting.items():
            response = exchange.finish()
            assert (response.status, response.complete) == (503, True), name
        server.wait(status=STUCK)
        assert time.monotonic() - begun < 10
    text = server.log.text
    assert "PD0330: something holds the interpreter's lock longer than gil-timeout; the process ends" in text
    python, _, native = text.partition("Native stack of thread")
    assert re.search(r'stuck_apps.py", line \d+ in hold\n', python)
    assert "innermost call first:" in native
    assert re.search(r"nanosleep|libc\.so", native)


@pytest.mark.soak
def test_a_process_that_was_stopped_is_not_taken_for_stuck(tmp_path):
    with Server(APP, options=["--gil-timeout", "3"]) as server:
        for _ in range(3):
            server.process.send_signal(signal.SIGSTOP)
            time.sleep(4)  # what is tested
            server.process.send_signal(signal.SIGCONT)
            assert server.doors[0].request("GET", "/").body == b"hello"
        time.sleep(4)
        assert server.doors[0].request("GET", "/").body == b"hello"


# --- many interruptions -----------------------------------------------------------------------------------------------

WAYS = ("call", "next", "close", "write", "swallow", "c")


def ask_until(door, late, enough, seed):
    """Asks again and again, and notes which requests may have been late, by their ids."""
    chance = random.Random(seed)
    while not enough.is_set():
        way = chance.choice(WAYS)
        response = door.request("GET", f"/?{way}")
        if response.status == 504:
            late.add(re.search(rb"Request ([0-9a-f]{16})", response.body)[1].decode())
        else:
            assert response.status == 200, response.summary()
            if not response.complete or way == "close":
                late.add(response.header("X-Id"))


def count_hits(door):
    """How many interruptions have arrived, unless this request is interrupted itself."""
    response = door.request("GET", "/count")
    return int(response.body) if response.status == 200 else 0


@pytest.mark.scaled
def test_interruptions_hit_the_requests_they_are_meant_for_and_nothing_else(tmp_path):
    wanted = scaled(100, 10_000)
    late: set[str] = set()
    enough = threading.Event()
    start = [f"{APPS}/interrupted.py"]
    with Server(None, start=start, threads=4, env={"LIMIT_MS": "10"}) as server, ThreadPoolExecutor(6) as pool:
        door = server.doors[0]
        clients = [pool.submit(ask_until, door, late, enough, seed) for seed in range(6)]
        try:
            reached = eventually(lambda: count_hits(door) >= wanted, timeout=30 + wanted / 10)
        finally:
            enough.set()
        for client in clients:
            client.result()
        assert reached
        report = next(answer for _ in range(100) if (answer := door.request("GET", "/report")).status == 200).json()
    hits = {ident for ident, _ in report["hits"]}
    assert hits <= late
    assert len(hits) == len(report["hits"])
    assert {where for _, where in report["hits"]} == {"call", "next", "close"}
    assert report["swallowed"] > 0
    codes = set(re.findall(r"polydoor: (PD\d{4})", server.log.text))
    assert codes <= {"PD0408", "PD0411", "PD0412"}, codes
    assert "Traceback" not in server.log.text
