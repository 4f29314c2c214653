"""What is made of systemd's variables; the datagrams of a whole server are in tests/system/test_systemd.py."""

import os
import socket

import pytest

from polydoor.settings.load import load
from polydoor.worker import idle
from polydoor.worker.extras import VARIABLES
from polydoor.worker.idle import IdleWatch
from polydoor.worker.systemd import Service


@pytest.fixture
def notify(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(f"{tmp_path}/notify")
        made.setblocking(False)
        yield made


@pytest.fixture
def service_of():
    """Makes services, and closes them."""
    made = []

    def make(**environ):
        made.append(Service(environ))
        return made[-1]

    yield make
    for service in made:
        service.close()


def told(notify):
    datagrams = []
    while True:
        try:
            datagrams.append(notify.recv(4096).decode("utf-8", "surrogateescape"))
        except BlockingIOError:
            return datagrams


def test_variables_are_taken_away_and_no_others():
    environ = dict.fromkeys(VARIABLES, "") | {"LISTEN_ADDRESS": "::1", "NOTIFY_USERS": "1", "WATCHDOG_NAME": "rex"}
    Service(environ)
    assert sorted(environ) == ["LISTEN_ADDRESS", "NOTIFY_USERS", "WATCHDOG_NAME"]


@pytest.mark.parametrize(
    ("environ", "half_ms"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15_000),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15_000),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0),
        ({"WATCHDOG_USEC": "soon"}, 0),
        ({}, 0),
    ],
)
def test_watchdog_is_ours_or_nobodys(environ, half_ms):
    assert Service(environ).watchdog_ms == half_ms


def test_watchdog_is_told_before_half_of_its_time_is_over(notify, monkeypatch, service_of):
    now = 100.0
    monkeypatch.setattr("polydoor.worker.systemd.time.monotonic", lambda: now)
    service = service_of(NOTIFY_SOCKET=notify.getsockname(), WATCHDOG_USEC="7000000")
    service.ready("")
    assert told(notify) == ["READY=1"]
    beats = []
    for second in range(1, 8):
        now = 100.0 + second
        service.beat(1000)
        beats += [second] * len(told(notify))
    assert beats == [3, 6]


def test_watchdog_goes_on_when_systemd_was_too_busy_to_take_a_beat(notify, capsys, monkeypatch, service_of):
    now = 100.0
    monkeypatch.setattr("polydoor.worker.systemd.time.monotonic", lambda: now)
    service = service_of(NOTIFY_SOCKET=notify.getsockname(), WATCHDOG_USEC="2000000")
    for _ in range(2000):  # more than fit
        now += 1
        service.beat(1000)
    assert set(told(notify)) == {"WATCHDOG=1"}
    now += 1
    service.beat(1000)
    assert told(notify) == ["WATCHDOG=1"]
    assert capsys.readouterr().err == ""


def test_status_is_one_line(notify, service_of):
    service_of(NOTIFY_SOCKET=notify.getsockname()).ready("Serving a\nREADY=0 \udcff")
    assert told(notify) == ["READY=1\nSTATUS=Serving a READY=0 \udcff"]


def test_without_a_notify_socket_nothing_is_told():
    service = Service({"WATCHDOG_USEC": "2"})
    service.ready("")
    service.beat(1000)
    service.stopping("", 1)


@pytest.mark.parametrize("address", ["/nowhere/notify", "vsock:2:1234", "@polydoor-nobody-is-there", "/" + "x" * 200])
def test_socket_that_takes_nothing_is_told_once(address, capsys, service_of):
    service = service_of(NOTIFY_SOCKET=address)
    service.ready("a")
    service.stopping("b", 1)
    said = capsys.readouterr().err
    assert said.count("PD0320") == 1
    assert f"systemd cannot be told READY=1 at {address}" in said


@pytest.mark.parametrize("count", ["", "0", "-1", "many"])
def test_no_sockets_are_passed(count, capsys):
    service = Service({"LISTEN_FDS": count, "LISTEN_PID": str(os.getpid())})
    assert service.sockets == {}
    assert [spec["port"] for spec in service.listeners(load({}, {"app": ["a"]}))] == [8000]
    assert capsys.readouterr().err == ""


class Counters:
    """An engine of which only the counters count."""

    def __init__(self):
        self.begun = self.busy = 0

    def stats(self):
        return {"begun": self.begun, "busy": self.busy}


def test_time_without_a_request_begins_behind_the_last_one(monkeypatch, capsys):
    now, engine = 50.0, Counters()
    monkeypatch.setattr(idle.time, "monotonic", lambda: now)
    watch = IdleWatch(engine, 3000)
    assert not watch.is_over()
    now = 52.9
    assert not watch.is_over()
    engine.begun = 1  # came and went between two beats
    now = 53.0
    assert not watch.is_over()
    engine.busy = 1
    for later in (55.0, 60.0, 65.0):
        now = later
        assert not watch.is_over()
    engine.busy = 0
    now = 67.9
    assert not watch.is_over()
    assert capsys.readouterr().err == ""
    now = 68.0
    assert watch.is_over()
    assert "PD0321: no request for 3 s" in capsys.readouterr().err
