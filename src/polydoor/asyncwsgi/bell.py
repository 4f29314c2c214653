"""A descriptor that becomes readable once, for all who wait for it."""

from __future__ import annotations

import os
import threading


class Bell:
    """Rung from any thread, at most once. Who waits for `fd` must have left before close()."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def ring(self) -> None:
        """Make it readable; nothing when it has been closed, for its number may be another file's."""
        with self._lock:
            if self.fd >= 0:
                os.eventfd_write(self.fd, 1)

    def close(self) -> None:
        """Give the descriptor back."""
        with self._lock:
            fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)
