"""How many workers there should be, by how busy they are."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.settings.load import Settings

GROW_AFTER_S = 0.5  # requests have waited for so long with every thread taken
SAMPLE_S = 0.5  # how often the load is looked at, where it matters
SOONEST_S = 0.02  # ... at most
GRACE_S = 3.0  # after the drain: for a worker that ends by itself
SPARE_MAX = 32  # each costs a descriptor, and a board has an end
SHRINK_AFTER_S = 30.0  # a whole worker's threads were not needed for so long


class Rules:
    """What the operator asked for. Times are seconds."""

    __slots__ = ("boot_s", "drain_s", "grace_s", "high", "idle_s", "low", "most", "threads")

    def __init__(
        self,
        low: int,
        high: int,
        *,
        threads: int = 1,
        boot_s: float = 60.0,
        drain_s: float = 30.0,
        grace_s: float = 3.0,
        idle_s: float = 0.0,
    ) -> None:
        self.low = low
        self.high = high
        self.most = high + min(high, SPARE_MAX)  # signals and reloads may ask for more, up to this
        self.threads = threads  # of each worker
        self.boot_s = boot_s  # to be ready
        self.drain_s = drain_s  # to finish what was accepted
        self.grace_s = grace_s  # after the drain, before the process is killed
        self.idle_s = idle_s  # without a request, before the last worker goes; 0: it stays

    def shift(self, by: int) -> None:
        """So many workers more, or less."""
        self.low = min(max(1, self.low + by), self.most)
        self.high = min(max(self.low, self.high + by), self.most)

    def take_over(self, other: Rules) -> int:
        """Become the same, for all who know this object, but for the number that there may ever be.

        Return how many there should be more than that.
        """
        surplus = max(0, other.high - self.most)
        for name in self.__slots__:
            if name != "most":
                setattr(self, name, getattr(other, name))
        self.fit(self.most)
        return surplus

    def fit(self, most: int) -> None:
        """There are places for so many workers."""
        self.most = min(self.most, most)
        self.high = min(self.high, self.most)
        self.low = min(self.low, self.high)

    @property
    def sample_s(self) -> float:
        """How long until the load is looked at again: not much longer than a service may be idle."""
        return min(SAMPLE_S, max(self.idle_s / 2, SOONEST_S)) if self.idle_s and not self.low else SAMPLE_S


class Load:
    """All workers together, at one moment."""

    __slots__ = ("idle", "quiet_s", "waiting")

    def __init__(self, waiting: int, idle: int, quiet_s: float) -> None:
        self.waiting = waiting  # requests in the queues
        self.idle = idle  # threads without one
        self.quiet_s = quiet_s  # since there was a request


class Sizing:
    """Remembers since when there were too few workers, or too many."""

    __slots__ = ("_few_since", "_many_since", "_rules")

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._few_since = 0.0
        self._many_since = 0.0

    def wanted(self, now: float, wanted: int, load: Load) -> int:
        """How many workers there should be, if there should be `wanted` now."""
        rules = self._rules
        if rules.low == 0 and rules.idle_s and load.quiet_s >= rules.idle_s and not load.waiting:
            return 0
        few = load.waiting > 0 and load.idle == 0
        many = load.waiting == 0 and load.idle >= 2 * rules.threads
        self._few_since = (self._few_since or now) if few else 0.0
        self._many_since = (self._many_since or now) if many else 0.0
        if few and now - self._few_since >= GROW_AFTER_S and wanted < rules.high:
            self._few_since = 0.0
            return wanted + 1
        if many and now - self._many_since >= SHRINK_AFTER_S and wanted > max(rules.low, 1):
            self._many_since = 0.0
            return wanted - 1
        return wanted


def rules_of(settings: Settings) -> Rules:
    """What the settings say of the pool."""
    low, high = settings.workers()
    return Rules(
        low,
        high,
        threads=settings.number("threads"),
        boot_s=settings.number("boot_timeout") / 1000,
        drain_s=settings.number("drain_timeout") / 1000,
        grace_s=GRACE_S,
        idle_s=settings.number("idle_stop") / 1000,
    )
