"""The CGI stub with a stand-in for Python (core/standin.c), for tests that need no real application."""

from __future__ import annotations

import fcntl
import functools
import os
import signal
import struct
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peers.response import CgiDecoder
from support import cbuild
from support.server import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from peers.response import Response

RELEASE = (*cbuild.COMMON, "-O2")
REQUEST = {
    "GATEWAY_INTERFACE": "CGI/1.1",
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "/shop.cgi",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "shop.example",
    "QUERY_STRING": "",
}
# What a web server's process has of its own; a sanitized stub must not find its options gone.
FOUND = {name: os.environ[name] for name in ("PATH", "ASAN_OPTIONS") if name in os.environ}
DAEMON_BYTE = 5
RECORD = struct.Struct("=8sqQQIiII")  # as in core/loop/gate.c
RECORD_AT = 16
RECORD_END = RECORD_AT + RECORD.size


@functools.cache
def sanitized() -> Path:
    """The stub, with address and undefined-behaviour sanitizers."""
    return cbuild.build("polydoor-cgi", cbuild.stub_sources())


@functools.cache
def released() -> Path:
    """The stub as it is installed: optimized, and linked statically where that can be done."""
    try:
        return cbuild.build("polydoor-cgi", cbuild.stub_sources(), RELEASE, link_flags=["-static"])
    except cbuild.BuildError:
        return cbuild.build("polydoor-cgi", cbuild.stub_sources(), RELEASE)


@functools.cache
def standin() -> Path:
    """What the stub executes instead of Python. Not sanitized: it is started thousands of times."""
    return cbuild.build("standin", cbuild.standin_sources(), RELEASE)


@functools.cache
def hand() -> Path:
    """What the stub executes instead of Python where a request is to run as CGI in a process that is there already."""
    return cbuild.build("python-of-forker", cbuild.hand_sources(), RELEASE)


@dataclass
class Answer:
    """What came of one request."""

    status: int  # of the process
    response: Response | None
    errors: str
    output: bytes

    @property
    def text(self) -> str:
        assert self.response is not None, self
        return self.response.body.decode("latin-1")

    @property
    def variables(self) -> dict[str, str]:
        """The lines NAME=VALUE (LENGTH) of the body, without the length."""
        lines = [line.rpartition(" ")[0] for line in self.text.splitlines() if "=" in line]
        return dict(line.partition("=")[::2] for line in lines)


class Site:
    """A folder with a stub, its configuration and a private state."""

    def __init__(self, folder: Path, stub: Path | None = None, **keys: object) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.stub = folder / "shop.cgi"
        self.config = folder / ".ht-shop.cgi.conf"
        self.socket, self.lock, self.log = (self.state / name for name in ("socket", "lock", "log"))
        self.journal, self.alone = folder / "journal", folder / "alone"
        folder.chmod(0o755)
        self.stub.write_bytes((stub or sanitized()).read_bytes())
        self.stub.chmod(0o755)
        self.keys = {
            "app": "shop:app",
            "python": str(standin()),
            "directory": str(folder),
            "state": str(self.state),
            "environment": [f"STANDIN_JOURNAL={self.journal}", f"STANDIN_ALONE={self.alone}"],
        }
        self.write(**keys)

    def write(self, **keys: object) -> None:
        """Writes the configuration anew with other keys; `_` is a hyphen."""
        self.keys |= {name.replace("_", "-"): value for name, value in keys.items()}
        lines = [f"{name} = {literal(value)}\n" for name, value in self.keys.items() if value is not None]
        self.config.write_text("".join(lines))
        self.config.chmod(0o600)

    def living(self, *lines: str) -> None:
        """Adds variables that rule the stand-in's life."""
        found = self.keys["environment"]
        assert isinstance(found, list)
        self.write(environment=[*found, *lines])

    def start(self, path: str = "/", stdin: int = subprocess.PIPE, **variables: str) -> subprocess.Popen[bytes]:
        """Starts the stub for one request."""
        return subprocess.Popen(
            [self.stub],
            env=FOUND | REQUEST | {"PATH_INFO": path, "REQUEST_URI": f"/shop.cgi{path}"} | variables,
            cwd=self.folder,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def ask(self, path: str = "/", body: bytes = b"", **variables: str) -> Answer:
        """Makes one request."""
        if body:
            variables = {"CONTENT_LENGTH": str(len(body)), "REQUEST_METHOD": "POST"} | variables
        return finish(self.start(path, **variables), body)

    def record(self) -> dict[str, int]:
        """What the lock file says."""
        data = self.lock.read_bytes()[RECORD_AT:RECORD_END]
        names = ("started_ms", "dev", "ino", "failures", "pid", "is_ready")
        return dict(zip(names, RECORD.unpack(data)[1:7], strict=True))

    def daemon(self) -> int:
        """The number of the daemon that listens, or 0."""
        with self.lock.open("r+b") as handle:
            asked = struct.pack("=hhxxxxqqixxxx", fcntl.F_WRLCK, os.SEEK_SET, DAEMON_BYTE, 1, 0)
            told = fcntl.fcntl(handle, fcntl.F_OFD_GETLK, asked)
        return self.record()["pid"] if struct.unpack("=hhxxxxqqixxxx", told)[0] != fcntl.F_UNLCK else 0

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Ends the daemon, if there is one."""
        if self.lock.exists() and self.lock.stat().st_size and (pid := self.daemon()):
            os.kill(pid, how)


def literal(value: object) -> str:
    """A value as the configuration has it."""
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def finish(process: subprocess.Popen[bytes], body: bytes = b"", method: str = "GET") -> Answer:
    """Waits for the end of a request."""
    output, errors = process.communicate(body, timeout=PATIENCE)
    decoder = CgiDecoder(method)
    if output:
        decoder.feed(output)
        decoder.end("eof")
    return Answer(process.returncode, decoder.response if output else None, errors.decode(), output)


def finish_all(processes: Sequence[subprocess.Popen[bytes]]) -> list[Answer]:
    """Waits for several."""
    return [finish(process) for process in processes]


def outcome(answer: Answer) -> tuple[int, int | None]:
    """The status of the process and of the response."""
    return answer.status, answer.response.status if answer.response else None


def fallback(path: Path) -> str:
    """The place where `state` does not do; `path` is the configuration's."""
    value = 0xCBF29CE484222325
    for byte in os.fsencode(path):
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"/tmp/polydoor-{os.geteuid()}/{value:016x}"
