"""SIGTERM and SIGINT: what was accepted is served, then the process ends with status 0."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from peers import fastcgi, http
from support.fixtures import PROTOCOLS
from support.holding import HoldingServer
from support.server import one_each
from support.waiting import eventually

SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("number", SIGNALS)
def test_an_idle_server_ends_at_once(tmp_path, number):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=2) as server:
        assert server.doors[0].request("GET", "/quick?id=1").body == b"served 1"
        server.stop(number)
    assert [line.split()[3] for line in server.output.lines] == ["/quick?id=1"]


def test_a_server_that_never_served_ends_at_once(tmp_path):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=4) as server:
        server.stop()


def test_idle_kept_connections_do_not_delay_the_end(tmp_path):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=2) as server:
        web, front, *_ = server.doors
        with http.HttpConnection(web.address) as client, fastcgi.FcgiConnection(front.address) as kept:
            assert client.ask("GET", "/quick?id=1").body == b"served 1"
            kept.start(1, front.variables("GET", "/quick?id=2"))
            assert kept.response(1).body == b"served 2"
            server.stop()
            assert kept.is_closed()
            assert client.is_closed()


@pytest.mark.parametrize("number", SIGNALS)
def test_requests_in_the_application_are_finished(tmp_path, number):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=len(PROTOCOLS)) as server:
        held = [server.hold(door) for door in server.doors]
        for one in held:
            one.wait_running()
        server.process.send_signal(number)
        assert eventually(lambda: not server.doors[0].is_open())
        for one in held:
            one.release()
        for one in held:
            response = one.exchange.finish()
            assert (response.body, response.complete) == (f"served {one.ident}".encode(), True)
        server.wait()


def test_thirty_requests_queued_or_in_flight_are_served(tmp_path):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=2) as server:
        held = [server.hold(server.doors[number % len(PROTOCOLS)]) for number in range(2)]
        for one in held:
            one.wait_running()
        queued = [server.doors[n % len(PROTOCOLS)].start("GET", f"/quick?id=queued-{n}") for n in range(28)]
        server.process.send_signal(signal.SIGTERM)
        for one in held:
            one.release()
        bodies = [one.exchange.finish().body for one in held] + [one.finish().body for one in queued]
        server.wait()
    expected = [b"served held-1", b"served held-2"] + [f"served queued-{n}".encode() for n in range(28)]
    assert bodies == expected


def test_unix_socket_files_are_removed(tmp_path):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=2) as server:
        path = server.doors[1].address
        assert Path(path).is_socket()
        server.stop()
    assert not Path(path).exists()


def test_a_half_sent_request_does_not_hold_the_end_for_ever(tmp_path):
    options = ["--drain-timeout", "1"]
    with HoldingServer(tmp_path, one_each(tmp_path), threads=2, options=options) as server:
        opened = [door.start("POST", "/quick?id=1", length=100) for door in server.doors]
        for exchange in opened:
            exchange.send(b"half")
        server.stop()
        for exchange in opened:
            assert exchange.finish().complete is False or exchange.response.status >= 400
    assert server.calls() == []


def test_a_second_sigterm_changes_nothing(tmp_path):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=1) as server:
        held = server.hold(server.doors[0])
        held.wait_running()
        server.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: not server.doors[0].is_open())
        server.process.send_signal(signal.SIGTERM)
        held.release()
        assert held.exchange.finish().complete
        server.wait()


def test_the_first_sigint_drains_and_the_second_stops_at_once(tmp_path):
    options = ["--drain-timeout", "600"]
    with HoldingServer(tmp_path, one_each(tmp_path), threads=len(PROTOCOLS), options=options) as server:
        held = [server.hold(door) for door in server.doors]
        for one in held:
            one.wait_running()
        server.process.send_signal(signal.SIGINT)
        server.log.wait_for("SIGINT: finishing open requests, for at most 600 s; Ctrl-C again stops at once")
        assert eventually(lambda: not server.doors[0].is_open())
        held[0].release()
        assert held[0].exchange.finish().complete
        server.process.send_signal(signal.SIGINT)
        server.wait()
        assert "polydoor: PD0305: stopping at once; what is not finished is cut" in server.log.lines
        for one in held[1:]:
            assert not one.exchange.finish().complete
