"""A reload that is going on, as the pool sees it: the first new worker decides, the others follow."""

from __future__ import annotations

TRIES = 3  # for each further worker of a reload whose first one is ready


class Reload:
    """One reload, until every worker is new or none is."""

    __slots__ = ("cause", "decided", "failures", "resized", "serial")

    def __init__(self, serial: int, cause: str) -> None:
        self.serial = serial
        self.cause = cause
        self.decided = False  # a worker with the new code has been ready
        self.failures = 0  # since then
        self.resized = 0  # so many workers more were asked for meanwhile
