"""Workers below a supervisor: started, replaced, resized and ended, without anybody noticing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from support.history import cut, killed
from support.holding import Held
from support.pool_server import EXITS, GOOD, HANGS, RAISES, PoolServer
from support.server import PATIENCE, one_each
from support.waiting import eventually


def test_workers_serve_and_the_supervisor_never_loads_the_application(tmp_path):
    loaded = tmp_path / "loaded"
    code = f"import os\nwith open({str(loaded)!r}, 'a') as file: file.write(f'{{os.getpid()}}\\n')\n{GOOD}"
    with PoolServer(tmp_path, one_each(tmp_path), code=code) as server:
        workers = server.wait_workers(2)
        for door in server.doors:
            assert server.pids(door, 1) <= set(workers)
        assert eventually(lambda: len(loaded.read_text().split()) == 2)
        assert sorted(map(int, loaded.read_text().split())) == sorted(workers)
        assert os.listdir(f"/proc/{server.pid}/task") == [str(server.pid)]
        assert "  2 workers, each: 2 requests at once, up to 16384 connections" in server.log.lines
    server.history.judge()


def test_reload_replaces_every_worker(tmp_path):
    with PoolServer(tmp_path) as server:
        before = server.wait_workers(2)
        server.reload()
        after = server.wait_workers(2, without=before)
        assert server.pids(server.doors[0], 4) <= set(after)
    server.history.judge()


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (RAISES, "RuntimeError: the deployment is broken"),
        (HANGS, "it was not ready within 2 s"),
        (EXITS, "ended with status 7"),
    ],
    ids=["raises", "hangs", "exits"],
)
def test_a_broken_deployment_changes_nothing(tmp_path, code, told):
    with PoolServer(tmp_path, options=["--boot-timeout", "2"]) as server:
        before = server.wait_workers(2)
        server.deploy(code)
        server.reload("the reload changed nothing, the old workers serve on")
        assert told in server.log.text
        assert set(server.wait_workers(2)) == set(before)
        assert server.pids(server.doors[0], 4) <= set(before)
        server.deploy(GOOD)
        server.reload()
        server.wait_workers(2, without=before)
    server.history.judge()


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [(RAISES, 3, "PD0103"), ("", 4, "PD0108"), (EXITS, 3, "PD0340: ended with status 7")],
    ids=["raises", "empty", "exits"],
)
def test_what_cannot_be_loaded_is_told_once_with_the_status_of_a_single_process(tmp_path, code, status, told):
    (tmp_path / "deployed.py").write_text(code)
    command = [sys.executable, "-m", "polydoor", "deployed:application", "-w", "3", "-b", "127.0.0.1:0"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert run.returncode == status, run.stderr
    assert run.stderr.count("PD0") == 1, run.stderr
    assert told in run.stderr


def test_workers_that_end_are_replaced_and_nobody_else_is_touched(tmp_path):
    with PoolServer(tmp_path) as server:
        for how in (signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM):
            first, second = server.wait_workers(2)
            os.kill(first, how)
            assert second in server.wait_workers(2, without=[first])
            server.ask()
        assert server.log.text.count("PD0340") == 2  # who asked by SIGTERM has a successor before it goes
    server.history.judge()


def test_a_worker_with_an_interrupted_request_has_a_successor_before_it_goes(tmp_path):
    code = "from apps.stuck_apps import application\n"
    with PoolServer(tmp_path, workers="1", options=["--request-timeout", "1"], code=code) as server:
        (worker,) = server.wait_workers(1)
        door = server.doors[0]
        with door.start("GET", "/steady?20") as neighbour, door.start("GET", "/loop") as stuck:
            assert neighbour.wait_body(b".")
            assert stuck.finish().status == 504
            assert neighbour.finish().body == b"." * 20
        server.wait_workers(1, without=[worker])
        assert door.request("GET", "/").body == b"hello"
    assert "PD0411" in server.log.text
    assert "PD0331" not in server.log.text  # it does not end by itself
    assert "PD0340" not in server.log.text


def test_only_what_a_killed_worker_had_is_lost(tmp_path):
    with PoolServer(tmp_path, one_each(tmp_path), workers="1") as server:
        (worker,) = server.wait_workers(1)
        asked = [server.history.start(door, sleep=60) for door in server.doors]
        assert eventually(lambda: len(server.history.runs()) == 2)  # two threads
        os.kill(worker, signal.SIGKILL)
        for one in asked:
            one.finish()
        server.wait_workers(1, without=[worker])
        for door in server.doors:
            server.history.ask(door)
    lost = server.history.judge(killed("its worker was killed", worker), cut("it waited there", at_most=3)).failures
    assert [len(records) for records in lost.values()] == [2, 3]


def test_one_more_one_less_none_and_all_again(tmp_path):
    with PoolServer(tmp_path) as server:
        server.wait_workers(2)
        server.signal(signal.SIGTTIN)
        server.wait_workers(3)
        server.signal(signal.SIGTTOU)
        before = server.wait_workers(2)
        server.signal(signal.SIGWINCH)
        server.wait_workers(0)
        asked = server.history.start(server.doors[0])
        server.reload()
        asked.finish()
        server.wait_workers(2, without=before)
    server.history.judge()


def test_the_end_serves_what_came(tmp_path):
    with PoolServer(tmp_path, one_each(tmp_path)) as server:
        server.wait_workers(2)
        asked = [server.history.start(server.doors[number % 5], sleep=0.2) for number in range(30)]
        assert eventually(lambda: len(server.history.runs()) >= 2)
        server.signal(signal.SIGTERM)
        for one in asked:
            one.finish()
        server.wait()
    assert server.history.judge().served == 30


def test_without_its_supervisor_a_worker_finishes_and_ends(tmp_path):
    server = PoolServer(tmp_path, [f"http+unix:{tmp_path}/s"])
    try:
        workers = server.wait_workers(2)
        asked = server.history.start(server.doors[0], sleep=0.5)
        assert eventually(lambda: len(server.history.runs()) == 1)
        server.process.kill()
        assert asked.finish().outcome == "served"
        assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 5)
    finally:
        server.kill()
    server.history.judge()
    with PoolServer(tmp_path, [f"http+unix:{tmp_path}/s"]) as second:
        second.ask()
    second.history.judge()


def test_an_idle_service_has_no_worker_and_the_next_request_starts_one(tmp_path):
    with PoolServer(tmp_path, one_each(tmp_path), workers="0:2", options=["--idle-stop", "0.5"]) as server:
        for door in server.doors:
            server.wait_workers(0)
            server.history.ask(door)
            assert len(server.workers()) >= 1
    server.history.judge()


def test_a_request_that_waits_for_a_thread_brings_a_worker(tmp_path):
    options = ["--queue-timeout", "60"]
    env = {"CALLS": str(tmp_path / "calls")}
    code = "from apps.fifo import application\n"
    with PoolServer(tmp_path, workers="1:2", threads=1, options=options, code=code, env=env) as server:
        (first,) = server.wait_workers(1)
        running = Held(server.doors[0], "running", tmp_path / "running")
        running.wait_running()
        waiting = Held(server.doors[0], "waiting", tmp_path / "waiting")
        assert first in server.wait_workers(2)
        assert server.doors[0].request("GET", "/quick?id=quick").body == b"served quick"
        assert (tmp_path / "calls").read_text().split() == ["running", "quick"]
        for held in (running, waiting):
            held.release()
            assert held.exchange.finish().body == f"served {held.ident}".encode()


@pytest.mark.parametrize("kind", ["http", "fastcgi", "ajp", "scgi", "uwsgi"])
def test_reloads_under_load_lose_nothing(tmp_path, kind):
    with PoolServer(tmp_path, one_each(tmp_path)) as server:
        server.wait_workers(2)
        over = threading.Event()
        door = server.door(kind)
        clients = [
            threading.Thread(target=server.history.keep_asking, args=(door, over.is_set), kwargs={"sleep": 0.01})
            for _ in range(4)
        ]
        for client in clients:
            client.start()
        for _ in range(3):
            server.reload()
        over.set()
        for client in clients:
            client.join()
    assert server.history.judge().served > 20


def configured(server: PoolServer, text: str) -> None:
    """Writes the configuration file."""
    (server.folder / "polydoor.toml").write_text(text)


def test_a_reload_reads_configuration_and_variables_anew(tmp_path):
    (tmp_path / "polydoor.toml").write_text("threads = 2\nenv-file = ['vars']\n")
    (tmp_path / "vars").write_text("SHOP=old\n")
    code = "import os\n" + GOOD + "print(os.environ['SHOP'], flush=True)\n"
    with PoolServer(tmp_path, workers="1", threads=0, options=["--chdir", str(tmp_path)], code=code) as server:
        server.output.wait_for("old")
        before = server.wait_workers(1)
        configured(server, "threads = 3\nenv-file = ['vars']\nbacklog = 77\n")
        (tmp_path / "vars").write_text("SHOP=new\n")
        server.reload()
        (worker,) = server.wait_workers(1, without=before)
        server.output.wait_for("new")
        assert eventually(lambda: len(os.listdir(f"/proc/{worker}/task")) >= 1 + 3 + 1)
        server.log.wait_for("backlog has changed, which a reload does not take over")
        configured(server, "threds = 3\n")
        server.reload("the reload changed nothing, the old workers serve on: PD0010")
        assert server.wait_workers(1) == [worker]
        os.kill(worker, signal.SIGKILL)  # what follows it has what applied before the failure
        server.wait_workers(1, without=[worker])
        assert eventually(lambda: server.output.lines.count("new") == 2)
        server.ask()
    server.history.judge()


def test_as_many_workers_as_may_be_have_their_places(tmp_path):
    with PoolServer(tmp_path, workers="1:512") as server:
        server.wait_workers(1)
        server.ask()
    server.history.judge()


def test_more_workers_than_there_are_places_for_are_told(tmp_path):
    (tmp_path / "polydoor.toml").write_text("workers = 1\n")
    with PoolServer(tmp_path, workers="", options=["--chdir", str(tmp_path), "--touch-reload", "none"]) as server:
        before = server.wait_workers(1)
        configured(server, "workers = 5\n")
        server.reload()
        assert "PD0345: there can be at most 2 workers, 3 fewer than --workers asks for now" in server.log.text
        before = server.wait_workers(2, without=before)
        server.signal(signal.SIGUSR2)  # which takes the places over, too
        server.wait_workers(2, without=before)
    server.history.judge()


def test_the_number_of_workers_is_taken_over_by_a_reload(tmp_path):
    (tmp_path / "polydoor.toml").write_text("workers = 2\n")
    with PoolServer(tmp_path, workers="", options=["--chdir", str(tmp_path)]) as server:
        server.wait_workers(2)
        for count in (3, 1):
            before = server.workers()
            configured(server, f"workers = {count}\n")
            server.reload()
            server.wait_workers(count, without=before)
