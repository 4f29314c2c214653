"""The standard streams at both ends of a process: descriptors that are closed, and output that nobody takes."""

from __future__ import annotations

import os
import sys
import threading

from polydoor import codes
from polydoor.worker.banner import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from polydoor.worker.messages import Messages

FLUSH_S = 1.0  # for whoever reads standard output


def open_standard() -> None:
    """Fill descriptors 0 to 2 if they are closed: no socket of ours may be what somebody takes for standard output."""
    for fd in range(3):
        if not is_open(fd):
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free


def is_open(fd: int) -> bool:
    """Whether a descriptor is one."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def flush_output() -> None:
    """Write what the application has printed, unless that takes long."""

    def flush() -> None:
        try:
            sys.stdout.flush()
        except Exception:  # closed, or whatever the application put in its place
            return

    thread = threading.Thread(target=flush, daemon=True)
    thread.start()
    thread.join(FLUSH_S)


def leave_crashed(messages: Messages) -> NoReturn:
    """End a process that cannot be ended otherwise, as a thread stays in the application, and say why."""
    import traceback

    try:
        told = traceback.format_exc().rstrip("\n").split("\n")
        say(
            "something happened in Polydoor that should not be possible; please report it", *told, code=codes.OWN_DEFECT
        )
        messages.close()
        flush_output()
    finally:
        os._exit(1)
