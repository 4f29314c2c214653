"""Fixtures for tests that drive a running server through each of its doors.

Folders import what they need into their conftest.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from peers.cgi import Forker
from peers.door import CgiDoor
from support.server import APPS, Server
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peers.door import Door, GatewayDoor

FORKER = Path(__file__).with_name("cgi_forker.py")
PROTOCOLS = ("http", "fastcgi", "scgi", "uwsgi", "ajp")
GATEWAYS = ("fastcgi", "scgi", "uwsgi")
# With the one that has no listener: it starts a process for each request.
EVERY_DOOR = (*PROTOCOLS, "cgi")
EVERY_GATEWAY = (*GATEWAYS, "cgi")
# `polydoor cgi` with these options; by itself it believes REMOTE_USER, which a listener does not.
CGI_DOORS = {
    "cgi": ["--trust-remote-user=0"],
    "cgi-stream": ["--stream"],
    "cgi-mount": ["--mount", "/shop"],
    "cgi-trust": [],
}


class Control:
    """Talks to the journal of the conformance application."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def notes(self, key: str, count: int = 0) -> list[Any]:
        """What the applications have noted under `key`, once there are `count` notes."""
        result: list[Any] = self._door.request("GET", f"/notes?{urlencode({'key': key, 'count': count})}").json()
        return result

    def open(self, key: str) -> None:
        """Opens a gate."""
        assert self._door.request("GET", f"/gate?{urlencode({'key': key})}").status == 200


class Doors:
    """A server of the conformance application with every listener that the tests need; THREADS= overrides its four."""

    def __init__(self, folder: Any) -> None:
        listeners = {
            "http": "http://127.0.0.1:0",
            "fastcgi": f"fastcgi+unix:{folder}/f.sock",
            "scgi": "scgi://127.0.0.1:0",
            "uwsgi": "uwsgi://127.0.0.1:0",
            "http-stream": "http://127.0.0.1:0?stream=1",
            "fastcgi-stream": "fastcgi://127.0.0.1:0?stream=1",
            "scgi-stream": f"scgi+unix:{folder}/s.sock?stream=1",
            "uwsgi-stream": f"uwsgi+unix:{folder}/u.sock?stream=1",
            "http-mount": "http://127.0.0.1:0?mount=/shop",
            "fastcgi-mount": "fastcgi://127.0.0.1:0?mount=/shop",
            "scgi-mount": "scgi://127.0.0.1:0?mount=/shop",
            "uwsgi-mount": "uwsgi://127.0.0.1:0?mount=/shop",
            "fastcgi-tcp": "fastcgi://127.0.0.1:0",
            "fastcgi-trust": "fastcgi://127.0.0.1:0?trust-remote-user=1",
            "scgi-trust": "scgi://127.0.0.1:0?trust-remote-user=1",
            "uwsgi-trust": "uwsgi://127.0.0.1:0?trust-remote-user=1",
            "ajp": "ajp://127.0.0.1:0",
            "ajp-stream": "ajp://127.0.0.1:0?stream=1",
            "ajp-mount": "ajp://127.0.0.1:0?mount=/shop",
            "ajp-trust": "ajp://127.0.0.1:0?trust-remote-user=1",
            "ajp-secret": "ajp://127.0.0.1:0?secret=env:AJP_SECRET",
            "ajp-large": "ajp://127.0.0.1:0?packet=65536",
            "ajp-lighttpd": "ajp://127.0.0.1:0?lighttpd=1",
        }
        threads = int(os.environ.get("THREADS") or 4)
        self.server = Server(
            f"{APPS}/conformance.py:application",
            list(listeners.values()),
            threads=threads,
            env={"AJP_SECRET": "secret-of-the-tests"},
        )
        self.by_name = dict(zip(listeners, self.server.doors, strict=True))
        self.control = Control(self.by_name["http"])
        self._folder = folder
        self._forkers: list[subprocess.Popen[bytes]] = []

    def __getitem__(self, name: str) -> Door:
        if name not in self.by_name:
            self.by_name[name] = self._cgi_door(name)
        return self.by_name[name]

    def _cgi_door(self, name: str) -> CgiDoor:
        """A door that was not wanted until now."""
        path = f"{self._folder}/{name}"
        http = self.by_name["http"]
        host, port = http.address
        command = [sys.executable, str(FORKER), path, f"{host}:{port}", *CGI_DOORS[name]]
        forker = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self._forkers.append(forker)
        assert forker.stderr is not None
        self.server.log.follow(forker.stderr)
        assert eventually(lambda: os.path.exists(path)), f"{command} does not start"
        return CgiDoor(Forker(path), http.server)

    def stop(self) -> None:
        """Ends the server, which must have nothing to complain about."""
        for forker in self._forkers:
            forker.terminate()
            forker.wait()
        self.server.stop()
        for forker in self._forkers:
            assert forker.stderr is not None
            forker.stderr.close()


@pytest.fixture(scope="session")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """One server for all tests that leave it as it was."""
    opened = Doors(tmp_path_factory.mktemp("doors"))
    yield opened
    opened.stop()


@pytest.fixture
def server(doors: Doors) -> Server:
    """The server behind the doors; it must survive the test."""
    assert doors.server.process.poll() is None, f"the server has died:\n{doors.server.log.text[-4000:]}"
    return doors.server


@pytest.fixture
def control(doors: Doors) -> Control:
    """The journal of the application."""
    return doors.control


@pytest.fixture
def key() -> str:
    """A name that no other test uses."""
    return uuid.uuid4().hex


@pytest.fixture(params=EVERY_DOOR)
def door(request: pytest.FixtureRequest, server: Server, doors: Doors) -> Door:
    """Each protocol in turn; the body is collected before the application is called."""
    return doors[request.param]


@pytest.fixture(params=PROTOCOLS)
def lasting_door(request: pytest.FixtureRequest, server: Server, doors: Doors) -> Door:
    """Each protocol whose process goes on behind a response: not CGI."""
    return doors[request.param]


@pytest.fixture(params=EVERY_DOOR)
def stream_door(request: pytest.FixtureRequest, server: Server, doors: Doors) -> Door:
    """Each protocol in turn; the application is called at the head."""
    return doors[f"{request.param}-stream"]


@pytest.fixture(params=EVERY_DOOR)
def mount_door(request: pytest.FixtureRequest, server: Server, doors: Doors) -> Door:
    """Each protocol in turn, mounted at /shop."""
    return doors[f"{request.param}-mount"]


@pytest.fixture(params=EVERY_GATEWAY)
def gateway(request: pytest.FixtureRequest, server: Server, doors: Doors) -> GatewayDoor:
    """The protocols that carry CGI-style variables."""
    return doors[request.param]  # type: ignore[return-value]


@pytest.fixture(params=EVERY_GATEWAY)
def trusting_gateway(request: pytest.FixtureRequest, server: Server, doors: Doors) -> GatewayDoor:
    """The same, on listeners that believe REMOTE_USER."""
    return doors[f"{request.param}-trust"]  # type: ignore[return-value]


@pytest.fixture
def http_door(server: Server, doors: Doors) -> Door:
    """HTTP alone."""
    return doors["http"]


@pytest.fixture
def http_stream_door(server: Server, doors: Doors) -> Door:
    """HTTP alone, in stream mode."""
    return doors["http-stream"]


@pytest.fixture
def fcgi_door(server: Server, doors: Doors) -> GatewayDoor:
    """FastCGI alone."""
    return doors["fastcgi"]  # type: ignore[return-value]


@pytest.fixture
def fcgi_stream_door(server: Server, doors: Doors) -> GatewayDoor:
    """FastCGI alone, in stream mode."""
    return doors["fastcgi-stream"]  # type: ignore[return-value]


__all__ = [
    "Control",
    "Doors",
    "control",
    "door",
    "doors",
    "fcgi_door",
    "fcgi_stream_door",
    "gateway",
    "http_door",
    "http_stream_door",
    "key",
    "lasting_door",
    "mount_door",
    "server",
    "stream_door",
    "trusting_gateway",
]
