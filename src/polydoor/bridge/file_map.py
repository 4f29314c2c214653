"""Which file of `wsgi.file_wrapper` the front end may send itself, and by which header field it is told.

The application has chosen the file and opened it; from the request comes nothing. What is handed over is the name of a
file as it lies below a folder that the operator has named, and it must be the very file that is open.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

BY_URL = "X-Accel-Redirect"
BY_PATH = "X-Sendfile"
BY_PATH_READ = ("apache", "lighttpd")  # of whom it is known how they read a path
SPACE = 0x20
DELETE = 0x7F
LONGEST = 2048  # of a value: a head has to fit into one packet
PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-/")


class FileMap:
    """Folders below which the front end sends files, each with what stands in the field for it."""

    __slots__ = ("field", "profile", "rules")

    def __init__(self, texts: Iterable[str], profile: str) -> None:
        """Take what settings.listener.FileSending gives: `/srv/media`, or `/media=/srv/media` with a URL."""
        pairs = [text.partition("=/") for text in texts]
        self.field = BY_URL if pairs[0][1] else BY_PATH
        self.profile = profile
        self.rules = [(os.fsencode(f"/{rest}" if found else first), os.fsencode(first)) for first, found, rest in pairs]

    def value(self, name: object, opened: os.stat_result) -> bytes | None:
        """What stands in the field for the file of this name, which is open with this status; None: nothing fits.

        A descriptor's number as the name, or a file that was renamed, deleted or never had a name, fits nothing.
        """
        if not isinstance(name, str | bytes):
            return None
        try:
            path = os.path.realpath(os.fsencode(name), strict=True)
            for folder, prefix in self.rules:
                below = _below(path, folder, opened)
                if below is not None:
                    return self._written(prefix + b"/" + below)
        except (OSError, ValueError):
            pass
        return None

    def _written(self, path: bytes) -> bytes | None:
        """A URL or path as the front end reads it; None where it might read another one."""
        plain = PLAIN.issuperset(path)
        if not plain and self.field == BY_PATH and (self.profile not in BY_PATH_READ or not _is_text(path)):
            return None
        if self.profile == "apache":
            # mod_xsendfile 0.12 does not unescape, 1.0 does; and a field has no space at its end
            value = None if b"%" in path or path.endswith(b" ") else path
        else:
            value = path if plain else _escaped(path)
        return value if value is not None and len(value) <= LONGEST else None


def _below(path: bytes, folder: bytes, opened: os.stat_result) -> bytes | None:
    """The path below the folder of what is open, as the front end will find it there."""
    real = os.path.realpath(folder) + b"/"
    if not path.startswith(real):
        return None
    below = path[len(real) :]
    found = os.stat(folder + b"/" + below)
    return below if (found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino) else None


def _is_text(path: bytes) -> bool:
    """Whether lighttpd takes it, and a field holds it: UTF-8 without control characters."""
    try:
        path.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return min(path) >= SPACE and DELETE not in path


def _escaped(path: bytes) -> bytes:
    """Percent escapes for everything that could mean something; urllib.parse would be larger than all of this."""
    return "".join(chr(byte) if byte in PLAIN else f"%{byte:02X}" for byte in path).encode("ascii")
