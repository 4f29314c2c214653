"""One worker, as the pool sees it."""

from __future__ import annotations

from polydoor.states import DRAINING, RUNNING, STARTING, member_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.states import State

NOBODY = 0  # no worker has this number


class Member:
    """A worker from the moment it is ordered until its process is gone. Times are seconds of the monotonic clock."""

    __slots__ = (
        "asked",
        "cause",
        "deadline",
        "generation",
        "is_dismissed",
        "is_old",
        "number",
        "ready_at",
        "replaces",
        "state",
        "why",
    )

    def __init__(self, number: int, generation: int, cause: str, replaces: int = NOBODY) -> None:
        self.number = number  # never given twice
        self.generation = generation  # of code and settings, as far as the supervisor knows
        self.cause = cause  # why it was started
        self.replaces = replaces  # the member that it follows, or NOBODY
        self.state: State = member_state()
        self.deadline = 0.0  # when patience with its present state ends; 0: never
        self.ready_at = 0.0
        self.is_old = False  # it was started before the reload that is going on
        self.is_dismissed = False  # it is not wanted any more, and was told so before it was ready
        self.asked = ""  # for a successor, and why
        self.why = ""  # what the pool did to it, if it did not end by itself

    def come_late(self, now: float) -> None:
        """It became ready just when it was dismissed."""
        self.is_dismissed = False
        self.ready_at = now
        self.state.move(DRAINING)

    @property
    def is_starting(self) -> bool:
        """It has not been ready yet."""
        return self.state.now == STARTING

    @property
    def may_drain(self) -> bool:
        """It leaves, or would if it were ready: it may have accepted something."""
        return self.is_starting or self.is_dismissed or self.state.now == DRAINING

    @property
    def is_pending(self) -> bool:
        """It has not been ready yet, or was killed because of that and is not gone."""
        return not self.ready_at and not self.is_dismissed

    @property
    def is_overdue(self) -> bool:
        """It was told to end, and has not in its time."""
        return bool(self.why) and not self.is_pending

    @property
    def is_running(self) -> bool:
        """It serves."""
        return self.state.now == RUNNING


def adopted(member: Member, state: str, now: float, leaves_at: float) -> Member:
    """The same, which an older program has left in that state."""
    member.state = member_state(state)
    member.ready_at = now
    member.deadline = 0.0 if state == RUNNING else leaves_at
    return member


class Death:
    """How a worker ended: `text` is what a person reads, `status` what the supervisor would end with for it."""

    __slots__ = ("code", "served", "status", "text")

    def __init__(self, text: str, status: int = 3, *, code: str = "", served: bool = False) -> None:
        self.text = text
        self.status = status
        self.code = code  # of the message, if there is one
        self.served = served  # it had answered at least one request
