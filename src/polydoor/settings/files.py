"""Reads small files of text whole: the configuration, and files of variables."""

from __future__ import annotations

import os
import stat

NO_NUMBER = 0  # of an OSError that the operating system did not raise
LIMIT = 1024 * 1024  # bytes; a device may never end


def read_small(path: str) -> bytes:
    """Return what the file holds, or raise OSError, also for what is no text of a reasonable size.

    `/dev/null` and the pipe of a shell's `<(command)` are fine. A named pipe would wait for whoever writes into it.
    """
    # A pipe without a name leads to "pipe:[4711]", which does not exist.
    if stat.S_ISFIFO(os.stat(path).st_mode) and os.path.exists(os.path.realpath(path)):
        raise OSError(NO_NUMBER, "it is a named pipe, not a file")
    with open(path, "rb", buffering=0) as file:
        raw = bytearray()
        while block := file.read(LIMIT + 1 - len(raw)):
            raw += block
            if len(raw) > LIMIT:
                raise OSError(NO_NUMBER, "it is larger than 1 MiB")
    return bytes(raw)
