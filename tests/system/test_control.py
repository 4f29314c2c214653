"""The control socket: `polydoor status`, `reload` and `stop`, and what nobody can do to the supervisor there."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.pool_server import GOOD, HANGS, RAISES, PoolServer
from support.server import APPS, PATIENCE, Server
from support.waiting import eventually

STRANGER = 65534
ASK_AS = """
import os, socket, sys
os.setuid(int(sys.argv[1]))
with socket.socket(socket.AF_UNIX) as client:
    client.connect("ctl")
    print("connected")
    try:
        client.sendall(b'{"command":"stop"}\\n')
        sys.stdout.buffer.write(client.recv(100))
    except OSError:
        pass  # closed already
"""


@pytest.fixture
def server(tmp_path):
    with PoolServer(tmp_path, options=["--control", f"{tmp_path}/ctl"]) as made:
        made.wait_workers(2)
        yield made
    made.history.judge()


def command(folder, *words, **env):
    """What a command says, run in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "polydoor", *words],
        cwd=folder,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def connect(folder):
    client = socket.socket(socket.AF_UNIX)
    client.connect(f"{folder}/ctl")
    client.settimeout(PATIENCE)
    return client


def ask(folder, line):
    """The answer to one line, and the end of the connection behind it."""
    with connect(folder) as client:
        client.sendall(line)
        return json.loads(b"".join(iter(lambda: client.recv(65536), b"")))


def test_status_tells_of_the_service_and_each_worker(server, tmp_path):
    server.ask()
    os.kill(server.workers()[0], 9)
    assert eventually(lambda: ask(tmp_path, b'{"command":"status"}\n')["restarts"] == {"crash": 1})
    pids = server.wait_workers(2)
    assert eventually(
        lambda: {row["state"] for row in ask(tmp_path, b'{"command":"status"}\n')["workers"]} == {"running"}
    )
    run = command(tmp_path, "status", "--control", "ctl", "--json")
    told = json.loads(run.stdout)
    assert (run.returncode, run.stderr) == (0, "")
    assert [told[name] for name in ("ok", "state", "app", "pid", "generation", "last_reload", "wanted")] == [
        *(True, "running", "deployed:application", server.pid, 1, None, 2)
    ]
    assert told["listeners"] == [f"http://127.0.0.1:{server.doors[0].address[1]}"]
    assert sorted(row["pid"] for row in told["workers"]) == sorted(pids)
    for row in told["workers"]:
        assert (row["threads"], row["busy"], row["queue"], row["oldest_wait"]) == (2, 0, 0, 0)
        assert row["rss"] > 1_000_000
    assert (tmp_path / "ctl").stat().st_mode & 0o777 == 0o600


def test_status_tells_what_is_busy_and_what_waits(server, tmp_path):
    def workers():
        return ask(tmp_path, b'{"command":"status"}\n')["workers"]

    asked = [server.history.start(server.doors[0], sleep=1) for _ in range(6)]
    assert eventually(lambda: sum(row["busy"] for row in workers()) == 4)
    assert eventually(lambda: sum(row["queue"] for row in workers()) == 2)
    assert max(row["oldest_wait"] for row in workers()) > 0
    for one in asked:
        one.finish()


def test_the_commands_find_the_socket_as_the_server_does(server, tmp_path):
    (tmp_path / "polydoor.toml").write_text('control = "ctl"\n')
    for run in (
        command(tmp_path, "status"),
        command("/", "status", POLYDOOR_CONTROL=f"{tmp_path}/ctl"),
        command("/", "status", "--chdir", str(tmp_path)),
    ):
        first, second, _, head, *rows = run.stdout.split("\n")
        assert run.returncode == 0, run.stderr
        assert first.startswith("deployed:application: running for ")
        assert second == f"  http://127.0.0.1:{server.doors[0].address[1]}"
        assert head.split()[:3] == ["worker", "pid", "state"]
        assert [row.split()[1] for row in rows if row] == [str(pid) for pid in server.workers()]


def test_reload_waits_and_tells_what_came_of_it(server, tmp_path):
    before = server.wait_workers(2)
    good = command(tmp_path, "reload", "--control", "ctl")
    assert (good.returncode, good.stdout) == (0, "polydoor: reloaded: all workers are new\n")
    after = server.wait_workers(2, without=before)
    server.deploy(RAISES)
    bad = command(tmp_path, "reload", "--control", "ctl")
    assert bad.returncode == 3
    assert bad.stderr.startswith("polydoor: PD0342: the reload changed nothing, the old workers serve on: ")
    assert "RuntimeError: the deployment is broken" in bad.stderr
    assert set(server.wait_workers(2)) == set(after)
    status = command(tmp_path, "status", "--control", "ctl").stdout
    assert "ago, it changed nothing:\n" in status
    assert "RuntimeError: the deployment is broken" in status


def test_reloads_asked_for_during_one_are_answered_by_the_next(tmp_path):
    options = ["--control", f"{tmp_path}/ctl", "--boot-timeout", "2"]
    with PoolServer(tmp_path, options=options) as server, contextlib.ExitStack() as stack:
        server.wait_workers(2)
        first, second, third = (stack.enter_context(connect(tmp_path)) for _ in range(3))
        begun = tmp_path / "begun"
        server.deploy(f"open({str(begun)!r}, 'w').close()\n{HANGS}")
        first.sendall(b'{"command":"reload"}\n')
        assert eventually(begun.exists)
        second.sendall(b'{"command":"reload"}\n')
        third.sendall(b'{"command":"reload"}\n')
        server.deploy(GOOD)
        assert "was not ready within 2 s" in json.loads(first.recv(4096))["error"]
        assert [json.loads(client.recv(4096)) for client in (second, third)] == [{"ok": True}] * 2
        assert ask(tmp_path, b'{"command":"status"}\n')["generation"] == 3


def test_stop_returns_when_the_server_has_ended(server, tmp_path):
    asked = server.history.start(server.doors[0], sleep=0.5)
    assert eventually(lambda: len(server.history.runs()) == 1)
    run = command(tmp_path, "stop", "--control", "ctl")
    assert (run.returncode, run.stdout, run.stderr) == (0, "polydoor: stopped\n", "")
    assert Path(f"/proc/{server.pid}/stat").read_text().split()[2] == "Z"
    assert asked.finish().outcome == "served"
    assert not (tmp_path / "ctl").exists()
    again = command(tmp_path, "stop", "--control", "ctl")
    assert again.returncode == 3
    assert again.stderr.startswith("polydoor: PD0357: no server can be asked at ctl: there is no socket\n")
    server.log.wait_for("polydoor stop: finishing open requests, for at most 30 s")


@pytest.mark.parametrize("name", ["status", "reload", "stop"])
def test_without_a_control_socket_they_say_how_to_have_one(tmp_path, name):
    run = command(tmp_path, name)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == (
        "polydoor: PD0356: nothing says where the control socket is\n"
        '  Put control = "PATH" into polydoor.toml, or give the server --control PATH and say the same here.\n'
    )


@pytest.mark.parametrize(
    "line",
    [b"\n", b"stop\n", b'"stop"\n', b'{"command":["stop"]}\n', b'{"command":"halt"}\n', b"[" * 4000 + b"\n", b"\xff\n"],
)
def test_garbage_is_told_to_be_none(server, tmp_path, line):
    told = ask(tmp_path, line)
    assert not told["ok"]
    assert told["error"].startswith("no such command; there are status, reload, stop")


def test_a_line_without_an_end_is_cut(server, tmp_path):
    with connect(tmp_path) as client:
        sent = 0
        with contextlib.suppress(BrokenPipeError):
            while sent < 1 << 30:
                sent += client.send(b"x" * 65_536)
        assert sent < 1 << 24  # what fits into the socket's buffers
        assert json.loads(client.recv(4096)) == {"ok": False, "error": "a line may have at most 4096 bytes"}
    assert ask(tmp_path, b'{"command":"status"}\n')["ok"]


def test_who_never_closes_or_never_reads_hinders_nobody(server, tmp_path):
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(connect(tmp_path)) for _ in range(40)]
        for client in silent[20:]:
            client.sendall(b'{"command":')
        assert ask(tmp_path, b'{"command":"status"}\n')["ok"]
        server.ask()
        assert len(os.listdir(f"/proc/{server.pid}/fd")) < 80
        hung_up = select.poll()
        for client in silent:  # after three seconds at most
            hung_up.register(client, select.POLLIN)
        assert eventually(lambda: len(hung_up.poll(0)) == 40, 20)
    with connect(tmp_path) as client:
        client.sendall(b'{"command":"reload"}\n')
    server.log.wait_for("reloaded: 2 of 2 workers are new")  # though nobody waits for it
    server.ask()


def targets(pid):
    """What its descriptors lead to; one may be closed while we look."""
    found = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(fd.readlink()))
    return found


def test_a_worker_has_nothing_of_it(server, tmp_path):
    with connect(tmp_path) as client:
        client.sendall(b'{"command":"reload"}\n')
        assert json.loads(client.recv(4096)) == {"ok": True}
        assert client.recv(1) == b""  # no successor has kept it open
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    mine = {f"socket:[{row[6]}]" for row in rows if row[-1] == f"{tmp_path}/ctl"}
    assert mine
    for pid in server.workers():
        assert not mine & targets(pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_is_refused_whatever_the_permissions_are(server, tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "ctl").chmod(0o777)
    run = subprocess.run(
        [sys.executable, "-c", ASK_AS, str(STRANGER)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout == "connected\n"
    assert ask(tmp_path, b'{"command":"status"}\n')["state"] == "running"


def test_one_worker_has_a_supervisor_where_there_is_a_control_socket(tmp_path):
    with Server(f"{APPS}/trivial.py:app", options=["--control", f"{tmp_path}/ctl"]) as server:
        assert len(ask(tmp_path, b'{"command":"status"}\n')["workers"]) == 1
        assert server.doors[0].request("GET", "/").body == b"hello"


def test_where_there_can_be_none_the_server_serves_without(tmp_path):
    with PoolServer(tmp_path, options=["--control", f"{tmp_path}/absent/ctl"]) as server:
        server.ask()
        server.log.wait_for("PD0355: there is no control socket: cannot listen on")


def test_the_socket_of_a_live_server_is_left_alone(server, tmp_path):
    options = ["-w", "1", "-b", "127.0.0.1:0", "--control", "ctl"]
    second = command(tmp_path, "deployed:application", *options)
    assert second.returncode == 2
    assert second.stderr.startswith("polydoor: PD0201: cannot listen on ")
    assert ask(tmp_path, b'{"command":"status"}\n')["pid"] == server.pid
    (tmp_path / "notes").write_text("mine")
    third = command(tmp_path, "deployed:application", *options[:-1], "notes")
    assert third.returncode == 2
    assert third.stderr.startswith("polydoor: PD0211: ")
    assert (tmp_path / "notes").read_text() == "mine"
