"""--preload: the application is loaded once, and workers are forks of the process that did."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from interop import site
from support.memory import pss_kib
from support.pool_server import EXITS, GOOD, HANGS, RAISES, PoolServer
from support.server import APPS, PATIENCE, Server, one_each
from support.waiting import eventually

LOADED = "import os\nwith open({path!r}, 'a') as file: file.write(f'{{os.getpid()}}\\n')\n"
THREAD = "import threading\nthreading.Thread(target=threading.Event().wait, name='collector', daemon=True).start()\n"
IGNORES_CHILDREN = "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
CANNOT_FORK = (
    "import os\ndef fork():\n    raise BlockingIOError(11, 'the limit of processes is reached')\nos.fork = fork\n"
)
NO_PROC = """
import os
listdir = os.listdir
def without_proc(path="."):
    if path == "/proc/self/task":
        raise FileNotFoundError(path)
    return listdir(path)
os.listdir = without_proc
"""


class Preloaded(PoolServer):
    """A pool with a prototype, which notes each time that the application is loaded."""

    def __init__(self, folder: Path, *arguments, code: str = "", options=(), **more) -> None:
        self.loaded = folder / "loaded"
        self.loaded.touch()
        note = LOADED.format(path=str(self.loaded))
        super().__init__(folder, *arguments, code=note + code + GOOD, options=["--preload", *options], **more)

    def loads(self) -> list[int]:
        """The processes that have loaded the application."""
        return [int(line) for line in self.loaded.read_text().split()]

    def workers(self) -> list[int]:
        """Without the prototype, which has one thread for life."""
        return [pid for pid in super().workers() if pid not in self.loads()]


def test_the_application_is_loaded_once_for_all_workers(tmp_path):
    with Preloaded(tmp_path, one_each(tmp_path), workers="3") as server:
        workers = server.wait_workers(3)
        (prototype,) = server.loads()
        for door in server.doors:
            assert server.pids(door, 2) <= set(workers)
        os.kill(workers[0], signal.SIGKILL)
        server.wait_workers(3, without=workers[:1])
        assert server.loads() == [prototype]
        assert os.listdir(f"/proc/{prototype}/task") == [str(prototype)]
    server.history.judge()
    assert not Path(f"/proc/{prototype}").exists()


def test_reload_loads_anew_and_leaves_one_prototype(tmp_path):
    with Preloaded(tmp_path) as server:
        before = server.wait_workers(2)
        server.reload()
        server.wait_workers(2, without=before)
        first, second = server.loads()
        assert eventually(lambda: not Path(f"/proc/{first}").exists())
        assert Path(f"/proc/{second}").exists()
        server.ask()
    server.history.judge()


@pytest.mark.parametrize("code", [RAISES, HANGS, EXITS], ids=["raises", "hangs", "exits"])
def test_a_broken_deployment_changes_nothing(tmp_path, code):
    with Preloaded(tmp_path, options=["--boot-timeout", "2"]) as server:
        before = server.wait_workers(2)
        server.deploy(code)
        server.reload("the reload changed nothing, the old workers serve on")
        assert set(server.wait_workers(2)) == set(before)
        os.kill(before[0], signal.SIGKILL)  # its successor comes from the old prototype
        server.wait_workers(2, without=before[:1])
        server.ask()
    server.history.judge()


def test_what_cannot_be_loaded_is_told_once(tmp_path):
    (tmp_path / "deployed.py").write_text(RAISES)
    command = [sys.executable, "-m", "polydoor", "deployed:application", "-w", "3", "--preload", "-b", "127.0.0.1:0"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (run.returncode, run.stderr.count("PD0")) == (3, 1), run.stderr
    assert "RuntimeError: the deployment is broken" in run.stderr


def test_an_application_that_starts_threads_is_refused_by_name_and_loaded_by_each(tmp_path):
    with Preloaded(tmp_path, code=THREAD) as server:
        server.log.wait_for("the application starts threads when it is loaded (collector), so every worker loads it")
        assert eventually(lambda: len(server.loads()) == 3)
        server.ask()
        assert "PD0346" in server.log.text
    server.history.judge()


def test_where_threads_cannot_be_seen_every_worker_loads_it(tmp_path):
    with Preloaded(tmp_path, code=NO_PROC) as server:
        assert server.log.wait_for("PD0346: the application starts threads when it is loaded (perhaps, for there is")
        assert eventually(lambda: len(server.loads()) == 3)  # the prototype, and each for itself
        server.ask()
    server.history.judge()


def test_an_application_that_ignores_the_end_of_children_can_be_forked(tmp_path):
    with Preloaded(tmp_path, code=IGNORES_CHILDREN) as server:
        workers = server.wait_workers(2)
        os.kill(workers[0], signal.SIGKILL)
        server.wait_workers(2, without=workers[:1])
        assert len(server.loads()) == 1
        server.reload("reloaded: 2 of 2 workers are new")
        server.ask()
    server.history.judge()


def test_a_prototype_that_cannot_fork_ends_the_first_start_with_the_reason(tmp_path):
    (tmp_path / "deployed.py").write_text(CANNOT_FORK + GOOD)
    command = [sys.executable, "-m", "polydoor", "deployed:application", "-w", "3", "--preload"]
    command += ["--app-dir", str(tmp_path), "-b", f"unix:{tmp_path}/s"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(APPS.parent), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=PATIENCE, check=False)
    assert (done.returncode, "PD0307" in done.stderr) == (3, False), done.stderr
    assert "the prototype made no process" in done.stderr


def test_a_prototype_that_dies_is_made_again_when_a_worker_is_needed(tmp_path):
    with Preloaded(tmp_path) as server:
        workers = server.wait_workers(2)
        os.kill(server.loads()[0], signal.SIGKILL)
        os.kill(workers[0], signal.SIGKILL)
        server.wait_workers(2, without=workers[:1])
        assert len(server.loads()) == 2
        server.ask()
    server.history.judge()


def test_nobody_is_left_without_the_supervisor(tmp_path):
    server = Preloaded(tmp_path)
    try:
        pids = server.wait_workers(2) + server.loads()
        server.process.kill()
        assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 5)
    finally:
        server.kill()


def test_an_idle_service_starts_its_worker_from_the_prototype(tmp_path):
    with Preloaded(tmp_path, workers="0:2", options=["--idle-stop", "0.5"]) as server:
        for _ in range(2):
            server.wait_workers(0)
            server.ask()
        assert len(server.loads()) == 1
    server.history.judge()


class DjangoPool(Server):
    """The Django site of the tests, by preloaded workers."""

    def __init__(self, folder: Path, workers: int) -> None:
        options = ["-w", str(workers), "--preload", "--no-access-log"]
        super().__init__(site.SPEC, threads=2, options=options, env=site.environment(folder))

    def kib(self, workers: int) -> int:
        """The memory of all its processes, when each has answered something."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as file:
            pids = [int(word) for word in file.read().split()]
        assert len(pids) == 1 + workers
        for _ in range(4 * workers):
            assert self.doors[0].request("GET", "/admin/login/").status == 200
        return sum(map(pss_kib, [self.pid, *pids]))


def test_a_second_worker_of_a_django_site_costs_a_third_of_the_first(tmp_path):
    site.prepare(tmp_path)
    with DjangoPool(tmp_path, 1) as one:
        first = one.kib(1)
    with DjangoPool(tmp_path, 2) as two:
        both = two.kib(2)
    assert (both - first) / first <= 0.35, (first, both)
