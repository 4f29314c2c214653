"""The command as a process: what it prints, how it ends."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.fixtures import GATEWAYS
from support.server import Server, one_each

GUESTBOOK = Path(__file__).parents[2] / "examples" / "guestbook"


def polydoor(*arguments, cwd=GUESTBOOK):
    command = [sys.executable, "-m", "polydoor", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


@pytest.fixture
def guestbook(tmp_path):
    """The guestbook on all protocols."""
    listeners = one_each(tmp_path)
    with Server("guestbook:app", listeners, env={"GUESTBOOK_DB": str(tmp_path / "book.db")}, cwd=GUESTBOOK) as server:
        yield server


def test_banner_names_app_addresses_threads_and_pid(guestbook, tmp_path):
    last = guestbook.log.wait_for("Ctrl-C stops")
    lines = guestbook.log.lines
    assert lines[0] == "polydoor: serving guestbook:app"
    addresses = one_each(tmp_path)
    for line, address in zip(lines[1:], addresses, strict=False):
        assert line.startswith(f"  {address.removesuffix('0')}")
    assert lines[1 + len(addresses)] == "  4 requests at once, up to 16384 connections"
    assert last == f"  pid {guestbook.pid}; Ctrl-C stops"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_with_status_0(guestbook, number):
    guestbook.stop(number)
    assert f"polydoor: {number.name}: finishing open requests, for at most 30 s" in guestbook.log.text


def test_port_in_use_is_one_block_and_status_2():
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = polydoor("nothing_of_this_name", "-b", f"127.0.0.1:{port}")
    assert done.returncode == 2
    assert done.stderr.startswith("polydoor: ")
    assert f"127.0.0.1:{port}" in done.stderr
    assert "in use" in done.stderr
    assert f"(pid {os.getpid()}) listens there" in done.stderr
    assert len(done.stderr.splitlines()) == 3


@pytest.mark.parametrize("protocol", GATEWAYS)
def test_gateway_open_to_the_network_is_refused(protocol):
    done = polydoor("guestbook", "-b", f"{protocol}://0.0.0.0:0")
    assert done.returncode == 2
    assert "allow" in done.stderr


def test_environment_gives_the_app_and_the_address(tmp_path):
    env = {"POLYDOOR_APP": "guestbook", "POLYDOOR_BIND": "nonsense", "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-m", "polydoor"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("polydoor: PD0007: POLYDOOR_BIND: bad address 'nonsense': it needs a host")
