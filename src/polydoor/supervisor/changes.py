"""Restart on change: sees that a file has changed, by looking at it.

inotify only tells when to look: it says nothing of changes by other machines, and there may be none. A look compares
the time, size and number of each file with what they were.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polydoor.settings.load import Settings
    from polydoor.supervisor.inotify import Inotify

    Look = tuple[int, int, int]

LOOK_S = 0.5  # how often files are looked at, without a hint
QUIET_S = 0.1  # nothing may have changed for so long: an editor or a deployment is not done with the first file
LONGEST_S = 2.0  # ... but what changes all the time does not keep the old code running
MOST = 10_000  # files
TOUCHED = "tmp/restart.txt"  # below the folder of the application


class Changes:
    """The files of one service that mean a reload when they change."""

    def __init__(self, settings: Settings) -> None:
        self._touched = {os.path.abspath(path) for path in settings.texts("touch_reload")}
        self._touched.add(os.path.abspath(os.path.join(settings.text("app_dir"), TOUCHED)))
        self._globs = [os.path.abspath(pattern) for pattern in settings.texts("reload_extra")]
        self._is_developing = settings.flag("reload")
        self._seen: dict[str, Look | None] = {path: look_at(path) for path in self._touched}
        self._changed = ""  # a file, as long as there may be more
        self._changed_at = 0.0  # when the first one was seen
        self._inotify: Inotify | None = None
        self.next_at = 0.0  # when to look next; 0: nobody has said so yet
        if self._is_developing:
            self.add(os.path.abspath(path) for path in (*settings.texts("env_file"), settings.text("config")) if path)
            self.add(self._found())

    def watch(self, path: str) -> None:
        """Let this file count, too, as it is now."""
        self._seen[path] = look_at(path)

    def begin(self, on: Callable[[int, Callable[[], None]], None]) -> None:
        """Hear of changes sooner than the next look, where the system tells."""
        if not self._is_developing:
            return
        from polydoor.supervisor.inotify import open_inotify

        self._inotify = open_inotify()
        if self._inotify:
            on(self._inotify.fd, self._hear)
            for path in self._seen:
                self._watch(path)

    def leave(self) -> None:
        """In a worker: the supervisor looks."""
        if self._inotify:
            self._inotify.close()

    def add(self, paths: Iterable[str]) -> None:
        """Watch more files, as they are now."""
        for path in paths:
            if self._is_developing and path not in self._seen and len(self._seen) < MOST:
                self._seen[path] = look_at(path)
                self._watch(path)

    def _hear(self) -> None:
        """Something has happened in one of the folders, and maybe to none of our files."""
        if self._inotify:
            self._inotify.drain()
        self.next_at = min(self.next_at, time.monotonic() + QUIET_S)

    def look(self, now: float) -> str:
        """Look whether it is time to; return a file that has changed when no further one does, else nothing.

        After LONGEST_S it is time although further ones do.
        """
        if now < self.next_at:
            return ""
        self.next_at = now + LOOK_S
        if path := self._first_changed():
            if not self._changed:
                self._changed_at = now
            self._changed = path
            if now - self._changed_at < LONGEST_S:
                self.next_at = now + QUIET_S
                return ""
        path, self._changed = self._changed, ""
        return path

    def _first_changed(self) -> str:
        changed = ""
        for path, before in self._seen.items():
            now = look_at(path)
            if now is not None and now != before:  # what is gone comes again, or the next reload shows that
                self._seen[path] = now
                changed = path
        for path in self._found():
            if path not in self._seen and len(self._seen) < MOST:
                self.add((path,))
                changed = path
        return changed

    def _found(self) -> list[str]:
        """The files that the patterns mean."""
        if not self._globs or not self._is_developing:
            return []
        from glob import iglob
        from itertools import islice

        return [path for pattern in self._globs for path in islice(iglob(pattern, recursive=True), MOST)]

    def _watch(self, path: str) -> None:
        if self._inotify:
            self._inotify.watch(os.path.dirname(path))


def look_at(path: str) -> Look | None:
    """What differs when a file was written, or another one put in its place; None: there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
