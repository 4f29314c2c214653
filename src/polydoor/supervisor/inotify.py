"""inotify(7), which wakes who waits for files to change. Loaded only with --reload: ctypes is large."""

from __future__ import annotations

import os

FLAGS = os.O_CLOEXEC | os.O_NONBLOCK  # which are what IN_CLOEXEC and IN_NONBLOCK are
WRITTEN, ATTRIBUTES, MOVED_HERE, CREATED = 0x8, 0x4, 0x80, 0x100  # IN_CLOSE_WRITE, IN_ATTRIB, IN_MOVED_TO, IN_CREATE
READ_MAX = 65_536


class Inotify:
    """Folders that are watched; `fd` can be read when something has happened in one of them."""

    def __init__(self) -> None:
        import ctypes  # only now: there are systems without it

        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd: int = self._libc.inotify_init1(FLAGS)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self._folders: set[str] = set()

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)

    def watch(self, folder: str) -> None:
        """Watch a folder, too; where that cannot be, files are looked at every now and then anyway."""
        if folder not in self._folders:
            self._folders.add(folder)
            self._libc.inotify_add_watch(self.fd, os.fsencode(folder), WRITTEN | ATTRIBUTES | MOVED_HERE | CREATED)

    def drain(self) -> None:
        """Take what has been told; the files themselves say more."""
        try:
            while os.read(self.fd, READ_MAX):
                pass
        except BlockingIOError:
            return


def open_inotify() -> Inotify | None:
    """One that works; None where there is none."""
    try:
        return Inotify()
    except (ImportError, OSError, AttributeError):
        return None
