"""Serving from a program of one's own: `polydoor.serve()` and `polydoor.Server`, with the real engine."""

import inspect
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

import polydoor
from peers.door import DOORS
from polydoor.bridge import Engine
from polydoor.errors import AppNotFoundError, BindError, BootError, ConfigError
from polydoor.settings.catalog import BY_NAME
from polydoor.worker import capacity
from polydoor.worker import serve as serving
from polydoor.worker.embedded import RUNNER, EmbeddedWorker
from support.server import listener_address, listener_kind
from support.waiting import eventually

ANY = "http://127.0.0.1:0"


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


class Gate:
    """An application that tells when it is entered and stays until it is let go."""

    def __init__(self):
        self.entered = threading.Event()
        self.leave = threading.Event()

    def __call__(self, environ, start_response):
        self.entered.set()
        self.leave.wait()
        return hello(environ, start_response)


def get(url):
    return DOORS[listener_kind(url)](listener_address(url)).request("GET", "/")


def in_thread(action):
    thread = threading.Thread(target=action)
    thread.start()
    return thread


def refuses(url):
    try:
        socket.create_connection(listener_address(url)).close()
    except OSError:
        return True
    return False


def our_threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("polydoor")]


def test_import_alone_loads_no_engine():
    code = "import sys, polydoor; print(*sorted(m for m in sys.modules if m.startswith('polydoor')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["polydoor", "polydoor._version"]


def test_names_of_the_package():
    assert {"Server", "serve", "__version__"} <= set(dir(polydoor))
    with pytest.raises(AttributeError, match="'polydoor' has no attribute 'sreve'"):
        polydoor.sreve  # noqa: B018


@pytest.mark.parametrize("function", [polydoor.serve, polydoor.Server])
def test_defaults_are_those_of_the_settings(function):
    parameters = inspect.signature(function).parameters
    assert (parameters["bind"].default,) == BY_NAME["bind"].default
    assert parameters["threads"].default == BY_NAME["threads"].default


def test_it_serves_within_the_block_and_leaves_nothing_behind(capfd):
    descriptors = os.listdir("/proc/self/fd")
    with polydoor.Server(hello, bind=[ANY, "scgi://127.0.0.1:0"], threads=2) as server:
        assert [url.partition(":")[0] for url in server.addresses] == ["http", "scgi"]
        assert [get(url).body for url in server.addresses] == [b"hello", b"hello"]
    assert all(refuses(url) for url in server.addresses)
    assert our_threads() == []
    assert os.listdir("/proc/self/fd") == descriptors
    assert capfd.readouterr() == ("", "")


def test_two_servers_at_once():
    with polydoor.Server(hello, ANY) as one, polydoor.Server(hello, ANY) as other:
        assert get(one.addresses[0]).body == get(other.addresses[0]).body == b"hello"


def test_host_and_port_are_keywords():
    with polydoor.Server(hello, host="127.0.0.1", port=0) as server:
        assert get(server.addresses[0]).body == b"hello"


def test_settings_are_keywords():
    with polydoor.Server(hello, ANY, body_limit="1K") as server:
        door = DOORS["http"](listener_address(server.addresses[0]))
        assert door.request("POST", "/", body=b"x" * 1025).status == 413


@pytest.mark.parametrize(
    ("app", "keywords", "error", "text"),
    [
        (hello, {"theads": 2}, ConfigError, "unknown setting theads\nDid you mean threads?"),
        (hello, {"threads": 0}, ConfigError, "threads needs a whole number from 1 to 512, not '0'"),
        (hello, {"threads": True}, ConfigError, "threads needs a whole number, not True"),
        (
            hello,
            {"workers": 2},
            ConfigError,
            "workers can only be 1 here: the process that asks is the one that serves.\nUse threads ",
        ),
        (hello, {"control": "ctl"}, ConfigError, "control is a setting of the command"),
        (hello, {"bind": "ftp://h:1"}, ConfigError, "bad address 'ftp://h:1': the protocol 'ftp' is unknown"),
        (hello, {"factory": True}, ConfigError, "factory is a setting of the command"),
        (hello, {"chdir": "/"}, ConfigError, "chdir is a setting of the command"),
        ("shop:app", {}, AppNotFoundError, "the application is a str, not an application"),
    ],
)
def test_what_cannot_be_is_said_before_the_start(app, keywords, error, text):
    with pytest.raises(error) as raised:
        polydoor.Server(app, **keywords)
    assert str(raised.value).startswith(text)


def test_a_taken_port_is_said_at_the_start():
    with polydoor.Server(hello, ANY) as holder:
        server = polydoor.Server(hello, holder.addresses[0])
        with pytest.raises(BindError, match="this process listens there already"):
            server.start()
        server.stop()
    assert our_threads() == []


def test_a_server_starts_once():
    with polydoor.Server(hello, ANY) as server:
        with pytest.raises(BootError, match="has been started before"):
            server.start()
        with pytest.raises(BootError, match="has been started before"):
            server.run()
        assert get(server.addresses[0]).body == b"hello"
    with pytest.raises(BootError, match="has been started before"):
        server.start()


def test_stop_finishes_what_was_accepted():
    gate, bodies = Gate(), []
    server = polydoor.Server(gate, ANY).start()
    client = in_thread(lambda: bodies.append(get(server.addresses[0]).body))
    gate.entered.wait()
    stopper = in_thread(server.stop)
    assert eventually(lambda: refuses(server.addresses[0]))
    assert stopper.is_alive()
    gate.leave.set()
    stopper.join()
    client.join()
    assert bodies == [b"hello"]


def test_a_thread_that_stays_in_the_application_is_left_behind(monkeypatch, capfd):
    monkeypatch.setattr(serving, "GRACE_S", 0.0)
    gate, answers = Gate(), []
    server = polydoor.Server(gate, ANY, threads=2).start()
    client = in_thread(lambda: answers.append(get(server.addresses[0])))
    gate.entered.wait()
    stopper = in_thread(server.stop)
    assert eventually(lambda: refuses(server.addresses[0]))
    server.stop(timeout=0)  # shortens the other call's time
    stopper.join()
    client.join()
    assert not answers[0].complete or answers[0].body != b"hello"
    assert "threads are still in the application; leaving without them" in capfd.readouterr().err
    gate.leave.set()
    assert eventually(lambda: our_threads() == [])


def test_the_application_may_stop_its_server():
    def quit_app(environ, start_response):
        server.stop()
        return hello(environ, start_response)

    server = polydoor.Server(quit_app, ANY).start()
    assert get(server.addresses[0]).body == b"hello"
    server.stop()
    assert our_threads() == []


def test_run_in_a_thread_leaves_signals_alone():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    server = polydoor.Server(hello, ANY)
    runner = in_thread(server.run)
    assert eventually(lambda: server.addresses)
    assert get(server.addresses[0]).body == b"hello"
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    server.stop()
    runner.join()
    assert server.stopped_by == 0


def signal_when_serving(path, number):
    """Ask once, so that it is known to serve, then send the signal."""

    def act():
        assert eventually(path.exists)
        assert eventually(lambda: get(f"http+unix:{path}").body == b"hello")
        os.kill(os.getpid(), number)

    return in_thread(act)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_returns_after_a_signal_and_puts_the_handlers_back(number, tmp_path, capfd):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    helper = signal_when_serving(tmp_path / "s", number)
    assert polydoor.serve(hello, f"unix:{tmp_path}/s") is None
    helper.join()
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    assert our_threads() == []
    said = capfd.readouterr().err
    assert said.startswith(f"polydoor: {number.name}: finishing open requests")
    assert said.count("\n") == 1


def test_banner_when_asked(tmp_path, capfd):
    helper = signal_when_serving(tmp_path / "s", signal.SIGTERM)
    polydoor.serve(hello, f"unix:{tmp_path}/s", banner=True)
    helper.join()
    said = capfd.readouterr().err
    assert f"serving {__name__}:hello" in said
    assert f"http+unix:{tmp_path}/s" in said


def test_banner_names_the_class_of_an_instance(capfd):
    with polydoor.Server(Gate(), ANY, banner=True):
        pass
    assert f"serving {__name__}:Gate" in capfd.readouterr().err


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_server_that_breaks_says_so_when_it_is_stopped(monkeypatch):
    class Broken(Engine):
        def run_relief(self):
            raise RuntimeError("broken inside")

    monkeypatch.setattr(capacity, "Engine", Broken)
    server = polydoor.Server(hello, ANY).start()
    with pytest.raises(RuntimeError, match="broken inside"):
        server.stop()
    server.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_runner_that_breaks_leaves_nothing_behind(monkeypatch, tmp_path):
    def fail(*_unused):
        raise RuntimeError("broken inside")

    monkeypatch.setattr(EmbeddedWorker, "on_signal", fail)
    server = polydoor.Server(hello, ANY, access_log=f"short:{tmp_path}/log").start()
    with pytest.raises(RuntimeError, match="broken inside"):
        server.stop()
    assert refuses(server.addresses[0])
    assert eventually(lambda: our_threads() == [])


def test_a_runner_that_cannot_start_leaves_nothing_behind(monkeypatch, tmp_path):
    start = threading.Thread.start

    def start_others(thread):
        if thread.name == RUNNER:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_others)
    server = polydoor.Server(hello, ANY, access_log=f"short:{tmp_path}/log")
    with pytest.raises(RuntimeError, match="can't start new thread"):
        server.start()
    assert refuses(server.addresses[0])
    assert eventually(lambda: our_threads() == [])
    server.stop()


@pytest.mark.parametrize("timeout", [-1, -0.5, float("nan"), float("inf"), 1e300])
def test_any_number_is_a_timeout(timeout):
    server = polydoor.Server(hello, ANY).start()
    assert get(server.addresses[0]).body == b"hello"
    server.stop(timeout)
    assert refuses(server.addresses[0])
    assert our_threads() == []


def test_a_forgotten_server_does_not_keep_the_interpreter():
    code = (
        "import polydoor\n"
        "def app(e, s): s('200 OK', []); return [b'']\n"
        "print(polydoor.Server(app, '127.0.0.1:0').start().addresses)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "http://127.0.0.1:" in done.stdout
