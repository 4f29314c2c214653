"""Clients that leave, half-close, reset or never read (reliability A1 to A6, A13, A14)."""

from __future__ import annotations

import select
import threading

import pytest

from peers import fastcgi, http
from peers.wire import Wire
from support.fixtures import PROTOCOLS, Control
from support.holding import HoldingServer
from support.memory import descriptors
from support.server import APPS, PATIENCE, Server, one_each
from support.waiting import eventually

LEAVE = ["close", "half_close", "reset"]


@pytest.mark.parametrize("how", LEAVE)
@pytest.mark.parametrize("size", [0, 10, 99_999])
def test_a1_a_collected_upload_that_ends_early_is_not_run(door, control, key, server, how, size):
    before = descriptors(server.pid)
    with door.start("POST", f"/absorb?key={key}", length=100_000) as exchange:
        exchange.send(b"x" * size)
        getattr(exchange.wire, how)()
    assert eventually(lambda: descriptors(server.pid) <= before)
    assert control.notes(key) == []


@pytest.mark.parametrize("how", LEAVE)
def test_a1_a_streamed_upload_that_ends_early_raises(stream_door, control, key, how):
    with stream_door.start("POST", f"/absorb?key={key}&size=1000", length=100_000) as exchange:
        exchange.send(b"x" * 10_000)
        assert control.notes(f"{key}-progress", 10)[-1] == 10_000
        getattr(exchange.wire, how)()
        noted = control.notes(key, 2)
    assert noted[1][1] is True, noted


def test_a1_an_end_that_comes_together_with_the_last_bytes_is_seen(door, key):
    data = door.head("POST", f"/absorb?key={key}", [], 100)
    tries = 10 if door.name == "cgi" else 40  # as CGI each is a process
    for _ in range(tries):  # one edge of epoll may tell both, so a short read must not end the reading
        with door.exchange("POST", 100) as exchange:
            exchange.wire.send(data + exchange.framed(b"0123456789"))
            exchange.wire.half_close()
            assert exchange.finish().status in (0, 400)


# What stands behind the head, up to a place where the body is not over.
CUT_CHUNKS = [
    b"",
    b"5",
    b"5\r\n",
    b"5\r\n123",
    b"5\r\n12345",
    b"5\r\n12345\r\n",
    b"5\r\n12345\r\n0",
    b"5\r\n12345\r\n0\r\n",
]


@pytest.mark.parametrize("cut", [*CUT_CHUNKS, b"5\r\n12345\r\n0\r\nX-Trailer: a\r\n"])
@pytest.mark.parametrize("mode", ["", "-stream"], ids=["buffered", "stream"])
def test_a2_a_chunked_upload_cut_anywhere_is_never_complete(doors, control, key, mode, cut):
    with Wire(doors["http" + mode].address) as wire:
        wire.send(http.head("POST", f"/absorb?key={key}", [("Transfer-Encoding", "chunked")]) + cut)
        wire.half_close()
        answer = wire.recv_all()
    assert not answer.startswith(b"HTTP/1.1 200")
    noted = control.notes(key, 2 if mode else 0)
    if mode:
        assert noted[1][1] is True, noted
    else:
        assert noted == []


@pytest.mark.parametrize("mode", ["", "-stream"], ids=["buffered", "stream"])
def test_a2_a_fastcgi_upload_without_its_end_is_never_complete(doors, control, key, mode):
    with doors["fastcgi" + mode].start("POST", f"/absorb?key={key}", length=None) as exchange:
        exchange.send(b"12345")
        exchange.wire.half_close()
        response = exchange.finish()
    assert response.status != 200
    noted = control.notes(key, 2 if mode else 0)
    if mode:
        assert noted[1][1] is True, noted
    else:
        assert noted == []


def test_a3_a_client_that_leaves_a_download_ends_it(door, control, key):
    with door.start("GET", f"/endless?key={key}") as exchange:
        assert exchange.wait(lambda: len(exchange.response.body) > 100_000)
    assert control.notes(key, 1) == ["closed"]
    assert control.notes(key) == ["closed"]


def test_a3_the_application_can_ask_whether_its_client_has_gone(door, control, key):
    with door.start("GET", f"/gone?key={key}") as exchange:
        assert control.notes(key, 1) == [False]
        exchange.wire.leave()
        control.open(key)
        assert control.notes(key, 2) == [False, True]


def test_a4_a_half_close_behind_a_quick_request_is_answered(door):
    with door.start("GET", "/sized?size=100000&count=10") as exchange:
        exchange.wire.half_close()
        response = exchange.finish()
    assert (len(response.body), response.complete) == (1_000_000, True)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a5_requests_whose_clients_have_gone_are_not_run(tmp_path, how):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=1) as server:
        held = server.hold(server.doors[0])
        held.wait_running()  # the only thread is taken: what comes now waits
        waiting = [door.start("GET", f"/quick?id=gone-{door.name}") for door in server.doors]
        threading.Event().wait(0.3)  # a client that leaves within 100 ms may have half-closed
        for exchange in waiting:
            getattr(exchange.wire, how)()
        last = server.doors[0].start("GET", "/quick?id=last")
        held.release()
        assert held.exchange.finish().body == b"served held-1"
        assert last.finish().body == b"served last"
        assert server.calls() == ["held-1", "last"]


@pytest.mark.parametrize("kind", ["endless", "file_large"])
def test_a6_a_client_that_never_reads_does_not_keep_a_thread(tmp_path, kind, key):
    options = ["--write-timeout", "0.2", "--response-spill-limit", "1m"]
    with Server(f"{APPS}/conformance.py:application", one_each(tmp_path), threads=1, options=options) as server:
        control = Control(server.doors[0])
        for door in server.doors:
            with door.start("GET", f"/{kind}?size=500000000&key={key}-{door.name}") as exchange:
                # Ask only when the only thread has it: the question is on another connection, and holds the thread.
                assert select.select([exchange.wire.sock], [], [], PATIENCE)[0]
                assert control.notes(f"{key}-{door.name}", 1) == ["closed"]


def test_a13_an_unread_body_is_never_the_next_request(doors, control, key):
    planted = http.head("GET", f"/echo?key={key}-planted", [])
    for name in ("http", "http-stream"):
        with http.HttpConnection(doors[name].address) as client:
            fields = [("Content-Length", str(len(planted) * 50))]
            client.send(http.head("POST", f"/ignore?key={key}", fields) + planted * 50)
            assert client.read().json() == "ignored"
            client.send(http.head("GET", "/arguments", []))
            after = client.read()
            assert after.ended in ("eof", "reset") or after.json() == [2, []]
    assert control.notes(f"{key}-planted") == []


def test_a13_an_unread_body_is_drained_on_a_kept_fastcgi_connection(doors, control, key):
    for name in ("fastcgi", "fastcgi-stream"):
        door = doors[name]
        with fastcgi.FcgiConnection(door.address) as client:
            body = fastcgi.request(1, door.variables("GET", f"/echo?key={key}-planted"))
            variables = door.variables("POST", f"/ignore?key={key}", length=len(body) * 50)
            client.start(1, variables, body * 50)
            assert client.response(1).json() == "ignored"
            client.start(1, door.variables("GET", "/arguments"))
            assert client.response(1).json() == [2, []]
    assert control.notes(f"{key}-planted") == []


def test_a14_no_100_for_an_application_that_never_reads(http_stream_door, key):
    with http.HttpConnection(http_stream_door.address) as client:
        fields = [("Expect", "100-continue"), ("Content-Length", "5")]
        client.send(http.head("POST", f"/ignore?key={key}", fields))
        response = client.read()
        assert response.interim == []
        assert response.json() == "ignored"
        assert response.header("Connection") == "close"
        assert client.is_closed()


WRITES = """
import threading

def application(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        for _ in range(2000):
            write(b"x" * 1000)
            threading.Event().wait(0.01)
        print("never", flush=True)
    except OSError as error:
        print(type(error).__name__, flush=True)
        raise
    return []
"""


@pytest.mark.parametrize("kind", PROTOCOLS)
def test_write_raises_when_nobody_reads_any_more_and_that_is_no_error(tmp_path, kind):
    (tmp_path / "writes.py").write_text(WRITES)
    options = ["--no-access-log", "--request-timeout", "5"]
    with Server(str(tmp_path / "writes.py"), one_each(tmp_path), options=options) as server:
        exchange = server.door(kind).start("GET", "/")
        assert exchange.wait(lambda: bool(exchange.response.body))
        exchange.wire.close()
        server.output.wait_for("PeerClosed")
        server.stop()
        assert "PD04" not in server.log.text
