"""Workers that exist only on paper, with a clock that only this moves: what a pool is tried against."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

from polydoor.states import RUNNING
from polydoor.supervisor.hands import Hands
from polydoor.supervisor.member import Death, Member
from polydoor.supervisor.pool import Pool
from polydoor.supervisor.sizing import Load, Rules

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

GOOD, RAISES, HANGS = "good", "raises", "hangs"


class Process:
    """One worker's process: what the operating system would know of it."""

    def __init__(self, member: Member, code: str, begun: float) -> None:
        self.member = member
        self.code = code  # on disk when it began
        self.begun = begun
        self.accepts = False
        self.is_ready = False
        self.is_alive = True
        self.told: list[str] = []


class World(Hands):
    """Carries out the orders of one pool, some time later, and tells it what comes of them."""

    def __init__(self, rules: Rules, chance: random.Random) -> None:
        self.chance = chance
        self.now = 1000.0
        self.pool = Pool(rules, self)
        self.processes: dict[int, Process] = {}
        self.code = GOOD
        self.unreadable = ""  # why the configuration cannot be read
        self.watching = False
        self.late = 0.3  # how likely a worker is ready at the very moment at which a signal is to end its start
        self.clients: list[str] = []  # that connected and were not accepted yet
        self.served: list[str] = []
        self.answers: list[tuple[int, str]] = []
        self.deaths: list[str] = []
        self.ended: list[tuple[int, str]] = []
        self.serving_since = 0.0
        self.starts = 0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    # --- time ---------------------------------------------------------------------------------------------------------

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something happen after so long."""
        heapq.heappush(self._queue, (self.now + seconds, next(self._order), act))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        while True:
            wake = self.pool.wake_at() or until + 1
            event = self._queue[0][0] if self._queue else until + 1
            if min(wake, event) > until:
                break
            if wake < event:
                self.now = max(self.now, wake)
                self.pool.tick(self.now)
            else:
                self.now, _, act = heapq.heappop(self._queue)
                act()
            self.check()
        self.now = until

    def soon(self, most: float = 0.05) -> float:
        """A short time."""
        return self.chance.random() * most

    # --- what the pool orders -----------------------------------------------------------------------------------------

    def start(self, member: Member) -> None:
        self.starts += 1
        process = self.processes[member.number] = Process(member, self.code, self.now)
        if process.code == GOOD:
            self.later(0.05 + self.soon(1.0), lambda: self._ready(process))
        elif process.code == RAISES:
            self.later(0.05 + self.soon(1.0), lambda: self.die(process, "it raised"))

    def retire(self, member: Member, drain_s: float) -> None:
        self._leave(member, "retire", drain_s)

    def stop(self, member: Member, drain_s: float) -> None:
        process = self.processes[member.number]
        if member.is_dismissed and process.code == GOOD and self.chance.random() < self.late:
            self.later(self.soon(), lambda: self._ready(process))
        else:
            self._leave(member, "stop", drain_s)

    def kill(self, member: Member) -> None:
        process = self.processes[member.number]
        assert process.is_alive
        process.told.append("kill")
        self.later(self.soon(), lambda: self.die(process, "killed"))

    def watch(self, wanted: bool) -> None:
        assert wanted != self.watching
        self.watching = wanted
        if self.clients:
            self.later(self.soon(), self._look)

    def serving(self) -> None:
        assert not self.serving_since
        self.serving_since = self.now

    def died(self, member: Member, death: Death, delay_s: float) -> None:
        self.deaths.append(death.text)

    def reloading(self) -> str:
        return self.unreadable

    def reloaded(self, serial: int, error: str) -> None:
        self.answers.append((serial, error))

    def end(self, death: Death | None) -> None:
        assert not any(process.is_alive for process in self.processes.values())
        self.ended.append((death.status, death.text) if death else (0, ""))

    # --- what the world does ------------------------------------------------------------------------------------------

    def _ready(self, process: Process) -> None:
        if process.is_alive and not process.is_ready and "stop" not in process.told:
            process.accepts = process.is_ready = True
            self.pool.ready(self.now, process.member.number)
            self.later(self.soon(), self._look)

    def _leave(self, member: Member, word: str, drain_s: float) -> None:
        """A worker that is told to go does so soon; a quarter takes as long as it may, or for ever."""
        process = self.processes[member.number]
        assert process.is_alive
        process.told.append(word)

        def hear() -> None:
            process.accepts = False

        self.later(self.soon(), hear)
        if self.chance.random() < 0.75 or drain_s == 0.0:
            self.later(0.05 + self.soon(1.0), lambda: self.die(process, "left"))

    def die(self, process: Process, text: str, *, served: bool = True) -> None:
        """The end of a process, once."""
        if process.is_alive:
            process.is_alive = process.accepts = False
            self.pool.exited(self.now, process.member.number, Death(text, served=served))

    def connect(self, client: str) -> None:
        """Somebody connects; a worker that accepts takes it, else whoever watches the socket is told."""
        self.clients.append(client)
        self.later(self.soon(), self._look)

    def _look(self) -> None:
        if not self.clients:
            return
        if self.accepting():
            self.served += self.clients
            self.clients.clear()
        elif self.watching:
            self.pool.knock(self.now)

    def accepting(self) -> list[Process]:
        """Those that take connections."""
        return [process for process in self.processes.values() if process.accepts]

    def running(self) -> list[Member]:
        """Those that serve, as the pool knows."""
        return [member for member in self.pool.members.values() if member.is_running]

    def sample(self, waiting: int = 0, idle: int = 0, quiet_s: float = 0.0) -> None:
        """Tell the pool how busy its workers are."""
        self.pool.load(self.now, Load(waiting, idle, quiet_s))
        self.check()

    def settle(self) -> None:
        """Let everything happen that is on its way."""
        self.run(120.0)

    # --- what must hold at every moment -------------------------------------------------------------------------------

    def check(self) -> None:
        """Compare the pool with what there is."""
        alive = {number for number, process in self.processes.items() if process.is_alive}
        assert set(self.pool.members) == alive
        spares = max(1, self.pool.wanted // 4)
        assert len([m for m in self.pool.members.values() if m.is_starting]) <= self.pool.wanted + spares
        if self.pool.state.now == RUNNING:
            assert sum(m.is_starting or m.is_running for m in self.pool.seats()) <= self.pool.wanted
