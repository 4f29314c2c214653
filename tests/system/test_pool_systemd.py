"""Workers below a supervisor as a service of systemd: what it is told, the sockets it passes, and nobody who asks."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

from peers import http
from support.service import Service
from support.waiting import eventually

QUICK_BEATS = {"WATCHDOG_USEC": "100000"}
SLOW_BEATS = {"WATCHDOG_USEC": "400000"}
APP = "import json, os\ndef app(environ, start_response):\n    start_response('200 OK', [])\n    return [{body}]\n"
PID = "b'%d' % os.getpid()"


def ask(address):
    with http.HttpConnection(address) as client:
        return client.ask("GET", "/").body


def workers(service):
    pid = service.process.pid
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def test_it_tells_of_start_reload_and_end(notify, tmp_path):
    shop = tmp_path / "shop.py"
    shop.write_text(APP.format(body=PID))
    bound = f"http+unix:{tmp_path}/shop.sock"
    options = ["-b", bound, "-w", "2", "--drain-timeout", "7"]
    with Service(notify, options, app=f"{shop}:app") as service:
        serving = f"STATUS=Serving {shop}:app at {bound}"
        assert service.told() == ["READY=1", serving]
        before = ask(f"{tmp_path}/shop.sock")
        asked = time.monotonic_ns() // 1000
        service.process.send_signal(signal.SIGHUP)
        first, status, moment = service.told()
        assert (first, status) == ("RELOADING=1", "STATUS=Loading the application anew")
        name, _, microseconds = moment.partition("=")
        assert name == "MONOTONIC_USEC"
        assert asked <= int(microseconds) <= time.monotonic_ns() // 1000
        assert service.told() == ["READY=1", serving]
        assert eventually(lambda: ask(f"{tmp_path}/shop.sock") != before)  # until they hear it, old workers accept
        shop.write_text("raise RuntimeError('broken')")
        service.process.send_signal(signal.SIGHUP)
        assert service.told()[0] == "RELOADING=1"
        ready, status = service.told()
        assert ready == "READY=1"
        assert status.startswith("STATUS=The reload changed nothing: ")
        service.stop()
        assert service.told() == ["STOPPING=1", "STATUS=Finishing open requests", "EXTEND_TIMEOUT_USEC=13000000"]


def test_one_end_for_reloads_that_are_asked_for_during_one(notify, tmp_path, listening):
    """Who waits for the second must not take the end of the first for its own."""
    fifo, shop = tmp_path / "fifo", tmp_path / "shop.py"
    os.mkfifo(fifo)
    good = APP.format(body=PID)
    shop.write_text(good)
    with Service(notify, ["-w", "1"], app=f"{shop}:app", sockets=[("", listening)]) as service:
        assert service.told()[0] == "READY=1"
        shop.write_text(f"open({str(fifo)!r}).read()\n{good}")
        for _ in range(2):
            service.process.send_signal(signal.SIGHUP)
            assert service.told()[0] == "RELOADING=1"
        for done in (1, 2):  # both successors wait for somebody to write there
            fifo.write_text("go")
            assert service.log.wait_until(lambda lines: sum("reloaded: " in line for line in lines) == done)  # noqa: B023
        assert service.told()[0] == "READY=1"
        service.stop()
        assert service.told()[0] == "STOPPING=1"


def test_the_watchdog_hears_of_the_supervisor_while_it_turns(notify, listening):
    with Service(notify, ["-w", "1"], sockets=[("", listening)], env=QUICK_BEATS) as service:
        service.told_first("READY=1")
        assert [service.told() for _ in range(4)] == [["WATCHDOG=1"]] * 4
        service.process.send_signal(signal.SIGSTOP)
        assert eventually(lambda: Path(f"/proc/{service.process.pid}/stat").read_text().split()[2] == "T")
        while select.select([service.notifications], [], [], 0)[0]:  # those that were on their way
            service.told()
        assert not select.select([service.notifications], [], [], 0.3)[0]
        assert json.loads(ask(listening.getsockname()))["pid"] == workers(service)[0]
        service.process.send_signal(signal.SIGCONT)
        assert service.told() == ["WATCHDOG=1"]
        service.stop()


def test_passed_sockets_are_served_by_workers_and_survive_them(notify, listening, tmp_path):
    with socket.socket(socket.AF_UNIX) as gateway:
        gateway.bind(f"{tmp_path}/gateway")
        gateway.listen()
        sockets = [("shop", listening), ("http-2", gateway)]
        with Service(notify, ["-w", "2"], sockets=sockets) as service:
            assert service.told()[0] == "READY=1"
            for address in (listening.getsockname(), f"{tmp_path}/gateway"):
                found = json.loads(ask(address))
                assert found["pid"] in workers(service)
                assert (found["variables"], found["inheritable"]) == ([], [])
            service.process.send_signal(signal.SIGHUP)
            assert service.told()[0] == "RELOADING=1"
            assert service.told()[0] == "READY=1"
            assert json.loads(ask(listening.getsockname()))["pid"] in workers(service)
            service.stop()
        with ExitStack() as stack:
            client = stack.enter_context(socket.create_connection(listening.getsockname()))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")  # who comes between two starts waits for the next
            second = stack.enter_context(Service(f"{notify}2", ["-w", "1"], sockets=sockets))
            assert second.told()[0] == "READY=1"
            assert client.recv(4096).startswith(b"HTTP/1.1 200 OK")
            second.stop()


def test_an_idle_service_stays_without_a_worker_and_does_not_restart(notify, listening):
    options = ["-w", "0:1", "--idle-stop", "0.3"]
    with Service(notify, options, sockets=[("", listening)], env=SLOW_BEATS) as service:
        service.told_first("READY=1")
        assert eventually(lambda: not workers(service))
        with socket.create_connection(listening.getsockname()):
            pass  # who connects and says nothing starts a worker, and keeps none
        assert eventually(lambda: workers(service))
        assert eventually(lambda: not workers(service))
        assert [service.told() for _ in range(5)] == [["WATCHDOG=1"]] * 5
        assert not workers(service)
        assert json.loads(ask(listening.getsockname()))["pid"] in workers(service)
        assert service.process.poll() is None
        service.stop()
        service.told_first("STOPPING=1")
    assert service.log.text.count("serving") == 1
