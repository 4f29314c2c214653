"""The settings of a service, which a reload reads anew: from the same command line, and files as they are then."""

from __future__ import annotations

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.settings.catalog import SETTINGS
from polydoor.settings.surroundings import Surroundings
from polydoor.worker.banner import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from polydoor.settings.load import Settings


class Anew:
    """What applies now, and while a reload is going on, what its workers are tried with.

    Workers are forks: they find the environment, the working directory and sys.path that the supervisor has at that
    moment. So a reload changes these first, and puts them back when it fails.
    """

    def __init__(self, settings: Settings, first: Surroundings, gather: Callable[[], Settings]) -> None:
        self.settings = settings
        self.first = first  # what the process found around itself when it began
        self._gather = gather
        self._tried: Settings | None = None
        self._before = first

    @property
    def newest(self) -> Settings:
        """What a worker is to be started with."""
        return self._tried or self.settings

    def read(self) -> str:
        """Read everything again, for the reload that begins; return what is wrong, or nothing."""
        self._before = Surroundings()
        self.first.restore()
        try:
            self._tried = self._gather()
        except ConfigError as error:
            self._before.restore()
            return f"{error.code}: {error}"
        except OSError as error:  # no descriptor, no memory
            self._before.restore()
            return f"cannot read the settings: {error}"
        for text in self._tried.warnings:
            say(*text.split("\n"), code=codes.WITHOUT_EFFECT)
        return ""

    def decide(self, *, works: bool) -> None:
        """The reload is over."""
        if self._tried and works:
            self._tell_kept(self._tried)
            self.settings = self._tried
        elif self._tried:
            self._before.restore()
        self._tried = None

    def _tell_kept(self, new: Settings) -> None:
        """Say what a reload does not change."""
        for row in SETTINGS:
            if not row.reloadable and new.value(row.name) != self.settings.value(row.name):
                say(
                    f"{new.said(row.name)} has changed, which a reload does not take over",
                    "Restart the server.",
                    code=codes.NEEDS_RESTART,
                )
