"""How long to wait before a worker is started again."""

FIRST_S = 0.5
LONGEST_S = 30.0
PATIENCE = 2  # so many in a row that end soon after they were ready are started again at once
SOON_S = 1.0


class Backoff:
    """Twice as long each time that it does not help."""

    __slots__ = ("_failed",)

    def __init__(self) -> None:
        self._failed = 0

    def worked(self) -> None:
        """A worker was of use."""
        self._failed = 0

    def not_ready(self) -> float:
        """A worker ended before it was ready; return the seconds to wait."""
        self._failed = max(self._failed, PATIENCE) + 1
        return self._delay()

    def crashed(self, lived_s: float, *, served: bool) -> float:
        """A worker ended `lived_s` after it was ready; return the seconds to wait."""
        if served or lived_s >= SOON_S:
            self._failed = 0
            return 0.0
        self._failed += 1
        return self._delay()

    def _delay(self) -> float:
        doublings = self._failed - PATIENCE - 1
        return 0.0 if doublings < 0 else min(LONGEST_S, FIRST_S * 2.0 ** min(doublings, 16))
