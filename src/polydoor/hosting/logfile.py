"""The log of a daemon: standard output and standard error, which are one file that may not grow for ever."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.worker.messages import Messages

FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
OLD = ".1"


class LogFile:
    """Looks after descriptors 1 and 2 whenever the main thread beats."""

    def __init__(self, path: str, largest: int, messages: Messages) -> None:
        self._path = path  # empty: they are no file of ours
        self._largest = largest
        self._messages = messages

    def look(self) -> None:
        """Begin a new file when this one is full, or when somebody has taken it away."""
        if not self._path:
            return
        try:
            ours = os.fstat(2)
            if not is_at(self._path, ours):
                self._open()
            elif ours.st_size > self._largest:
                os.replace(self._path, self._path + OLD)
                self._open()
        except OSError:  # no room, or the folder is gone: go on in the old one
            return

    def _open(self) -> None:
        fd = os.open(self._path, FLAGS, 0o600)
        try:
            for standard in (1, 2):
                os.dup2(fd, standard)
            if self._messages.fd >= 0:
                os.dup2(fd, self._messages.fd, inheritable=False)
        finally:
            os.close(fd)


def is_at(path: str, found: os.stat_result) -> bool:
    """Whether a path leads to what `found` tells of."""
    try:
        return os.path.samestat(os.lstat(path), found)
    except OSError:
        return False
