"""What a server costs before it does anything: the way to its first response, its memory, and that of idle connections.

The server is one process tree on one core; memory is the proportional set size, summed over the tree.
"""

import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import figures
import measure
import processes
import rounds
import servers
from case import Entry, at_most
from tables import BOUND, TARGET_HEAD, Row, markdown, promise_row

OURS = Entry("polydoor")
SUPERVISED = Entry("polydoor", workers=1)
MUST_BE_ABOVE = tuple(map(Entry, ("granian", "uwsgi", "waitress", "gunicorn")))  # bjoern and FastPySGI need not
ENTRIES = (OURS, SUPERVISED, Entry("fastpysgi"), Entry("bjoern"), *MUST_BE_ABOVE)
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
    worker_kib: float | None = None  # what is below a supervisor


COMPARED: dict[str, Callable[[Sample], float]] = {
    "first response": lambda sample: sample.first_ms,
    "idle memory": lambda sample: sample.idle_kib,
}


@dataclass(frozen=True)
class Outcome:
    """All samples by entry, and the memory of a bare interpreter, in the order of the rounds."""

    samples: dict[str, list[Sample]]
    bare_kib: list[float]

    @property
    def bare_mib(self) -> float:
        """The bare interpreter's median."""
        return figures.figure(self.bare_kib).middle / 1024


def run(plan: rounds.Plan, versions: dict[str, str], say: Callable[[str], None]) -> Outcome:
    """Start a bare interpreter and each server once in each round."""
    there = [entry for entry in ENTRIES if servers.KINDS[entry.kind].is_there(versions)]
    outcome = Outcome({entry.key: [] for entry in there}, [])
    for number in range(1, plan.rounds + 1):
        outcome.bare_kib.append(bare_interpreter_kib())
        for entry in there:
            sample = _sample(entry, plan)
            outcome.samples[entry.key].append(sample)
            say(f"start    round {number}  {entry.label:28} {sample.first_ms:8.1f} ms")
    return outcome


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
    return sum(map(_own_kib, measure.descendants(pid, measure.parents())))


def _own_kib(pid: int) -> float:
    found = PSS.search((measure.PROC / str(pid) / "smaps_rollup").read_text())
    return float(found[1]) if found else 0.0


def _sample(entry: Entry, plan: rounds.Plan) -> Sample:
    with tempfile.TemporaryDirectory(prefix="polydoor-bench-") as name:
        address = processes.free_address()
        place = servers.Place("http", address, "hello", 1, Path(name), entry.workers)
        began = time.perf_counter()
        with processes.Process(servers.KINDS[entry.kind].command(place), Path(name), plan.server_core) as process:
            _wait_for_listener(address)
            rounds.check_response(address, {})
            first = time.perf_counter() - began
            idle = tree_kib(process.pid)
            worker = idle - _own_kib(process.pid) if entry.workers else None
            each = None if entry.kind in NOT_SO_MANY else _connection_kib(process.pid, address)
    return Sample(first * 1000, idle, each, worker)


def _wait_for_listener(address: str) -> None:
    """Faster than Process.wait_until, whose pause would be the larger part of the figure."""
    deadline = time.monotonic() + processes.START
    while not processes.listens(address):
        if time.monotonic() > deadline:
            raise processes.ServerError(f"nothing listens on {address}")
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


def table(outcome: Outcome) -> list[Row]:
    """A row for each server, the head first."""
    rows: list[Row] = [HEAD]
    for entry in (entry for entry in ENTRIES if entry.key in outcome.samples):
        samples = outcome.samples[entry.key]
        first = figures.figure([sample.first_ms for sample in samples])
        idle = figures.figure([sample.idle_kib for sample in samples]).middle / 1024
        each = [sample.connection_kib for sample in samples if sample.connection_kib is not None]
        rows.append(
            (
                entry.label,
                f"{first.middle:.0f}",
                f"{first.lowest:.0f} – {first.highest:.0f}",
                f"{idle:.1f}",
                f"{idle - outcome.bare_mib:.1f}",
                f"{figures.figure(each).middle:.2f}" if each else NOT_SO_MANY[entry.kind],
            )
        )
    return rows


def target_table(outcome: Outcome) -> list[Row]:
    """A row for each promise, the head first: as that of the other cases, but without goals."""
    rows = [TARGET_HEAD, *_promises(outcome)]
    return [row[: TARGET_HEAD.index("goal")] for row in rows]


def _promises(outcome: Outcome) -> Iterator[Row]:
    for what, figure_of in COMPARED.items():
        for other in MUST_BE_ABOVE:
            ours, theirs = ([figure_of(each) for each in outcome.samples.get(key, ())] for key in (OURS.key, other.key))
            found = figures.pairs(ours, theirs) if theirs else []
            yield promise_row(f"{what}: {OURS.label} to {other.label}", found, at_most(1.0))
    alone, supervised = outcome.samples[OURS.key], outcome.samples[SUPERVISED.key]
    above = _above([sample.idle_kib for sample in alone], outcome.bare_kib)
    yield promise_row(f"MiB above a bare interpreter: {OURS.label}", above, at_most(3.0))
    above = _above([sample.worker_kib or 0.0 for sample in supervised], outcome.bare_kib)
    yield promise_row(f"MiB above a bare interpreter: the worker of {SUPERVISED.label}", above, at_most(2.0))
    idle = [sample.connection_kib for sample in alone if sample.connection_kib is not None]
    yield promise_row(f"KiB for an idle connection: {OURS.label}", idle, at_most(1.0))


def _above(ours: list[float], bare: list[float]) -> list[float]:
    return [(one - other) / 1024 for one, other in zip(ours, bare, strict=True)]


def page(outcome: Outcome, plan: rounds.Plan, facts: dict[str, str]) -> str:
    """The whole result as a Markdown page."""
    parts = [
        "# Start and memory, side by side",
        f"Medians of {plan.rounds} interleaved rounds, in each of which every server starts once. The first response "
        "counts from the start of the process; memory is the proportional set size of the process tree after it, a "
        f"bare interpreter has {outcome.bare_mib:.1f} MiB; an idle connection is one of {IDLE}, kept open after a "
        "request. `make bench` repeats it; [how to read it](../README.md).",
        markdown(target_table(outcome)),
        BOUND,
        markdown(table(outcome)),
        "uWSGI closes the connection after each response, and waitress takes 100 connections.",
        "## Machine and versions",
        markdown([("what", ""), *facts.items()]),
    ]
    return "\n\n".join(parts) + "\n"


def document(outcome: Outcome) -> dict[str, Any]:
    """Everything that was measured, for JSON."""
    return {
        "bare_interpreter_kib": outcome.bare_kib,
        "samples": {key: [asdict(sample) for sample in samples] for key, samples in outcome.samples.items()},
    }
