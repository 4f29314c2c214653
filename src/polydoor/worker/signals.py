"""Signals and ending threads wake the main thread through one pipe; and what of that a forked child inherits: nothing.

While the application is loaded the pipe has no reader, so SIGTERM and SIGINT interrupt the import instead.
"""

from __future__ import annotations

import atexit
import os
import select
import sys
import threading

from polydoor import codes
from polydoor.worker import csignal as signal
from polydoor.worker.banner import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

# What is asked of other servers with these, and what to do here. By default each would end or stop the process.
UNHEARD: dict[int, tuple[str, str]] = {
    signal.SIGHUP: ("one process alone cannot be reloaded", "Start it with --workers, or restart it."),
    signal.SIGUSR2: ("there is no upgrade while it serves yet", "Restart the server to run another version."),
    signal.SIGTTIN: ("there is only one process", "Start it with --workers, or restart it with more --threads."),
    signal.SIGTTOU: ("there is only one process", "Start it with --workers, or restart it with fewer --threads."),
}
HEARD = 255  # in the place of a signal: what hear() asked for can be read
OF_TERMINALS = (signal.SIGTTIN, signal.SIGTTOU)


class StoppedAtBootError(KeyboardInterrupt):
    """SIGTERM came before anything was served."""


class WakePipe:
    """Signals and ending threads become bytes in a pipe, so that one poll() hears all of them.

    Only the main thread can watch signals; elsewhere both tuples are empty. What the application sets for those of
    `unheard` is left to it.
    """

    def __init__(self, watched: tuple[int, ...], unheard: tuple[int, ...] = ()) -> None:
        self.watched = (*watched, *unheard)
        self.unheard = unheard
        self._heard = -1
        self.last_status: int | None = None  # what the process ends with after this; None: it goes on
        self.is_quiet = False  # somebody else tells what signals do
        self.stopped_by = 0  # the signal that interrupted the boot
        self._is_booting = True
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._made = os.fstat(self._read)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)
        self._before: dict[int, Any] = {}
        self._fd_before = -1
        self._closing = threading.Lock()

    def __enter__(self) -> None:
        if not self.watched:
            return
        _armed.append(self)
        atexit.register(self._ignore)  # before the application is loaded, so it runs behind what that registers
        # A full pipe still wakes the loop, so nobody needs to be warned of it.
        self._fd_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in self.watched:
            self._before[number] = signal.signal(number, self._handle)

    def __exit__(self, *_unused: object) -> None:
        if self in _armed:  # not so in a forked child
            _armed.remove(self)
            if self.last_status is not None:
                self._await_end(self.last_status)
            else:
                self._give_back()
            signal.set_wakeup_fd(self._fd_before)
        self.close()

    def _give_back(self) -> None:
        """Put back what was there before."""
        atexit.unregister(self._ignore)
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _await_end(self, status: int) -> None:
        """Asked to end while it ends, the process keeps its status; threads of the application may take long.

        Another SIGTERM changes nothing, and neither does what asks for something else.
        """
        for number in ENDING:
            signal.signal(number, lambda number, _: None if number == signal.SIGTERM else os._exit(status))

    def _ignore(self) -> None:
        """Python gives signals their default actions back before it takes itself down, but for those it ignores."""
        if self.last_status is None:
            return
        for number in self.watched:
            if number in ENDING or signal.getsignal(number) == self._handle:
                signal.signal(number, signal.SIG_IGN)

    def _handle(self, number: int, _frame: object) -> None:
        """Interrupt the boot, or answer at once; later the byte in the pipe is all that is needed."""
        if self._is_booting and number in self.unheard:
            tell_unheard(number, is_quiet=self.is_quiet)
        if not self._is_booting or number not in ENDING:
            return
        self.stopped_by = number
        _let_both_come()
        for each in ENDING:
            signal.signal(each, signal.SIG_DFL)  # should the import catch what is raised here, the next one ends it
        if not self.is_quiet:
            say(f"{signal.name_of(number)}: stopping before anything was served; again stops at once")
        self._interrupt()

    def _interrupt(self) -> None:
        if self.stopped_by:
            raise KeyboardInterrupt if self.stopped_by == signal.SIGINT else StoppedAtBootError

    def end_boot(self) -> list[str]:
        """From here on signals are bytes in the pipe. Return the names of those that the application had taken."""
        self._interrupt()
        ours = [number for number in self.watched if number not in self.unheard]
        taken = [signal.name_of(number) for number in ours if signal.getsignal(number) != self._handle]
        for number in self.wait(0):
            if number != HEARD and number not in self.unheard:  # else it is heard again, or has been answered
                self.post(number)
        self._is_booting = False
        if self.watched:
            signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in ours:
            signal.signal(number, self._handle)
        return taken

    def disown(self) -> None:
        """In a forked child: its signals are its own, and the pipe is its parent's."""
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(-1)

    def close(self) -> None:
        """Give the descriptors back; what is posted afterwards is lost."""
        with self._closing:
            if self._write >= 0 and self.is_whole():  # else these numbers are somebody else's by now
                os.close(self._read)
                os.close(self._write)
            self._write = -1

    def is_whole(self) -> bool:
        """Whether nobody else has closed the pipe."""
        try:
            return all(os.path.samestat(os.fstat(fd), self._made) for fd in (self._read, self._write))
        except OSError:
            return False

    def post(self, number: int) -> None:
        """Put one byte into the pipe; from any thread."""
        with self._closing:
            try:
                os.write(self._write, bytes((number,)))
            except OSError:  # full, so a wake-up is on its way anyway; or closed, so nobody waits any more
                return

    @property
    def fd(self) -> int:
        """Readable when something is in the pipe, for who waits for more than that."""
        return self._read

    def hear(self, fd: int) -> None:
        """Let wait() return HEARD when `fd` can be read."""
        self._heard = fd
        self._poll.register(fd, select.POLLIN)

    def hear_no_more(self) -> None:
        """Leave that descriptor alone again."""
        self._poll.unregister(self._heard)
        self._heard = -1

    def wait(self, timeout_ms: int) -> bytes:
        """Return what came into the pipe, at most `timeout_ms` later."""
        ready = [fd for fd, _ in self._poll.poll(timeout_ms)]
        came = os.read(self._read, 256) if self._read in ready else b""
        return came + bytes((HEARD,)) if self._heard in ready else came

    def watch(self, fd: int) -> None:
        """Let wait() return, with nothing, while that descriptor is readable, too."""
        self._poll.register(fd, select.POLLIN)


def tell_unheard(number: int, *, is_quiet: bool = False) -> None:
    """Say that a signal has changed nothing; or let the process be stopped, where its terminal asks for that."""
    if number in OF_TERMINALS and is_in_background():
        os.kill(os.getpid(), signal.SIGSTOP)
        return
    if is_quiet:
        return
    what, remedy = UNHEARD[number]
    say(f"{signal.name_of(number)}: {what}; nothing was changed", remedy, code=codes.SIGNAL_UNHEARD)


def is_in_background() -> bool:
    """Whether the process is a background job of its terminal.

    Who reads there, or writes after `stty tostop`, gets SIGTTIN or SIGTTOU from the kernel, and tries again for ever
    unless it stops.
    """
    for fd in range(3):
        try:
            return os.tcgetpgrp(fd) != os.getpgrp()
        except OSError:  # no terminal, or not the one of this session
            continue
    return False


def _let_both_come() -> None:
    """Say nothing of a signal that came together with the one that is handled, as Python would ("race condition")."""
    before = sys.unraisablehook

    def hook(told: sys.UnraisableHookArgs) -> None:
        if not (
            isinstance(told.exc_value, OSError) and told.object is None and "race condition" in str(told.exc_value)
        ):
            before(told)

    sys.unraisablehook = hook


# --- fork() -----------------------------------------------------------------------------------------------------------

_armed: list[WakePipe] = []  # those whose handlers are installed
_masks: dict[int, set[int]] = {}  # by thread: what was blocked before its fork()


def _before_fork() -> None:
    """A signal for the child that comes before disown() would be taken for one to the server: let it wait."""
    if _armed:
        _masks[threading.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, _armed[-1].watched)


def _unblock() -> None:
    mask = _masks.pop(threading.get_ident(), None)
    if mask is None:
        return
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    except KeyboardInterrupt:  # of a signal that came meanwhile: it would get lost here, with a complaint
        if not _armed or not _armed[-1].stopped_by:
            raise


def _in_child() -> None:
    while _armed:
        _armed.pop().disown()
    _unblock()
    _masks.clear()


os.register_at_fork(before=_before_fork, after_in_parent=_unblock, after_in_child=_in_child)
