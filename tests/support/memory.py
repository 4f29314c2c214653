"""Memory, descriptors and threads of a process, from /proc."""

from __future__ import annotations

from pathlib import Path


def _told(pid: int, key: str, file: str = "status") -> int:
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise LookupError(key)


def rss_kib(pid: int) -> int:
    """Resident set size."""
    return _told(pid, "VmRSS")


def peak_rss_kib(pid: int) -> int:
    """The largest resident set size since the last reset_peak."""
    return _told(pid, "VmHWM")


def reset_peak(pid: int) -> None:
    """Begins a new peak measurement (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def pss_kib(pid: int) -> int:
    """Proportional set size."""
    return _told(pid, "Pss", "smaps_rollup")


def more_kib(pid: int, than: int) -> int:
    """By how much the memory of one process is larger than that of another one, whatever else runs on the machine.

    It is the proportional set size, but where the second one has more of a file's pages, that makes up for nothing: how
    much it would depends on how many other processes map the file.
    """
    own, others = _files_kib(pid), _files_kib(than)
    more = _anonymous_kib(pid) - _anonymous_kib(than)
    return more + sum(max(0, kib - others.get(file, 0)) for file, kib in own.items())


def _anonymous_kib(pid: int) -> int:
    """What is no page of a file, in proportion."""
    return _told(pid, "Pss_Anon", "smaps_rollup")


def _files_kib(pid: int) -> dict[str, int]:
    """The proportional set size of each file, with the anonymous pages in its place."""
    found: dict[str, int] = {}
    file = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        word, *rest = line.split(maxsplit=5)
        if not word.endswith(":"):
            file = rest[4] if len(rest) == 5 else ""
        elif file.startswith("/") and word == "Pss:":
            found[file] = found.get(file, 0) + int(rest[0])
    return found


def descriptors(pid: int) -> int:
    """How many descriptors are open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def threads(pid: int) -> int:
    """How many threads there are."""
    return _told(pid, "Threads")


def children(pid: int) -> list[int]:
    """The processes below it, without theirs."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
