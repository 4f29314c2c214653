"""The units of systemd that `polydoor frontend systemd` prints: systemd finds them right, and they fit each other."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest

from peers.door import FcgiDoor, HttpDoor
from support.server import APPS
from support.service import Service

FILE = re.compile(r"^# /etc/systemd/system/(\S+)\n", re.MULTILINE)
APP = f"{APPS}/behind.py:application"


@pytest.fixture
def units(tmp_path):
    """Each printed unit by its name."""
    command = [sys.executable, "-m", "polydoor", "frontend", "systemd", APP, "--name", "shop"]
    command += ["-b", f"unix:{tmp_path}/shop.sock?mode=0600", "-b", "fastcgi://127.0.0.1:9000?mount=/m&profile=nginx"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    _, *parts = FILE.split(text)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def lines_of(unit, key):
    return [line.partition("=")[2] for line in unit.split("\n") if line.startswith(f"{key}=")]


@pytest.mark.frontend("systemd")
def test_systemd_finds_them_right(units, tmp_path):
    files = [tmp_path / name for name in units]
    for file in files:
        file.write_text(units[file.name], encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.split("\n") if "shop" in line]
    assert (done.returncode, complaints) == (0, [])


def test_the_service_serves_what_the_sockets_pass(units, tmp_path):
    (command,) = lines_of(units["shop.service"], "ExecStart")
    words = shlex.split(command)
    options = words[words.index(APP) + 1 :]
    sockets = [name for name in units if name.endswith(".socket")]
    assert lines_of(units["shop.service"], "Sockets") == [" ".join(sockets)]
    with ExitStack() as stack:
        passed, addresses = [], {}
        for unit in map(units.get, sockets):
            (stream,) = lines_of(unit, "ListenStream")
            family = socket.AF_UNIX if stream.startswith("/") else socket.AF_INET
            listening = stack.enter_context(socket.socket(family))
            listening.bind(stream if family == socket.AF_UNIX else ("127.0.0.1", 0))
            listening.listen()
            (name,) = lines_of(unit, "FileDescriptorName")
            passed.append((name, listening))
            addresses[name] = listening.getsockname()
        service = stack.enter_context(Service(f"@{tmp_path.name}-notify", options, app=APP, sockets=passed))
        service.told_first("READY=1")
        assert HttpDoor(addresses["http"]).request("GET", "/echo").json()["environ"]["SCRIPT_NAME"] == ""
        assert FcgiDoor(addresses["fastcgi"]).request("GET", "/m/echo").json()["environ"]["SCRIPT_NAME"] == "/m"
        service.stop()
