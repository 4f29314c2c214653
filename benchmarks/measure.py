"""Processor time of a whole process tree, to the nanosecond.

The processor-time clock of a process counts its dead threads; its own account of children counts those that ended and
were waited for. Together with the clocks of the children that live, nothing that a server did is left out.
"""

import os
import time
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
PARENT, CHILDREN_USER, CHILDREN_SYSTEM = 3, 15, 16  # fields of stat(5), counted from 0


class ProcessEndedError(Exception):
    """A process of the tree ended while it was measured."""


def tree_seconds(pid: int) -> float:
    """User and system time so far of a process, its threads and its descendants, living or dead."""
    tree = parents()
    if pid not in tree:
        raise ProcessEndedError(f"process {pid} has ended")
    return sum(_seconds(each) for each in descendants(pid, tree))


def descendants(pid: int, parents: dict[int, int]) -> list[int]:
    """A process and all below it, from the parent of each process."""
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def parse_stat(text: str) -> list[str]:
    """The fields of a line of /proc/PID/stat; the name in it may hold spaces and parentheses."""
    first, _, rest = text.partition("(")
    name, _, others = rest.rpartition(")")
    return [first.strip(), name, *others.split()]


def parents() -> dict[int, int]:
    """The parent of each process on the machine."""
    found = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                found[int(folder.name)] = int(parse_stat((folder / "stat").read_text())[PARENT])
            except OSError:
                continue  # it ended between the listing and the look
    return found


def _seconds(pid: int) -> float:
    try:
        own = time.clock_gettime(_clock_of(pid))
        fields = parse_stat((PROC / str(pid) / "stat").read_text())
    except OSError as error:
        raise ProcessEndedError(f"process {pid} has ended") from error
    return own + (int(fields[CHILDREN_USER]) + int(fields[CHILDREN_SYSTEM])) / TICKS


def _clock_of(pid: int) -> int:
    """What clock_getcpuclockid(3) gives: the complement of the process number, and 2 for scheduler time."""
    return (~pid << 3) | 2


def steal_share(before: list[int], after: list[int]) -> float:
    """Which part of all processor time the hypervisor kept back between two calls of `machine_ticks`."""
    spent = [late - early for early, late in zip(before, after, strict=True)]
    return spent[7] / max(1, sum(spent[:8]))


def machine_ticks() -> list[int]:
    """The first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice."""
    return [int(word) for word in (PROC / "stat").read_text().partition("\n")[0].split()[1:]]
