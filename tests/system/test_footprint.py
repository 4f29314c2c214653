"""An idle worker is hardly more than the interpreter itself."""

from __future__ import annotations

import compileall
import os
import resource
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

import polydoor
from support.holding import HoldingServer
from support.memory import children, more_kib, pss_kib
from support.scale import scaled
from support.server import APPS, Server
from support.waiting import eventually

ALONE_KIB = 3 * 1024  # one process, the supervisor's part included
WORKER_KIB = 2 * 1024
IDLE_BYTES = 1024  # of each kept connection
THREADS = 2
QUICK = b"GET /quick?id=a HTTP/1.1\r\nHost: a\r\n\r\n"
POSTED = b"POST /quick?id=a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
# What a server with default settings loads beyond the interpreter itself. A longer list is more memory in every worker
# and a slower start: think twice.
STANDARD = {
    *("__future__", "_weakrefset", "atexit", "faulthandler", "select", "threading", "time"),
    # by way of threading
    *("_collections", "_functools", "_operator", "collections", "functools", "itertools", "keyword"),
    *("operator", "reprlib", "types"),
}
OF_SUPERVISOR = {"_socket", "gc"}  # not `socket`, `signal`, `json`: they bring two megabytes
START = ("-c", "import sys; from polydoor.cli import main; sys.exit(main())")  # as the installed command does


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A copy of the package that no other process maps, and the application, both compiled: that is not what counts."""
    folder = tmp_path_factory.mktemp("place")
    for word in polydoor.__path__:
        shutil.copytree(word, folder / "polydoor", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    shutil.copy(f"{APPS}/trivial.py", folder)
    assert compileall.compile_dir(folder, quiet=1)
    return folder


@pytest.fixture(scope="module")
def bare(place):
    """The process of an interpreter that has done nothing."""
    command = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=found_in(place)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        yield process.pid


def found_in(place):
    return os.environ | {"PYTHONPATH": str(place), "PYTHONUNBUFFERED": "1"}


def trivial(place, *options, start=START):
    """The server whose memory counts, after one request."""
    server = Server(f"{place}/trivial.py:app", start=start, options=options, env=found_in(place))
    assert server.doors[0].request("GET", "/").body == b"hello"
    return server


@pytest.mark.parametrize("start", [START, ("-m", "polydoor")], ids=["command", "module"])
def test_an_idle_process_has_at_most_3_mib_more_than_a_bare_interpreter(place, bare, start):
    with trivial(place, start=start) as server:
        more = more_kib(server.pid, bare)
    print(f"{more} KiB")
    assert more <= ALONE_KIB


@pytest.mark.parametrize("options", ["-w 1", "-w 2", "-w 1 --preload", "-w 2 --preload"])
def test_an_idle_worker_has_at_most_2_mib_more_and_so_has_its_supervisor(place, bare, options):
    count = int(options.split()[1]) + ("--preload" in options)  # the prototype is one, too
    with trivial(place, *options.split()) as server:
        assert eventually(lambda: len(children(server.pid)) == count)
        more = {pid: more_kib(pid, bare) for pid in (server.pid, *children(server.pid))}
    print(f"{more} KiB")
    assert max(more.values()) <= WORKER_KIB


OWN = """
_version codes errors failures states bridge bridge._engine
cli cli.arguments cli.command cli.main cli.run
settings settings.catalog settings.catalog.control settings.catalog.limits settings.catalog.logging
settings.catalog.memory settings.catalog.recycling settings.catalog.serving settings.catalog.startup
settings.catalog.timeouts
settings.listener settings.load settings.option settings.owner settings.sources settings.suggest
settings.surroundings settings.words
worker worker.access worker.apploader worker.appshape worker.banner worker.capacity worker.csignal worker.extras
worker.listening
worker.messages worker.output worker.scheduling
worker.serve worker.signals worker.stuck
"""


def bare_modules():
    command = [sys.executable, "-c", "import sys; print('\\n'.join(sys.modules))"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def loaded(*options):
    """The modules of what serves, beyond those of a bare interpreter: ours, and others."""
    with Server("modules:app", cwd=APPS, start=START, options=options) as server:
        names = set(server.doors[0].request("GET", "/").body.decode().split()) - bare_modules()
    names = {name for name in names if not name.startswith(("_cython_", "cython_runtime"))}
    foreign = {name for name in names if name.partition(".")[0] not in {"polydoor", "modules", "__main__"}}
    return {name.removeprefix("polydoor.") for name in names if name.startswith("polydoor.")}, foreign


def test_a_worker_imports_only_what_it_needs():
    own, foreign = loaded()
    assert foreign <= STANDARD, f"new: {sorted(foreign - STANDARD)}"
    assert own == set(OWN.split())


def test_neither_does_one_of_several_nor_their_supervisor(tmp_path):
    """A worker has all that its supervisor had loaded when it was made."""
    _, foreign = loaded("-w", "1", "--control", str(tmp_path / "control"))
    assert foreign <= STANDARD | OF_SUPERVISOR, f"new: {sorted(foreign - STANDARD - OF_SUPERVISOR)}"


@pytest.mark.scaled
def test_an_idle_connection_costs_less_than_a_kibibyte(tmp_path):
    count = scaled(1000, 10_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 200), hard))
    options = ["--max-connections", "20000"]
    with HoldingServer(tmp_path, ["http://127.0.0.1:0"], THREADS, options) as server, ExitStack() as peers:
        address = server.doors[0].address
        have_all_work(server, peers)
        for _ in range(100):  # what grows once, has grown
            ask(peers, address)
        before = pss_kib(server.pid)
        for _ in range(count):
            ask(peers, address)
        grown = pss_kib(server.pid) - before
    print(f"{grown * 1024 / count:.0f} bytes for each of {count} idle connections")
    assert grown * 1024 <= IDLE_BYTES * count


def have_all_work(server, peers):
    """Give each thread its first request, which takes memory of its own; the relief thread reads the last one."""
    held = [server.hold(server.doors[0]) for _ in range(THREADS)]
    for call in held:
        call.wait_running()
    last = peers.enter_context(socket.create_connection(server.doors[0].address))
    last.sendall(POSTED)
    assert last.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
    for call in held:
        call.release()
        assert call.exchange.finish().complete
    last.sendall(b"x")
    assert last.recv(4096).endswith(b"served a")


def ask(peers, address):
    """One request on a new connection, which is kept open."""
    peer = peers.enter_context(socket.create_connection(address))
    peer.sendall(QUICK)
    assert peer.recv(4096).endswith(b"served a")


LIMITED = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv.pop()),) * 2);"
    " from polydoor.cli import main; sys.exit(main())"
)


def highest_descriptor_limit():
    """The kernel's where this process may set it, else its own."""
    own, kernels = resource.getrlimit(resource.RLIMIT_NOFILE)[1], Path("/proc/sys/fs/nr_open").read_text()
    code = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({kernels}, {kernels}))"
    tried = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    return int(kernels) if tried.returncode == 0 else own


def cpu_ms(pid):
    """Time in the processor so far, of the program and of the kernel for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf("SC_CLK_TCK")


def test_a_limit_of_a_million_descriptors_costs_nothing():
    """Neither memory nor start time may follow `ulimit -n`, which is a billion in some containers."""
    sizes, times = {}, {}
    with ExitStack() as stack:
        limits = (1024, highest_descriptor_limit()) * 3  # the least of three each, all of them at the same time
        for limit in limits:
            started = Server(f"{APPS}/trivial.py:app", start=("-c", LIMITED), options=[str(limit)])
            server = stack.enter_context(started)
            assert server.doors[0].request("GET", "/").body == b"hello"
            limit_line = next(line for line in limits_of(server.pid) if line.startswith("Max open files"))
            assert limit_line.split()[3:5] == [str(limit)] * 2
            times.setdefault(limit, []).append(cpu_ms(server.pid))
            sizes.setdefault(limit, []).append(server.pid)
        sizes = {limit: min(pss_kib(pid) for pid in pids) for limit, pids in sizes.items()}
    print(f"KiB: {sizes}, ms: {times}")
    assert max(sizes.values()) - min(sizes.values()) <= 64
    assert min(times[limits[1]]) - min(times[limits[0]]) <= 30


def limits_of(pid):
    return Path(f"/proc/{pid}/limits").read_text().splitlines()
