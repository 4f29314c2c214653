"""Health checks are answered by the loop, whatever the application does."""

from __future__ import annotations

import select
import signal

import pytest

from peers import fastcgi, http
from peers.kept import KEPT, keep
from support.fixtures import PROTOCOLS
from support.holding import HoldingServer
from support.scale import scaled
from support.server import APPS, Server, one_each
from support.waiting import eventually

PATH = "/-/health"
OPTIONS = ["--health", PATH, "--queue-limit", "1"]
TEXT = "text/plain; charset=utf-8"


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """Listeners of each protocol: plain, in stream mode, and mounted."""
    folder = tmp_path_factory.mktemp("health")
    listeners = one_each(folder)
    listeners += [f"{name}://127.0.0.1:0?{more}" for more in ("stream=1", "mount=/shop") for name in PROTOCOLS]
    with HoldingServer(folder, listeners, threads=1, options=OPTIONS) as running:
        yield running
        running.stop()


@pytest.fixture(params=range(len(PROTOCOLS)), ids=PROTOCOLS)
def number(request):
    return request.param


def answer_of(response):
    assert response.complete
    return response.status, response.body


@pytest.mark.parametrize("path", [PATH, f"{PATH}/ready", f"{PATH}/live", f"{PATH}/live?x=1"])
def test_a_server_that_is_well_says_ok(calm, number, path):
    for door in calm.doors[number :: len(PROTOCOLS)]:
        response = door.request("GET", path)
        assert answer_of(response) == (200, b"ok\n")
        assert (response.header("Content-Type"), response.header("Cache-Control")) == (TEXT, "no-store")
        assert response.header("Content-Length") == "3"


def test_the_mount_may_stand_before_it(calm, number):
    mounted = calm.doors[2 * len(PROTOCOLS) + number]
    assert answer_of(mounted.request("GET", f"/shop{PATH}/ready")) == (200, b"ok\n")
    assert mounted.request("GET", f"/shopping{PATH}?id=1").body == b"served 1"


def test_head_has_the_head_alone(calm, number):
    for door in calm.doors[number :: len(PROTOCOLS)]:
        response = door.request("HEAD", f"{PATH}/live")
        assert answer_of(response) == (200, b"")
        assert response.header("Content-Length") == "3"


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "DELETE"])
def test_other_methods_are_refused(calm, number, method):
    for door in calm.doors[number :: len(PROTOCOLS)]:
        response = door.request(method, PATH, body=b"x" * 100_000 if method == "POST" else b"")
        assert answer_of(response) == (405, b"method not allowed\n")
        assert response.header("Allow") == "GET, HEAD"


@pytest.mark.parametrize("path", [f"{PATH}/", f"{PATH}/other", f"{PATH}/live/", f"{PATH}live", "/-/Health"])
def test_every_other_path_is_the_applications(calm, number, path):
    assert calm.doors[number].request("GET", f"{path}?id=7").body == b"served 7"


def test_without_the_option_there_is_no_such_path(tmp_path):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=1) as server:
        for door in server.doors:
            assert door.request("GET", f"{PATH}/live?id=7").body == b"served 7"


@pytest.mark.parametrize("stream", [0, len(PROTOCOLS)], ids=["collected", "streamed"])
def test_pipelined_among_other_requests_it_is_answered_in_order(calm, stream):
    with http.HttpConnection(calm.doors[stream].address) as client:
        fields = [("Content-Length", "9")]
        for ident in range(50):
            client.send(
                http.head("GET", f"/quick?id={ident}", [])
                + http.head("GET", PATH, [])
                + (http.head("POST", PATH, fields) + b"GET / HTT")
                + http.head("GET", f"{PATH}/live", [])
            )
        for ident in range(50):
            assert client.read().body == b"served %d" % ident
            assert [client.read().status for _ in range(3)] == [200, 405, 200]


def test_a_kept_fastcgi_connection_is_kept(calm):
    front = calm.doors[1]
    with fastcgi.FcgiConnection(front.address) as client:
        for ident in range(10):
            client.start(1, front.variables("GET", f"{PATH}/ready"))
            assert answer_of(client.response(1)) == (200, b"ok\n")
            client.start(1, front.variables("GET", f"/quick?id={ident}"))
            assert client.response(1).body == b"served %d" % ident


@pytest.mark.parametrize("protocol", KEPT)
def test_a_kept_connection_stays_kept_by_checks_of_each_method(calm, protocol):
    with keep(next(door for door in calm.doors if door.name == protocol)) as kept:
        for method, body in [("GET", b"ok\n"), ("HEAD", b""), ("GET", b"ok\n")]:
            assert answer_of(kept.ask(method, f"{PATH}/ready")) == (200, body)
            assert kept.may_reuse
        assert kept.ask("GET", "/quick?id=3").body == b"served 3"


def test_it_is_answered_while_every_thread_is_busy_and_tells_of_a_full_queue(tmp_path, number):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=1, options=OPTIONS) as server:
        door = server.doors[number]
        held = server.hold(door)
        held.wait_running()
        assert answer_of(door.request("GET", PATH)) == (200, b"ok\n")
        with door.start("GET", "/quick?id=queued") as queued:
            assert eventually(lambda: door.request("GET", PATH).status == 503)
            refused = door.request("GET", f"{PATH}/ready")
            assert answer_of(refused) == (503, b"full\n")
            assert refused.header("Cache-Control") == "no-store"
            assert answer_of(door.request("GET", f"{PATH}/live")) == (200, b"ok\n")
            held.release()
            assert held.exchange.finish().body == b"served held-1"
            assert queued.finish().body == b"served queued"
        assert eventually(lambda: door.request("GET", PATH).status == 200)
        server.stop()
        assert [line.split()[3].partition("?")[0] for line in server.output.lines] == ["/hold", "/quick"]


@pytest.mark.scaled
def test_it_is_answered_while_an_extension_holds_the_gil(tmp_path):
    """Over each protocol, whichever one the request came by that holds it."""
    with Server(f"{APPS}/gil_apps.py:application", one_each(tmp_path), threads=1, options=OPTIONS) as server:
        for count, door in enumerate(server.doors[: scaled(1, len(PROTOCOLS))], 1):
            with door.start("GET", "/hold?700") as held:
                assert server.log.wait_until(lambda lines, n=count: "\n".join(lines).count("holding") == n)
                answers = [answer_of(other.request("GET", PATH)) for other in server.doors]
                is_still_held = not select.select([held.wire.sock], [], [], 0)[0]
                assert answers == [(200, b"ok\n")] * len(PROTOCOLS)
                assert is_still_held
                assert held.finish().body == b"here"


def test_a_server_that_drains_says_so_on_connections_that_it_has(tmp_path, number):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=1, options=OPTIONS) as server:
        door = server.doors[number]
        held = server.hold(door)
        held.wait_running()
        begun = []
        for path in (PATH, f"{PATH}/ready", f"{PATH}/live"):
            exchange = door.exchange("GET", 0)
            data = door.head("GET", path, [], 0) + exchange.tail()
            exchange.wire.send(data[:20])
            begun.append((exchange, data[20:]))
        server.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: not door.is_open())
        answers = []
        for exchange, rest in begun:
            exchange.wire.send(rest)
            answers.append(answer_of(exchange.finish()))
        assert answers == [(503, b"draining\n"), (503, b"draining\n"), (200, b"ok\n")]
        held.release()
        assert held.exchange.finish().body == b"served held-1"
        server.wait()
