"""Signals while the application is loaded, in forked children, and when something breaks: real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Self

import pytest

from peers.door import DOORS
from support.server import PATIENCE, Log, Server
from support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

HELLO = """
import os, signal, sys, threading, time

def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
"""


def write_app(folder: Path, text: str) -> str:
    (folder / "shop.py").write_text(HELLO + text, encoding="utf-8")
    return f"{folder}/shop.py:app"


class Booting:
    """A command that may never come to serve, with its log."""

    def __init__(self, folder: Path, text: str, *options: str, program: str = "") -> None:
        command = [sys.executable, "-m", "polydoor", write_app(folder, text), "-b", f"unix:{folder}/s", *options]
        if program:
            command = [sys.executable, "-c", HELLO + program, f"{folder}/s"]
        self.socket = folder / "s"
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert self.process.stderr is not None
        self.log = Log(self.process.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.log.join()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def end(self) -> int:
        return self.process.wait(PATIENCE)


# --- while the application is loaded ----------------------------------------------------------------------------------

# They wait in short steps: a signal that comes just before a long wait does not end it on Python without the GIL.
HANGS = "print('hangs', file=sys.stderr, flush=True)\nwhile True:\n    threading.Event().wait(0.1)\n"
STUBBORN = """
while True:
    try:
        print("hangs", file=sys.stderr, flush=True)
        while True:
            time.sleep(0.1)
    except BaseException:
        print("caught", file=sys.stderr, flush=True)
"""
CATCHES = """
try:
    print("hangs", file=sys.stderr, flush=True)
    while True:
        threading.Event().wait(0.1)
except BaseException:
    pass
app = hello
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGQUIT, 0)])
@pytest.mark.parametrize("text", [HANGS, CATCHES], ids=["hangs", "catches"])
def test_a_signal_ends_an_import_that_hangs(tmp_path, number, status, text):
    with Booting(tmp_path, text) as server:
        server.log.wait_for("hangs")
        assert server.socket.is_socket()
        server.process.send_signal(number)
        assert server.end() == status
        server.log.join()
        assert server.log.lines[1:] == [
            f"polydoor: {number.name}: stopping before anything was served; again stops at once"
        ]
    assert not server.socket.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_an_import_that_catches_the_first(tmp_path, number):
    with Booting(tmp_path, STUBBORN) as server:
        server.log.wait_for("hangs")
        server.process.send_signal(number)
        server.log.wait_for("caught")
        server.process.send_signal(number)
        assert server.end() == -number


TOGETHER = """
both = {signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, both)
for number in both:
    os.kill(os.getpid(), number)
signal.pthread_sigmask(signal.SIG_UNBLOCK, both)
"""
# Its parent gets SIGTERM when fork() has come back and signals are still blocked.
DURING_A_FORK = """
def trace(frame, event, argument):
    if frame.f_code.co_name == "_unblock":
        sys.settrace(None)
        os.kill(os.getpid(), signal.SIGTERM)

sys.settrace(trace)
if not os.fork():
    os._exit(0)
sys.settrace(None)
app = hello
"""


@pytest.mark.parametrize(("text", "told", "status"), [(TOGETHER, "SIGINT", 130), (DURING_A_FORK, "SIGTERM", 0)])
def test_signals_at_odd_moments_of_an_import_end_it_without_noise(tmp_path, text, told, status):
    with Booting(tmp_path, text) as server:
        assert server.end() == status
        server.log.join()
        assert server.log.lines == [f"polydoor: {told}: stopping before anything was served; again stops at once"]


TAKES = """
def mine(number, frame):
    print("the application's handler", file=sys.stderr, flush=True)

signal.signal(signal.SIGTERM, mine)
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.set_wakeup_fd(-1)
app = hello
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_takes_its_signals_back_from_the_application(tmp_path, number):
    with Server(write_app(tmp_path, TAKES)) as server:
        line = server.log.wait_for("PD0322")
        assert "the application set what SIGTERM and SIGINT should do" in line
        server.stop(number)
    assert "the application's handler" not in server.log.text


# --- what users of other servers send ---------------------------------------------------------------------------------

UNHEARD = [signal.SIGHUP, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU]
WAITS = """
def app(environ, start_response):
    print("in the application", file=sys.stderr, flush=True)
    with open(environ["QUERY_STRING"]) as pipe:
        pipe.read()
    return hello(environ, start_response)
"""


def test_unheard_signals_are_told_and_change_nothing(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with Server(write_app(tmp_path, WAITS)) as server:
        held = server.doors[0].start("GET", f"/?{tmp_path}/pipe")
        server.log.wait_for("in the application")
        for number in UNHEARD:
            server.process.send_signal(number)
            line = server.log.wait_for(f"PD0323: {number.name}: ")
            assert line.endswith("; nothing was changed")
        server.process.send_signal(signal.SIGTERM)
        server.log.wait_for("finishing open requests")
        for number in UNHEARD:
            server.process.send_signal(number)
        assert server.log.wait_until(lambda lines: sum("PD0323" in line for line in lines) == 2 * len(UNHEARD))
        (tmp_path / "pipe").write_bytes(b"go on")
        assert held.finish().body == b"hello"


def test_unheard_signals_do_not_end_the_boot(tmp_path):
    with Booting(tmp_path, CATCHES) as server:
        server.log.wait_for("hangs")
        for number in UNHEARD:
            server.process.send_signal(number)
            server.log.wait_for(f"PD0323: {number.name}: ")
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == 0
    assert server.log.text.count("PD0323") == len(UNHEARD)  # none of them again when the boot is over


SETS_UNHEARD = """
import faulthandler
faulthandler.register(signal.SIGUSR2)
signal.signal(signal.SIGHUP, lambda number, frame: print("the application reloads", file=sys.stderr, flush=True))
app = hello
"""


def test_what_the_application_sets_for_unheard_signals_stays(tmp_path):
    with Server(write_app(tmp_path, SETS_UNHEARD)) as server:
        server.process.send_signal(signal.SIGHUP)
        server.log.wait_for("the application reloads")
        server.process.send_signal(signal.SIGUSR2)
        server.log.wait_for("most recent call first")
        assert server.doors[0].request("GET", "/").body == b"hello"


SETS_OTHERS = """
for number in (signal.SIGALRM, signal.SIGCHLD):
    signal.signal(number, lambda number, frame: print("heard", int(number), file=sys.stderr, flush=True))
app = hello
"""


def test_signals_that_the_application_alone_handles_stop_nothing(tmp_path):
    with Server(write_app(tmp_path, SETS_OTHERS)) as server:
        for number in (signal.SIGALRM, signal.SIGCHLD):
            server.process.send_signal(number)
            server.log.wait_for(f"heard {int(number)}")
        server.process.send_signal(signal.SIGHUP)
        server.log.wait_for("PD0323: SIGHUP")  # so what came before has been looked at
        assert server.doors[0].request("GET", "/").body == b"hello"
        assert "finishing" not in server.log.text


JOB = """
import fcntl, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
form = termios.tcgetattr(0)
form[3] |= termios.TOSTOP
termios.tcsetattr(0, termios.TCSANOW, form)
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    os.execv(sys.executable, [sys.executable, "-m", "polydoor", *sys.argv[1:]])
_, status = os.waitpid(job, os.WUNTRACED)
assert os.WIFSTOPPED(status), status
os.tcsetpgrp(0, job)
os.kill(job, signal.SIGCONT)
_, status = os.waitpid(job, 0)
assert status == 0, status
"""


def test_a_background_job_of_a_terminal_stops_when_it_writes_and_may_not(tmp_path):
    ours, its = os.openpty()
    app = write_app(tmp_path, "os.write(1, b'in the background')\nos.kill(os.getpid(), signal.SIGTERM)\napp = hello\n")
    command = [sys.executable, "-c", HELLO + JOB, app, "-b", f"unix:{tmp_path}/s"]
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=subprocess.PIPE) as process:
        said = process.communicate(timeout=PATIENCE)[1].decode()
        assert said == "polydoor: SIGTERM: stopping before anything was served; again stops at once\n"
        assert process.returncode == 0
    os.close(ours)
    os.close(its)


GUEST = """
import polydoor
signal.signal(signal.SIGUSR2, lambda number, frame: print("the program's own", file=sys.stderr, flush=True))
polydoor.serve(hello, f"unix:{sys.argv[1]}", banner=True)
print("back", file=sys.stderr, flush=True)
os.kill(os.getpid(), signal.SIGHUP)
"""


def test_a_guest_leaves_the_signals_of_its_program_alone(tmp_path):
    with Booting(tmp_path, "", program=GUEST) as server:
        server.log.wait_for("Ctrl-C stops")
        server.process.send_signal(signal.SIGUSR2)
        server.log.wait_for("the program's own")
        server.process.send_signal(signal.SIGHUP)
        server.log.wait_for("PD0323: SIGHUP: ")
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == -signal.SIGHUP
        server.log.join()
        assert server.log.lines[-1] == "back"


# --- forked children --------------------------------------------------------------------------------------------------

FORKS = """
def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/pid":
        start_response("200 OK", [])
        return [str(os.getpid()).encode()]
    if path == "/multiprocessing":
        import multiprocessing
        import warnings
        warnings.simplefilter("ignore")
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
        child.start()
        child.terminate()  # at once: no moment may be too early
        child.join(20)
        start_response("200 OK", [])
        return [str(child.exitcode).encode()]
    if path == "/fork":
        child = os.fork()
        if child == 0:
            time.sleep(600)
        os.kill(child, int(environ["QUERY_STRING"]))
        _, status = os.waitpid(child, 0)
    else:
        child = os.fork()
        if child == 0 and path == "/exits":
            sys.exit(7)
        if child == 0 and path == "/raises":
            raise LookupError("in the child")
        if child:
            _, status = os.waitpid(child, 0)
            start_response("200 OK", [])
            return [str(os.waitstatus_to_exitcode(status)).encode()]
        return hello(environ, start_response)
    start_response("200 OK", [])
    return [str(os.waitstatus_to_exitcode(status)).encode()]
"""


@pytest.fixture
def forking(tmp_path):
    with Server(write_app(tmp_path, FORKS), env={"PYTHONWARNINGS": "ignore"}) as server:
        yield server
        assert server.doors[0].request("GET", "/pid").body == str(server.pid).encode()
        assert "SIGTERM" not in server.log.text


def test_sigterm_ends_a_forked_child_and_not_the_server(forking):
    for _ in range(5):
        assert forking.doors[0].request("GET", f"/fork?{signal.SIGTERM.value}").body == b"-15"
    assert forking.doors[0].request("GET", f"/fork?{signal.SIGHUP.value}").body == b"-1"
    assert forking.doors[0].request("GET", "/multiprocessing").body == b"-15"


@pytest.mark.parametrize(("path", "status"), [("/exits", b"7"), ("/raises", b"1"), ("/returns", b"0")])
def test_a_child_that_comes_back_from_the_application_ends(forking, path, status):
    assert forking.doors[0].request("GET", path).body == status
    if path == "/raises":
        forking.log.wait_for("LookupError: in the child")
    assert ("LookupError: in the child" in forking.log.text) == (path == "/raises")


FORKS_AT_IMPORT = """
child = os.fork()
if child == 0 and MODE == "waits":
    time.sleep(600)
if child == 0 and MODE == "exits":
    sys.exit(7)

def app(environ, start_response):
    if MODE == "waits":
        os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    start_response("200 OK", [])
    return [f"{os.getpid()} {os.waitstatus_to_exitcode(status)}".encode()]
"""


@pytest.mark.parametrize(("mode", "status"), [("returns", 0), ("exits", 7), ("waits", -15)])
def test_after_a_fork_at_import_the_parent_serves_and_the_child_does_not(tmp_path, mode, status):
    app = write_app(tmp_path, f"MODE = {mode!r}\n{FORKS_AT_IMPORT}")
    listeners = ["http://127.0.0.1:0", f"http+unix:{tmp_path}/s"]
    with Server(app, listeners, env={"PYTHONWARNINGS": "ignore"}) as server:
        assert server.doors[1].request("GET", "/").body == f"{server.pid} {status}".encode()
        assert server.log.text.count("serving") == 1


FORKED_GUEST = """
import gc, polydoor
with polydoor.Server(hello, f"unix:{sys.argv[1]}") as server:
    child = os.fork()
    if child == 0:
        server.stop()
        server.__exit__(None, None, None)
        del server
        gc.collect()
        sys.exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    import socket
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(sys.argv[1])
        client.sendall(b"GET / HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n")
        assert client.makefile("rb").read().endswith(b"hello")
print("served")
"""


def test_a_forked_child_does_nothing_to_the_server_of_its_parent(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", HELLO + FORKED_GUEST, f"{tmp_path}/s"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "served\n", "")


# --- when something breaks --------------------------------------------------------------------------------------------

BREAKS = """
import ctypes

def app(environ, start_response):
    print("in the application", file=sys.stderr, flush=True)
    main = ctypes.c_ulong(threading.main_thread().ident)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(main, ctypes.py_object(LookupError))
    threading.Event().wait()
"""


def test_an_error_on_the_main_thread_ends_the_process_whatever_the_threads_do(tmp_path):
    with Booting(tmp_path, BREAKS) as server:
        server.log.wait_for("Ctrl-C stops")
        held = DOORS["http"](str(server.socket)).start("GET", "/")
        assert server.end() == 1
        assert not held.finish().complete
        server.log.join()
        assert "PD0307" in server.log.text
        assert server.log.lines[-1] == "  LookupError"
    assert not server.socket.exists()


ODD_STDOUT = """
class Odd:
    def write(self, text): pass
    def flush(self): raise LookupError("no")

sys.stdout = {stdout}

def app(environ, start_response):
    print("in the application", file=sys.stderr, flush=True)
    threading.Event().wait()
"""


@pytest.mark.parametrize("stdout", ["None", "Odd()"])
def test_an_odd_standard_output_does_not_keep_the_process(tmp_path, stdout):
    app = write_app(tmp_path, ODD_STDOUT.replace("{stdout}", stdout))
    with Server(app, options=["--drain-timeout", "0"]) as server:
        held = server.doors[0].start("GET", "/")
        server.log.wait_for("in the application")
        server.stop()
        assert not held.finish().complete


ENDS = """
import atexit

def ask_again(kill=os.kill, pid=os.getpid(), write=os.write, numbers=(signal.SIGUSR1, signal.SIGHUP, signal.SIGTERM)):
    for number in numbers:
        kill(pid, number)
    for _ in range(1000):
        pass
    write(2, b"asked again\\n")

class Last:
    def __del__(self, ask_again=ask_again):
        ask_again()

last = Last()
atexit.register(ask_again)
app = hello
"""


def test_signals_at_its_very_end_do_not_change_how_the_process_ends(tmp_path):
    with Server(write_app(tmp_path, ENDS)) as server:
        server.stop()
    assert server.log.lines.count("asked again") == 2


KEEPS = """
import atexit
from concurrent.futures import ThreadPoolExecutor

never = threading.Event()
pool = ThreadPoolExecutor(1)
START = {
    "/thread": lambda: threading.Thread(target=never.wait, name="counter").start(),
    "/pool": lambda: pool.submit(never.wait),
    "/atexit": lambda: atexit.register(never.wait),
}

def app(environ, start_response):
    START[environ["PATH_INFO"]]()
    while environ["QUERY_STRING"]:
        time.sleep(0.01)
    return hello(environ, start_response)
"""


@pytest.mark.parametrize(
    ("target", "status", "by"),
    [("/thread", 0, "threads of its own: counter"), ("/pool?late", 5, "threads of"), ("/atexit", 0, "what it does at")],
)
def test_what_the_application_leaves_behind_does_not_keep_the_process(tmp_path, target, status, by):
    app = write_app(tmp_path, KEEPS)
    with Server(app, options=["--drain-timeout", "0.1", "--request-timeout", "1"]) as server:
        assert server.doors[0].request("GET", target).status == (504 if status else 200)
        if not status:
            server.process.send_signal(signal.SIGTERM)
        server.wait(status=status)
    assert f"PD0306: the application keeps the process by {by}" in server.log.text


@pytest.mark.parametrize(("number", "status"), [(0, 3), (signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_thread_that_a_failed_import_leaves_behind_does_not_keep_the_process(tmp_path, number, status):
    text = f"""
threading.Thread(target=threading.Event().wait).start()
os.kill(os.getpid(), {int(number)})
time.sleep(0.01)
raise LookupError("no database")
"""
    with Booting(tmp_path, text) as server:
        assert server.end() == status
        server.log.join()
    assert "PD0306: the application keeps the process by threads of its own" in server.log.text


WRITES = """
def app(environ, start_response):
    for fd in range(3):
        os.fstat(fd)
    os.write(1, b"x" * 100)
    os.write(2, b"x" * 100)
    start_response("200 OK", [])
    return [" ".join(os.readlink(f"/proc/self/fd/{fd}") for fd in range(3)).encode()]
"""


def test_closed_descriptors_are_filled_before_ours_are_made(tmp_path):
    app = write_app(tmp_path, WRITES)
    command = [sys.executable, "-m", "polydoor", app, "-b", f"unix:{tmp_path}/s"]
    closing = 'exec "$@" 0<&- 1>&- 2>&-'
    process = subprocess.Popen(["sh", "-c", closing, "sh", *command], start_new_session=True)
    try:
        door = DOORS["http"](f"{tmp_path}/s")
        assert eventually(door.is_open)
        assert door.request("GET", "/").body == b" ".join([os.devnull.encode()] * 3)
        assert door.request("GET", "/").status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
