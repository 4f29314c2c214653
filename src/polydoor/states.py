"""What lives for a while, and which of its moves are allowed. Imports nothing.

A worker, as it sees itself:

    STARTING -> RUNNING -> DRAINING -> STOPPING -> EXITED
        |          |           |
        |          +-----------+---> STOPPING          stopped at once
        +---> FATAL                                    it cannot boot

A member of the pool, which is a worker as its supervisor sees it, may be gone (EXITED) at any moment. The supervisor
itself is STARTING until a worker was ready once.

docs/internals draws these tables; a test compares the two.
"""

from __future__ import annotations

STARTING = "starting"
RUNNING = "running"
DRAINING = "draining"
STOPPING = "stopping"
EXITED = "exited"
FATAL = "fatal"

WORKER_MOVES = {
    STARTING: (RUNNING, STOPPING, FATAL),  # sockets are being bound and the application is being loaded
    RUNNING: (DRAINING, STOPPING),  # requests are served
    DRAINING: (STOPPING,),  # no new requests; those that were accepted are finished
    STOPPING: (EXITED,),  # what is left is cut
    EXITED: (),  # the process ends
    FATAL: (),  # it never ran: the application or a socket could not be had
}

MEMBER_MOVES = {
    STARTING: (RUNNING, STOPPING, EXITED),  # the process was made and has not said that it is ready
    RUNNING: (DRAINING, STOPPING, EXITED),  # it serves
    DRAINING: (STOPPING, EXITED),  # it was told to leave, and finishes what it has
    STOPPING: (DRAINING, EXITED),  # its time is over; or it was dismissed while it started, and is ready all the same
    EXITED: (),  # the process is gone
}

SUPERVISOR_MOVES = {
    STARTING: (RUNNING, STOPPING, FATAL),  # no worker has been ready yet
    RUNNING: (STOPPING,),  # there are workers, or one is made as soon as somebody connects
    STOPPING: (EXITED,),  # all workers were told to end
    FATAL: (EXITED,),  # the application cannot be loaded; what was started is ended
    EXITED: (),  # no worker is left
}

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class State:
    """The current state of something; a move that its table does not know is our own mistake."""

    __slots__ = ("moves", "now", "what")

    def __init__(self, what: str, moves: Mapping[str, tuple[str, ...]], now: str = STARTING) -> None:
        self.what = what
        self.moves = moves
        self.now = now

    def move(self, to: str) -> None:
        """Go to the state `to`."""
        if to not in self.moves[self.now]:
            raise AssertionError(f"{self.what} cannot go from {self.now} to {to}")
        self.now = to


def worker_state() -> State:
    """The state of a worker that begins."""
    return State("a worker", WORKER_MOVES)


def member_state(now: str = STARTING) -> State:
    """The state of a member of the pool."""
    return State("a member of the pool", MEMBER_MOVES, now)


def supervisor_state() -> State:
    """The state of a supervisor that begins."""
    return State("the supervisor", SUPERVISOR_MOVES)
