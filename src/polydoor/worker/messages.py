"""Writes the server's messages: to standard error as it was at the start, from a thread that may be held up.

The engine keeps what waits, up to `message-buffer`; what does not fit is dropped, counted and told (PD0309). So nobody
who has something to say ever waits for whoever reads it.
"""

from __future__ import annotations

import os
import select
import sys
import threading

from polydoor.worker import banner
from polydoor.worker.capacity import begin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.bridge import Engine

PATIENCE_S = 1.0  # for a reader that does not read: at the end, and of each message before anything is served


class Messages:
    """What a worker, its engine and its threads have to say."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.stream = sys.stderr  # the application may put something else in its place
        self._fd = _copy_of(self.stream)
        self._thread: threading.Thread | None = None
        self._is_last = False
        _open.append(self)
        banner.takers.append(self.write)

    @property
    def fd(self) -> int:
        """Where the messages go; -1: into a stream without a descriptor."""
        return self._fd

    def start(self) -> None:
        """Write from a thread. Not before the application is loaded, which may fork."""
        thread = threading.Thread(target=self._run, name="polydoor-messages", daemon=True)
        begin(thread)  # which a signal may interrupt
        self._thread = thread

    def write(self, text: str) -> None:
        """Take a message; from any thread."""
        if self._thread is None:
            self._put(text.encode("utf-8", "backslashreplace"), int(PATIENCE_S * 1000))
        else:
            self.engine.say(text)

    def close(self) -> None:
        """Write what waits, unless that takes long."""
        if self not in _open:
            return
        _open.remove(self)
        banner.takers.remove(self.write)
        if self._thread is None:
            self._pass_on(int(PATIENCE_S * 1000))
        else:
            self._is_last = True
            self.engine.say("")  # wakes it
            self._thread.join(PATIENCE_S)
            if self._thread.is_alive():
                return
        self.disown()

    def forsake(self) -> None:
        """The application has closed our descriptors: from now on each message goes to the stream at once."""
        if self in _open:
            _open.remove(self)
            banner.takers.remove(self.write)
        self._fd = -1  # it may be somebody else's by now
        self._pass_on(None)

    def disown(self) -> None:
        """Give our copy of the descriptor back."""
        fd, self._fd = self._fd, -1
        try:
            os.close(fd)
        except OSError:  # there was none, or the application has closed it
            return

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self.engine.log_fd, select.POLLIN)
        while not self._is_last:
            poll.poll()
            self._pass_on(None)
        self._pass_on(None)

    def _pass_on(self, patience_ms: int | None) -> None:
        if text := b"".join(iter(self.engine.take_log, b"")):
            self._put(text, patience_ms)

    def _put(self, data: bytes, patience_ms: int | None) -> None:
        try:
            if self._fd < 0:
                self.stream.write(data.decode("utf-8", "backslashreplace"))
                self.stream.flush()
                return
            poll = select.poll()
            poll.register(self._fd, select.POLLOUT)
            left = memoryview(data)
            while left and poll.poll(patience_ms):
                try:
                    left = left[os.write(self._fd, left) :]
                except BlockingIOError:  # somebody who shares the pipe has made it so, and was faster
                    continue
        except Exception:  # nobody reads our messages; that is no reason to stop serving
            return


_open: list[Messages] = []


def _copy_of(stream: object) -> int:
    """A copy of the stream's descriptor, whose number nobody else closes or changes; -1: it has none."""
    try:
        return os.dup(stream.fileno())  # type: ignore[attr-defined]
    except Exception:  # closed, or whatever stands in the place of sys.stderr
        return -1


def _in_child() -> None:
    """Who reads our messages shall see their end when the server ends, and not when its last child does."""
    while _open:
        messages = _open.pop()
        banner.takers.remove(messages.write)
        messages.disown()


os.register_at_fork(after_in_child=_in_child)
