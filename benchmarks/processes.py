"""How a server runs: pinned to a core, with the applications in its path, until it is ended."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import rivals

APPS = rivals.HERE / "apps"
START = 20.0  # seconds until a server must listen
STOP = 5.0


class ServerError(Exception):
    """A server did not start, or ended on its own."""


class Process:
    """A server that runs pinned to a core, or to `0,1`, with its output in a file, until the context ends."""

    def __init__(self, command: list[str], folder: Path, core: int | str, app: str = "") -> None:
        self._log = folder / "server.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=environment(app),
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process at the top of the tree; taskset has made way for it."""
        return self._process.pid

    @property
    def log(self) -> str:
        """The end of what it said."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-3000:]

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Wait for a condition while the server lives."""
        deadline = time.monotonic() + START
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"{what} (exit status {self._process.poll()}):\n{self.log}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Ask it to end, then end whatever is left of its session."""
        if self._process.poll() is None:
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def environment(app: str = "") -> dict[str, str]:
    """What a server finds around it: the applications can be imported, and leave nothing behind."""
    return os.environ | {"PYTHONPATH": joined(APPS, *site_of(app)), "PYTHONDONTWRITEBYTECODE": "1"}


def own_environment() -> dict[str, str]:
    """The same, for a server that is imported from where we are ourselves."""
    return environment() | {"PYTHONPATH": joined(APPS, *inherited_path())}


def inherited_path() -> list[str]:
    """Where we import from beside what is installed."""
    return list(filter(None, [os.environ.get("PYTHONPATH")]))


def site_of(app: str) -> list[str]:
    """The environment of the other servers, for an application of Django, which is installed there."""
    return [str(rivals.SITE)] if needs_django(app) else []


def needs_django(app: str) -> bool:
    """Whether an application is one of Django."""
    return app.startswith("django")


def joined(*path: Path | str) -> str:
    """A value of PYTHONPATH."""
    return os.pathsep.join(map(str, path))


def listens(address: str) -> bool:
    """Whether somebody takes connections there."""
    family = socket.AF_UNIX if "/" in address else socket.AF_INET
    host, _, port = address.rpartition(":")
    with socket.socket(family) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(address if "/" in address else (host, int(port))) == 0


def free_address() -> str:
    """HOST:PORT where nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
