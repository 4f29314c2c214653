"""What a worker and its supervisor say to each other: two pipes, and messages that end in a NUL.

A message is a word, and behind a space a text. Nobody ever waits for the other: a message that does not fit into the
pipe is lost, and the end of a pipe is the end of the process on its other side.
"""

from __future__ import annotations

import os

from polydoor.errors import BootError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.errors import PolydoorError

READY = "ready"  # worker: requests are served; the text is the application's name
FAILED = "failed"  # worker: it cannot serve; the exit status and the code, then the message on its own lines
REPLACE = "replace"  # worker: it should be followed by another one; the cause
FILES = "files"  # worker: what the application has loaded, a path on each line
RETIRE = "retire"  # supervisor: leave, others serve what still comes; milliseconds to finish what has come
STOP = "stop"  # supervisor: finish what has come, nobody else will, and end; milliseconds, 0 to cut it
UNREADY = "unready"  # supervisor: the end is near; serve on, but let health checks say so
REOPEN = "reopen"  # supervisor: the access log was renamed

MESSAGE_MAX = 60_000  # so that it fits into an empty pipe
READ_MAX = 65_536


def failure_text(error: PolydoorError) -> str:
    """What FAILED says: the exit status and the code, and below them the message."""
    return f"{error.exit_code} {error.code}\n{error}"


def read_failure(text: str) -> tuple[int, str, str]:
    """The exit status, the code and the message again; BootError's status where somebody else wrote the text."""
    head, _, told = text.partition("\n")
    status, _, code = head.partition(" ")
    return int(status) if status.isdecimal() else BootError.exit_code, code, told


class Channel:
    """One side of both pipes. Both descriptors are its own."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self.fd = read_fd
        self._write_fd = write_fd
        self._left = b""
        os.set_blocking(read_fd, False)
        os.set_blocking(write_fd, False)

    @property
    def fds(self) -> tuple[int, int]:
        """Both descriptors, as they are given to the constructor."""
        return self.fd, self._write_fd

    def tell(self, word: str, text: str = "") -> None:
        """Send one message, unless nobody reads them."""
        data = f"{word} {text}".encode("utf-8", "backslashreplace").replace(b"\0", b"?")
        try:
            os.write(self._write_fd, data[:MESSAGE_MAX] + b"\0")
        except OSError:  # full, or the other side is gone; that is seen elsewhere
            return

    def hear(self) -> list[tuple[str, str]]:
        """Return the messages that came, each with its word; raise EOFError behind the last one."""
        try:
            data = os.read(self.fd, READ_MAX)
        except BlockingIOError:
            return []
        if not data:
            raise EOFError("the other side has ended")
        *whole, self._left = (self._left + data).split(b"\0")
        if len(self._left) > MESSAGE_MAX:  # no message of ours
            self._left = b""
        heard = (message.decode("utf-8", "replace").partition(" ") for message in whole)
        return [(word, text) for word, _, text in heard]

    def close(self) -> None:
        """Give both descriptors back."""
        os.close(self.fd)
        os.close(self._write_fd)


def channel_pair() -> tuple[Channel, Channel]:
    """Both sides of a new channel."""
    one_read, other_write = os.pipe2(os.O_CLOEXEC)
    try:
        other_read, one_write = os.pipe2(os.O_CLOEXEC)
    except OSError:
        os.close(one_read)
        os.close(other_write)
        raise
    return Channel(one_read, one_write), Channel(other_read, other_write)
