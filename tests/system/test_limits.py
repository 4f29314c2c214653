"""Timeouts and early answers: who breaks a limit is told so, and nobody else notices (reliability A8, A13)."""

from __future__ import annotations

import contextlib

import pytest

from peers import http
from peers.fastcgi import FcgiConnection
from support.fixtures import PROTOCOLS, Control
from support.holding import HoldingServer
from support.server import APPS, Server, one_each

APP = f"{APPS}/conformance.py:application"
WINDOW = 262_144  # bytes of a streamed body that are read ahead of the application


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_request_that_waits_too_long_is_answered_while_the_thread_is_busy(tmp_path, name):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=1, options=["--queue-timeout", "0.2"]) as server:
        door = server.door(name)
        held = server.hold(door)
        held.wait_running()
        late = door.request("GET", "/quick?id=late")
        assert (late.status, late.complete) == (503, True)
        assert late.header("Retry-After") == "1"
        held.release()
        assert held.exchange.finish().status == 200
        assert server.calls() == [held.ident]


def test_the_request_behind_one_that_waited_too_long_is_answered(tmp_path):
    """A streamed body that nobody reads holds up its connection only until its request is refused."""
    url = f"fastcgi+unix:{tmp_path}/f?stream=1"
    with HoldingServer(tmp_path, [url], threads=1, options=["--queue-timeout", "0.5"]) as server:
        door = server.doors[0]
        held = server.hold(door)
        held.wait_running()
        with FcgiConnection(door.address) as client:
            size = WINDOW + 150_000  # and what is over waits in the socket
            upload = {**door.variables("POST", "/quick?id=upload"), "CONTENT_LENGTH": str(size)}
            client.start(1, upload, b"x" * size)
            client.start(2, door.variables("GET", "/quick?id=behind"))
            assert client.response(1).status == 503
            assert client.response(2).status == 503
        held.release()
        assert held.exchange.finish().status == 200
        assert server.calls() == [held.ident]


@pytest.mark.parametrize("mode", ["", "?stream=1"], ids=["buffered", "stream"])
@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_body_that_stops_arriving_is_refused(tmp_path, name, mode):
    with Server(APP, [url + mode for url in one_each(tmp_path)], options=["--body-timeout", "0.3"]) as server:
        with server.door(name).start("POST", "/mirror", length=100) as upload:
            upload.send(b"half")
            response = upload.finish()
        assert (response.status, response.complete) == (408, True)
        server.log.wait_for("PD0641")
        server.stop()
        assert "PD0401" not in server.log.text  # it was not the application's fault


@pytest.mark.parametrize("mode", ["", "?stream=1"], ids=["buffered", "stream"])
def test_a_chunked_body_past_the_limit_is_refused(tmp_path, mode):
    with Server(APP, [f"http+unix:{tmp_path}/h{mode}"], options=["--body-limit", "1000"]) as server:
        response = server.doors[0].request("POST", "/mirror", body=b"x" * 1001, unknown=True)
        assert (response.status, response.complete) == (413, True)
        server.stop()
        assert "PD0401" not in server.log.text


BEAT_S = 0.02


def drip(upload, piece, pieces):
    """Sends a piece at each beat until the server answers; whether it did before all were sent."""
    for _ in range(pieces):
        upload.send(piece)
        if upload.is_answered(BEAT_S):
            return True
    return False


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """A server without much patience for bodies; its doors by protocol and mode."""
    folder = tmp_path_factory.mktemp("impatient")
    listeners = {
        f"{name}-{mode}": f"{name}+unix:{folder}/{name}-{mode}?stream={int(mode == 'stream')}"
        for name in PROTOCOLS
        for mode in ("buffered", "stream")
    }
    with Server(APP, list(listeners.values()), threads=len(PROTOCOLS), options=["--body-timeout", "0.3"]) as server:
        yield dict(zip(listeners, server.doors, strict=True))


WAYS = [f"{name}-{mode}" for mode in ("buffered", "stream") for name in PROTOCOLS]


@pytest.mark.parametrize("way", WAYS)
def test_a_body_that_drips_in_is_cut_off(impatient, key, way):
    """Less than 500 bytes in a second behind the time of grace, although something comes all the time."""
    with impatient[way].start("POST", f"/absorb?key={key}", length=1_000_000) as upload:
        assert drip(upload, b"x", 500)
        response = upload.finish()
    noted = Control(impatient["http-buffered"]).notes(key, 2 if way.endswith("stream") else 0)
    if way.endswith("stream"):
        assert (noted[0], noted[1][1]) == ("called", True)  # read() raised an OSError
    else:
        assert noted == []
    assert (response.status, response.complete) == (408, True)


def test_a_body_that_is_only_slow_is_taken(impatient):
    """By each way at once, for 0.8 s, so beyond the time of grace."""
    piece = b"x" * 100
    with contextlib.ExitStack() as stack:
        uploads = [stack.enter_context(impatient[way].start("POST", "/digest", length=4000)) for way in WAYS]
        for _ in range(39):
            for upload in uploads:
                upload.send(piece)
            assert not any(upload.is_answered(BEAT_S / len(uploads)) for upload in uploads)
        for upload in uploads:
            upload.send(piece)
            upload.end_body()
        assert [upload.finish().json()[0] for upload in uploads] == [4000] * len(uploads)


def test_an_idle_kept_connection_is_closed(tmp_path):
    with Server(APP, one_each(tmp_path), options=["--idle-timeout", "0.3"]) as server:
        door = server.door("http")
        with http.HttpConnection(door.address) as client:
            assert client.ask("GET", "/arguments").status == 200
            assert client.is_closed()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_who_sends_too_much_still_reads_the_answer(tmp_path, name):
    body = b"x" * 600_000  # more than socket buffers hold, so most of it is on its way when the answer is given
    with Server(APP, one_each(tmp_path), options=["--body-limit", "1000"]) as server:
        response = server.door(name).request("POST", "/mirror", body=body)
        assert (response.status, response.complete) == (413, True)
