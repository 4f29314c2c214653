"""Finds out whether threads may change how the kernel schedules them (docs/adr/0014), where asking may be fatal."""

from __future__ import annotations

import os

STATUS = "/proc/self/status"


def is_safe(*, is_guest: bool) -> bool:
    """Whether nothing kills this process for it: a filter of system calls can, so a child is sent ahead.

    A guest has threads of others and makes no child. A refusal is no harm: then a thread stays as it is.
    """
    if not _is_filtered():
        return True
    return not is_guest and _child_survives()


def _is_filtered() -> bool:
    """Whether a seccomp filter is in force."""
    try:
        with open(STATUS, "rb", buffering=0) as file:
            lines = file.read(65536).splitlines()
    except OSError:
        return False  # hidden
    return b"Seccomp:\t2" in lines


def _child_survives() -> bool:
    child = os.fork()
    if child == 0:
        _try()
    _, status = os.waitpid(child, 0)
    return os.WIFEXITED(status)


def _try() -> None:
    """End this process, whose own scheduling is nobody's concern, behind the attempt."""
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    finally:
        os._exit(0)
