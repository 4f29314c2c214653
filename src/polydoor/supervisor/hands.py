"""What the pool can order, and what it tells."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.supervisor.member import Death, Member


class Hands:
    """Carries out what the pool decides, and does not call it meanwhile.

    An order that fails is reported like any other end, by `Pool.exited`.
    """

    def start(self, member: Member) -> None:
        """Make a process for it."""
        raise NotImplementedError

    def retire(self, member: Member, drain_s: float) -> None:
        """Tell it to leave the pool: others serve what still comes."""
        raise NotImplementedError

    def stop(self, member: Member, drain_s: float) -> None:
        """Tell it to serve what has come, nobody else will, and end; at once with no time at all."""
        raise NotImplementedError

    def kill(self, member: Member) -> None:
        """End its process, whatever it does."""
        raise NotImplementedError

    def watch(self, wanted: bool) -> None:
        """Look at the listening sockets, and call `Pool.knock` when somebody connects; or do not look any more."""
        raise NotImplementedError

    def serving(self) -> None:
        """The first worker is ready."""
        raise NotImplementedError

    def died(self, member: Member, death: Death, delay_s: float) -> None:
        """A worker ended that nobody had asked to; its successor starts after so long."""
        raise NotImplementedError

    def reloading(self) -> str:
        """A reload begins: read what it changes; return why it cannot be, or nothing."""
        raise NotImplementedError

    def reloaded(self, serial: int, error: str) -> None:
        """The reload of this number is over; an empty error is success."""
        raise NotImplementedError

    def end(self, death: Death | None) -> None:
        """No worker is left: the supervisor ends, and with this of the first one, if that never served."""
        raise NotImplementedError
