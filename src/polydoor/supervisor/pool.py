"""Which workers there should be, and when each starts and ends: the supervisor without hands and eyes.

No process, clock or descriptor is touched here: what happens comes in by the methods, each with the time in seconds
of the monotonic clock, and what is to be done goes out through `Hands`.

There is one way to replace a worker, whatever the cause (reload, recycling, a limit, another version): its successor
is started, and only when that is ready is it told to leave. A successor that does not become ready changes nothing.
"""

from __future__ import annotations

from polydoor.states import DRAINING, EXITED, FATAL, RUNNING, STARTING, STOPPING, supervisor_state
from polydoor.supervisor.backoff import SOON_S, Backoff
from polydoor.supervisor.member import NOBODY, Member, adopted
from polydoor.supervisor.reload import TRIES, Reload
from polydoor.supervisor.sizing import Sizing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from polydoor.supervisor.hands import Hands
    from polydoor.supervisor.member import Death
    from polydoor.supervisor.sizing import Load, Rules

BOOT = "start"
CHANGE = "change"
CRASH = "crash"
GROWTH = "load"
KNOCK = "request"
RELOAD = "reload"
NOW_STOPPING = "the server is stopping"


class Pool:
    """All workers of one service."""

    def __init__(self, rules: Rules, hands: Hands) -> None:
        self.rules = rules
        self.hands = hands
        self.state = supervisor_state()
        self.members: dict[int, Member] = {}
        self.generation = 1
        self.wanted = max(rules.low, 1)  # one even if none need stay: what cannot be loaded is told at once
        self.restarts: dict[str, int] = {}  # by cause, for whoever asks
        self.last_error = ""  # of the last worker that did not become ready
        self.is_paused = False  # told to have no workers, and not to start one when somebody connects
        self._is_hurried = False  # what was accepted is not finished
        self._hands_watch = False
        self._sizing = Sizing(rules)
        self._backoff = Backoff()
        self._start_after = 0.0
        self._last_number = NOBODY
        self._last_serial = 0
        self._reload: Reload | None = None
        self._reload_again = ""  # the cause of a reload that was asked for during one, or during the first start
        self._due: dict[int, str] = {}  # members that are to be replaced, with the cause, in their order
        self._fatal: Death | None = None

    # --- what happens -------------------------------------------------------------------------------------------------

    def boot(self, now: float) -> None:
        """Start the first workers."""
        self._fill(now, BOOT)

    def adopt(self, now: float, members: Iterable[tuple[int, int, str]], cause: str) -> int:
        """Take over workers (number, generation, state) from the program that this one follows, and replace them."""
        self.state.move(RUNNING)
        for number, generation, state in members:
            leaves_at = now + self.rules.drain_s + self.rules.grace_s
            self.members[number] = adopted(Member(number, generation, BOOT), state, now, leaves_at)
            self._last_number = max(self._last_number, number)
            self.generation = max(self.generation, generation)
        running = sum(member.is_running for member in self.members.values())
        self.wanted = min(max(self.wanted, running), self.rules.high)
        return self.reload(now, cause)

    def ready(self, now: float, number: int) -> None:
        """A worker serves from now on; the one that it follows is told to leave."""
        member = self.members[number]
        if not member.is_starting:  # it was given up meanwhile
            if member.is_dismissed and member.deadline:
                self._leave_late(now, member)
            return
        member.state.move(RUNNING)
        member.ready_at = now
        member.deadline = 0.0
        self._start_after = 0.0
        is_first = self.state.now == STARTING
        if is_first:
            self.state.move(RUNNING)
            self.hands.serving()
        old = self.members.get(member.replaces)
        if old and old.is_running:
            self._count(member.cause)
            self._retire(now, old)
        if self._reload:
            if member.is_old:
                self._due[number] = self._reload.cause
            else:
                self._reload.decided = True
                self.last_error = ""
        if is_first:
            self._reload_as_asked(now)
        self._fill(now)

    def exited(self, now: float, number: int, death: Death) -> None:
        """A process is gone."""
        member = self.members.pop(number)
        was = member.state.now
        member.state.move(EXITED)
        self._due.pop(number, "")
        if was == RUNNING:
            self._crashed(now, member, death)
        elif member.is_pending and self.state.now in (STARTING, RUNNING):
            self._not_ready(now, member, death)
        self._fill(now, CRASH)

    def asked(self, now: float, number: int, cause: str) -> bool:
        """A worker, or somebody who watches it, wants it replaced; say whether that was not on its way yet."""
        member = self.members.get(number)
        if not member or not member.is_running:
            return False
        member.asked = member.asked or cause
        if number in self._due or self._successor_of(number):
            return False
        self._due[number] = cause
        self._fill(now)
        return True

    def hangs(self, now: float, number: int, cause: str) -> None:
        """A worker does not hear any more: it cannot serve on until another one is ready, and is killed."""
        member = self.members[number]
        member.state.move(STOPPING)
        self._due.pop(number, "")
        self._count(cause)
        self.hands.kill(member)
        self._fill(now, cause)

    def reload(self, now: float, cause: str = RELOAD) -> int:
        """Replace every worker; return the number of the reload that does it, which may be the next one."""
        self.is_paused = False
        if self._reload or self.state.now == STARTING:
            self._reload_again = cause
            return self._last_serial + 1
        self._last_serial += 1
        if self.state.now != RUNNING:
            self.hands.reloaded(self._last_serial, NOW_STOPPING)
            return self._last_serial
        if error := self.hands.reloading():
            self.hands.reloaded(self._last_serial, error)
            return self._last_serial
        self._reload = Reload(self._last_serial, cause)
        self.generation += 1
        self._start_after = 0.0
        for member in self.members.values():
            member.is_old = True
            if member.is_running and not self._successor_of(member.number):
                self._due[member.number] = cause
        self.wanted = max(self.wanted, self.rules.low, 1)  # at least one, to see that the code works
        self._fill(now, cause)
        return self._last_serial

    def resize(self, now: float, by: int) -> None:
        """One worker more or less."""
        self.is_paused = False
        self.rules.shift(by)
        if self._reload:
            self._reload.resized += by
        self.wanted = min(max(self.wanted + by, self.rules.low), self.rules.high)
        self._fill(now, GROWTH)

    def pause(self, now: float) -> None:
        """Let all workers go; nobody is served until a reload or a change of size."""
        self.is_paused = True
        self.wanted = 0
        self._fill(now)

    def load(self, now: float, load: Load) -> None:
        """How busy the workers are; to be told about twice a second."""
        if self.state.now != RUNNING or self._reload or not self.wanted:
            return
        for member in self.seats():
            load.quiet_s = min(load.quiet_s, now - member.ready_at if member.is_running else 0.0)
        self.wanted = self._sizing.wanted(now, self.wanted, load)
        self._fill(now, GROWTH)

    def knock(self, now: float) -> None:
        """Somebody connects, and there is no worker."""
        if self._hands_watch:
            self.wanted = max(self.rules.low, 1)
            self._fill(now, KNOCK)

    def stop(self, now: float, *, quickly: bool = False) -> None:
        """Let every worker finish what has come, or not even that; then end. Again, it can only be quicker."""
        self._is_hurried = self._is_hurried or quickly
        if self.state.now in (STARTING, RUNNING):
            self.state.move(STOPPING)
            self._due.clear()
            self._end_reload(now, NOW_STOPPING)
            for member in list(self.members.values()):
                self._stop(now, member, 0.0 if quickly or member.is_starting else self.rules.drain_s)
        elif quickly:
            for member in list(self.members.values()):
                self._stop(now, member, 0.0)
        self._fill(now)

    def tick(self, now: float) -> None:
        """See whose time is over; to be called at `wake_at`."""
        for member in list(self.members.values()):
            if member.deadline and now >= member.deadline:
                self._give_up(member)
        self._fill(now, CRASH)

    def wake_at(self) -> float:
        """When `tick` has something to do; 0: not before something else happens."""
        times = [member.deadline for member in self.members.values() if member.deadline]
        if self._start_after and self.state.now == RUNNING and self._is_short():
            times.append(self._start_after)
        return min(times, default=0.0)

    # --- starting and replacing ---------------------------------------------------------------------------------------

    def seats(self) -> list[Member]:
        """The workers that count: successors whose predecessor still serves do not yet."""
        alive = (each for each in self.members.values() if each.is_pending or each.is_running)
        return [each for each in alive if not self._is_spare(each)]

    def _is_spare(self, member: Member) -> bool:
        old = self.members.get(member.replaces)
        return member.is_pending and old is not None and old.is_running

    def _successor_of(self, number: int) -> Member | None:
        return next((each for each in self.members.values() if each.replaces == number and each.is_pending), None)

    def _is_short(self) -> bool:
        return bool(self._due) or len(self.seats()) < self.wanted

    def _fill(self, now: float, cause: str = "") -> None:
        """Bring about what should be: enough workers, not too many, and successors for those that are to go."""
        if self.state.now in (STARTING, RUNNING):
            self._shrink(now)
            if now >= self._start_after:
                self._start_after = 0.0
                for _ in range(self.wanted - len(self.seats())):
                    self._start(now, cause)
                self._replace(now)
            if self._reload and not self._due and not any(each.is_pending for each in self.members.values()):
                self._end_reload(now, "")
                self._fill(now)  # the settings may ask for another number
                return
        self._watch(self.state.now == RUNNING and not self.seats() and not self.is_paused and self.wanted == 0)
        if not self.members and self.state.now in (STOPPING, FATAL):
            self.state.move(EXITED)
            self.hands.end(self._fatal)

    def _shrink(self, now: float) -> None:
        """Let the youngest go."""
        surplus = len(self.seats()) - self.wanted
        for member in reversed(self.seats()[-surplus:] if surplus > 0 else []):
            if member.is_running:
                heir = self._successor_of(member.number)
                if heir:
                    self._stop(now, heir, 0.0)
                self._retire(now, member)
            else:
                self._stop(now, member, 0.0)

    def _replace(self, now: float) -> None:
        """Start successors, as many at once as may be: a reload is decided by the first."""
        width = max(1, self.wanted // 4) if self._reload and self._reload.decided else 1
        for number, cause in list(self._due.items()):
            if sum(map(self._is_spare, self.members.values())) >= width:
                return
            del self._due[number]
            self._start(now, cause, replaces=number)

    def _start(self, now: float, cause: str, replaces: int = NOBODY) -> None:
        self._last_number += 1
        member = Member(self._last_number, self.generation, cause, replaces)
        member.deadline = now + self.rules.boot_s if self.rules.boot_s else 0.0
        self.members[member.number] = member
        self.hands.start(member)

    # --- ending -------------------------------------------------------------------------------------------------------

    def _retire(self, now: float, member: Member) -> None:
        self._due.pop(member.number, None)
        member.state.move(DRAINING)
        member.deadline = now + self.rules.drain_s + self.rules.grace_s
        if now - member.ready_at >= SOON_S:
            self._backoff.worked()
        self.hands.retire(member, self.rules.drain_s)

    def _stop(self, now: float, member: Member, drain_s: float) -> None:
        """Also for those that are leaving already; their time can only become shorter."""
        if member.state.now == STOPPING:
            return
        deadline = now + drain_s + self.rules.grace_s
        member.deadline = min(member.deadline, deadline) if member.state.now == DRAINING else deadline
        if member.is_starting:
            member.is_dismissed = True
            member.state.move(STOPPING)
        elif member.is_running:
            member.state.move(DRAINING)
        self.hands.stop(member, drain_s)

    def _leave_late(self, now: float, member: Member) -> None:
        """A signal reached it when it had just become ready: it may have accepted something, and waits for orders."""
        member.come_late(now)
        drain_s = 0.0 if self._is_hurried else self.rules.drain_s
        member.deadline = now + drain_s + self.rules.grace_s
        leave = self.hands.retire if self.state.now == RUNNING else self.hands.stop
        leave(member, drain_s)

    def _give_up(self, member: Member) -> None:
        """Its time is over."""
        member.why = f"was not ready within {self.rules.boot_s:g} s" if member.is_starting else "did not end in time"
        member.deadline = 0.0
        if member.state.now != STOPPING:
            member.state.move(STOPPING)
        self.hands.kill(member)

    def _crashed(self, now: float, member: Member, death: Death) -> None:
        """A worker that served ended by itself."""
        self._count(CRASH)
        delay = self._backoff.crashed(now - member.ready_at, served=death.served)
        self._wait(now, delay)
        self.hands.died(member, death, delay)

    def _not_ready(self, now: float, member: Member, death: Death) -> None:
        """A worker ended before it served."""
        if member.why:
            death.text = f"it {member.why}"
        self.last_error = death.text
        if self.state.now == STARTING:
            self._fatal = death
            self.state.move(FATAL)
            for other in list(self.members.values()):
                self._stop(now, other, 0.0)
            return
        old = self.members.get(member.replaces)
        if self._reload and not member.is_old and not self._survives(now, death):
            if not self.seats() and self.rules.low == 0:
                self.wanted = 0
            return  # told as the end of the reload; who is missing may come with the old settings
        if old and old.is_running:
            self._due.setdefault(old.number, member.cause)  # once more, later
        delay = self._backoff.not_ready()
        self._wait(now, delay)
        self.hands.died(member, death, delay)

    def _survives(self, now: float, death: Death) -> bool:
        """Whether the reload goes on though a worker with the new code did not become ready."""
        reload = self._reload
        assert reload is not None
        if reload.decided:
            reload.failures += 1
            if reload.failures < TRIES:
                return True
        self._due = {number: cause for number, cause in self._due.items() if cause != reload.cause}
        for other in list(self.members.values()):
            if self._is_spare(other) and not other.is_old:
                self._stop(now, other, 0.0)
        self._end_reload(now, death.text)
        return False

    def _end_reload(self, now: float, error: str) -> None:
        if not self._reload:
            self._reload_as_asked(now)
            return
        serial, resized = self._reload.serial, self._reload.resized
        self._reload = None
        for member in self.members.values():
            member.is_old = False
            if member.asked and member.is_running and self.state.now == RUNNING:
                self._due.setdefault(member.number, member.asked)  # the reload would have done that, too
        self.hands.reloaded(serial, error)
        if resized and not error:  # else the numbers are those that were changed
            self.rules.shift(resized)
        if not self.is_paused:
            self.wanted = min(max(self.wanted, self.rules.low), self.rules.high)
        self._reload_as_asked(now)

    def _reload_as_asked(self, now: float) -> None:
        cause, self._reload_again = self._reload_again, ""
        if cause:
            self.reload(now, cause)

    def _wait(self, now: float, delay: float) -> None:
        if delay:
            self._start_after = now + delay

    def _watch(self, wanted: bool) -> None:
        if wanted != self._hands_watch:
            self._hands_watch = wanted
            self.hands.watch(wanted)

    def _count(self, cause: str) -> None:
        self.restarts[cause] = self.restarts.get(cause, 0) + 1
