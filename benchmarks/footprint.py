"""What a server costs before it does anything: the way to its first response, its memory, and that of idle connections.

The server is one process tree on one core; memory is the proportional set size, summed over the tree.
"""

import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import figures
import measure
import rounds
import servers
from tables import Row, markdown

KINDS = ("polydoor", "fastpysgi", "bjoern", "granian", "uwsgi", "waitress", "gunicorn")
PSS = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)
IDLE = 400  # connections, each after one request
PAUSE = 0.0005  # seconds between two tries to connect
NOT_SO_MANY = {"uwsgi": "closes", "waitress": "takes 100"}  # idle connections
HEAD = ("server", "first response ms", "lowest – highest", "idle MiB", "above Python MiB", "KiB for an idle connection")


@dataclass(frozen=True)
class Sample:
    """One start of one server."""

    first_ms: float
    idle_kib: float
    connection_kib: float | None


def run(plan: rounds.Plan, versions: dict[str, str], say: Callable[[str], None]) -> dict[str, list[Sample]]:
    """Start each server once in each round."""
    there = [kind for kind in KINDS if servers.KINDS[kind].is_there(versions)]
    samples: dict[str, list[Sample]] = {kind: [] for kind in there}
    for number in range(1, plan.rounds + 1):
        for kind in there:
            sample = _sample(kind, plan)
            samples[kind].append(sample)
            say(f"start    round {number}  {servers.KINDS[kind].name:28} {sample.first_ms:8.1f} ms")
    return samples


def bare_interpreter_kib() -> float:
    """The memory of a Python that has done nothing."""
    command = [sys.executable, "-c", "print('up', flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        kib = tree_kib(process.pid)
        process.communicate("\n")
    return kib


def tree_kib(pid: int) -> float:
    """The proportional set size of a process and its descendants."""
    total = 0
    for each in measure.descendants(pid, measure.parents()):
        found = PSS.search((measure.PROC / str(each) / "smaps_rollup").read_text())
        total += int(found[1]) if found else 0
    return float(total)


def _sample(kind: str, plan: rounds.Plan) -> Sample:
    with tempfile.TemporaryDirectory(prefix="polydoor-bench-") as name:
        address = servers.free_address()
        place = servers.Place("http", address, "hello", 1, Path(name))
        began = time.perf_counter()
        with servers.Process(servers.KINDS[kind].command(place), Path(name), plan.server_core) as process:
            _wait_for_listener(address)
            rounds.check_response(address, {})
            first = time.perf_counter() - began
            idle = tree_kib(process.pid)
            each = None if kind in NOT_SO_MANY else _connection_kib(process.pid, address)
    return Sample(first * 1000, idle, each)


def _wait_for_listener(address: str) -> None:
    """Faster than Process.wait_until, whose pause would be the larger part of the figure."""
    deadline = time.monotonic() + servers.START
    while not servers.listens(address):
        if time.monotonic() > deadline:
            raise servers.ServerError(f"nothing listens on {address}")
        time.sleep(PAUSE)


def _connection_kib(pid: int, address: str) -> float:
    host, _, port = address.rpartition(":")
    peers: list[socket.socket] = []
    request = f"GET / HTTP/1.1\r\nHost: {address}\r\n\r\n".encode("ascii")

    def ask() -> None:
        peer = socket.create_connection((host, int(port)), timeout=5)
        peers.append(peer)
        peer.sendall(request)
        response = b""
        while not rounds.is_whole(response) and (more := peer.recv(65536)):
            response += more

    try:
        for _ in range(50):  # what grows once, has grown
            ask()
        before = tree_kib(pid)
        for _ in range(IDLE):
            ask()
        return (tree_kib(pid) - before) / IDLE
    finally:
        for peer in peers:
            peer.close()


def table(samples: dict[str, list[Sample]], bare_kib: float) -> list[Row]:
    """A row for each server, the head first."""
    rows: list[Row] = [HEAD]
    for kind, of_kind in samples.items():
        first = figures.figure([sample.first_ms for sample in of_kind])
        idle = figures.figure([sample.idle_kib for sample in of_kind]).middle
        each = [sample.connection_kib for sample in of_kind if sample.connection_kib is not None]
        rows.append(
            (
                servers.KINDS[kind].name,
                f"{first.middle:.0f}",
                f"{first.lowest:.0f} – {first.highest:.0f}",
                f"{idle / 1024:.1f}",
                f"{(idle - bare_kib) / 1024:.1f}",
                f"{figures.figure(each).middle:.2f}" if each else NOT_SO_MANY[kind],
            )
        )
    return rows


def page(rows: list[Row], bare_kib: float, plan: rounds.Plan, facts: dict[str, str]) -> str:
    """The whole result as a Markdown page."""
    parts = [
        "# Start and memory, side by side",
        f"Medians of {plan.rounds} starts. The first response counts from the start of the process; memory is the "
        f"proportional set size of the process tree after it, a bare interpreter has {bare_kib / 1024:.1f} MiB; an "
        f"idle connection is one of {IDLE}, kept open after a request. `make bench` repeats it; "
        "[how to read it](../README.md).",
        markdown(rows),
        "uWSGI closes the connection after each response, and waitress takes 100 connections.",
        "## Machine and versions",
        markdown([("what", ""), *facts.items()]),
    ]
    return "\n\n".join(parts) + "\n"


def document(samples: dict[str, list[Sample]], bare_kib: float) -> dict[str, Any]:
    """Everything that was measured, for JSON."""
    return {
        "bare_interpreter_kib": bare_kib,
        "samples": {kind: [asdict(sample) for sample in of_kind] for kind, of_kind in samples.items()},
    }
