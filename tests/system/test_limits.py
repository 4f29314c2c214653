"""Timeouts and early answers: who breaks a limit is told so, and nobody else notices (reliability A8, A13)."""

from __future__ import annotations

import pytest

from peers import http
from support.fixtures import PROTOCOLS
from support.holding import HoldingServer, three
from support.server import APPS, Server

APP = f"{APPS}/conformance.py:application"


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_request_that_waits_too_long_is_answered_while_the_thread_is_busy(tmp_path, name):
    with HoldingServer(tmp_path, three(tmp_path), threads=1, options=["--queue-timeout", "0.2"]) as server:
        door = server.door(name)
        held = server.hold(door)
        held.wait_running()
        late = door.request("GET", "/quick?id=late")
        assert (late.status, late.complete) == (503, True)
        assert late.header("Retry-After") == "1"
        held.release()
        assert held.exchange.finish().status == 200
        assert server.calls() == [held.ident]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_body_that_stops_arriving_is_refused(tmp_path, name):
    with Server(APP, three(tmp_path), options=["--body-timeout", "0.3"]) as server:
        with server.door(name).start("POST", "/mirror", length=100) as upload:
            upload.send(b"half")
            response = upload.finish()
        assert (response.status, response.complete) == (408, True)


def test_an_idle_kept_connection_is_closed(tmp_path):
    with Server(APP, three(tmp_path), options=["--idle-timeout", "0.3"]) as server:
        door = server.door("http")
        with http.HttpConnection(door.address) as client:
            assert client.ask("GET", "/arguments").status == 200
            assert client.is_closed()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_who_sends_too_much_still_reads_the_answer(tmp_path, name):
    body = b"x" * 600_000  # more than socket buffers hold, so most of it is on its way when the answer is given
    with Server(APP, three(tmp_path), options=["--body-limit", "1000"]) as server:
        response = server.door(name).request("POST", "/mirror", body=body)
        assert (response.status, response.complete) == (413, True)
