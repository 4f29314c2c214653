"""`Pool`: several workers that share listeners, without the supervisor of the command (support/pool_program.py)."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.server import PATIENCE, Server

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = Path(__file__).with_name("pool_program.py")
RETIRE = signal.SIGUSR1


class Pool(Server):
    """A process that forks a worker for a slot when it is told to; APP is `apps.module:attribute`."""

    def __init__(
        self,
        app: str,
        listeners: Sequence[str],
        folder: Path,
        slots: int,
        *,
        threads: int = 1,
        env: dict[str, str] | None = None,
    ) -> None:
        control = folder / "control"
        words = [str(PROGRAM), str(control), str(slots), str(threads), app]
        super().__init__(None, listeners, threads=None, start=words, env=env)
        self._control = socket.socket(socket.AF_UNIX)
        self._control.settimeout(2 * PATIENCE)
        self._control.connect(str(control))
        self._stream = self._control.makefile("rw")

    def _do(self, *words: Any) -> Any:
        self._stream.write(json.dumps(words) + "\n")
        self._stream.flush()
        answer = self._stream.readline()
        assert answer, f"the pool has ended:\n{self.log.text}"
        return json.loads(answer)

    def start_worker(self, slot: int) -> int:
        """A new worker's pid, when it accepts."""
        pid: int = self._do("start", slot)
        return pid

    def tell(self, slot: int, how: signal.Signals) -> None:
        """Sends a signal: RETIRE, SIGTERM or SIGKILL."""
        self._do("signal", slot, how)

    def wait_worker(self, slot: int) -> int:
        """Waits for the end of a worker, whose slot is cleared then; its exit status."""
        status: int = self._do("wait", slot)
        return status

    def slots(self) -> list[dict[str, Any]]:
        """What the board says."""
        slots: list[dict[str, Any]] = self._do("read")["slots"]
        return slots

    def watcher(self) -> int | None:
        """The slot whose turn it is."""
        watcher: int | None = self._do("read")["watcher"]
        return watcher

    def _join(self) -> None:
        self._stream.close()
        self._control.close()
        super()._join()
