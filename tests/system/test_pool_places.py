"""A pool where somebody started it: in a folder that is a link, with a Python that goes away, or without workers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

from support.server import APPS, INSTALLED, Server
from support.waiting import eventually

RELEASE = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"release {number}"]
"""


def status(path):
    """What the control socket answers."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(b'{"command": "status"}\n')
        return json.loads(client.makefile().read())


def test_status_says_what_brings_workers_back(tmp_path):
    control = f"{tmp_path}/control"
    with Server(f"{APPS}/behind.py:application", options=["-w", "1", "--control", control]) as server:
        server.process.send_signal(signal.SIGWINCH)
        assert eventually(lambda: not status(control)["workers"])
        command = [sys.executable, "-m", "polydoor", "status", "--control", control]
        assert (
            "SIGHUP or SIGTTIN brings them back"
            in subprocess.run(command, capture_output=True, text=True, check=True).stdout
        )


def test_a_reload_finds_the_release_that_the_link_leads_to_now(tmp_path):
    for number in (1, 2):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / "shop.py").write_text(RELEASE.format(number=number))
    link = tmp_path / "current"
    link.symlink_to("1")
    with Server("shop:application", options=["-w", "1"], cwd=link, env={"PWD": str(link)}) as server:
        assert server.doors[0].request("GET", "/").body == b"release 1"
        (tmp_path / "new").symlink_to("2")
        (tmp_path / "new").rename(link)
        (tmp_path / "1").rename(tmp_path / "old")
        server.process.send_signal(signal.SIGHUP)
        server.log.wait_for("reloaded: ")
        # the old worker may take one connection more before it hears that it is to go
        assert eventually(lambda: server.doors[0].request("GET", "/").body == b"release 2")


def test_an_upgrade_to_a_python_that_has_gone_says_so_and_changes_nothing(tmp_path):
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    env = {"PYTHONPATH": os.pathsep.join(INSTALLED), "PYTHONHOME": ""}
    app = f"{APPS}/behind.py:application"
    with Server(app, options=["-w", "1"], program=[str(python)], env=env) as server:
        python.unlink()
        server.process.send_signal(signal.SIGUSR2)
        server.log.wait_for(f"PD0347: no upgrade: cannot execute {python}: No such file or directory")
        server.log.wait_for("PD0347: no upgrade: the new program ended with status 127; this one serves on")
        assert server.doors[0].request("GET", "/echo").status == 200
