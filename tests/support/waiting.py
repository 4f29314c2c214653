"""Waiting for a condition that nobody can announce, with a deadline."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def eventually(ready: Callable[[], bool], timeout: float = 20.0) -> bool:
    """True as soon as `ready` says so; False when it does not within `timeout` seconds."""
    pause = threading.Event()
    deadline = time.monotonic() + timeout
    while not ready():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.005)
    return True
