"""SIGUSR2: another version of Polydoor takes this process over, with its sockets and workers.

First the new program is tried, by a child that only loads the application. If that works, the supervisor executes it in
its own place: the process keeps its number, the sockets stay open, and the workers serve on until the new program
replaces them.
"""

from __future__ import annotations

import os
import sys
import time

from polydoor import codes
from polydoor.states import RUNNING
from polydoor.supervisor import tell
from polydoor.supervisor.process import how
from polydoor.supervisor.takeover import STATE, adopted, kept, written
from polydoor.worker import csignal as signal
from polydoor.worker.banner import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from polydoor.settings.surroundings import Surroundings
    from polydoor.supervisor.run import Supervisor

PROBE = "_POLYDOOR_PROBE"  # set for the child that only loads the application
WAITING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Upgrade:
    """One upgrade at a time."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.ends_at = 0.0  # when patience with the trial ends
        self._supervisor = supervisor
        self._trial: Trial | None = None

    def begin(self, now: float) -> None:
        """Try the new program."""
        supervisor = self._supervisor
        if self._trial or supervisor.pool.state.now != RUNNING:
            return
        self._trial = Trial(supervisor.anew.first)
        self.ends_at = now + supervisor.pool.rules.boot_s
        supervisor.on(self._trial.pidfd, self._end_trial)

    def pids(self) -> set[int]:
        """The trial's process, if there is one."""
        return {self._trial.pid} if self._trial else set()

    def tick(self, now: float) -> None:
        """See whether the trial takes too long."""
        if self._trial and self.ends_at and now >= self.ends_at:
            self.ends_at = 0.0
            self._trial.kill()

    def adopt(self, state: Mapping[str, Any]) -> None:
        """Go on where the older program left off."""
        supervisor = self._supervisor
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WAITING)
        members = []
        for worker in state["workers"]:
            process = adopted(worker)
            supervisor.making.adopt(process)
            members.append((process.number, worker["generation"], worker["state"]))
        tell.upgraded(len(members))
        supervisor.notices.serving(f"Serving {supervisor.app_name} at {' '.join(supervisor.sockets.names)}")
        supervisor.pool.adopt(time.monotonic(), members, "upgrade")

    def _end_trial(self) -> None:
        trial, self._trial, self.ends_at = self._trial, None, 0.0
        assert trial is not None
        self._supervisor.off(trial.pidfd)
        if trial.end() and self._supervisor.pool.state.now == RUNNING:
            self._hand_on()

    def _hand_on(self) -> None:
        """Become the new program; workers that are still loading are not worth keeping."""
        supervisor = self._supervisor
        for number, process in supervisor.processes.items():
            if supervisor.pool.members[number].is_starting:
                process.signal(signal.SIGKILL)
        supervisor.control.close()
        supervisor.making.close()
        state, fds = kept(supervisor)
        memory = written(state)
        for fd in (memory, *fds):
            os.set_inheritable(fd, True)
        signal.pthread_sigmask(signal.SIG_BLOCK, WAITING)  # they wait for the new program
        more = supervisor.notices.variables()
        try:
            _execute(supervisor.anew.first, {STATE: str(memory), **more})
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WAITING)
            for fd in fds:
                os.set_inheritable(fd, False)
            os.close(memory)
            tell.not_executed(error)


class Trial:
    """The child that tries the new program."""

    def __init__(self, first: Surroundings) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            try:
                signal.pthread_sigmask(signal.SIG_SETMASK, [])
                _execute(first, {PROBE: "1"})
            finally:
                os._exit(127)
        self.pidfd = os.pidfd_open(self.pid)

    def end(self) -> bool:
        """Take leave of it; whether the new program works. What is wrong it has said itself."""
        _, status = os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        if status:
            say(
                f"no upgrade: the new program {how(status)}; this one serves on",
                "What it said stands above. Correct that, and send SIGUSR2 again.",
                code=codes.UPGRADE_FAILED,
            )
        return status == 0

    def kill(self) -> None:
        """Its time is over, or the server ends."""
        signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)


def is_probe() -> bool:
    """Whether this process is to try whether the application can be loaded, and no more."""
    return os.environ.pop(PROBE, "") != ""


def _execute(first: Surroundings, more: Mapping[str, str]) -> NoReturn:
    first.restore()
    os.execve(sys.executable, sys.orig_argv, {**os.environ, **more})  # noqa: S606 - there is nothing for a shell
