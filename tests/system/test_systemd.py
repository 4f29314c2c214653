"""As a service of systemd: passed sockets, notifications, the watchdog, and the stop of a server that nobody uses."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import uuid
from contextlib import ExitStack

import pytest

from peers import http
from peers.door import DOORS
from support.server import APPS
from support.service import Service

QUICK_BEATS = {"WATCHDOG_USEC": "100000"}  # the main thread looks round twenty times a second
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def ask(address):
    with http.HttpConnection(address) as client:
        return json.loads(client.ask("GET", "/").body)


# --- notifications ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_it_tells_when_it_is_ready_and_when_it_stops(tmp_path, kind):
    address = tmp_path / "notify" if kind == "path" else f"@polydoor-{uuid.uuid4().hex}"
    bound = f"http+unix:{tmp_path}/shop.sock"
    with Service(address, ["-b", bound, "--drain-timeout", "7"]) as service:
        name = f"{APPS}/service_app.py:application"
        assert service.told() == ["READY=1", f"STATUS=Serving {name} at {bound}"]
        assert ask(f"{tmp_path}/shop.sock")["pid"] == service.process.pid
        service.stop()
        assert service.told() == ["STOPPING=1", "STATUS=Finishing open requests", "EXTEND_TIMEOUT_USEC=10000000"]
    assert "PD0" not in service.log.text


def test_a_stop_delay_is_told_with_its_time(notify, listening):
    options = ["--stop-delay", "600", "--drain-timeout", "7"]
    with Service(notify, options, sockets=[("", listening)]) as service:
        service.told_first("READY=1")
        service.process.send_signal(signal.SIGTERM)
        waiting = "STATUS=Waiting for load balancers to take notice"
        assert service.told_first("STOPPING=1") == ["STOPPING=1", waiting, "EXTEND_TIMEOUT_USEC=610000000"]
        assert ask(listening.getsockname())["pid"] == service.process.pid
        service.stop()
        assert service.told_first("STOPPING=1")[1:] == [
            "STATUS=Finishing open requests",
            "EXTEND_TIMEOUT_USEC=10000000",
        ]


def test_the_application_finds_nothing_of_systemd(notify, listening):
    env = QUICK_BEATS | {"LISTEN_PIDFDID": "1"}
    with Service(notify, sockets=[("web", listening)], env=env) as service:
        service.told_first("READY=1")
        found = ask(listening.getsockname())
        assert (found["variables"], found["inheritable"]) == ([], [])
        service.stop()


def test_the_watchdog_hears_of_a_live_process(notify, tmp_path):
    with Service(notify, ["-b", f"unix:{tmp_path}/s"], env=QUICK_BEATS) as service:
        service.told_first("READY=1")
        assert [service.told() for _ in range(4)] == [["WATCHDOG=1"]] * 4
        service.stop()


def test_the_watchdog_hears_nothing_while_the_interpreter_is_held(notify, listening):
    app = f"{APPS}/gil_apps.py:application"
    with Service(notify, app=app, sockets=[("", listening)], env=QUICK_BEATS) as service:
        service.told_first("READY=1")
        with socket.create_connection(listening.getsockname()) as client:
            client.sendall(REQUEST.replace(b"/ ", b"/hold ", 1))
            last, longest = time.monotonic(), 0.0
            while longest < 1.5:  # the application holds it for 2 s; else the test's own time limit ends this
                assert service.told() == ["WATCHDOG=1"]
                now = time.monotonic()
                last, longest = now, max(longest, now - last)
            assert client.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
        service.stop()


# --- passed sockets ---------------------------------------------------------------------------------------------------


def test_passed_sockets_are_served_by_their_names(notify, listening, tmp_path):
    with socket.socket(socket.AF_UNIX) as gateway, socket.create_server(("127.0.0.1", 0)) as other:
        gateway.bind(f"{tmp_path}/gateway")
        gateway.listen()
        sockets = [("shop.socket", listening), ("fastcgi-shop", gateway), ("scgi", other)]
        with Service(notify, sockets=sockets) as service:
            service.told_first("READY=1")
            assert ask(listening.getsockname())["pid"] == service.process.pid
            for name, address in (("fastcgi", f"{tmp_path}/gateway"), ("scgi", other.getsockname())):
                assert DOORS[name](address).request("GET", "/").json()["inheritable"] == []
            service.stop()
        assert "PD0" not in service.log.text


def test_addresses_choose_among_them(notify, listening):
    with ExitStack() as stack:
        more = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        sockets = [("web", listening), ("web", more[0]), ("admin", more[1]), ("spare", more[2]), ("", more[3])]
        options = ["-b", "fd://web?mount=/shop", "-b", "fd://5?protocol=scgi"]
        service = stack.enter_context(Service(notify, options, sockets=sockets))
        service.told_first("READY=1")
        for each in (listening, more[0]):
            with http.HttpConnection(each.getsockname()) as client:
                assert json.loads(client.ask("GET", "/shop/").body)["mount"] == "/shop"
        assert DOORS["scgi"](more[1].getsockname()).request("GET", "/").json()["mount"] == ""
        service.stop()
        warned = [line for line in service.log.lines if "PD0232" in line]
        assert [line.partition("the socket ")[2].partition(",")[0] for line in warned] == ["spare", "7"]


def test_other_addresses_leave_passed_sockets_alone(notify, listening, tmp_path):
    with Service(notify, sockets=[("web", listening)], env={"POLYDOOR_BIND": f"unix:{tmp_path}/s"}) as service:
        assert service.told_first("READY=1")[1].endswith(f" at http+unix:{tmp_path}/s")
        service.log.wait_for("polydoor: PD0232: systemd passed the socket web, but no address asks for it")
        service.stop()


def test_a_name_that_was_not_passed_is_an_error(notify, listening):
    with Service(notify, ["-b", "fd://wep"], sockets=[("web", listening)]) as service:
        assert service.process.wait() == 2
        service.log.wait_for("PD0233: no socket of the name 'wep' was passed to this process; passed were: web")


def ask_on(stack, address):
    """A connection on which a request was sent."""
    client = stack.enter_context(socket.create_connection(address))
    client.sendall(REQUEST)
    return client


# --- nobody uses it ---------------------------------------------------------------------------------------------------


def test_idle_stop_ends_with_status_0_and_says_so(notify, listening):
    options = ["--idle-stop", "0.3"]
    with socket.create_connection(listening.getsockname()) as kept:  # an idle connection is nobody
        kept.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        with Service(notify, options, sockets=[("", listening)], env=QUICK_BEATS) as service:
            service.told_first("READY=1")
            assert kept.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
            service.told_first("STOPPING=1")
            service.wait()
            assert kept.recv(4096) == b""
        told = "polydoor: PD0321: no request for 0.3 s: stopping, as --idle-stop asks for"
        assert told in service.log.lines


def test_what_comes_during_the_stop_is_served_by_this_process_or_the_next(notify, listening):
    """The socket stays open outside, as systemd holds it, so that nobody is refused."""
    address = listening.getsockname()
    with ExitStack() as stack:
        first = Service(notify, ["--idle-stop", "0.3"], sockets=[("", listening)], env=QUICK_BEATS)
        stack.enter_context(first)
        first.told_first("READY=1")
        first.told_first("STOPPING=1")
        silent = socket.create_connection(address)  # which keeps the drain going for a second
        with silent:
            clients = [ask_on(stack, address) for _ in range(10)]
            first.wait()
        clients += [ask_on(stack, address) for _ in range(10)]
        second = stack.enter_context(Service(f"{notify}2", sockets=[("", listening)]))
        answers = [b"".join(iter(lambda c=client: c.recv(4096), b"")) for client in clients]
        assert [answer[:17] for answer in answers] == [b"HTTP/1.1 200 OK\r\n"] * 20
        assert str(second.process.pid).encode() in answers[-1]
        second.told_first("READY=1")
        second.stop()


@pytest.mark.parametrize("part", ["head", "body", "application", "response"])
def test_a_request_in_progress_is_no_idleness(notify, tmp_path, listening, part):
    app = f"{APPS}/{'fifo.py:application' if part == 'application' else 'gil_apps.py:application'}"
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    begun = {
        "head": b"GET / HTTP/1.1\r\nHo",
        "body": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx",
        "application": b"GET /hold?id=1&fifo=%s HTTP/1.1\r\nHost: a\r\n\r\n" % os.fsencode(fifo),
        "response": b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
    }
    rest = {"head": b"st: a\r\n\r\n", "body": b"x", "application": b"", "response": b""}
    env = QUICK_BEATS | {"CALLS": f"{tmp_path}/calls"}
    with socket.create_connection(listening.getsockname()) as client:
        client.sendall(begun[part])  # before there is a process, so that it comes in time
        with Service(notify, ["--idle-stop", "0.2"], app=app, sockets=[("", listening)], env=env) as service:
            service.told_first("READY=1")
            # Ten beats, half a second: more than the limit.
            assert [service.told() for _ in range(10)] == [["WATCHDOG=1"]] * 10
            client.sendall(rest[part])
            if part == "application":
                fifo.write_bytes(b"go")
            got = client.recv(100)
            assert got.startswith(b"HTTP/1.1 200 OK\r\n")
            while part == "response" and len(got) < 10_000_000:
                got += client.recv(1 << 20)
            service.told_first("STOPPING=1")
            service.wait()


def test_sigterm_during_an_idle_stop_changes_nothing(notify, listening):
    with ExitStack() as stack:
        stack.enter_context(socket.create_connection(listening.getsockname()))  # silent: the drain waits for it
        service = stack.enter_context(
            Service(notify, ["--idle-stop", "0.2"], sockets=[("", listening)], env=QUICK_BEATS)
        )
        service.told_first("READY=1")
        service.told_first("STOPPING=1")
        service.process.send_signal(signal.SIGTERM)
        service.wait()
