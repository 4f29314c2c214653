"""Listeners of a whole server: IPv6 and an inherited descriptor."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from peers import http
from support.fixtures import PROTOCOLS
from support.server import APPS, Log, Server


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_ipv6(protocol):
    with Server(f"{APPS}/conformance.py:application", [f"{protocol}://[::1]:0"]) as server:
        door = server.doors[0]
        door.server = ("localhost", 80)  # what the client asks for; the address alone would want brackets
        assert door.request("GET", "/arguments").json() == [2, []]


def test_an_inherited_descriptor_is_served():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        fd = listening.fileno()
        command = [sys.executable, "-m", "polydoor", f"{APPS}/trivial.py:app", "-b", f"fd://{fd}"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, pass_fds=[fd])
        assert process.stderr is not None
        log = Log(process.stderr)
        log.wait_for("Ctrl-C stops")
        with http.HttpConnection(listening.getsockname()) as client:
            assert client.ask("GET", "/").body == b"hello"
        process.terminate()
        assert process.wait() == 0
        log.join()
        process.stderr.close()
