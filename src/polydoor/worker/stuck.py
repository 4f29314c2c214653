"""Prepares what is to be said when nothing of Python runs any more (see bridge/stuck.h)."""

from __future__ import annotations

import faulthandler

from polydoor import codes
from polydoor.worker import csignal as signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.worker.serve import Worker

STUCK = 6  # exit status
NUMBER = signal.SIGRTMAX - 7  # nobody sends it to a process from outside
TEXT = f"""\
polydoor: {codes.INTERPRETER_STUCK}: something holds the interpreter's lock longer than gil-timeout; the process ends
  Below are the stacks of all threads, first those of Python, then the native ones.
"""


def prepare_for_stuck(worker: Worker) -> None:
    """Let faulthandler show the stacks of Python where the messages go: it needs the interpreter now, and not later."""
    if worker.daemon or not worker.settings.number("gil_timeout"):
        return
    fd = worker.messages.fd
    if fd >= 0:
        faulthandler.register(NUMBER, file=fd, all_threads=True, chain=False)
    worker.engine.when_stuck(TEXT, fd, NUMBER if fd >= 0 else 0, STUCK)
