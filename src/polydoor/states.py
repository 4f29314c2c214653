"""The life of a worker, and which move is allowed. Imports nothing.

    STARTING -> RUNNING -> DRAINING -> STOPPING -> EXITED
        |          |           |
        |          +-----------+---> STOPPING          stopped at once
        +---> FATAL                                    it cannot boot

docs/internals draws this table; a test compares the two.
"""

STARTING = "starting"  # sockets are being bound and the application is being loaded
RUNNING = "running"  # requests are served
DRAINING = "draining"  # no new requests; those that were accepted are finished
STOPPING = "stopping"  # what is left is cut
EXITED = "exited"  # the process ends
FATAL = "fatal"  # it never ran: the application or a socket could not be had

MOVES = {
    STARTING: (RUNNING, STOPPING, FATAL),
    RUNNING: (DRAINING, STOPPING),
    DRAINING: (STOPPING,),
    STOPPING: (EXITED,),
    EXITED: (),
    FATAL: (),
}


class WorkerState:
    """The current state; a move that the table does not know is our own mistake."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = STARTING

    def move(self, to: str) -> None:
        """Go to the state `to`."""
        if to not in MOVES[self.now]:
            raise AssertionError(f"a worker cannot go from {self.now} to {to}")
        self.now = to
