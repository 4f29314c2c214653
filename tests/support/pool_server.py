"""`PoolServer`: a supervisor with workers, whose application a test may change as a deployment would."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from support.history import History
from support.server import APPS, INSTALLED, Server
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from peers.door import Door

GOOD = "from apps.history_app import application\n"
RAISES = "raise RuntimeError('the deployment is broken')\n"
HANGS = "import threading\nthreading.Event().wait()\n"
EXITS = "import os\nos._exit(7)\n"


class PoolServer(Server):
    """`polydoor deployed:application -w N`; its code is a file in `folder`."""

    def __init__(
        self,
        folder: Path,
        listeners: Sequence[str] = ("http://127.0.0.1:0",),
        *,
        workers: str = "2",
        threads: int = 2,
        options: Sequence[str] = (),
        code: str = GOOD,
        env: dict[str, str] | None = None,
        program: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.history = History(folder)
        self.deploy(code)
        path = INSTALLED if program else [os.environ.get("PYTHONPATH", "")]
        env = (env or {}) | self.history.env | {"PYTHONPATH": os.pathsep.join([str(APPS.parent), *path])}
        super().__init__(
            "deployed:application",
            listeners,
            threads=threads,
            options=[*(["-w", workers] if workers else []), "--app-dir", str(folder), "--no-access-log", *options],
            env=env,
            program=program or [sys.executable],
        )

    def deploy(self, code: str) -> None:
        """Puts other code in place; nothing is compiled ahead, so that no older one is taken for it."""
        path = self.folder / "deployed.py"
        path.with_suffix(".new").write_text(code)
        path.with_suffix(".new").replace(path)

    def signal(self, number: signal.Signals) -> None:
        """To the supervisor."""
        self.process.send_signal(number)

    def workers(self) -> list[int]:
        """The processes below the supervisor, oldest first."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as file:
            return [int(word) for word in file.read().split()]

    def wait_workers(self, count: int, *, without: Sequence[int] = (), threads: bool = True) -> list[int]:
        """The workers, as soon as there are so many that serve, as the supervisor knows, none one of `without`."""

        def are_there() -> bool:
            pids = self.workers()
            there = len(pids) == count and not set(pids) & set(without)
            return there and (not threads or (all(map(_serves, pids)) and waits(self.pid)))

        assert eventually(are_there), f"{self.workers()} are not {count} without {without}:\n{self.log.text}"
        return self.workers()

    def reload(self, told: str = "reloaded: ") -> None:
        """SIGHUP, and what came of it."""
        before = sum(told in line for line in self.log.lines)
        self.signal(signal.SIGHUP)
        assert self.log.wait_until(lambda lines: sum(told in line for line in lines) > before), self.log.text

    def ask(self) -> None:
        """One request at the first door, from its beginning to the close() of its response."""
        record = self.history.ask(self.doors[0])
        assert eventually(lambda: bool(self.history.runs()[record.ident].close))

    def pids(self, door: Door, count: int) -> set[int]:
        """Which processes answer so many requests, each on a connection of its own."""
        records = [self.history.ask(door) for _ in range(count)]
        runs = self.history.runs()
        return {pid for record in records for pid in runs[record.ident].pids}


def _serves(pid: int) -> bool:
    """Whether it has its threads, and its main thread has nothing more to do."""
    try:
        return len(os.listdir(f"/proc/{pid}/task")) > 2 and waits(pid)
    except FileNotFoundError:
        return False


def waits(pid: int) -> bool:
    """Whether the main thread sleeps in poll(), as far as the kernel lets us see that."""
    with open(f"/proc/{pid}/stat") as stat, open(f"/proc/{pid}/wchan") as place:
        return stat.read().rpartition(")")[2].split()[0] == "S" and ("poll" in (where := place.read()) or where == "0")
