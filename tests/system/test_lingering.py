"""Who still sends when the answer is there reads the answer, and then an orderly end (RFC 9112 section 9.6).

Over TCP: closing a socket with unread input would send a reset, which can overtake the answer.
"""

from __future__ import annotations

import select

import pytest

from support.fixtures import PROTOCOLS
from support.memory import descriptors
from support.server import APPS, Server
from support.waiting import eventually

APP = f"{APPS}/conformance.py:application"
LINGERED = 1 << 20  # bytes that are thrown away before the connection is cut (core/conn/host.h)
PIECE = b"x" * 30_000


def serve(*options):
    """One listener on TCP for each protocol and mode, and their doors by name."""
    listeners = {f"{name}{mode}": f"{name}://127.0.0.1:0{mode}" for name in PROTOCOLS for mode in ("", "?stream=1")}
    server = Server(APP, list(listeners.values()), options=["--body-limit", "10000000", *options])
    return server, dict(zip(listeners, server.doors, strict=True))


@pytest.fixture(scope="module")
def doors():
    server, by_name = serve()
    with server:
        yield by_name


def await_answer(exchange):
    """Returns when there is something to read, without reading it."""
    assert select.select([exchange.wire.sock], [], [], 20)[0]


def rest(exchange):
    """The response, behind which the server has ended the connection in order."""
    exchange.wait(lambda: exchange.decoder.done)
    exchange.wire.half_close()
    assert exchange.wire.recv_all() == b""
    assert exchange.wire.ended == "eof"
    return exchange.response


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_refusal_is_read_by_who_sends_his_body_first(doors, name):
    with doors[name].start("POST", "/mirror", length=20_000_000) as upload:
        await_answer(upload)
        for _ in range(30):
            upload.send(PIECE)
        response = rest(upload)
    assert (response.status, response.complete) == (413, True)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_an_early_answer_is_read_by_who_sends_his_body_first(doors, key, name):
    with doors[f"{name}?stream=1"].start("POST", f"/ignore?key={key}", length=30 * len(PIECE)) as upload:
        await_answer(upload)
        for _ in range(30):
            upload.send(PIECE)
        upload.end_body()
        assert rest(upload).json() == "ignored"


def test_an_answer_is_read_by_who_sends_more_than_his_request(doors):
    door = doors["http"]
    with door.exchange("GET", 0) as exchange:
        # In one piece, so that the server knows of the surplus when it answers.
        exchange.wire.send(door.head("GET", "/arguments", [("Connection", "close")], 0) + PIECE[:1000])
        await_answer(exchange)
        for _ in range(20):
            exchange.wire.send(PIECE)
        assert rest(exchange).json() == [2, []]


def test_an_answer_is_read_by_who_sends_more_than_its_content_length(doors):
    """SCGI, where the peer need not wait for the answer; some nginx pass on more than they announced."""
    door = doors["scgi"]
    with door.exchange("GET", 0) as exchange:
        exchange.wire.send(door.head("GET", "/arguments", [], 0) + exchange.tail() + PIECE[:1000])
        await_answer(exchange)
        for _ in range(20):
            exchange.wire.send(PIECE)
        assert rest(exchange).json() == [2, []]


def until_refused(wire):
    """How many bytes can be sent before the server cuts the connection, 100 MiB at most."""
    for number in range(100 * LINGERED // len(PIECE) + 1):
        try:
            wire.send(PIECE)
        except ConnectionError:
            return number * len(PIECE)
    return 100 * LINGERED


@pytest.mark.parametrize("name", PROTOCOLS)
def test_who_sends_for_ever_is_cut_off(doors, name):
    with doors[name].start("POST", "/mirror", length=20_000_000) as upload:
        await_answer(upload)
        taken = until_refused(upload.wire)
    assert LINGERED <= taken < 100 * LINGERED  # what the buffers of both kernels hold comes on top


@pytest.mark.parametrize("name", PROTOCOLS)
def test_who_neither_sends_nor_leaves_is_left(name):
    server, by_name = serve("--linger-timeout", "0.2")
    with server:
        before = descriptors(server.pid)
        with by_name[name].start("POST", "/mirror", length=20_000_000) as upload:
            assert upload.wait(lambda: upload.response.status == 413)
            assert eventually(lambda: descriptors(server.pid) <= before)


@pytest.mark.parametrize("name", [name for name in PROTOCOLS if name != "ajp"])  # there the connection is kept
def test_nobody_is_waited_for_when_all_was_read(name):
    server, by_name = serve("--linger-timeout", "60")
    headers = [("Connection", "close")] if name == "http" else []
    with server:
        before = descriptors(server.pid)
        door = by_name[name]
        with door.exchange("GET", 0) as exchange:
            exchange.wire.send(door.head("GET", "/arguments", headers, 0) + exchange.tail())
            exchange.wait(lambda: exchange.decoder.done)
            assert eventually(lambda: descriptors(server.pid) <= before)
