"""Reads small files of text whole: the configuration, and files of variables."""

from __future__ import annotations

import os

NO_NUMBER = 0  # of an OSError that the operating system did not raise
LIMIT = 1024 * 1024  # bytes; a device may never end


def read_small(path: str) -> bytes:
    """Return what the file holds, or raise OSError, also for what is no text of a reasonable size.

    `/dev/null` and the pipe of a shell's `<(command)` are fine. A named pipe would wait for whoever writes into it.
    """
    is_pipe = (os.stat(path).st_mode & 0o170000) == 0o010000  # S_ISFIFO; the module stat is not needed otherwise
    if is_pipe and os.path.exists(os.path.realpath(path)):  # one without a name leads to "pipe:[4711]"
        raise OSError(NO_NUMBER, "it is a named pipe, not a file")
    with open(path, "rb", buffering=0) as file:
        raw = bytearray()
        while block := file.read(LIMIT + 1 - len(raw)):
            raw += block
            if len(raw) > LIMIT:
                raise OSError(NO_NUMBER, "it is larger than 1 MiB")
    return bytes(raw)
