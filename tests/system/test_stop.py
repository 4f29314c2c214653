"""SIGTERM and SIGINT: what was accepted is served, then the process ends with status 0; SIGQUIT cuts, and says what."""

from __future__ import annotations

import random
import signal
import threading
import time
from pathlib import Path

import pytest

from peers import fastcgi, http
from peers.kept import KEPT, keep
from support.fixtures import PROTOCOLS
from support.history import HISTORY_APP, History, cut, not_listening, refused
from support.holding import HoldingServer
from support.scale import scaled
from support.server import PATIENCE, Server, one_each
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


# --- nothing is lost --------------------------------------------------------------------------------------------------


@pytest.fixture
def history(tmp_path):
    return History(tmp_path)


def serve(folder, history, threads, *options, listeners=None):
    return Server(HISTORY_APP, listeners or one_each(folder), threads=threads, options=options, env=history.env)


@pytest.mark.parametrize("number", range(len(PROTOCOLS)), ids=PROTOCOLS)
def test_all_of_thirty_requests_of_a_protocol_are_served_by_two_threads(tmp_path, history, number):
    with serve(tmp_path, history, 2, listeners=[one_each(tmp_path)[number]]) as server:
        asked = [history.start(server.doors[0], sleep=0.02) for _ in range(30)]
        assert eventually(lambda: len(history.runs()) >= 2)
        server.process.send_signal(signal.SIGTERM)
        for one in asked:
            one.finish()
        server.wait()
    assert history.judge().served == 30


def test_what_waits_in_the_backlog_is_served(tmp_path, history):
    with serve(tmp_path, history, 2) as server:
        server.process.send_signal(signal.SIGSTOP)
        asked = [history.start(door, size=100) for door in server.doors for _ in range(8)]
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGCONT)
        for one in asked:
            one.finish()
        server.wait()
    assert history.judge().served == 40


def test_what_waits_in_the_backlog_for_a_place_is_served(tmp_path, history):
    with serve(tmp_path, history, 1, "--max-connections", "3") as server:
        asked = [history.start(door, sleep=0.005) for _ in range(4) for door in server.doors]
        server.process.send_signal(signal.SIGTERM)
        for one in asked:
            one.finish()
        server.wait()
    assert history.judge().served == 20


@pytest.mark.scaled
def test_a_stop_under_load_loses_nothing(tmp_path, history):
    """Clients that ask without a pause and never twice: on kept connections where the protocol has them."""
    chance = random.Random(5)
    for _ in range(scaled(2, 100)):
        with serve(tmp_path, history, 2, listeners=[*one_each(tmp_path), "fastcgi://127.0.0.1:0"]) as server:
            clients = [
                threading.Thread(target=history.keep_asking, args=(door, lambda: False), kwargs={"size": 100})
                for door in server.doors
                for _ in range(2)
            ]
            for client in clients:
                client.start()
            time.sleep(chance.uniform(0.02, 0.2))  # the moment is what is tested
            server.process.send_signal(signal.SIGTERM)
            stopped = time.monotonic()
            server.wait()
            for client in clients:
                client.join(PATIENCE)
                assert not client.is_alive()
        verdict = history.judge(not_listening("stopped", at_least=len(clients), since=stopped))
        assert verdict.served >= len(clients)
        history = History(tmp_path)


# --- the stop delay ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", SIGNALS)
def test_during_the_stop_delay_it_serves_on_and_says_that_it_ends(tmp_path, history, number):
    options = ["--stop-delay", "600", "--health", "/up", "--drain-timeout", "7"]
    with serve(tmp_path, history, 2, *options) as server:
        idle = [keep(door) for door in server.doors if door.name in KEPT]
        for kept in idle:
            history.ask_kept(kept)
            assert kept.may_reuse
        assert [door.request("GET", "/up").status for door in server.doors] == [200] * len(PROTOCOLS)
        server.process.send_signal(signal.SIGTERM)
        server.log.wait_for("SIGTERM: not ready any more, serving on for 600 s; a second signal ends that")
        for door in server.doors:
            told = [door.request("GET", f"/up{below}") for below in ("", "/ready", "/live")]
            assert [(one.status, one.body) for one in told] == [(503, b"draining\n")] * 2 + [(200, b"ok\n")]
            assert history.ask(door).outcome == "served"
        for kept in idle:
            assert history.ask_kept(kept).outcome == "served"
            assert eventually(kept.is_ended)
            kept.close()
        server.process.send_signal(number)
        server.log.wait_for(f"{number.name}: finishing open requests, for at most 7 s")
        server.wait()
    assert history.judge().served == 2 * len(idle) + len(PROTOCOLS)


def test_the_stop_delay_ends_by_itself(tmp_path):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=2, options=["--stop-delay", "0.2"]) as server:
        held = server.hold(server.doors[0])
        held.wait_running()
        server.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert server.doors[2].request("GET", "/quick?id=1").body == b"served 1"
        assert eventually(lambda: not server.doors[2].is_open())
        assert time.monotonic() - begun >= 0.2
        held.release()
        assert held.exchange.finish().complete
        server.wait()


def test_sigint_waits_for_no_stop_delay(tmp_path):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=2, options=["--stop-delay", "600"]) as server:
        server.stop(signal.SIGINT)


# --- what is cut ------------------------------------------------------------------------------------------------------


HEALTH = ["--health", "/up"]


def all_is_read(server):
    """Listeners give out connections in order, and the engine answers this one: it has read what came before."""
    return all(door.request("GET", "/up/live").status == 200 for door in server.doors)


def lines_of(server, code):
    return [line for line in server.log.lines if code in line]


@pytest.mark.parametrize("state", ["serving", "delaying", "draining"])
def test_sigquit_cuts_and_tells_what(tmp_path, history, state):
    options = ["--stop-delay", "600"] if state == "delaying" else []
    with serve(tmp_path, history, 2, *HEALTH, *options) as server:
        running = [history.start(door, sleep=30) for door in server.doors[:2]]
        assert eventually(lambda: len(history.runs()) == 2)
        queued = [history.start(door) for door in server.doors]
        arriving = [door.start("POST", "/run?id=never", length=100) for door in server.doors]
        assert all_is_read(server)
        if state != "serving":
            server.process.send_signal(signal.SIGTERM)
            server.log.wait_for("SIGTERM: ")
        pressed = time.monotonic()
        server.process.send_signal(signal.SIGQUIT)
        records = [one.finish() for one in running + queued]
        assert [record.status for record in records] == [0, 0] + [503] * len(PROTOCOLS)
        assert not any(exchange.finish().complete for exchange in arriving)
        server.wait()
    assert "polydoor: PD0305: stopping at once; what is not finished is cut" in server.log.lines
    told = f"2 in the application, {len(PROTOCOLS)} queued, {len(PROTOCOLS)} arriving, 0 with a response on its way"
    assert lines_of(server, "PD0317") == [f"polydoor: PD0317: the server stops and cuts 12 requests: {told}"]
    lines = lines_of(server, "PD0316")
    assert len(lines) == 12
    assert sum("is cut off in the application, as the server stops; " in line for line in lines) == 2
    assert sum("; request GET /run; id " in line for line in lines) == 2 + len(PROTOCOLS)
    history.judge(
        cut("SIGQUIT", since=pressed, at_least=2, at_most=2, may_stay_open=True),
        refused("SIGQUIT, queued", 503, since=pressed),
    )


def test_of_many_that_are_cut_some_are_named_and_all_are_counted(tmp_path):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=1, options=HEALTH) as server:
        arriving = [server.doors[0].start("POST", "/quick?id=1", length=100) for _ in range(33)]
        assert all_is_read(server)
        server.stop(signal.SIGQUIT)
        assert not any(exchange.finish().complete for exchange in arriving)
    assert len(lines_of(server, "PD0316")) == 20
    assert "cuts 33 requests: 0 in the application, 0 queued, 33 arriving" in lines_of(server, "PD0317")[0]


def test_an_idle_server_that_is_quit_has_nothing_to_tell(tmp_path):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=1) as server, keep(server.doors[0]) as kept:
        assert kept.ask("GET", "/quick?id=1").body == b"served 1"
        server.stop(signal.SIGQUIT)
    assert lines_of(server, "PD031") == []


def test_the_end_of_the_drain_timeout_cuts_and_tells_what(tmp_path, history):
    with serve(tmp_path, history, 1, "--drain-timeout", "0.3") as server:
        running = history.start(server.doors[0], sleep=30)
        assert eventually(lambda: len(history.runs()) == 1)
        queued = [history.start(door) for door in server.doors]
        server.process.send_signal(signal.SIGTERM)
        stopped = time.monotonic()
        assert running.finish().status == 0
        assert [one.finish().status for one in queued] == [503] * len(PROTOCOLS)
        server.wait()
    assert "cuts 6 requests: 1 in the application, 5 queued, 0 arriving" in lines_of(server, "PD0317")[0]
    history.judge(cut("drain", since=stopped, may_stay_open=True), refused("drain", 503, since=stopped + 0.29))
