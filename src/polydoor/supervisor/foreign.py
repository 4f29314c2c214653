"""Signals to workers of another user, for a supervisor that is root but may not signal everybody.

Loaded only where that is so. A container or service that drops CAP_KILL still has CAP_SETUID, or its workers could not
have become that user; and a user may signal its own processes.
"""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.worker import csignal as signal
from polydoor.worker.banner import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

REAL = 1  # which of the four numbers behind "Uid:"
told: set[int] = set()  # processes


def send_as_its_user(pid: int, number: int, deliver: Callable[[], None]) -> None:
    """Send a signal with the rights of the process that it is for; or say, once for each, that it cannot be sent."""
    before = os.geteuid()
    try:
        os.seteuid(user_of(pid))
        try:
            deliver()
        finally:
            os.seteuid(before)
    except ProcessLookupError:
        return
    except OSError as error:
        if pid not in told:
            told.add(pid)
            say(
                f"cannot send {signal.name_of(number)} to process {pid}: {error.strerror}",
                "It ends by itself when this server does, if at all. Give the container or the service CAP_KILL.",
                code=codes.CANNOT_SIGNAL,
            )


def user_of(pid: int) -> int:
    """The real user of a process; ProcessLookupError: there is none any more."""
    try:
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
            line = next(line for line in file.read(65_536).splitlines() if line.startswith(b"Uid:"))
    except FileNotFoundError:
        raise ProcessLookupError from None
    return int(line.split()[REAL])
