"""Who listens on an address that is taken, as far as /proc tells. Only loaded once an address is taken."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from polydoor.settings.listener import ListenerSpec

LISTEN = "0A"  # TCP_LISTEN in the column `st` of /proc/net/tcp
WORDS = 3  # of a command line


def explain_taken(block: str, spec: ListenerSpec) -> str:
    """Put into what the core says of a taken address who listens there."""
    first, _, rest = block.partition("\n")
    told = describe_holder(spec)
    if told:
        return f"{first}\n{told}\n{rest}"
    where = "path" if spec["kind"] == "unix" else "port"
    place = first.partition(": the address is in use")[0]
    return (
        f"{place}: this process listens there already\nLeave one of the two addresses out, or choose another {where}."
    )


def describe_holder(spec: ListenerSpec) -> str:
    """Return a sentence on who listens there, or on how to find out; nothing if it is this process."""
    inodes = _unix_inodes(str(spec["path"])) if spec["kind"] == "unix" else _tcp_inodes(spec["port"])
    for pid in _pids():
        if pid != os.getpid() and _holds(pid, inodes):
            return f"{_program(pid)} (pid {pid}) listens there."
    if _holds(os.getpid(), inodes):
        return ""
    if spec["kind"] == "unix":
        return f"`ss -lxp src {spec['path']}` as root shows which program that is."
    return f"`ss -ltnp sport = :{spec['port']}` as root shows which program that is."


def _lines(path: str) -> Iterator[list[str]]:
    """The columns of a table in /proc, without its head."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            next(file, "")
            for line in file:
                yield line.split()
    except OSError:
        return


def _tcp_inodes(port: object) -> set[str]:
    """The sockets that listen on a port. Any address counts: only one of them can be in our way."""
    wanted = f":{port:04X}"
    rows = (row for table in ("/proc/net/tcp", "/proc/net/tcp6") for row in _lines(table))
    return {row[9] for row in rows if len(row) > 9 and row[3] == LISTEN and row[1].endswith(wanted)}


def _unix_inodes(path: str) -> set[str]:
    """The sockets that are bound to a path, under whatever name they were given it."""
    full = os.path.realpath(path)
    rows = (row for row in _lines("/proc/net/unix") if len(row) > 7)
    return {row[6] for row in rows if row[7] in {path, full}}


def _pids() -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())
    except OSError:
        return []


def _holds(pid: int, inodes: set[str]) -> bool:
    """Whether a process has one of these sockets; False where we may not look."""
    folder = f"/proc/{pid}/fd"
    wanted = {f"socket:[{inode}]" for inode in inodes}
    try:
        names = os.listdir(folder) if wanted else []
    except OSError:
        return False
    for name in names:
        try:
            if os.readlink(f"{folder}/{name}") in wanted:
                return True
        except OSError:
            continue  # closed meanwhile
    return False


def _program(pid: int) -> str:
    """The program of a process and what it runs, without its options, which may hold secrets."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(4096).rstrip(b"\0").decode("utf-8", "backslashreplace").split("\0")
    except OSError:
        words = [""]
    shown = [os.path.basename(words[0])]
    for word in words[1:WORDS]:
        if word.startswith("-") and word != "-m":
            break
        shown.append(word)
    text = "".join(char if char.isprintable() else "?" for char in " ".join(shown))
    return f"`{text}`" if text else "A program"
