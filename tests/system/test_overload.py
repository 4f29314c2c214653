"""More comes in than can be served (issue 5; peers.md 6.3): who has left is not run, who waits too long is told so,
accepting pauses without spinning, and everything is as before when the load has gone."""

from __future__ import annotations

import os
import resource
import select
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from peers import fastcgi, http
from peers.wire import Wire
from support.best import best
from support.fixtures import PROTOCOLS
from support.history import HISTORY_APP, REFUSED, SERVED, History, left, refused
from support.holding import HoldingServer
from support.offer import Offer
from support.scale import scaled
from support.server import APPS, Server, one_each
from support.waiting import eventually

TICKS = os.sysconf("SC_CLK_TCK")
PLAIN_APP = f"{APPS}/trivial.py:app"


# --- peers that have left ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROTOCOLS)
def test_nobody_runs_for_impatient_clients_that_have_left(tmp_path, name):
    """60 clients at once, each leaves after 0.5 s; 2 threads, 0.2 s of work; then a new client comes."""
    history = History(tmp_path)
    with Server(HISTORY_APP, one_each(tmp_path), threads=2, env=history.env) as server:
        door = server.door(name)

        def crowd():
            waiting = [history.start(door, sleep=0.2) for _ in range(60)]
            threading.Event().wait(max(0.0, waiting[-1].record.sent + 0.5 - time.monotonic()))
            for asked in waiting:
                asked.leave()
            after = history.ask(door)
            return history.runs()[after.ident].begin[0] - after.sent

        assert best(crowd, 0.2) <= 0.2
    history.judge(left("impatient", within=0.1, at_least=60))


@pytest.fixture(params=["", "?half-close=serve"], ids=["drop", "serve"])
def half_closing(request, tmp_path):
    """A server whose only thread is taken, that drops or serves who half-closes."""
    listeners = [url + request.param for url in one_each(tmp_path)]
    with HoldingServer(tmp_path, listeners, threads=1) as server:
        held = server.hold(server.doors[0])
        held.wait_running()
        yield server, held, bool(request.param)


def test_who_half_closes_while_waiting_is_dropped_at_once_or_served(half_closing):
    server, held, serves = half_closing
    waiting = [door.start("GET", f"/quick?id={door.name}") for door in server.doors]
    for exchange in waiting:
        exchange.wire.half_close()
    if not serves:
        ended = [exchange.finish() for exchange in waiting]  # while the thread is still taken
        assert [(response.status, response.body) for response in ended] == [(0, b"")] * len(waiting)
    else:
        threading.Event().wait(0.3)  # longer than somebody who may have left is given
        assert select.select([exchange.wire.sock for exchange in waiting], [], [], 0)[0] == []
    held.release()
    assert held.exchange.finish().status == 200
    if serves:
        assert [exchange.finish().body for exchange in waiting] == [f"served {name}".encode() for name in PROTOCOLS]
    assert sorted(server.calls()) == sorted([held.ident, *(PROTOCOLS if serves else [])])


@pytest.mark.parametrize("how", ["close", "reset", "abort"])
def test_who_leaves_makes_room_in_the_queue_at_once(tmp_path, how):
    options = ["--queue-limit", "1", "--health", "/health"]
    with HoldingServer(tmp_path, one_each(tmp_path), threads=1, options=options) as server:
        held = server.hold(server.doors[0])
        held.wait_running()

        def is_full():
            return server.doors[0].request("GET", "/health/ready").status == 503

        for door in server.doors if how != "abort" else [server.door("fastcgi")]:
            with door.start("GET", "/quick?id=gone") as leaver:
                assert eventually(is_full)
                if how == "abort":
                    leaver.wire.send(fastcgi.record(fastcgi.ABORT, 1))
                else:
                    getattr(leaver.wire, how)()
                assert eventually(lambda: not is_full())
        held.release()
        assert held.exchange.finish().status == 200
        assert server.calls() == [held.ident]


# --- waiting too long -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "status", "retry"),
    [([], 503, "1"), (["--retry-after", "17"], 503, "17"), (["--queue-timeout-status", "504"], 504, None)],
    ids=["default", "retry-after", "504"],
)
def test_what_a_request_that_waits_too_long_is_answered(tmp_path, options, status, retry):
    options = ["--queue-timeout", "0.2", *options]
    with HoldingServer(tmp_path, one_each(tmp_path), threads=1, options=options) as server:
        held = server.hold(server.doors[0])
        held.wait_running()
        late = [door.start("GET", "/quick?id=late") for door in server.doors]
        for response in (exchange.finish() for exchange in late):
            assert (response.status, response.header("Retry-After"), response.complete) == (status, retry, True)
        server.log.wait_for("PD0553")
        held.release()
        assert held.exchange.finish().status == 200
        assert server.calls() == [held.ident]


def test_retry_after_tells_how_long_the_queue_takes(tmp_path):
    options = ["--queue-limit", "40", "--health", "/health"]
    with HoldingServer(tmp_path, one_each(tmp_path), threads=1, options=options) as server:
        door = server.doors[0]
        long = server.hold(door)
        long.wait_running()
        threading.Event().wait(1.2)
        long.release()
        assert long.exchange.finish().status == 200  # the average has the eighth part of it
        held = server.hold(door)
        held.wait_running()
        with ExitStack() as crowd:
            for _ in range(40):
                crowd.enter_context(door.start("GET", "/quick?id=gone"))
            assert eventually(lambda: door.request("GET", "/health/ready").status == 503)
            response = door.request("GET", "/quick?id=refused")
        assert response.status == 503
        assert 6 <= int(response.header("Retry-After") or 0) <= 30  # 40 times that
        held.release()
        assert held.exchange.finish().status == 200


STAMPS = [
    ("t={:.3f}", 1, -10, 503),  # nginx: t=${msec}, seconds
    ("{:.0f}", 1000, -10, 503),  # Heroku: milliseconds
    ("t={:.0f}", 1_000_000, -10, 503),  # Apache: t=%t, microseconds
    ("t={:.3f}", 1, -1, 200),  # not too long yet
    ("t={:.3f}", 1, 100, 200),  # another clock: from the future
    ("t={:.3f}", 1, -3700, 200),  # ... or older than an hour
    ("yesterday", 1, 0, 200),
]


@pytest.fixture(scope="module")
def stamped(tmp_path_factory):
    """A server that believes X-Request-Start, and an HTTP door that does not."""
    folder = tmp_path_factory.mktemp("stamped")
    options = {"http": "?trust-forwarded=127.0.0.1&forwarded=for,proto,start"}
    listeners = [url + options.get(url.partition(":")[0], "?forwarded=start") for url in one_each(folder)]
    listeners.append(f"http+unix:{folder}/plain?forwarded=start")
    with HoldingServer(folder, listeners, threads=1, options=["--queue-timeout", "5"]) as server:
        yield server


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_time_at_the_front_end_counts(stamped, name):
    for form, scale, seconds, status in STAMPS:
        stamp = form.format((time.time() + seconds) * scale)
        response = stamped.door(name).request("GET", "/quick?id=a", [("X-Request-Start", stamp)])
        assert (stamp, response.status) == (stamp, status)


def test_nobody_is_believed_about_the_time_who_is_not_listed(stamped):
    stamp = ("X-Request-Start", f"t={time.time() - 10:.3f}")
    assert stamped.doors[-1].request("GET", "/quick?id=a", [stamp]).status == 200


def test_a_request_that_waited_elsewhere_is_refused_before_older_ones(stamped):
    held = stamped.hold(stamped.doors[0])
    held.wait_running()
    fresh = stamped.door("scgi").start("GET", "/quick?id=fresh")
    begin = time.monotonic()
    stamp = ("X-Request-Start", f"t={time.time() - 4.7:.3f}")
    assert stamped.door("scgi").request("GET", "/quick?id=old", [stamp]).status == 503
    assert time.monotonic() - begin < 4  # rather than 5 s
    held.release()
    assert held.exchange.finish().status == 200
    assert fresh.finish().body == b"served fresh"
    assert "old" not in stamped.calls()


# --- the order --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["oldest-first", "newest-first"])
def test_the_order_of_the_queue(tmp_path, order):
    options = ["--queue-order", order, "--queue-limit", "5", "--health", "/health"]
    with HoldingServer(tmp_path, one_each(tmp_path), threads=1, options=options) as server:
        held = server.hold(server.doors[0])
        held.wait_running()
        waiting = []
        for door in server.doors:
            waiting.append(door.start("GET", f"/quick?id={door.name}"))
            assert door.request("GET", "/health/live").status == 200  # so the loop has seen what came before
        sixth = server.doors[0].start("GET", "/quick?id=sixth")
        if order == "oldest-first":
            refusal, taken, ids = sixth, waiting, list(PROTOCOLS)
        else:
            refusal, taken, ids = waiting[0], [*waiting[1:], sixth], ["sixth", *reversed(PROTOCOLS[1:])]
        refused_one = refusal.finish()
        assert (refused_one.status, refused_one.header("Retry-After")) == (503, "1")
        held.release()
        assert held.exchange.finish().status == 200
        assert {exchange.finish().status for exchange in taken} == {200}
        assert server.calls() == [held.ident, *ids]


def test_newest_first_expires_the_oldest_in_time(tmp_path):
    options = ["--queue-order", "newest-first", "--queue-timeout", "0.3"]
    with HoldingServer(tmp_path, one_each(tmp_path), threads=1, options=options) as server:
        held = server.hold(server.doors[0])
        held.wait_running()
        for response in [exchange.finish() for exchange in [d.start("GET", "/quick?id=x") for d in server.doors]]:
            assert (response.status, response.complete) == (503, True)
        held.release()
        assert held.exchange.finish().status == 200
        assert server.calls() == [held.ident]


# --- connections and descriptors --------------------------------------------------------------------------------------


def cpu_seconds(pid):
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


LOW = (
    "import resource, sys, polydoor.cli as c; resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)); sys.exit(c.main())"
)


@pytest.mark.parametrize("start", [("-c", LOW), ("-m", "polydoor")], ids=["start", "later"])
def test_too_many_idle_connections_cost_nothing_and_are_got_over(tmp_path, start):
    """120 connections that send nothing, where there may be 40 descriptors, or hardly more than are open."""
    with Server(PLAIN_APP, one_each(tmp_path), start=start) as server:
        if start[0] == "-m":
            own = max(int(fd.name) for fd in Path(f"/proc/{server.pid}/fd").iterdir())
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (own + 15, own + 15))
        with ExitStack() as crowd:
            for number in range(120):
                crowd.enter_context(Wire(server.doors[number % 5].address))
            server.log.wait_for("PD0221")
            began, used = time.monotonic(), cpu_seconds(server.pid)
            threading.Event().wait(2)
            passed = time.monotonic() - began
            used = cpu_seconds(server.pid) - used
            lines = sum("PD022" in line for line in server.log.lines)
        gone = time.monotonic()
        assert [door.request("GET", "/").status for door in server.doors] == [200] * 5
        assert time.monotonic() - gone <= 1
        assert used <= 0.02 * passed + 1 / TICKS
        assert lines <= passed


def test_idle_connections_make_room_for_new_ones(tmp_path):
    with Server(PLAIN_APP, one_each(tmp_path), options=["--max-connections", "5"]) as server:
        door = server.door("http")
        with ExitStack() as stack:
            kept = [stack.enter_context(http.HttpConnection(door.address)) for _ in range(5)]
            assert [client.ask("GET", "/").status for client in kept] == [200] * 5
            for one in server.doors:
                assert one.request("GET", "/").status == 200  # although five idle ones go on being open
            assert kept[0].is_closed()
            server.log.wait_for("PD0223")


def test_who_has_a_request_under_way_is_not_sent_away(tmp_path):
    with HoldingServer(tmp_path, one_each(tmp_path), threads=2, options=["--max-connections", "2"]) as server:
        held = [server.hold(server.doors[0]) for _ in range(2)]
        for one in held:
            one.wait_running()
        last = server.doors[1].start("GET", "/quick?id=last")
        server.log.wait_for("PD0223")
        assert not last.is_answered(1.2)  # longer than an idle connection would have been left alone
        held[0].release()
        assert held[0].exchange.finish().status == 200
        assert last.finish().body == b"served last"
        held[1].release()
        assert held[1].exchange.finish().status == 200


# --- more than can be served, all the time ----------------------------------------------------------------------------

WORK_S = 0.02
LIMIT_S = 0.3


@pytest.mark.scaled
@pytest.mark.parametrize("order", ["oldest-first", "newest-first"])
def test_twice_the_capacity_keeps_goodput_and_refuses_in_time(tmp_path, order):
    seconds = scaled(2, 60)
    options = ["--queue-timeout", str(LIMIT_S), "--queue-order", order]

    def offer():
        """How far this round was from what was promised: 0 when it kept to all of it."""
        history = History(tmp_path)
        with Server(HISTORY_APP, one_each(tmp_path), threads=2, options=options, env=history.env) as server:
            alone = Offer(history).run(server.doors, 150, 1, sleep=WORK_S)  # all threads are busy: what they can do
            capacity = sum(record.outcome == SERVED for record in alone if record.ended < alone[0].sent + 1)
            offered = Offer(history)
            crowd = offered.run(server.doors, 2 * capacity, seconds, sleep=WORK_S)
            over = time.monotonic()
            after = history.ask(server.doors[0], sleep=WORK_S)
            assert after.outcome == SERVED
        history.judge(refused("waited too long", 503, at_least=seconds * capacity // 2))
        waits = [record.ended - record.sent for record in crowd if record.outcome == REFUSED]
        begin, parts = crowd[0].sent, []
        for second in range(seconds):
            ends = [r.ended - begin - second for r in crowd if r.outcome == SERVED]
            parts.append(sum(0 <= end < 1 for end in ends))
        parts[0] += int(WORK_S * capacity)  # before the first answer can be there
        return max(
            0.9 * capacity - min(parts),
            max(waits) - (LIMIT_S + 0.05 + offered.late),  # what held up this client may have held up the server
            after.ended - over - 0.2,
            0,
        )

    assert best(offer, 0, seconds=40) == 0
