"""Arithmetic on samples: medians, spreads, and ratios taken round by round."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


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


def ratios(ours: Sequence[float], theirs: Sequence[float], factor: float = 1.0) -> Figure:
    """Ours to `factor` times theirs in the same round: what slows the machine down for a while slows both."""
    return figure([one / (factor * other) for one, other in zip(ours, theirs, strict=True)])


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

    def verdict(self, value: float) -> str:
        """`met`, or by how much of the bound it was missed."""
        if self.is_met(value):
            return "met"
        return f"missed by {abs(value - self.limit) / self.limit:.0%}"
