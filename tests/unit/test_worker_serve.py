"""The serving process around an engine that is a stand-in: order of boot, signals, drain, threads that end badly."""

import os
import signal
import sys
import threading
import time

import pytest

from polydoor.errors import AppLoadError, BindError, ConfigError
from polydoor.settings.load import load
from polydoor.worker import capacity
from polydoor.worker import serve as serving


class FakeEngine:
    """Runs no requests; its threads wait until it is stopped."""

    def __init__(self, settings):
        self.calls = [("init", settings["threads"])]
        self.over = threading.Event()
        self.log_over = threading.Event()
        self.reopened = threading.Semaphore(0)
        self.running = threading.Semaphore(0)
        self.crash = None
        self.can_spill = True
        self.log_fd, self.log_write = os.pipe()
        self.overdue_fd = os.eventfd(0)
        self.overdue = False
        self.messages = []

    def when_stuck(self, text, fd, number, status):
        assert ("PD0330" in text, status) == (True, 6)

    def beat(self):
        pass

    def log(self, text):
        self.messages.append(text)
        os.write(self.log_write, b"!")

    def say(self, text):
        self.log(text)

    def take_log(self):
        if not self.messages:
            return b""
        os.read(self.log_fd, 1)
        return self.messages.pop(0).encode()

    def listen(self, spec):
        self.calls.append(("listen", spec["port"]))
        if spec["port"] == 1:
            raise OSError("PD0206: port 1 is held by init (pid 1)")
        return f"http://127.0.0.1:{spec['port']}"

    def run_thread(self, app, extra, page):
        assert page is None
        self.calls.append(("thread", app))
        assert extra == {}
        self.running.release()
        self.over.wait()
        if self.crash:
            raise self.crash

    def run_relief(self):
        self.calls.append(("relief", threading.current_thread().name))
        self.running.release()
        self.over.wait()

    def open_access_log(self, form, path, buffer, exclude):
        self.calls.append(("open log", form))
        if path.startswith("/nowhere/"):
            raise OSError(f"PD0310: cannot open the access log {path}")

    def run_access_log(self):
        self.log_over.wait()

    def close_access_log(self):
        self.log_over.set()

    def reopen_access_log(self):
        self.calls.append(("reopen log",))
        self.reopened.release()

    def stop(self, drain_ms):
        self.calls.append(("stop", drain_ms))
        self.over.set()

    def kill(self):
        self.calls.append(("kill",))
        self.over.set()


@pytest.fixture
def engine(monkeypatch, tmp_path):
    """The engine that serve() will make; the application is in place."""
    made = FakeEngine({"threads": 0})

    def make(settings):
        made.calls = [("init", settings["threads"])]
        return made

    monkeypatch.setattr(capacity, "Engine", make)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "fake_shop.py").write_text("def app(e, s): return []\n", encoding="utf-8")
    yield made
    sys.modules.pop("fake_shop", None)
    os.close(made.log_fd)
    os.close(made.log_write)
    os.close(made.overdue_fd)


def settings(**options):
    return load({}, {"app": ["fake_shop"], "bind": ["h:8001"], "threads": ["2"]} | options)


def when_running(engine, threads, action):
    """Do something once that many engine threads are at work."""

    def wait():
        for _ in range(threads):
            engine.running.acquire()
        action()

    helper = threading.Thread(target=wait)
    helper.start()
    return helper


def kill_self(number):
    return lambda: os.kill(os.getpid(), number)


def names(engine):
    return [call[0] for call in engine.calls]


def test_sigterm_drains_and_ends_with_0(engine, capfd):
    helper = when_running(engine, 3, kill_self(signal.SIGTERM))
    assert serving.serve(settings(drain_timeout=["5"])) == 0
    helper.join()
    assert names(engine)[:3] == ["init", "open log", "listen"]
    assert sorted(names(engine)[3:]) == ["relief", "stop", "thread", "thread"]
    assert ("stop", 5000) in engine.calls
    banner, *_ = capfd.readouterr().err.split("polydoor: SIGTERM")
    assert banner == (
        "polydoor: serving fake_shop:app\n  http://127.0.0.1:8001\n  2 requests at once, up to 16384 connections\n"
        f"  pid {os.getpid()}; Ctrl-C stops\n"
    )


def test_first_sigint_drains_and_says_so_second_stops_at_once(engine, capfd, monkeypatch):
    def stop(drain_ms):
        engine.calls.append(("stop", drain_ms))
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(engine, "stop", stop)
    helper = when_running(engine, 3, kill_self(signal.SIGINT))
    assert serving.serve(settings()) == 0
    helper.join()
    assert names(engine)[-2:] == ["stop", "kill"]
    said = capfd.readouterr().err
    assert "SIGINT: finishing open requests, for at most 30 s; Ctrl-C again stops at once\n" in said
    assert said.endswith("polydoor: PD0305: stopping at once; what is not finished is cut\n")


def test_handlers_and_wakeup_descriptor_are_put_back(engine):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    helper = when_running(engine, 3, kill_self(signal.SIGTERM))
    serving.serve(settings())
    helper.join()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert signal.set_wakeup_fd(-1) == -1


def test_threads_are_named(engine):
    seen = []
    helper = when_running(engine, 3, lambda: (seen.extend(threading.enumerate()), kill_self(signal.SIGTERM)()))
    serving.serve(settings())
    helper.join()
    assert {"polydoor-app-1", "polydoor-app-2", "polydoor-relief"} <= {thread.name for thread in seen}
    # A reader of the access log that hangs may not hold the end of the process.
    assert [thread.name for thread in seen if thread.daemon and "polydoor" in thread.name] == [
        "polydoor-messages",
        "polydoor-log",
    ]


def test_socket_error_comes_before_the_app_is_loaded(engine):
    with pytest.raises(BindError, match="port 1 is held by init"):
        serving.serve(settings(bind=["h:1"], app=["nothing_of_this_name"]))
    assert names(engine) == ["init", "open log", "listen", "kill"]


def test_app_that_is_not_there_ends_the_engine(engine):
    with pytest.raises(AppLoadError, match="no module"):
        serving.serve(settings(app=["nothing_of_this_name"]))
    assert names(engine) == ["init", "open log", "listen", "kill"]


def test_thread_that_breaks_ends_the_worker(engine):
    engine.crash = RuntimeError("broken inside")
    helper = when_running(engine, 3, engine.over.set)
    with pytest.raises(RuntimeError, match="broken inside"):
        serving.serve(settings())
    helper.join()
    assert "kill" in names(engine)


def test_thread_that_never_returns_is_left_behind(engine, monkeypatch, capfd):
    statuses = []

    class LeftError(Exception):
        pass

    def leave(status):
        statuses.append(status)
        engine.over.set()
        raise LeftError

    monkeypatch.setattr(serving, "GRACE_S", -10.0)
    monkeypatch.setattr(serving.os, "_exit", leave)
    monkeypatch.setattr(engine, "stop", lambda drain_ms: None)
    helper = when_running(engine, 3, kill_self(signal.SIGTERM))
    with pytest.raises(LeftError):
        serving.serve(settings(drain_timeout=["0"]))
    helper.join()
    assert statuses[0] == 0
    assert "3 of 3 threads are still in the application; leaving without them" in capfd.readouterr().err


def test_it_sleeps_until_the_end_and_no_longer(engine):
    worker = serving.Worker(settings())
    assert worker.patience_ms() == 1000
    worker.deadline = time.monotonic() + 0.25
    assert 0 <= worker.patience_ms() <= 251
    worker.deadline -= 10
    assert worker.patience_ms() == 0
    worker.signals.close()
    worker.messages.close()


def test_messages_of_the_engine_are_passed_on_to_the_last(engine, capfd, monkeypatch):
    def stop(drain_ms):
        engine.log("polydoor: the last one\n")
        engine.over.set()

    monkeypatch.setattr(engine, "stop", stop)

    def act():
        engine.log("polydoor: the first one\n")
        kill_self(signal.SIGTERM)()

    helper = when_running(engine, 3, act)
    assert serving.serve(settings()) == 0
    helper.join()
    said = capfd.readouterr().err
    assert said.index("the first one") < said.index("the last one")


def test_messages_are_passed_on_when_the_boot_fails(engine, capfd):
    engine.log("polydoor: why not\n")
    with pytest.raises(AppLoadError):
        serving.serve(settings(app=["nothing_of_this_name"]))
    assert "why not" in capfd.readouterr().err


def test_without_spill_files_it_is_said_once(engine, capfd):
    engine.can_spill = False
    helper = when_running(engine, 3, kill_self(signal.SIGTERM))
    serving.serve(settings())
    helper.join()
    assert capfd.readouterr().err.count("no folder for spill files works") == 1


def test_heartbeat_counts_each_time_the_main_thread_wakes(engine):
    worker = serving.Worker(settings())
    with worker.signals:
        worker.boot()
        engine.over.set()
        worker.run()
    worker.messages.close()
    assert worker.beats >= 1


def test_access_log_that_cannot_be_opened_ends_it_before_the_sockets(engine):
    with pytest.raises(ConfigError, match="cannot open the access log /nowhere/at/all"):
        serving.serve(settings(access_log=["json:/nowhere/at/all"]))
    assert names(engine) == ["init", "open log", "kill"]


def test_access_log_that_is_off_has_no_thread(engine):
    seen = []
    helper = when_running(engine, 3, lambda: (seen.extend(threading.enumerate()), kill_self(signal.SIGTERM)()))
    serving.serve(settings(access_log=["off"]))
    helper.join()
    assert "open log" not in names(engine)
    assert "polydoor-log" not in [thread.name for thread in seen]


def test_sigusr1_opens_the_access_log_anew_and_ends_nothing(engine):
    def act():
        kill_self(signal.SIGUSR1)()
        engine.reopened.acquire()
        kill_self(signal.SIGTERM)()

    helper = when_running(engine, 3, act)
    assert serving.serve(settings(access_log=["short:access.log"])) == 0
    helper.join()
    assert names(engine).count("reopen log") == 1
