"""A supervisor in straits: nothing can be made any more, nobody ends, and it is killed at the worst moment itself."""

from __future__ import annotations

import fcntl
import itertools
import os
import resource
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from support.memory import descriptors
from support.pool_server import GOOD, PoolServer, waits
from support.server import PATIENCE
from support.waiting import eventually

EXECUTE = "os.execv(sys.argv[1], sys.argv[1:])"
LOADS = """
import os, pathlib, threading
pathlib.Path({path!r}).write_text(f"{{os.getpid()}}\\n")
threading.Event().wait()
"""


def is_alive(pid: int) -> bool:
    """Whether it runs; whose child a zombie is depends on the machine."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def begin_to_load(server: PoolServer, number: signal.Signals) -> int:
    """Have a process load what never comes to its end; its number."""
    path = server.folder / "loads"
    server.deploy(LOADS.format(path=str(path)))
    server.signal(number)
    assert eventually(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def limit_descriptors(server: PoolServer, spare: int) -> None:
    """Let the supervisor open so many more at once."""
    own = {int(name) for name in os.listdir(f"/proc/{server.pid}/fd")}
    free = (number for number in itertools.count() if number not in own)
    limit = next(itertools.islice(free, spare, None))
    resource.prlimit(
        server.pid, resource.RLIMIT_NOFILE, (limit, resource.prlimit(server.pid, resource.RLIMIT_NOFILE)[1])
    )


@pytest.mark.parametrize(
    ("options", "number", "spare", "told"),
    [
        ([], signal.SIGUSR2, 0, "PD0347: no upgrade: cannot make a process"),
        ([], signal.SIGHUP, 3, "PD0342: the reload changed nothing"),
        (["--preload"], signal.SIGHUP, 1, "PD0342: the reload changed nothing"),
    ],
    ids=["upgrade", "reload", "preloaded"],
)
def test_without_descriptors_nothing_changes_and_none_is_lost(tmp_path, options, number, spare, told):
    with PoolServer(tmp_path, options=options) as server:
        server.wait_workers(2 + len(options), threads=False)
        server.ask()
        before = descriptors(server.pid)
        limit_descriptors(server, spare)
        server.signal(number)
        server.log.wait_for(told)
        assert "Too many open files" in server.log.text
        assert eventually(lambda: descriptors(server.pid) == before)
        server.ask()
        limit_descriptors(server, 50)
        server.reload()
        server.ask()
    server.history.judge()


@pytest.mark.parametrize("options", [[], ["--preload"]], ids=["worker", "prototype"])
def test_what_loads_for_ever_ends_with_a_killed_supervisor(tmp_path, options):
    server = PoolServer(tmp_path, options=options)
    try:
        before = server.wait_workers(2 + len(options), threads=False)
        pid = begin_to_load(server, signal.SIGHUP)
        server.process.kill()
        server.process.wait()
        for each in (pid, *before):
            assert eventually(lambda each=each: not is_alive(each)), each
    finally:
        server.kill()


def test_the_trial_of_an_upgrade_ends_with_the_server(tmp_path):
    with PoolServer(tmp_path) as server:
        server.wait_workers(2)
        pid = begin_to_load(server, signal.SIGUSR2)
        server.stop()
    assert not is_alive(pid)
    server.history.judge()


def test_a_worker_that_does_not_end_is_killed_and_that_is_told(tmp_path):
    keeps = "import threading\nthreading.Thread(target=threading.Event().wait).start()\n"
    with PoolServer(tmp_path, options=["--drain-timeout", "0.1"], workers="1", code=keeps + GOOD) as server:
        server.wait_workers(1)
        server.deploy(GOOD)
        server.reload()
        server.log.wait_for("PD0348: worker 1 did not end in time and is killed")
        server.wait_workers(1)
    server.history.judge()


def test_a_stuck_import_that_ignores_the_end_of_its_reload_is_told(tmp_path):
    with PoolServer(tmp_path, workers="1", options=["--boot-timeout", "60"]) as server:
        server.wait_workers(1)
        deaf = "import signal\nfor each in (2, 3, 15): signal.signal(each, signal.SIG_IGN)\n"
        path = server.folder / "loads"
        server.deploy(deaf + LOADS.format(path=str(path)))
        server.signal(signal.SIGHUP)
        assert eventually(path.exists)
        server.signal(signal.SIGTERM)
        server.log.wait_for("PD0348: worker 2, which was still loading, did not end in time and is killed")
    server.history.judge()


def test_another_size_of_the_window_changes_nothing(tmp_path):
    terminal, its = os.openpty()
    within = [sys.executable, "-c", f"import os, sys; os.setsid(); os.open({os.ttyname(its)!r}, os.O_RDWR); {EXECUTE}"]
    with PoolServer(tmp_path, program=[*within, sys.executable]) as server:
        before = server.wait_workers(2)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 30, 90, 0, 0))  # SIGWINCH
        assert eventually(lambda: waits(server.pid))
        server.signal(signal.SIGTTIN)
        assert set(before) < set(server.wait_workers(3))
    os.close(terminal)
    os.close(its)
    server.history.judge()


def test_what_loads_says_nothing_of_signals_to_its_group(tmp_path):
    with PoolServer(tmp_path, workers="1") as server:
        server.wait_workers(1)
        pid = begin_to_load(server, signal.SIGHUP)
        os.kill(pid, signal.SIGHUP)
        os.kill(pid, signal.SIGTERM)  # ends it, behind the other
        server.log.wait_for("PD0342")
    assert "one process alone" not in server.log.text
    server.history.judge()


def test_a_version_that_cannot_take_over_says_so_when_it_is_tried(tmp_path):
    (tmp_path / "deployed.py").write_text(GOOD)
    ended = subprocess.run(
        [sys.executable, "-m", "polydoor", "deployed", "-w", "1"],
        cwd=tmp_path,
        env=os.environ | {"_POLYDOOR_PROBE": "0"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 3
    assert ended.stderr.startswith("polydoor: PD0347: this version of Polydoor cannot take over")
