"""The supervisor's side of `--preload`: the process that has loaded the application, and forks workers as told.

A reload begins with a prototype of its own; which of the two is left is decided together with the reload.
"""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.supervisor.member import Death
from polydoor.supervisor.process import CANNOT_START, fork, how, kill
from polydoor.worker import csignal as signal
from polydoor.worker.banner import say
from polydoor.worker.channel import FAILED, read_failure
from polydoor.worker.prototype import FORKED, REFUSED, Prototype

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable

    from polydoor.settings.load import Settings
    from polydoor.worker.channel import Channel
    from polydoor.worker.pooled import Seat

PATIENCE_S = 5.0  # for one fork
MESSAGE_MAX = 65_536


class Loaded:
    """One prototype, as the supervisor knows it."""

    __slots__ = ("death", "line", "pid", "state")

    def __init__(self, pid: int, line: socket) -> None:
        self.pid = pid
        self.line = line
        self.state = ""  # or READY, FAILED, REFUSED
        self.death: Death | None = None  # why it cannot be used

    def hear(self) -> str:
        """Take what it says; return its state."""
        try:
            word, _, text = self.line.recv(MESSAGE_MAX).decode("utf-8", "replace").partition(" ")
        except OSError:
            word, text = "", ""
        if word == FAILED:
            status, code, told = read_failure(text)
            self.death = Death(told, status, code=code)
        elif not word:
            self.death = self.bury()
        elif word == REFUSED:
            say(
                f"the application starts threads when it is loaded ({text}), so every worker loads it for itself",
                "Start them when the first request comes, or leave --preload out.",
                code=codes.NO_PRELOAD,
            )
        self.state = word or FAILED
        return self.state

    def fork(self, number: int, slot: int, its: Channel) -> int:
        """Have it make a worker; return the process number, 0 if it cannot."""
        from polydoor.worker.csocket import send_fds

        try:
            send_fds(self.line, f"{number} {slot}".encode(), its.fds)
            word, _, pid = self.line.recv(MESSAGE_MAX).decode().partition(" ")
        except OSError:
            word, pid = "", ""
        return int(pid) if word == FORKED else 0

    def bury(self) -> Death:
        """End it; return how it ended."""
        self.line.close()
        kill(self.pid)
        _, status = os.waitpid(self.pid, 0)
        text = f"the prototype {how(status)}"
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:  # which may have been ours
            text += "\nUnless somebody else did that, the application closed descriptors that are the server's."
        return Death(text, CANNOT_START, code=codes.WORKER_ENDED)


class Prototypes:
    """The one in use, and during a reload the one that is tried."""

    def __init__(self, make_seat: Callable[[int, int, Channel], Seat], in_child: Callable[[], None]) -> None:
        self._make_seat = make_seat
        self._in_child = in_child
        self._used: Loaded | None = None
        self._tried: Loaded | None = None
        self._is_trying = False

    @property
    def newest(self) -> Loaded | None:
        """The one that makes workers now."""
        return self._tried if self._is_trying else self._used

    def pids(self) -> set[int]:
        """Their processes, dead ones included that were not taken leave of."""
        both = (self._used, self._tried)
        return {loaded.pid for loaded in both if loaded and loaded.line.fileno() >= 0}

    def begin(self, settings: Settings) -> Prototype | None:
        """Make a process for a prototype; in that, return its role."""
        from polydoor.worker.csocket import pair  # only now: most supervisors make none

        parent = os.getpid()
        pid, line = fork(pair())
        if pid == 0:
            self.leave()
            self._in_child()
            return Prototype(settings, line, parent, self._make_seat)
        line.settimeout(PATIENCE_S)
        if self._is_trying:
            self._tried = Loaded(pid, line)
        else:
            self._used = Loaded(pid, line)
        return None

    def reloading(self) -> None:
        """From now on another one is to be tried."""
        self._is_trying = True
        self._tried = None

    def decide(self, *, works: bool) -> Loaded | None:
        """The reload is over: return the one of the two that goes."""
        if not self._is_trying:
            return None
        gone, self._used = (self._used, self._tried) if works else (self._tried, self._used)
        self._is_trying = False
        self._tried = None
        return gone

    def drop(self, loaded: Loaded) -> None:
        """End one that cannot be used any more; the next worker needs another one."""
        if loaded is self._tried:
            self._tried = None
        elif loaded is self._used:
            self._used = None
        if loaded.line.fileno() >= 0:
            loaded.bury()

    def kill(self) -> None:
        """End what there is, and be told of it like of any other end."""
        for pid in self.pids():
            kill(pid)

    def leave(self) -> None:
        """In a child: the prototypes are its parent's."""
        for loaded in (self._used, self._tried):
            if loaded:
                loaded.line.close()

    def close(self) -> None:
        """End what there is."""
        for loaded in (self._used, self._tried):
            if loaded:
                self.drop(loaded)
