"""Memory, descriptors and threads of a process, from /proc."""

from __future__ import annotations

from pathlib import Path


def _status(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise LookupError(key)


def rss_kib(pid: int) -> int:
    """Resident set size."""
    return _status(pid, "VmRSS")


def peak_rss_kib(pid: int) -> int:
    """The largest resident set size since the last reset_peak."""
    return _status(pid, "VmHWM")


def reset_peak(pid: int) -> None:
    """Begins a new peak measurement (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def pss_kib(pid: int) -> int:
    """Proportional set size."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise LookupError("Pss")


def descriptors(pid: int) -> int:
    """How many descriptors are open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def threads(pid: int) -> int:
    """How many threads there are."""
    return _status(pid, "Threads")
