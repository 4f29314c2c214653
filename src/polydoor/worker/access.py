"""The access log of one worker: the engine makes and writes its lines, on a thread of its own."""

from __future__ import annotations

import os
import sys
import threading

from polydoor.errors import ConfigError
from polydoor.worker.capacity import begin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.bridge import Engine
    from polydoor.settings.load import Settings

PATIENCE_S = 2.0  # the engine itself gives up after one second


class AccessLog:
    """What the engine cannot do: read the settings, give it a thread, know standard output."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings
        self.thread: threading.Thread | None = None

    def check(self) -> None:
        """Look whether the file could be opened, and leave it alone."""
        form, _, path = self.settings.text("access_log").partition(":")
        if form != "off" and path:
            try:
                self.engine.check_access_log(os.path.abspath(path))
            except OSError as error:
                raise self._refused(error) from None

    def open(self) -> None:
        """Open the file, while an error can still be told before anything else happens."""
        form, _, path = self.settings.text("access_log").partition(":")
        if form == "off" or (not path and sys.stdout is None):  # closed: its number may be a socket's by now
            return
        exclude = self.settings.texts("access_log_exclude")
        if self.settings.text("diagnostics"):
            from polydoor.worker.diagnostics import UNLOGGED

            exclude += (UNLOGGED,)
        try:
            # The application may change the folder before the file is opened anew.
            where = os.path.abspath(path) if path else ""
            self.engine.open_access_log(form, where, self.settings.number("access_log_buffer"), exclude)
        except OSError as error:
            raise self._refused(error) from None
        self.thread = threading.Thread(target=self.engine.run_access_log, name="polydoor-log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        if self.thread:
            begin(self.thread)

    def reopen(self) -> None:
        """Go on in a new file, after the old one was renamed."""
        if self.thread:
            self.engine.reopen_access_log()

    def close(self) -> None:
        """Write what waits; a reader that does not read costs a second."""
        if self.thread:
            self.engine.close_access_log()
            if self.thread.ident is not None:
                self.thread.join(PATIENCE_S)

    def _refused(self, error: OSError) -> ConfigError:
        """What the core says, with its code in front."""
        code, _, text = str(error).partition(": ")
        return ConfigError(self.settings.place("access_log") + text, code=code)
