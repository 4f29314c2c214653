"""The prototype of a pool: it loads the application once, and every worker is a fork of it.

What was loaded stays in memory that all workers share, and a worker is there in milliseconds. The prototype serves
nobody; when it has loaded the application it only waits to be told to fork.
"""

from __future__ import annotations

import gc
import os
import threading

from polydoor.bridge import end_with_parent
from polydoor.errors import PolydoorError
from polydoor.worker import csignal as signal
from polydoor.worker.apploader import load_app, load_here
from polydoor.worker.channel import FAILED, READY, Channel, failure_text
from polydoor.worker.extras import find_rights

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable

    from polydoor.settings.load import Settings
    from polydoor.worker.apploader import LoadedApp
    from polydoor.worker.pooled import Seat

REFUSED = "refused"  # the application has started threads, which no fork would have
FORKED = "forked"  # the process number of a new worker
ORDER_MAX = 64
MINE = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)


class Prototype:
    """The role of the process that is to load the application."""

    def __init__(
        self, settings: Settings, line: socket, parent: int, make_seat: Callable[[int, int, Channel], Seat]
    ) -> None:
        self.settings = settings
        self._line = line  # to the supervisor
        self._parent = parent  # which that is
        self._make_seat = make_seat

    def run(self) -> tuple[Seat, LoadedApp] | int:
        """Load, and fork as told; in each worker return its seat, in the prototype at last its exit status."""
        for number in MINE:  # they are the supervisor's
            signal.signal(number, signal.SIG_IGN)
        try:
            if rights := find_rights(self.settings):
                rights.take()
            if not end_with_parent(self._parent):  # after that, which would undo it
                return 0
            loaded = load_here(lambda: load_app(self.settings.app()))
        except PolydoorError as error:
            self._tell(f"{FAILED} {failure_text(error)}")
            return error.exit_code
        if names := _threads():
            self._tell(f"{REFUSED} {', '.join(names)}")
            return 0
        gc.collect()
        gc.freeze()  # no collection in a worker shall touch, and thereby copy, what all of them share
        self._tell(f"{READY} {loaded.name}")
        seat = self._wait()
        return (seat, loaded) if seat else 0

    def _wait(self) -> Seat | None:
        """Fork for each order: the number and the slot of a worker, with its two ends of a channel."""
        from polydoor.worker.csocket import receive_fds

        while True:
            order, fds = receive_fds(self._line, ORDER_MAX, 2)
            if not order:
                return None
            number, slot = map(int, order.split())
            pid = fork_orphan()
            if pid is None:
                self._line.close()
                return self._make_seat(number, slot, Channel(*fds))
            for fd in fds:
                os.close(fd)
            self._tell(f"{FORKED} {pid}")

    def _tell(self, text: str) -> None:
        try:
            self._line.send(text.encode("utf-8", "backslashreplace"))
        except OSError:  # the supervisor is gone; that is seen where it is waited for
            return


def _threads() -> list[str]:
    """The names of the threads beside this one; those of C have none."""
    named = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    try:
        count = len(os.listdir("/proc/self/task")) - 1
    except OSError:
        return [*named, "perhaps, for there is no /proc to see them in"]
    return named + ["a thread of an extension"] * (count - len(named))


def fork_orphan() -> int | None:
    """Fork twice, so that the new process is nobody's child here; return its number, 0 if there is none, None in it."""
    read, write = os.pipe2(os.O_CLOEXEC)
    try:
        child = os.fork()
    except OSError:
        os.close(read)
        os.close(write)
        return 0
    if child == 0:
        _fork_and_leave(read, write)
        return None
    os.close(write)
    told = os.read(read, 32)
    os.close(read)
    try:
        os.waitpid(child, 0)
    except ChildProcessError:  # the application ignores SIGCHLD, or waits for every child itself
        return int(told or 0)
    return int(told or 0)


def _fork_and_leave(read: int, write: int) -> None:
    """The life of the process between the two: only the new one returns."""
    try:
        pid = os.fork()
    except OSError:
        os._exit(1)
    if pid:
        os.write(write, str(pid).encode())
        os._exit(0)
    os.close(read)
    os.close(write)
