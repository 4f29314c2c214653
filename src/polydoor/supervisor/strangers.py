"""What comes to a supervisor uncalled: descriptors, signals of its terminal, and children that are no workers."""

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


def is_of_window() -> bool:
    """Whether SIGWINCH only tells that the window has another size, as it does in the foreground of a terminal."""
    try:
        fd = os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:  # no terminal
        return False
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(fd)


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
