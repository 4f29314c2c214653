"""CGI as a web server does it (RFC 3875): a process for each request, with pipes for standard input and output.

`CgiWire` looks like a connection: what is sent first is an environment, NUL behind each string and an empty string at
the end, which starts the process; the rest is its standard input.
"""

from __future__ import annotations

import array
import os
import select
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Protocol, Self

from peers.wire import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Variables = dict[bytes, bytes]


def environment(variables: dict[str, str]) -> bytes:
    """The strings of an environment."""
    return b"".join(f"{name}={value}".encode("latin-1") + b"\0" for name, value in variables.items()) + b"\0"


class Running(Protocol):
    """A process that was started."""

    def wait(self) -> int:
        """Its exit status."""


class Program(Protocol):
    """What a web server starts for a request."""

    def start(self, variables: Variables, stdin: int, stdout: int) -> Running:
        """Start it with these descriptors."""


class Command:
    """A command that is started with nothing in its environment but the request and what it needs to be found."""

    def __init__(self, words: Sequence[str], env: dict[str, str], cwd: Path | None = None) -> None:
        self._words = list(words)
        self._env = {name.encode(): value.encode() for name, value in env.items()}
        self._cwd = cwd
        self.errors = subprocess.DEVNULL

    def start(self, variables: Variables, stdin: int, stdout: int) -> Running:
        return Child(
            subprocess.Popen(
                self._words,
                stdin=stdin,
                stdout=stdout,
                stderr=self.errors,
                env=self._env | variables,
                cwd=self._cwd,
            )
        )


class Child:
    """A process of our own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def wait(self) -> int:
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


class Forker:
    """A process that has loaded all it can beforehand, and forks one for each request (support/cgi_forker.py)."""

    def __init__(self, path: str) -> None:
        self._path = path

    def start(self, variables: Variables, stdin: int, stdout: int) -> Running:
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.settimeout(PATIENCE)
        control.connect(self._path)
        strings = b"".join(b"%b=%b\0" % pair for pair in variables.items())
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [stdin, stdout]))
        control.sendmsg([strings], [rights])
        return Forked(control)


class Forked:
    """A process of the forker, which says how it ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control

    def wait(self) -> int:
        with self._control as control:
            return int(control.recv(100))


class CgiWire:
    """One request, to be used like a connection."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._kept = b""
        self._process: Running | None = None
        self._input = self._output = -1
        self.status: int | None = None  # of the process, once the response has ended
        self.ended: str | None = None  # "eof": in order; "reset": the process says that the response is incomplete

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, data: bytes) -> bytes:
        """Start the process once its environment is there; returns what stands behind it."""
        self._kept += data
        end = 0 if self._kept[:1] == b"\0" else self._kept.find(b"\0\0") + 1
        if not end and self._kept[:1] != b"\0":
            return b""
        pairs = (text.partition(b"=") for text in self._kept[:end].split(b"\0")[:-1])
        stdin, self._input = os.pipe()
        self._output, stdout = os.pipe()
        try:
            self._process = self._program.start({name: value for name, _, value in pairs}, stdin, stdout)
        finally:
            os.close(stdin)
            os.close(stdout)
        return self._kept[end + 1 :]

    def send(self, data: bytes) -> None:
        """Sends all bytes; a process that reads no more is an error here."""
        left = data if self._process else self._start(data)
        while left:
            if not select.select([], [self._input], [], PATIENCE)[1]:
                raise TimeoutError("the process does not read")
            left = left[os.write(self._input, left[: select.PIPE_BUF]) :]

    def recv(self, size: int = 65536) -> bytes:
        """The next bytes; b"" at the end, whose kind is then in `ended`."""
        if not select.select([self._output], [], [], PATIENCE)[0]:
            raise TimeoutError("the process sends nothing")
        data = os.read(self._output, size)
        if not data and self.ended is None:
            assert self._process is not None
            self.status = self._process.wait()
            self.ended = "reset" if self.status else "eof"
        return data

    def pump(self, data: bytes, take: Callable[[bytes], bool]) -> None:
        """Sends `data` while giving what arrives to `take`, until the end: as CGI nothing else ends a response."""
        left = memoryview(data if self._process else self._start(data))
        deadline = time.monotonic() + PATIENCE
        while True:
            reads, writes, _ = select.select(
                [self._output], [self._input] if left else [], [], deadline - time.monotonic()
            )
            if not reads and not writes:
                raise TimeoutError("the process neither takes nor sends anything")
            if writes:
                try:
                    left = left[os.write(self._input, left[: select.PIPE_BUF]) :]
                except BrokenPipeError:
                    left = left[:0]  # it answers without the rest
            if reads:
                piece = self.recv()
                if not piece or take(piece):
                    return
                deadline = time.monotonic() + PATIENCE

    def half_close(self) -> None:
        """Ends standard input."""
        os.close(self._input)
        self._input = -1

    def reset(self) -> None:
        """Leaves, as a web server whose client has left."""
        self.close()

    def leave(self) -> None:
        """Closes both pipes, and does not wait for the process."""
        for fd in (self._input, self._output):
            if fd >= 0:
                os.close(fd)
        self._input = self._output = -1

    def close(self) -> None:
        """Closes both pipes; the process ends."""
        self.leave()
        if self._process is not None and self.ended is None:
            self.status = self._process.wait()
            self.ended = "reset"
