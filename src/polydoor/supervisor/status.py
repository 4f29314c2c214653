"""What `polydoor status` shows: the service, and each worker."""

from __future__ import annotations

import time

from polydoor import __version__
from polydoor.supervisor.limits import usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from polydoor.supervisor.member import Member
    from polydoor.supervisor.process import Process
    from polydoor.supervisor.run import Supervisor


def status(supervisor: Supervisor) -> dict[str, Any]:
    """Everything, as JSON has it. Times are seconds, sizes are bytes."""
    now = time.monotonic()
    pool = supervisor.pool
    serial, error, at = supervisor.last_reload
    processes = supervisor.processes
    return {
        "ok": True,
        "state": pool.state.now,
        "app": supervisor.app_name,
        "version": __version__,
        "pid": supervisor.pid,
        "uptime": round(now - supervisor.began, 1),
        "generation": pool.generation,
        "listeners": supervisor.sockets.names,
        "workers": [
            _worker(supervisor, pool.members[number], process, now)
            for number, process in sorted(processes.items())
            if number in pool.members
        ],
        "wanted": pool.wanted,
        "paused": pool.is_paused,
        "restarts": pool.restarts,
        "last_reload": {"ok": not error, "error": error, "age": round(now - at, 1)} if serial else None,
        "last_error": pool.last_error,
    }


def _worker(supervisor: Supervisor, member: Member, process: Process, now: float) -> dict[str, Any]:
    row = supervisor.board.read(process.slot)
    oldest_ms = row["oldest_ms"]
    return {
        "number": member.number,
        "pid": process.pid,
        "state": member.state.now,
        "silent": bool(row["silent"]),
        "cause": member.cause,
        "generation": member.generation,
        "age": round(now - process.began, 1),
        "requests": row["requests"],
        "busy": row["running"],
        "suspended": row["suspended"],
        "threads": supervisor.pool.rules.threads,
        "queue": row["ready"],
        "oldest_wait": round(max(0.0, now - oldest_ms / 1000), 3) if oldest_ms and row["ready"] else 0.0,
        "connections": row["connections"],
        "rss": usage(process.pid)[0],
    }
