"""Descriptors that whoever started the server has left open, and that nobody asked for."""

from __future__ import annotations

import os

STANDARD = range(3)
OPEN = "/proc/self/fd"


def strangers() -> list[int]:
    """The descriptors that a program would inherit, but for the standard ones. What is ours is never inherited."""
    try:
        names = os.listdir(OPEN)
    except OSError:  # no /proc: nobody can tell
        return []
    return [fd for fd in map(int, names) if fd not in STANDARD and _is_inherited(fd)]


def _is_inherited(fd: int) -> bool:
    try:
        return os.get_inheritable(fd)
    except OSError:  # the one that the list was read from
        return False


def close_all(fds: list[int]) -> None:
    """Close them; neighbours in one call."""
    fds = sorted(fds)
    while fds:
        first = last = fds.pop(0)
        while fds and fds[0] == last + 1:
            last = fds.pop(0)
        os.closerange(first, last + 1)  # close_range(2)
