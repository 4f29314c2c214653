"""Fixtures for tests that drive a running server through each of its doors.

Folders import what they need into their conftest.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from peers.cgi import Command, Forker
from peers.door import CgiDoor, StubDoor
from support import stub as stubs
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
# The CGI stub, before a daemon and where it runs requests as CGI; `door` and `gateway` of tests/wsgi have them, too.
STUBS = ("stub", "stubcgi")


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
        self._sites: list[stubs.Site] = []

    def __getitem__(self, name: str) -> Door:
        if name not in self.by_name:
            make = self._stub_door if name.startswith(STUBS) else self._cgi_door
            self.by_name[name] = make(name)
        return self.by_name[name]

    def _stub_door(self, name: str) -> CgiDoor:
        """A stub with a configuration of its own."""
        kind, _, way = name.partition("-")
        alike = f"cgi-{way}" if way else "cgi"
        http = self.by_name["http"]
        host, port = http.address
        folder = Path(self._folder, name)
        folder.mkdir()
        keys: dict[str, object] = {"directory": str(APPS), "options": [*CGI_DOORS[alike], "-t", "4"]}
        variables = [f"{each}={os.environ[each]}" for each in ("PYTHONPATH", "LD_LIBRARY_PATH") if each in os.environ]
        if kind == "stubcgi":
            forker = self[alike]
            assert isinstance(forker, CgiDoor)
            keys |= {"python": str(stubs.hand()), "exec_below": 1_000_000}
            variables += [f"FORKER={self._folder}/{alike}"]
        else:
            keys |= {"python": sys.executable}
            variables += [f"JOURNAL={host}:{port}"]
        site = stubs.Site(folder, stubs.released(), app="remote_conformance", environment=variables, **keys)
        self._sites.append(site)
        if kind == "stub":
            site.state.mkdir(0o700)
            self._follow(["tail", "-s", "0.1", "-F", "-c", "+1", str(site.log)])
        door = CgiDoor if kind == "stubcgi" else StubDoor
        return door(Command([str(site.stub)], {}), http.server)

    def _follow(self, command: list[str]) -> None:
        """Starts what is to end with the doors, and has what it writes as the server's."""
        pipe = subprocess.PIPE
        writer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=subprocess.DEVNULL)
        self._forkers.append(writer)
        self.server.log.follow(writer.stdout)

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
        for site in self._sites:
            site.kill(signal.SIGTERM)
        for forker in self._forkers:
            forker.terminate()
            forker.wait()
        self.server.stop()
        for forker in self._forkers:
            for pipe in filter(None, (forker.stdout, forker.stderr)):
                pipe.close()


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
