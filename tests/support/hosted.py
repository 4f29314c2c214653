"""A daemon of the CGI stub, started as the stub does, and requests as the stub passes them on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

from peers.door import FcgiDoor
from polydoor.bridge._gate import Gate
from support.server import PATIENCE
from support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

LISTENER, LOCK = 3, 4
FOUND = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
START = """
import os, sys
listener, lock = map(int, sys.argv[1:3])
listener, lock = os.dup2(listener, 30), os.dup2(lock, 31)
os.dup2(30, 3); os.dup2(31, 4)
os.closerange(5, 100)
os.execv(sys.executable, [sys.executable, "-m", "polydoor", "cgi", "daemon", sys.argv[3]])
"""


def written(folder: Path, app: str, **keys: Any) -> Path:
    """A configuration in `folder`, whose state and directory are beside it."""
    state = folder / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    (folder / "site").mkdir(exist_ok=True)
    values = {"app": app, "python": sys.executable, "directory": str(folder / "site"), "state": str(state)} | keys
    path = folder / ".ht-shop.cgi.conf"
    path.write_text("".join(f"{key.replace('_', '-')} = {toml(value)}\n" for key, value in values.items()))
    path.chmod(0o600)
    return path


def toml(value: Any) -> str:
    """A value as the file has it."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else str(value)


class Hosted:
    """One daemon; `told` is the configuration that it gets, if that is not the file itself."""

    def __init__(self, configuration: Path, told: str = "", **variables: str) -> None:
        self.state = configuration.parent / "state"
        self.log = self.state / "log"
        self.socket = str(self.state / "socket")
        gate = Gate(str(self.state / "lock"), self.socket)
        listener, own = gate.listen()
        os.close(own)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, str(listener), str(gate.fd), told or str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=FOUND | variables,
                cwd=configuration.parent / "site",
                pass_fds=(listener, gate.fd),
            )
        os.close(listener)
        gate.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    @property
    def door(self) -> FcgiDoor:
        """Its socket."""
        return FcgiDoor(self.socket)

    @property
    def text(self) -> str:
        """Its log so far."""
        return self.log.read_text()

    def told(self, words: str) -> bool:
        """Whether the log holds these words, at last."""
        return eventually(lambda: words in self.text)

    def asked(self) -> Gate:
        """The lock file, for questions."""
        return Gate(str(self.state / "lock"), self.socket)
