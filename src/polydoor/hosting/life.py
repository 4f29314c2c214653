"""When the daemon behind a stub ends, and how: so that whoever comes next finds either it or nobody."""

from __future__ import annotations

import os
import sys
import time

from polydoor import codes
from polydoor.worker.banner import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.bridge import Engine
    from polydoor.bridge._gate import Gate
    from polydoor.hosting.configuration import Configuration
    from polydoor.settings.load import Settings
    from polydoor.supervisor.changes import Changes

LISTENER = 3
WAIT_MS = 5000  # for the gate, which is held for moments
BOOT_BACKLOG = 256  # as the stub has it while the daemon starts (PD_GATE_BOOT_BACKLOG)
CROWD_S = 5.0  # how long a full house at the start may be those who waited for it
YOUNG_S = 60.0  # the measure of the load is a minute long


class Life:
    """Looks, whenever the main thread beats, whether it is time to go."""

    def __init__(self, gate: Gate, configuration: Configuration, engine: Engine, changes: Changes, most: int) -> None:
        self._gate = gate
        self._engine = engine
        self._changes = changes
        self._idle_s = configuration.number("idle_timeout")
        self._least = configuration.number("exec_below") / 2
        self._backlog = configuration.number("backlog")
        self._is_short = False  # the backlog is as long as it shall be
        self._most = most
        self._begun = -1
        self._since = self._born = time.monotonic()
        self._is_held = False
        self._has_left = False

    def serves(self) -> None:
        """It can be used: let the stubs know."""
        self._gate.ready(LISTENER, max(self._backlog, BOOT_BACKLOG))
        self._born = time.monotonic()

    def is_over(self) -> bool:
        """Whether to drain now; why is said."""
        now = time.monotonic()
        self._is_held = self._is_held or self._gate.hold()
        if not self._gate.is_mine:
            say("the socket is gone, or somebody else's: ending", code=codes.SOCKET_TAKEN)
            return True
        if not os.fstat(self._gate.fd).st_nlink:  # the stubs make another one, by which nobody finds this process
            say("the lock file is gone: ending", code=codes.SOCKET_TAKEN)
            return True
        if path := self._changes.look(now):
            say(f"{path} has changed: ending, and the next request starts anew", code=codes.DAEMON_LEAVES)
            return True
        reason = self._reason(now)
        # A stub that has connected and not said anything yet is served by the drain.
        if not reason or self._gate.leave(LISTENER, True, 0) != "ok":
            return False
        self._has_left = True
        say(reason, code=codes.DAEMON_LEAVES)
        return True

    def leave(self) -> None:
        """Take the path away, so that the next request starts another daemon; what waits is served by this one."""
        if not self._has_left:
            self._has_left = True
            self._gate.leave(LISTENER, False, WAIT_MS)

    def _reason(self, now: float) -> str:
        """Why nobody needs it; nothing where somebody may."""
        stats = self._engine.stats()
        # Those who came while it started have all been accepted, or there are ever more, who should hear it at once.
        if not self._is_short and (stats["busy"] < self._most or now - self._born >= CROWD_S):
            self._is_short = self._gate.ready(LISTENER, self._backlog)
        if stats["busy"] or stats["begun"] != self._begun:
            self._begun = stats["begun"]
            self._since = now
        if self._idle_s and now - self._since >= self._idle_s:
            return f"no request for {self._idle_s} s: ending"
        if stats["busy"]:
            return ""
        if self._least and now - self._born >= YOUNG_S and self._gate.rate < self._least:
            return f"fewer than {self._least:g} requests in a minute: ending, as exec-below asks for"
        return ""


def app_file(settings: Settings) -> str:
    """The file that the application was loaded from; nothing where there is none."""
    source = settings.app().partition(":")[0]
    module = sys.modules.get(source)
    found = getattr(module, "__file__", None) if module else source
    return os.path.abspath(found) if isinstance(found, str) and found.endswith(".py") else ""
