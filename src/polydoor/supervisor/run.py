"""The supervisor's process: it makes workers by fork(), hears what happens, and lets the pool decide.

It has one thread for life, never loads the application, and sleeps in one poll() over signals, the workers' process
descriptors and pipes, and, while there is no worker, the listening sockets.
"""

from __future__ import annotations

import gc
import os
import select
import time

from polydoor import codes
from polydoor.bridge import Board, give_memory_back
from polydoor.states import RUNNING
from polydoor.supervisor import tell
from polydoor.supervisor.changes import Changes
from polydoor.supervisor.control import Control, outcome
from polydoor.supervisor.hands import Hands
from polydoor.supervisor.limits import Watch, limits_of
from polydoor.supervisor.making import Maker, Making
from polydoor.supervisor.notices import Notices
from polydoor.supervisor.pool import CHANGE, RELOAD, Pool
from polydoor.supervisor.sizing import GRACE_S, Load, rules_of
from polydoor.supervisor.sockets import Sockets
from polydoor.supervisor.status import status
from polydoor.supervisor.strangers import bury_strangers, is_of_window, keep_apart
from polydoor.supervisor.takeover import STATE, board_of, taken_over
from polydoor.supervisor.upgrade import WATCHED, Upgrade
from polydoor.worker import csignal as signal
from polydoor.worker.channel import FAILED, FILES, READY, REOPEN, REPLACE, RETIRE, STOP, UNREADY
from polydoor.worker.extras import VARIABLES, find_pid_file, find_rights, find_service
from polydoor.worker.output import open_standard
from polydoor.worker.signals import WakePipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from polydoor.settings.load import Settings
    from polydoor.supervisor.anew import Anew
    from polydoor.supervisor.limits import Finding, Reading
    from polydoor.supervisor.member import Death, Member
    from polydoor.supervisor.process import Process
    from polydoor.worker.pooled import Seat
    from polydoor.worker.prototype import Prototype

SPARE_SLOTS = 8  # of the board, for successors, and workers that are added by signals


class Supervisor(Hands, Maker):
    """One service: its sockets, its pool, and the processes in it."""

    def __init__(self, anew: Anew) -> None:
        self.anew = anew
        settings = anew.settings
        self.pid = os.getpid()
        service = find_service()
        self.notices = Notices(service)
        self.pid_file = find_pid_file(settings)
        self.pool = Pool(rules_of(settings), self)
        self.limits = Watch(limits_of(settings))
        self.inherited = taken_over()
        anew.first.forget((*VARIABLES, STATE))
        self.board = board_of(self.inherited) or Board(self.pool.rules.most + SPARE_SLOTS)
        self.pool.rules.fit(self.board.slots - SPARE_SLOTS)
        self.sockets = Sockets(settings, service, find_rights(settings))
        self.making = Making(self, anew, self.board, self.sockets, (self.inherited or {}).get("handover"))
        self.processes = self.making.processes
        self.changes = Changes(settings)
        self.signals = WakePipe(WATCHED)
        self.app_name = settings.app()
        self.has_ended = False
        self.began = time.monotonic()
        self.last_reload = (0, "", 0.0)  # number, why it failed, and when
        self.fatal: Death | None = None
        self._poll = select.poll()
        self._handlers: dict[int, tuple[Callable[..., None], tuple[object, ...]]] = {}
        self._upgrade = Upgrade(self)
        self._sample_at = 0.0
        self._drain_at = 0.0  # the stop delay ends; 0: there is none, or it is over
        commands = {"status": lambda: status(self), "reload": self._reload_as_asked, "stop": self._stop_as_asked}
        self.control = Control(commands, self.on, self.off)

    @property
    def settings(self) -> Settings:
        """What applies now."""
        return self.anew.settings

    @property
    def is_leaving(self) -> bool:
        """Whether it stops after a delay."""
        return self._drain_at != 0.0

    def run(self) -> Seat | Prototype | None:
        """Supervise until no worker is left; in each worker, return its seat instead, in a prototype its role."""
        open_standard()
        with self.signals:
            try:
                self._open()
                self.changes.begin(self.on)
                self.signals.end_boot()
                self.on(self.signals.fd, self._hear_signals)
                if self.inherited:
                    self._upgrade.adopt(self.inherited)
                else:
                    self.pool.boot(time.monotonic())
                gc.collect()
                gc.freeze()  # no collection shall touch, and thereby copy, what this process and a worker share
                give_memory_back()
                while not self.has_ended:
                    if role := self.making.work():
                        return role
                    self._turn()
            finally:
                if os.getpid() == self.pid:
                    if self.pid_file:
                        self.pid_file.remove()
                    self.control.close()
                    self._upgrade.close()
                    self.making.close()
                    self.sockets.close()
                    self.notices.close()
                    self.signals.last_status = self.fatal.status if self.fatal else 0
        if self.fatal:
            raise tell.failure(self.fatal)
        return None

    def _open(self) -> None:
        """The sockets come first, as they may be somebody else's."""
        path = self.settings.text("control")
        if self.inherited:
            self.sockets.adopt(self.inherited["sockets"], self.inherited["specs"])
            self.control.adopt(path, self.inherited["control"])
        else:
            self.sockets.open()
            self.control.open(path)
        if self.pid_file:
            self.pid_file.write()
        self.making.strangers = keep_apart()

    # --- orders of the pool -------------------------------------------------------------------------------------------

    def start(self, member: Member) -> None:
        """Fork later: a child must not be amid the pool's work."""
        self.making.order(member)

    def retire(self, member: Member, drain_s: float) -> None:
        """Let others serve what still comes."""
        self.processes[member.number].channel.tell(RETIRE, str(int(drain_s * 1000)))

    def stop(self, member: Member, drain_s: float) -> None:
        """Let it finish; one that is still booting hears signals alone."""
        if self.making.drop(member):
            return
        if member.is_dismissed:
            self.processes[member.number].signal(signal.SIGTERM)
        else:
            self.processes[member.number].channel.tell(STOP, str(int(drain_s * 1000)))

    def kill(self, member: Member) -> None:
        """End it."""
        if not self.making.drop(member):
            if member.is_overdue:
                tell.overdue(member)
            self.processes[member.number].signal(signal.SIGKILL)

    def watch(self, wanted: bool) -> None:
        """Hear who connects, while nobody serves."""
        for fd in self.sockets.fds:
            if wanted:
                self.on(fd, self._knock)
            else:
                self.off(fd)

    def serving(self) -> None:
        """Say what is served, and where."""
        tell.serving(self.app_name, self.sockets.names, self.settings, self.pool.rules)
        self.notices.serving(f"Serving {self.app_name} at {' '.join(self.sockets.names)}")

    def died(self, member: Member, death: Death, delay_s: float) -> None:
        """Say that a worker is gone."""
        tell.died(member, death, delay_s)

    def reloading(self) -> str:
        """Read the settings anew."""
        if error := self.anew.read():
            return error
        self.making.reloading()
        return ""

    def reloaded(self, serial: int, error: str) -> None:
        """Say how a reload went; what it brought applies from now on."""
        self.anew.decide(works=not error)
        self.making.decide(works=not error)
        if not error:
            tell.too_many(self.pool.rules.take_over(rules_of(self.settings)), self.pool.rules.most)
            self.limits.limits = limits_of(self.settings)
        self.last_reload = (serial, error, time.monotonic())
        tell.reloaded(error, len(self.pool.seats()))
        self.control.reloaded(serial, error)
        if self.pool.state.now == RUNNING:
            self.notices.reloaded(serial, error)

    def end(self, death: Death | None) -> None:
        """No worker is left."""
        self.has_ended = True
        self.fatal = death

    # --- one turn -----------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        for fd, _events in self._poll.poll(self.notices.beat(self._patience_ms())):
            if fd in self._handlers:  # else it went with another one of this turn
                handler, arguments = self._handlers[fd]
                handler(*arguments)
        now = time.monotonic()
        self.making.tell_dropped()
        if self._sample_at and now >= self._sample_at:
            self._sample(now)
        wake = self.pool.wake_at()
        if wake and now >= wake:
            self.pool.tick(now)
        self.control.tick(now)
        if self.pool.state.now == RUNNING and (path := self.changes.look(now)):
            tell.changed(path)
            self.reload(CHANGE)
        if self._drain_at and now >= self._drain_at:
            self._stop(now, signal.SIGTERM)
        self._upgrade.tick(now)

    def _patience_ms(self) -> int | None:
        if self.making.is_hurried or self.has_ended:
            return 0
        wants_samples = self.processes and self.pool.state.now == RUNNING
        self._sample_at = (self._sample_at or time.monotonic() + self.pool.rules.sample_s) if wants_samples else 0.0
        wakes = [self.pool.wake_at(), self._sample_at, self._drain_at, self.control.wake_at(), self._upgrade.ends_at]
        times = [at for at in (*wakes, self.changes.next_at if wants_samples else 0.0) if at]
        return max(0, int((min(times) - time.monotonic()) * 1000) + 1) if times else None

    # --- eyes ---------------------------------------------------------------------------------------------------------

    def on(self, fd: int, handler: Callable[..., None], *arguments: object, events: int = select.POLLIN) -> None:
        """Call the handler in each turn in which `fd` can be read, or what `events` says."""
        self._handlers[fd] = (handler, arguments)
        self._poll.register(fd, events)

    def off(self, fd: int) -> None:
        """Look at it no more."""
        if self._handlers.pop(fd, None):
            self._poll.unregister(fd)

    # --- processes ----------------------------------------------------------------------------------------------------

    def made(self, process: Process) -> None:
        """Hear what it says, and when it ends."""
        self.on(process.pidfd, self._bury, process)
        self.on(process.channel.fd, self._hear, process)

    def not_made(self, member: Member, death: Death) -> None:
        """It is as if it had ended."""
        self.pool.exited(time.monotonic(), member.number, death)

    def leave(self) -> None:
        """In a new process."""
        self.control.leave()
        self.changes.leave()
        self.notices.close()
        if self.pid_file:
            self.pid_file.leave()

    def _bury(self, process: Process) -> None:
        self.off(process.pidfd)
        self.off(process.channel.fd)
        served = self.board.read(process.slot)["requests"] > 0
        death = process.bury(served=served)
        self.making.gone(process)
        self.pool.exited(time.monotonic(), process.number, death)
        bury_strangers(self.making.pids() | self._upgrade.pids())

    def _hear(self, process: Process) -> None:
        try:
            for word, text in process.channel.hear():
                if word == READY:
                    self.app_name = text
                    self._ready(time.monotonic(), process)
                elif word == FAILED:
                    process.failed(text)
                elif word == FILES:
                    self.changes.add(text.split("\n"))
                elif word == REPLACE:
                    self.pool.asked(time.monotonic(), process.number, text)
        except EOFError:
            self.off(process.channel.fd)

    def _ready(self, now: float, process: Process) -> None:
        self.pool.ready(now, process.number)
        self._obey(now, self.limits.begin(self._reading(now, process.number, self.board.read(process.slot))))

    def _knock(self) -> None:
        self.pool.knock(time.monotonic())

    def _sample(self, now: float) -> None:
        """Tell the pool how busy its workers are, and which have taken too much, or are not heard of."""
        self._sample_at = 0.0
        rows = {process.number: self.board.read(process.slot) for process in self.processes.values()}
        running = [number for number in rows if self.pool.members[number].is_running]
        waiting, idle = (sum(rows[number][name] for number in running) for name in ("ready", "idle"))
        is_busy = any(row["busy"] for row in rows.values())
        quiet_s = 0.0 if is_busy else now - max((row["last_ms"] for row in rows.values()), default=0) / 1000
        self.pool.load(now, Load(waiting, idle, quiet_s))
        self._obey(now, self.limits.look(now, [self._reading(now, number, rows[number]) for number in running]))
        self.making.silence(self.limits.silent())

    def _reading(self, now: float, number: int, row: dict[str, int]) -> Reading:
        return self.limits.reading(self.pool.members[number], self.processes[number].pid, row, now)

    def _obey(self, now: float, findings: list[Finding]) -> None:
        for found in findings:
            if found.code == codes.WORKER_SILENT:
                tell.limit(found)
                self.pool.hangs(now, found.number, found.cause)
            elif found.code == codes.LIMIT_TOO_LOW or self.pool.asked(now, found.number, found.cause):
                tell.limit(found)

    # --- commands -----------------------------------------------------------------------------------------------------

    def reload(self, cause: str = RELOAD) -> int:
        """Load the application anew; return the number of the reload that does it, which may be the next one."""
        if self.pool.state.now == RUNNING:
            self.notices.reloading()
        serial = self.pool.reload(time.monotonic(), cause)
        self.notices.expect(serial)
        return serial

    def _reload_as_asked(self) -> dict[str, Any] | int:
        """The number of the reload, or how it went, if it is over already."""
        asked = self.reload()
        done, error, _ = self.last_reload
        return outcome(error) if done >= asked else asked

    def _stop_as_asked(self) -> dict[str, Any]:
        self._stop(time.monotonic(), signal.SIGTERM, "polydoor stop")
        return outcome()

    # --- signals ------------------------------------------------------------------------------------------------------

    def _hear_signals(self) -> None:
        for number in self.signals.wait(0):
            self._on_signal(number)

    def _on_signal(self, number: int) -> None:
        now = time.monotonic()
        if number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            self._stop(now, number)
        elif number == signal.SIGHUP:
            self.reload(signal.name_of(number))
        elif number == signal.SIGUSR1:
            self._tell_all(REOPEN)
        elif number == signal.SIGUSR2:
            self._upgrade.begin(now)
        elif number in (signal.SIGTTIN, signal.SIGTTOU):
            self.pool.resize(now, 1 if number == signal.SIGTTIN else -1)
        elif number == signal.SIGWINCH and not is_of_window():
            self.pool.pause(now)
        elif number == signal.SIGCHLD:
            self.making.look_for_stopped()
            bury_strangers(self.making.pids() | self._upgrade.pids())

    def _tell_all(self, word: str) -> None:
        for process in self.processes.values():
            process.channel.tell(word)

    def _stop(self, now: float, number: int, asked_by: str = "") -> None:
        """SIGTERM lets everything finish that has come; so does the first SIGINT of one who develops."""
        pool = self.pool
        is_first = pool.state.now == RUNNING
        is_dev = self.settings.flag("dev") or pool.rules.high == 1
        gently = number == signal.SIGTERM or (number == signal.SIGINT and is_first and is_dev)
        delay_s = self.settings.number("stop_delay") / 1000
        drain_s = pool.rules.drain_s if gently else 0.0
        if is_first:
            self.notices.stopping(delay_s + drain_s + 2 * GRACE_S)
        if number == signal.SIGTERM and is_first and delay_s and not self._drain_at:
            tell.delayed(asked_by or signal.name_of(number), delay_s)
            self._drain_at = now + delay_s
            self._tell_all(UNREADY)
            return
        self._drain_at = 0.0
        self.sockets.refuse()
        tell.stopping(asked_by or signal.name_of(number), drain_s)
        pool.stop(now, quickly=not gently)
