"""SIGUSR2: another program takes the process over, and nobody notices."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest

from peers.kept import keep
from support.pool_server import EXITS, GOOD, HANGS, RAISES, PoolServer
from support.server import PATIENCE, one_each

SEEN = "import os\nos.write(1, b'seen: %d\\n' % sum(name.startswith('_POLYDOOR') for name in os.environ))\n"


def upgrade(server: PoolServer, told: str = "reloaded: ") -> None:
    """SIGUSR2, and what came of it."""
    before = sum(told in line for line in server.log.lines)
    server.signal(signal.SIGUSR2)
    assert server.log.wait_until(lambda lines: sum(told in line for line in lines) > before), server.log.text


def test_the_process_stays_and_everything_in_it_is_new(tmp_path):
    with PoolServer(tmp_path, one_each(tmp_path), code=SEEN + GOOD) as server:
        began = Path(f"/proc/{server.pid}/stat").read_text().split()[21]
        workers = server.wait_workers(2)
        for _ in range(2):  # what an upgrade hands on can be handed on again
            with keep(server.door("http")) as kept:
                server.history.ask_kept(kept)
                upgrade(server)
                server.history.ask_kept(kept)
            workers = server.wait_workers(2, without=workers)
            for door in server.doors:
                assert server.pids(door, 1) <= set(workers)
        assert Path(f"/proc/{server.pid}/stat").read_text().split()[21] == began
        assert server.log.text.count("upgraded: this is version") == 2
        server.reload()
        assert set(server.output.lines) == {"seen: 0"}
        unix = [door.address for door in server.doors if isinstance(door.address, str)]
        assert all(Path(path).is_socket() for path in unix)
        server.stop()
        assert not any(Path(path).exists() for path in unix)
    server.history.judge()


@pytest.mark.parametrize("code", [RAISES, HANGS, EXITS], ids=["raises", "hangs", "exits"])
def test_a_program_that_does_not_start_changes_nothing(tmp_path, code):
    with PoolServer(tmp_path, options=["--boot-timeout", "2"]) as server:
        before = server.wait_workers(2)
        server.deploy(code)
        upgrade(server, "PD0347: no upgrade: the new program")
        assert set(server.workers()) == set(before)
        server.ask()
        server.deploy(GOOD)
        upgrade(server)
        server.wait_workers(2, without=before)
        server.ask()
    server.history.judge()


# Where there is a file `hold` it loads for ever, and says when it is interrupted.
HELD = """
import os, threading
try:
    if os.path.exists(HOLD):
        os.write(1, b"held\\n")
        while True:
            threading.Event().wait(0.1)
except BaseException:
    os.write(1, b"left in order\\n")
    raise
"""


def held(folder: Path) -> str:
    return f"HOLD = {str(folder / 'hold')!r}\n{HELD}{GOOD}"


def test_a_worker_that_still_loads_leaves_in_order(tmp_path):
    """It may have become ready, and have accepted something, before its supervisor knows."""
    with PoolServer(tmp_path, workers="1", code=held(tmp_path)) as server:
        (tmp_path / "hold").touch()
        server.signal(signal.SIGTTIN)
        server.output.wait_for("held")
        (tmp_path / "hold").unlink()
        upgrade(server)
        server.output.wait_for("left in order")
        server.wait_workers(1)
        server.ask()
    server.history.judge()


def test_a_program_that_changes_while_it_is_tried_is_tried_again(tmp_path):
    with PoolServer(tmp_path, workers="1", options=["--boot-timeout", "5"]) as server:
        before = server.wait_workers(1)
        (tmp_path / "hold").touch()
        server.deploy(held(tmp_path))
        server.signal(signal.SIGUSR2)
        server.output.wait_for("held")
        (tmp_path / "hold").unlink()
        upgrade(server)
        assert "SIGUSR2: a new program is being tried; it is tried once more afterwards" in server.log.text
        assert "PD0347: no upgrade: the new program killed by SIGKILL" in server.log.text
        assert "one worker of the older program is replaced" in server.log.text
        server.wait_workers(1, without=before)
        server.ask()
    server.history.judge()


def test_a_program_that_is_gone_when_it_is_to_be_executed_changes_nothing(tmp_path):
    python = tmp_path / "python"
    python.symlink_to(os.path.realpath(sys.executable))
    with PoolServer(tmp_path, options=["--preload", "--control", f"{tmp_path}/ctl"], program=[str(python)]) as server:
        before = server.wait_workers(3, threads=False)
        server.deploy(f"import os\nos.unlink({str(python)!r})\n" + GOOD)
        upgrade(server, "PD0347: no upgrade: cannot execute")
        server.ask()
        server.deploy(GOOD)
        server.reload()
        assert not set(before) & set(server.wait_workers(3, threads=False))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{tmp_path}/ctl")
            client.sendall(b'{"command":"status"}\n')
            assert client.recv(100).startswith(b'{"ok":true')
    server.history.judge()


def test_who_waits_for_a_reload_is_answered_by_the_new_program(tmp_path):
    with (
        PoolServer(tmp_path, options=["--control", f"{tmp_path}/ctl"]) as server,
        socket.socket(socket.AF_UNIX) as waits,
        socket.socket(socket.AF_UNIX) as silent,
    ):
        server.wait_workers(2)
        server.deploy("import os\nos.write(1, b'loads\\n')\n" + HANGS)
        waits.connect(f"{tmp_path}/ctl")
        silent.connect(f"{tmp_path}/ctl")
        waits.sendall(b'{"command":"reload"}\n')
        server.output.wait_for("loads")
        server.deploy(GOOD)
        upgrade(server)
        for client, told in ((waits, b'{"ok":true}\n'), (silent, b'{"ok":false,"error":"another version')):
            client.settimeout(PATIENCE)
            assert client.recv(1000).startswith(told)
    server.history.judge()


def test_an_upgrade_under_load_loses_nothing(tmp_path):
    with PoolServer(tmp_path, one_each(tmp_path)) as server:
        server.wait_workers(2)
        over = threading.Event()
        clients = [
            threading.Thread(target=server.history.keep_asking, args=(door, over.is_set), kwargs={"sleep": 0.01})
            for door in server.doors
        ]
        for client in clients:
            client.start()
        for _ in range(2):
            upgrade(server)
        over.set()
        for client in clients:
            client.join()
    assert server.history.judge().served > 20


def test_a_preloaded_service_is_upgraded_too(tmp_path):
    with PoolServer(tmp_path, options=["--preload"]) as server:
        before = set(server.wait_workers(3, threads=False))
        upgrade(server)
        server.ask()
        assert not before & set(server.wait_workers(3, threads=False))
        os.kill(server.workers()[-1], signal.SIGKILL)
        server.ask()
    server.history.judge()
