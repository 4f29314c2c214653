"""`--idle-stop`: whether nobody has used the server for as long as that. Only loaded where it is set."""

from __future__ import annotations

import time

from polydoor import codes
from polydoor.worker.banner import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.bridge import Engine


class IdleWatch:
    """Looks at the engine's counters whenever the main thread beats; kept connections between requests are idle."""

    def __init__(self, engine: Engine, limit_ms: int) -> None:
        self._engine = engine
        self._limit_s = limit_ms / 1000
        self._begun = -1
        self._since = 0.0

    def is_over(self) -> bool:
        """Whether the time is up; it is said then."""
        stats = self._engine.stats()
        now = time.monotonic()
        if stats["busy"] or stats["begun"] != self._begun:
            self._begun = stats["begun"]
            self._since = now
        over = now - self._since >= self._limit_s
        if over:
            say(f"no request for {self._limit_s:g} s: stopping, as --idle-stop asks for", code=codes.IDLE_STOPPED)
        return over
