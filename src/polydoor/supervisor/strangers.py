"""What comes to a supervisor uncalled: descriptors of whoever started it, and children that are no workers."""

from __future__ import annotations

import os

from polydoor.worker.descriptors import strangers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container


def keep_apart() -> list[int]:
    """The descriptors: one may be the lock of a script, so they stay open here, and nowhere below."""
    fds = strangers()
    for fd in fds:
        os.set_inheritable(fd, False)
    return fds


def bury_strangers(workers: Container[int]) -> None:
    """Take leave of children that process 1 is given, or that a shell had before it executed us.

    A dead worker in the way is left to those who await it; they call this again.
    """
    try:
        while dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if dead.si_pid in workers:
                return
            os.waitpid(dead.si_pid, 0)
    except ChildProcessError:  # there is no child at all
        return
