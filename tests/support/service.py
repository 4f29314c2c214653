"""`Service`: a polydoor process that is started as systemd starts one, and the datagrams that it sends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Self

import pytest

from support.server import ALARMS, APPS, PATIENCE, Log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Between fork and exec, as systemd: the sockets become 3, 4, …, and the process learns that they are for it.
LAUNCH = """
import fcntl, os, sys
fds = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in os.environ.pop("PASS").split()]
for number, fd in enumerate(fds, 3):
    os.dup2(fd, number)
os.closerange(3 + len(fds), 200)
if fds:
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(fds))
os.environ.setdefault("WATCHDOG_PID", str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-m", "polydoor", *sys.argv[1:]])
"""


class Service:
    """Runs an application as a service; `sockets` are the names and the sockets that are passed."""

    def __init__(
        self,
        address: Path | str,
        options: Sequence[str] = (),
        *,
        app: str = f"{APPS}/service_app.py",
        sockets: Sequence[tuple[str, socket.socket]] = (),
        env: dict[str, str] | None = None,
    ) -> None:
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.settimeout(PATIENCE)
        path = str(address)
        self.notifications.bind("\0" + path[1:] if path.startswith("@") else path)
        fds = [passed.fileno() for _, passed in sockets]
        names = {"LISTEN_FDNAMES": ":".join(name for name, _ in sockets)} if sockets else {}
        told = {"NOTIFY_SOCKET": path, "PASS": " ".join(map(str, fds))} | names
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, app, *options],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=fds,
            env=os.environ | told | (env or {}),
        )
        assert self.process.stderr is not None
        self.log = Log(self.process.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.join()
        self.notifications.close()
        if self.process.stderr is not None:
            self.process.stderr.close()

    def told(self) -> list[str]:
        """The lines of the next datagram."""
        return self.notifications.recv(4096).decode().split("\n")

    def told_first(self, line: str) -> list[str]:
        """The lines of the next datagram that begins with this one; those of the watchdog before it are passed over."""
        while (lines := self.told())[0] == "WATCHDOG=1" != line:
            continue
        assert lines[0] == line, lines
        return lines

    def stop(self) -> None:
        """SIGTERM, and a clean end."""
        self.process.send_signal(signal.SIGTERM)
        self.wait()

    def wait(self) -> None:
        """Waits for the end, which must be a clean one."""
        assert self.process.wait(PATIENCE) == 0, self.log.text
        self.log.join()
        assert not ALARMS.search(self.log.text), self.log.text


@pytest.fixture
def notify(tmp_path: Path) -> Path:
    """Where a service sends its datagrams."""
    return tmp_path / "notify"


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A socket that listens, to be passed on."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made
