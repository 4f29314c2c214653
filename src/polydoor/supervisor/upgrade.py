"""SIGUSR2: another version of Polydoor takes this process over, with its sockets and workers.

First the new program is tried, by a child that sees whether it can take over, and loads the application. If that
works, the supervisor executes it in its own place: the process keeps its number, the sockets stay open, and the workers
serve on until the new program replaces them.
"""

from __future__ import annotations

import os
import sys
import time

from polydoor.bridge import end_with_parent
from polydoor.settings.surroundings import Surroundings
from polydoor.states import RUNNING
from polydoor.supervisor import tell
from polydoor.supervisor.process import how, kill
from polydoor.supervisor.takeover import FORM, STATE, adopted, check_form, kept, written
from polydoor.worker import csignal as signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from polydoor.supervisor.run import Supervisor

PROBE = "_POLYDOOR_PROBE"  # set for the child that tries, to the form of what would be handed on
# What a supervisor hears. Left alone they would end or stop the process, or be lost, until the new program hears them.
WATCHED = (
    *(signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2),
    *(signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH, signal.SIGCHLD),
)


class Upgrade:
    """One upgrade at a time."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.ends_at = 0.0  # when patience with the trial ends
        self._supervisor = supervisor
        self._trial: Trial | None = None
        self._is_asked_again = False  # what was tried may not be the newest program

    def begin(self, now: float) -> None:
        """Try the new program."""
        supervisor = self._supervisor
        if not self._is_time():
            tell.no_time_to_try()
            return
        if self._trial:
            self._is_asked_again = True
            tell.tried_again()
            return
        self._is_asked_again = False
        try:
            self._trial = Trial(supervisor.anew.first)
        except OSError as error:
            tell.not_tried(error)
            return
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

    def close(self) -> None:
        """The server ends."""
        if self._trial:
            self._trial.kill()
            self._trial.end()

    def adopt(self, state: Mapping[str, Any]) -> None:
        """Go on where the older program left off."""
        supervisor = self._supervisor
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
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
        status = trial.end()
        if status:
            tell.trial_failed(how(status))
        if self._is_asked_again:
            self.begin(time.monotonic())
        elif not status and self._is_time():
            self._hand_on()

    def _is_time(self) -> bool:
        """A server that is about to stop is left to that."""
        return self._supervisor.pool.state.now == RUNNING and not self._supervisor.is_leaving

    def _hand_on(self) -> None:
        """Become the new program. Until then nothing is closed.

        Who still loads ends. But it may be ready, and have accepted something, before that is known here.
        """
        supervisor = self._supervisor
        for number, process in supervisor.processes.items():
            if supervisor.pool.members[number].is_starting:
                process.signal(signal.SIGTERM)
                supervisor.retire(supervisor.pool.members[number], supervisor.pool.rules.drain_s)
        supervisor.making.give_up_prototypes()
        supervisor.control.hand_on()
        state, fds = kept(supervisor)
        memory = written(state)
        for fd in (memory, *fds):
            os.set_inheritable(fd, True)
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)  # they wait for the new program
        more = supervisor.notices.variables()
        here = Surroundings()
        try:
            _execute(supervisor.anew.first, {STATE: str(memory), **more})
        except OSError as error:
            here.restore()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
            for fd in fds:
                os.set_inheritable(fd, False)
            os.close(memory)
            tell.not_executed(error)


class Trial:
    """The child that tries the new program."""

    def __init__(self, first: Surroundings) -> None:
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                signal.pthread_sigmask(signal.SIG_SETMASK, [])
                if end_with_parent(parent):
                    _execute(first, {PROBE: FORM})
            except OSError as error:
                tell.not_executed(error)
            finally:
                os._exit(127)
        try:
            self.pidfd = os.pidfd_open(self.pid)
        except OSError:
            kill(self.pid)
            os.waitpid(self.pid, 0)
            raise

    def end(self) -> int:
        """Take leave of it; its status. What is wrong it has said itself."""
        _, status = os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        return status

    def kill(self) -> None:
        """Its time is over, or the server ends."""
        kill(self.pid)


def is_probe() -> bool:
    """Whether this process is to try whether it could take a server over; BootError: it could not."""
    form = os.environ.pop(PROBE, "")
    if form:
        check_form(form)
    return form != ""


def _execute(first: Surroundings, more: Mapping[str, str]) -> NoReturn:
    first.restore()
    os.execve(sys.executable, sys.orig_argv, {**os.environ, **more})  # noqa: S606 - there is nothing for a shell
