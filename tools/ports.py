"""Who holds a TCP port, as far as /proc tells."""

import os
import socket
from pathlib import Path

LISTEN = "0A"  # TCP_LISTEN in the state column of /proc/net/tcp


def is_free(host: str, port: int) -> bool:
    """Try it: nothing else is sure."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Return a phrase such as `nginx (pid 812)`, or that it belongs to somebody else."""
    inodes = _listening(port)
    for process in Path("/proc").glob("[0-9]*"):
        if inodes & _sockets(process):
            return f"{_name(process)} (pid {process.name})"
    return "a process of another user"


def _listening(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            columns = row.split()
            if columns[3] == LISTEN and int(columns[1].rpartition(":")[2], 16) == port:
                inodes.add(columns[9])
    return inodes


def _sockets(process: Path) -> set[str]:
    found = set()
    try:
        for descriptor in (process / "fd").iterdir():
            target = os.readlink(descriptor)
            if target.startswith("socket:["):
                found.add(target[len("socket:[") : -1])
    except OSError:  # it ended, or belongs to somebody else
        return found
    return found


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a process that just ended"
