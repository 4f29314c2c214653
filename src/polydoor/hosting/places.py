"""Where lock, socket and log of a stub's daemon lie; the stub finds them by the same rules (core/cmd/place.c)."""

from __future__ import annotations

import os
import stat

from polydoor.settings.listener import PATH_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.hosting.configuration import Configuration

LOCK, SOCKET, LOG = "lock", "socket", "log"
OTHERS = stat.S_IWGRP | stat.S_IWOTH  # who could change what is in a directory, or written in a file
OFFSET, PRIME = 0xCBF29CE484222325, 0x100000001B3  # of FNV-1a with 64 bits


class Places:
    """The three paths."""

    def __init__(self, configuration: Configuration) -> None:
        state = configuration.text("state")
        elsewhere = fallback(configuration.path)
        folder = state if state and is_usable(state) else elsewhere
        wanted = configuration.text("socket")
        if len(os.fsencode(wanted or os.path.join(folder, SOCKET))) > PATH_MAX:
            folder = elsewhere
            wanted = ""
        self.lock = os.path.join(folder, LOCK)
        self.socket = wanted or os.path.join(folder, SOCKET)
        self.log = configuration.text("log") or os.path.join(folder, LOG)


def is_usable(folder: str) -> bool:
    """Whether a directory is private to this user, or could be made."""
    try:
        found = os.lstat(folder)
    except FileNotFoundError:
        return os.access(os.path.dirname(folder), os.W_OK | os.X_OK)
    except OSError:
        return False
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & OTHERS
    return is_ours and os.access(folder, os.W_OK | os.X_OK)


def fallback(path: str) -> str:
    """The directory where `state` does not do."""
    return f"/tmp/polydoor-{os.geteuid()}/{fnv1a(os.fsencode(path)):016x}"  # noqa: S108 - private, and looked at before use


def fnv1a(data: bytes) -> int:
    """A hash that is the same in every program; nobody relies on it to be hard to meet."""
    value = OFFSET
    for byte in data:
        value = (value ^ byte) * PRIME % 2**64
    return value
