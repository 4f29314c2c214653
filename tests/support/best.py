"""Bounds on times: the machine may do something else for a while, but what we cause ourselves is there every time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def best(measure: Callable[[], float], bound: float, *, least: int = 1, seconds: float = 20.0) -> float:
    """The best of some rounds of what should be at most `bound`: at least `least`, and more until one is that good.

    After `seconds` no further round begins.
    """
    deadline = time.monotonic() + seconds
    results = [measure() for _ in range(least)]
    while min(results) > bound and time.monotonic() < deadline:
        results.append(measure())
    return min(results)
