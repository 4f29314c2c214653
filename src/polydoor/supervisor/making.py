"""How workers come to be: what the pool orders, until there is a process for it.

A process is made by fork(), here or, with `--preload`, by the prototype. What is made here happens between two turns of
the supervisor's loop, so that a new process leaves nothing unfinished behind.
"""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.bridge import Board, adopt_orphans, handover_pair
from polydoor.supervisor.member import Death
from polydoor.supervisor.process import Process, fork
from polydoor.supervisor.prototypes import Prototypes
from polydoor.worker.channel import READY, channel_pair
from polydoor.worker.pooled import Seat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polydoor.supervisor.anew import Anew
    from polydoor.supervisor.member import Member
    from polydoor.supervisor.prototypes import Loaded
    from polydoor.supervisor.sockets import Sockets
    from polydoor.worker.channel import Channel
    from polydoor.worker.prototype import Prototype


class Maker:
    """What making needs of the supervisor, and tells it."""

    def on(self, fd: int, handler: Callable[..., None], *arguments: object) -> None:
        """Call the handler when `fd` can be read."""
        raise NotImplementedError

    def off(self, fd: int) -> None:
        """Do so no more."""
        raise NotImplementedError

    def made(self, process: Process) -> None:
        """There is a process."""
        raise NotImplementedError

    def not_made(self, member: Member, death: Death) -> None:
        """There will be none."""
        raise NotImplementedError

    def leave(self) -> None:
        """In a new process: forget what is the supervisor's alone."""
        raise NotImplementedError


def cannot_make(error: OSError) -> Death:
    """The system makes no process, or there is no descriptor for it."""
    text = f"cannot make a process: {error.strerror}\nRaise the limit of processes or descriptors, or lower --workers."
    return Death(text, code=codes.CANNOT_FORK)


class Making:
    """Orders, the places on the board, and the prototypes."""

    def __init__(
        self, maker: Maker, anew: Anew, board: Board, sockets: Sockets, handover: tuple[int, int] | None = None
    ) -> None:
        self.processes: dict[int, Process] = {}
        self.strangers: list[int] = []  # descriptors that are left to the supervisor, for no child of its
        self._maker = maker
        self._pid = os.getpid()
        self._anew = anew
        self._board = board
        self._sockets = sockets
        self._handover = handover or handover_pair()  # where workers leave connections, and take them over
        self._prototypes = Prototypes(self._seat, self._in_child)
        self._ordered: list[Member] = []
        self._dropped: list[Member] = []  # ordered, and not wanted any more before it was made

    def order(self, member: Member) -> None:
        """There is to be a process."""
        self._ordered.append(member)

    def drop(self, member: Member) -> bool:
        """There is to be none; False: it is too late for that."""
        if member not in self._ordered:
            return False
        self._ordered.remove(member)
        self._dropped.append(member)
        return True

    def adopt(self, process: Process) -> None:
        """A worker that an older program in this process has made."""
        self._follow(process)

    @property
    def fds(self) -> list[int]:
        """The descriptors that adopted workers and new ones have in common."""
        return list(self._handover)

    def pids(self) -> set[int]:
        """All processes that were made and have not been taken leave of."""
        return {process.pid for process in self.processes.values()} | self._prototypes.pids()

    @property
    def is_hurried(self) -> bool:
        """Somebody waits to be told that something was dropped."""
        return bool(self._dropped)

    def tell_dropped(self) -> None:
        """Say so."""
        dropped, self._dropped = self._dropped, []
        for member in dropped:
            self._maker.not_made(member, Death("never started"))

    def work(self) -> Seat | Prototype | None:
        """Make what was ordered; in a new process, return its role."""
        while self._ordered and (slot := self._free_slot()) is not None:
            loaded = None
            if self._anew.newest.flag("preload"):
                loaded = self._prototypes.newest
                if loaded is None:
                    try:
                        return self._begin_prototype()
                    except OSError as error:
                        self._maker.not_made(self._ordered.pop(0), cannot_make(error))
                        continue
                if not loaded.state:
                    return None  # it still loads
            if loaded and loaded.state == READY:
                self._tell_prototype(loaded, self._ordered.pop(0), slot)
            elif seat := self._fork(self._ordered.pop(0), slot):
                return seat
        return None

    def gone(self, process: Process) -> None:
        """A process has ended: its place is free."""
        del self.processes[process.number]
        self._board.clear(process.slot)

    def look_for_stopped(self) -> None:
        """Others accept in the place of a worker that a signal has stopped."""
        for process in self.processes.values():
            if process.is_stopped():
                self._board.silence(process.slot)

    def silence(self, numbers: Iterable[int]) -> None:
        """... and of those that are not heard of."""
        for number in numbers:
            self._board.silence(self.processes[number].slot)

    def reloading(self) -> None:
        """The next worker is of a new generation."""
        self._prototypes.reloading()

    def decide(self, *, works: bool) -> None:
        """The reload is over."""
        if gone := self._prototypes.decide(works=works):
            self._forget(gone)

    def give_up_prototypes(self) -> None:
        """Another program takes over, and makes its own ones."""
        self._prototypes.kill()

    def close(self) -> None:
        """No worker is made any more."""
        self._prototypes.close()

    # --- by fork() here -----------------------------------------------------------------------------------------------

    def _free_slot(self) -> int | None:
        """A place on the board; None while workers that are leaving have all of them."""
        taken = {process.slot for process in self.processes.values()}
        return next((slot for slot in range(self._board.slots) if slot not in taken), None)

    def _fork(self, member: Member, slot: int) -> Seat | None:
        try:
            pid, channel = fork(channel_pair())
        except OSError as error:
            self._maker.not_made(member, cannot_make(error))
            return None
        if pid == 0:
            self._in_child()
            seat = self._seat(member.number, slot, channel)
            seat.parent = self._pid
            return seat
        self._follow(Process(member.number, slot, pid, channel))
        return None

    def _follow(self, process: Process) -> None:
        self.processes[process.number] = process
        self._maker.made(process)

    def _in_child(self) -> None:
        for process in self.processes.values():
            process.close()
        self._prototypes.leave()
        self._sockets.leave()
        self._maker.leave()

    def _seat(self, number: int, slot: int, channel: Channel) -> Seat:
        seat = Seat(self._anew.newest, number, slot, self._board, self._handover, self._sockets.specs, channel)
        seat.strangers = self.strangers
        return seat

    # --- by the prototype ---------------------------------------------------------------------------------------------

    def _begin_prototype(self) -> Prototype | None:
        adopt_orphans()
        role = self._prototypes.begin(self._anew.newest)
        loaded = self._prototypes.newest
        if role is None and loaded is not None:
            self._maker.on(loaded.line.fileno(), self._hear_prototype, loaded)
        return role

    def _hear_prototype(self, loaded: Loaded) -> None:
        fd = loaded.line.fileno()
        if loaded.hear() != READY:
            self._maker.off(fd)
        if loaded.death:
            self._lose(loaded, loaded.death)

    def _forget(self, loaded: Loaded) -> None:
        self._maker.off(loaded.line.fileno())
        self._prototypes.drop(loaded)

    def _lose(self, loaded: Loaded, death: Death) -> None:
        """No worker can come from it; those that were to are as good as dead."""
        is_needed = loaded is self._prototypes.newest
        self._forget(loaded)
        for member in list(self._ordered) if is_needed else ():
            if member in self._ordered:  # else it was dropped meanwhile
                self._ordered.remove(member)
                self._maker.not_made(member, death)

    def _tell_prototype(self, loaded: Loaded, member: Member, slot: int) -> None:
        try:
            ours, its = channel_pair()
        except OSError as error:
            self._maker.not_made(member, cannot_make(error))
            return
        pid = loaded.fork(member.number, slot, its)
        its.close()
        if pid:
            self._follow(Process(member.number, slot, pid, ours))
            return
        ours.close()
        self._ordered.insert(0, member)  # as long as nobody was told, it can still be dropped
        self._lose(loaded, Death("the prototype made no process", code=codes.CANNOT_FORK))
