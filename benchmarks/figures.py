"""Arithmetic on samples: medians, spreads, and ratios taken round by round."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, inf
from statistics import median

DOUBT = 0.05  # how likely the true median may lie beyond its bound


@dataclass(frozen=True)
class Figure:
    """A median with the lowest and the highest value it stands for."""

    middle: float
    lowest: float
    highest: float

    @property
    def spread(self) -> float:
        """How far the values lie apart, as a part of the median."""
        return (self.highest - self.lowest) / self.middle if self.middle else 0.0


def figure(values: Sequence[float]) -> Figure:
    """Sum up the values of all rounds."""
    return Figure(median(values), min(values), max(values))


def pairs(ours: Sequence[float], theirs: Sequence[float], factor: float = 1.0) -> list[float]:
    """Ours to `factor` times theirs in the same round: what slows the machine down for a while slows both."""
    return [one / (factor * other) if other else inf for one, other in zip(ours, theirs, strict=True)]


def ratios(ours: Sequence[float], theirs: Sequence[float], factor: float = 1.0) -> Figure:
    """The pairs, summed up."""
    return figure(pairs(ours, theirs, factor))


def bound_of(values: Sequence[float], *, is_least: bool = False) -> float | None:
    """What the true median is not above (or, `is_least`, below), with 95 % certainty; None: there are too few values.

    Each value lies below the true median with a chance of one half, whatever their distribution. So at least k of n do
    with the chance that a fair coin falls on one side k times of n; the least k for which that is under 5 % names the
    value. Five rounds are the fewest that have one: the highest of them.
    """
    ordered = sorted(values, reverse=is_least)
    n = len(ordered)
    for k in range(1, n + 1):
        if sum(comb(n, more) for more in range(k, n + 1)) <= DOUBT * 2**n:
            return ordered[k - 1]
    return None


@dataclass(frozen=True)
class Bound:
    """What a ratio must be: at most `limit`, or at least."""

    limit: float
    is_least: bool = False

    def __str__(self) -> str:
        return f"{'≥' if self.is_least else '≤'} {self.limit:.2f}"

    def is_met(self, value: float) -> bool:
        """Compare as printed, with two decimals."""
        return round(value, 2) >= self.limit if self.is_least else round(value, 2) <= self.limit

    def verdict(self, value: float, bound: float | None) -> str:
        """`met` where even the value's 95 % bound meets it, `not shown` where only the value does, or `missed`."""
        if not self.is_met(value):
            return f"missed by {abs(value - self.limit) / self.limit:.0%}"
        return "met" if bound is not None and self.is_met(bound) else "not shown"
