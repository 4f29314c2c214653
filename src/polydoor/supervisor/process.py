"""The process of one worker, from fork() until nothing is left of it."""

from __future__ import annotations

import os
import time

from polydoor import codes
from polydoor.supervisor.member import Death
from polydoor.worker import csignal as signal
from polydoor.worker.channel import FAILED, read_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol, TypeVar

    from polydoor.worker.channel import Channel

    class _Closable(Protocol):
        def close(self) -> None: ...

    End = TypeVar("End", bound=_Closable)

CANNOT_START = 3
ENDED = codes.WORKER_ENDED  # asked now, as codes are loaded then: later there may be no descriptor left for that


class Process:
    """What the supervisor has of a worker."""

    __slots__ = ("began", "channel", "failure", "number", "pid", "pidfd", "slot")

    def __init__(self, number: int, slot: int, pid: int, channel: Channel) -> None:
        self.number = number
        self.slot = slot
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)  # so that no stranger with the same number is ever meant
        self.channel = channel
        self.began = time.monotonic()
        self.failure: tuple[int, str, str] | None = None  # exit status, code and text

    def signal(self, number: int) -> None:
        """Send a signal, if it still lives."""
        send(self.pid, number, lambda: signal.pidfd_send_signal(self.pidfd, number))

    def is_stopped(self) -> bool:
        """Whether it was stopped by a signal since this was asked last, and has not gone on."""
        try:
            return os.waitid(os.P_PIDFD, self.pidfd, os.WSTOPPED | os.WNOHANG) is not None
        except ChildProcessError:  # it has ended, or is not ours yet
            return False

    def failed(self, text: str) -> None:
        """Keep what it told of why it cannot serve."""
        self.failure = read_failure(text)

    def bury(self, *, served: bool) -> Death:
        """Take leave of a process that has ended; return how it did."""
        for word, text in self._last_words():
            if word == FAILED:
                self.failed(text)
        _, status = os.waitpid(self.pid, 0)
        self.close()
        if self.failure:
            return Death(self.failure[2], self.failure[0], code=self.failure[1], served=served)
        return Death(how(status), CANNOT_START, code=ENDED, served=served)

    def _last_words(self) -> list[tuple[str, str]]:
        try:
            return self.channel.hear()
        except EOFError:
            return []

    def close(self) -> None:
        """Give back what this process has of it: also what a worker does with those of the others."""
        os.close(self.pidfd)
        self.channel.close()


def send(pid: int, number: int, deliver: Callable[[], None]) -> None:
    """Send a signal to a process, if it still lives; also to one of another user, without CAP_KILL."""
    try:
        deliver()
    except ProcessLookupError:
        return
    except PermissionError:
        from polydoor.supervisor.foreign import send_as_its_user

        send_as_its_user(pid, number, deliver)


def kill(pid: int) -> None:
    """End a child that was not taken leave of: until then its number is its own."""
    send(pid, signal.SIGKILL, lambda: os.kill(pid, signal.SIGKILL))


def how(status: int) -> str:
    """How a process ended, by what waitpid() says."""
    if os.WIFSIGNALED(status):
        name = signal.name_of(os.WTERMSIG(status))
        return f"killed by {name}{', with a core dump' if os.WCOREDUMP(status) else ''}"
    return f"ended with status {os.WEXITSTATUS(status)}"


def fork(ends: tuple[End, End]) -> tuple[int, End]:
    """Make a process; return its number and the first end, and in it 0 and the second. OSError: both are closed."""
    ours, its = ends
    try:
        pid = os.fork()
    except OSError:
        ours.close()
        its.close()
        raise
    (ours if pid == 0 else its).close()
    return pid, its if pid == 0 else ours
