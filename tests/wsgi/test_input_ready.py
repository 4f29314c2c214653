"""polydoor.input_ready: a request waits for its own body without a thread (docs/reference/environ.md)."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

import pytest

from peers import http
from peers.wire import Wire
from support.fixtures import PROTOCOLS
from support.server import APPS, Server, one_each
from support.waits import Waits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peers.door import Door

APP = f"{APPS}/fdevent_apps.py:application"
UNKNOWN_LENGTH = ("http", "fastcgi", "ajp")
PIECES = [b"one ", b"two ", b"three"]


def streaming(folder: object) -> list[str]:
    return [f"{url}?stream=1" for url in one_each(str(folder))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One thread: while a request held it, none of the others would be answered."""
    with Server(APP, streaming(tmp_path_factory.mktemp("input")), threads=1) as server:
        yield server


@pytest.fixture
def control(server: Server) -> Waits:
    return Waits(server.door("http"))


@pytest.fixture(params=PROTOCOLS)
def door(request: pytest.FixtureRequest, server: Server) -> Door:
    return server.door(request.param)


def feed(door: Door, control: Waits, key: str, length: int | None) -> str:
    """Sends the pieces, each when the one before was taken; what the application got."""
    with door.start("POST", f"/upload?key={key}", length=length) as exchange:
        for count, piece in enumerate(PIECES, 1):
            assert control.notes(key, count) == ["waiting"] * count
            exchange.send(piece)
        exchange.end_body()
        got: str = exchange.finish().json()
    assert control.closed(key)[-1] == "closed"
    return got


def test_a_body_in_pieces_holds_no_thread(door, control, key):
    whole = b"".join(PIECES)
    assert feed(door, control, key, len(whole)) == whole.decode()


@pytest.mark.parametrize("name", UNKNOWN_LENGTH)
def test_a_body_of_unknown_length(server, control, key, name):
    assert feed(server.door(name), control, key, None) == b"".join(PIECES).decode()


def test_many_wait_at_the_same_time(server, control, key):
    with contextlib.ExitStack() as stack:
        started = [
            (name, stack.enter_context(server.door(name).start("POST", f"/upload?key={key}", length=6)))
            for name in PROTOCOLS
            for _ in range(4)
        ]
        control.notes(key, len(started))
        for name, exchange in started:
            exchange.send(b"abc")
            exchange.send(b"def")
            exchange.end_body()
            assert exchange.finish().json() == "abcdef", name


def test_the_end_of_an_empty_body_is_there_at_once(door, key):
    assert door.request("GET", f"/upload?key={key}").json() == ""


def test_a_large_body_arrives_whole(door, key):
    body = b"0123456789abcdef" * 40_000
    assert door.request("POST", f"/upload?key={key}", [], body).json() == body.decode()


def test_the_time_is_up(door, control, key):
    with door.start("POST", f"/upload?key={key}&timeout=0.01", length=4) as exchange:
        assert control.notes(key, 4)[:4] == ["waiting", "late", "waiting", "late"]
        exchange.send(b"last")
        exchange.end_body()
        assert exchange.finish().json() == "last"


def test_the_client_is_told_to_go_on_at_the_first_wait(server, control, key):
    fields = [("Expect", "100-continue"), ("Content-Length", "4")]
    with Wire(server.door("http").address) as wire:
        wire.send(http.head("POST", f"/upload?key={key}&first=1", fields))
        assert control.notes(key, 1) == ["first"]
        wire.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            wire.sock.recv(1)
        wire.sock.setblocking(True)
        control.poke(key)
        assert wire.recv().startswith(b"HTTP/1.1 100 ")
        assert control.notes(key, 2) == ["first", "waiting"]
        wire.send(b"body")
        assert wire.recv().startswith(b"HTTP/1.1 200 ")


def test_what_was_taken_behind_a_line_is_there(door, control, key):
    with door.start("POST", f"/lines?key={key}", length=20) as exchange:
        exchange.send(b"line\nbehind")
        assert control.notes(key, 1) == [["line\n", "be", "", "hind"]]
        exchange.send(b"the rest.")
        exchange.end_body()
        assert exchange.finish().json() == "line\nbehindthe rest."


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_ends_the_wait(door, control, key, how):
    with door.start("POST", f"/upload?key={key}", length=100) as exchange:
        control.notes(key, 1)
        exchange.send(b"some")
        control.notes(key, 2)
        getattr(exchange.wire, how)()
        assert control.closed(key) == ["waiting", "waiting", "closed"]


def test_a_malformed_body_is_ready_and_raises(server, control, key):
    with Wire(server.door("http").address) as wire:
        wire.send(http.head("POST", f"/upload?key={key}", [("Transfer-Encoding", "chunked")]))
        control.notes(key, 1)
        wire.send(b"no chunk\r\n")
        assert wire.recv().startswith(b"HTTP/1.1 400 ")
        assert control.closed(key) == ["waiting", "broken", "closed"]


def test_a_collected_body_is_there_at_once(tmp_path):
    with Server(APP, one_each(tmp_path), threads=1) as server:
        for name in PROTOCOLS:
            assert server.door(name).request("POST", f"/upload?key={name}", [], b"all of it").json() == "all of it"
            assert Waits(server.door("http")).closed(name) == ["waiting", "waiting", "closed"]


def test_the_time_of_a_body_runs_and_that_of_the_request_does_not(tmp_path):
    options = ["--body-timeout", "1.5", "--request-timeout", "0.5"]
    with Server(APP, streaming(tmp_path), threads=1, options=options) as server:
        waiting = {name: server.door(name).start("POST", f"/upload?key={name}", length=9) for name in PROTOCOLS}
        control = Waits(server.door("http"))
        for name, exchange in waiting.items():
            response = exchange.finish()
            assert response.status == 408, (name, response.summary())
            assert control.closed(name) == ["waiting", "broken", "closed"]


def test_what_waits_behind_the_drain_is_turned_away(tmp_path):
    with Server(APP, streaming(tmp_path), threads=1, options=["--drain-timeout", "0.2"]) as server:
        control = Waits(server.door("http"))
        waiting = {name: server.door(name).start("POST", f"/upload?key={name}", length=9) for name in PROTOCOLS}
        for name in PROTOCOLS:
            control.notes(name, 1)
        server.process.send_signal(signal.SIGTERM)
        for exchange in waiting.values():
            response = exchange.finish()
            assert (response.status, response.complete) == (503, True), response.summary()


def test_with_resume_any_the_rules_are_the_same(tmp_path):
    with Server(APP, streaming(tmp_path), threads=2, options=["--resume", "any"]) as server:
        control = Waits(server.door("http"))
        for name in PROTOCOLS:
            assert feed(server.door(name), control, name, 13) == b"".join(PIECES).decode()
