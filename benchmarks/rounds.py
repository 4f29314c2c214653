"""Measures one server at a time, in interleaved rounds: A B C, then A B C again.

Every sample starts its server anew, so that the luck of one memory layout does not last for all rounds.
"""

import contextlib
import functools
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import apache
import browser
import frontend
import measure
import processes
import programs
import rivals
import servers
import wrk
from case import Case, Entry
from generator import Generator, Load, LoadError, parse

WARM_UP = 0.4  # seconds of the same load before it counts
BODY = b"Hello, World!"
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked\b", re.IGNORECASE)
TOLERANCE = 0.02  # of the bytes per response: a Date, a request that was cut off at the end


@dataclass(frozen=True)
class Plan:
    """How long and how often, and on which cores: servers on one, load and front end on the other."""

    seconds: float
    rounds: int
    server_core: int
    load_core: int
    uses_tcp: bool = False  # behind nginx; else Unix sockets


@dataclass(frozen=True)
class Sample:
    """One server in one round. `faults` is empty when every response was right."""

    requests: int
    seconds: float
    cpu_seconds: float
    bytes: int
    faults: list[str]
    in_time: int  # requests that were answered before the time was up
    latency: dict[str, float]  # seconds, by name as in generator.PERCENTILES
    load_cpu_seconds: float  # of the load generator
    front_cpu_seconds: float = 0.0  # of what is in front of the server
    lost: int = 0  # requests without a right response, where that is no fault

    @property
    def cost(self) -> float:
        """Processor time of the server for a request, in seconds."""
        return self.cpu_seconds / self.requests

    @property
    def cost_of_all(self) -> float:
        """The same with what is in front of the server."""
        return (self.cpu_seconds + self.front_cpu_seconds) / self.requests

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.in_time / self.seconds


@dataclass
class Outcome:
    """All samples of a case, by entry and in the order of the rounds; and what could not be measured."""

    case: Case
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    measured: dict[str, str] = field(default_factory=dict)  # when, from what, and how often

    def values(self, key: str) -> list[float]:
        """What the case is about, for each round."""
        return [sample.rate for sample in self.samples[key]] if self.case.is_throughput else self.costs(key)

    def costs(self, key: str) -> list[float]:
        """Processor time for a request, for each round."""
        return [each.cost_of_all if self.case.counts_front else each.cost for each in self.samples[key]]

    def faults(self) -> Iterator[str]:
        """Everything that was not right."""
        yield from self.failed
        for key, samples in self.samples.items():
            for number, sample in enumerate(samples, 1):
                yield from (
                    f"{self.case.key}, {self.case.entry(key).label}, round {number}: {f}" for f in sample.faults
                )


Report = Callable[[Case, int, Entry, Sample | None], None]


def run(case: Case, plan: Plan, versions: dict[str, str], report: Report) -> Outcome:
    """Measure all entries of a case that are there; `report` hears of each sample."""
    outcome = Outcome(case)
    for entry in case.entries:
        why = _why_not(case, entry, versions)
        if why:
            outcome.absent[entry.key] = why
        else:
            outcome.samples[entry.key] = []
    for number in range(1, min(plan.rounds, case.most_rounds) + 1):
        for entry in case.entries:
            if entry.key not in outcome.samples:
                continue
            try:
                sample = _sample(case, entry, plan)
            except (processes.ServerError, measure.ProcessEndedError, LoadError) as error:
                outcome.absent[entry.key] = str(error)
                outcome.failed.append(f"{case.key}, {entry.label}, round {number}: {str(error).splitlines()[0]}")
                del outcome.samples[entry.key]
                report(case, number, entry, None)
                continue
            outcome.samples[entry.key].append(sample)
            report(case, number, entry, sample)
    return outcome


def _why_not(case: Case, entry: Entry, versions: dict[str, str]) -> str:
    """What is missing for a row, if anything is."""
    missing = {
        "nginx": case.is_behind_nginx and frontend.program() is None,
        "Apache": bool(case.behind_apache) and not apache.PROGRAM.exists(),
        "lighttpd": case.is_behind_lighttpd and programs.lighttpd() is None,
        "wrk": entry.is_by_wrk and not wrk.is_there(),
    }
    if any(missing.values()):
        return f"{next(name for name, is_missing in missing.items() if is_missing)} is not there"
    is_there = servers.KINDS[entry.kind].is_there(versions)
    is_there = is_there and (not processes.needs_django(case.app_of(entry)) or "django" in versions)
    return "" if is_there else "it is not installed here; see benchmarks/README.md"


def _call_sample(case: Case, entry: Entry, plan: Plan) -> Sample:
    """The application without a server, in a process of its own; nobody waits, so there is no latency."""
    app = case.app_of(entry)
    with tempfile.TemporaryDirectory(prefix="polydoor-bench-") as name:
        command = servers.KINDS[entry.kind].command(servers.Place("", "", app, 1, Path(name)))
        done = subprocess.run(
            ["taskset", "-c", str(plan.server_core), *command, f"{plan.seconds}"],
            capture_output=True,
            text=True,
            check=False,
            env=processes.environment(app),
        )
    if done.returncode:
        raise processes.ServerError(f"{entry.label} failed:\n{done.stderr}")
    found = json.loads(done.stdout)
    calls = found["calls"]
    return Sample(calls, found["seconds"], found["cpu_seconds"], 0, [], calls, latency={}, load_cpu_seconds=0.0)


def _sample(case: Case, entry: Entry, plan: Plan) -> Sample:
    if entry.kind == servers.CALL:
        return _call_sample(case, entry, plan)
    with tempfile.TemporaryDirectory(prefix="polydoor-bench-") as name:
        folder = Path(name)
        with _serving(case, entry, plan, folder) as place:
            options = _options(case, entry, plan, folder)
            ask = _asked_by_wrk if entry.is_by_wrk else _asked
            done, spent, front = ask(place, browser.FIELDS if case.is_browser else {}, plan, folder, options)
    return Sample(
        requests=max(1, done.requests),
        seconds=done.seconds,
        cpu_seconds=spent,
        bytes=done.bytes,
        faults=[] if case.is_lossy and done.requests else done.faults,
        in_time=done.in_time,
        latency=done.latency,
        load_cpu_seconds=done.cpu_seconds,
        front_cpu_seconds=front,
        lost=done.lost,
    )


def _options(case: Case, entry: Entry, plan: Plan, folder: Path) -> list[str]:
    """What the load generator is told: how much, and what is right."""
    options = ["-c", str(case.connections), *["--close"] * (entry.closes or case.is_closing)]
    if case.count:
        options += ["-n", str(case.count), "--timeout", "120"]
    else:
        options += ["-d", f"{plan.seconds}", "--warm-up", f"{WARM_UP}"]
    if case.file_size:
        return [*options, "--check", "length", "--length", f"{case.file_size}"]
    expected = folder / "expected"
    expected.write_bytes(b"%d" % case.upload_size if case.upload_size else body_of(case.app_of(entry)))
    upload = ["--body", f"{case.upload_size}"] if case.upload_size else []
    return [*options, *upload, "--expect", str(expected)]


@functools.cache
def body_of(app: str) -> bytes:
    """The right body: what the application itself says, in a process of its own."""
    command = [sys.executable, str(rivals.HERE / "calling.py"), app]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, env=processes.environment(app)).stdout


@dataclass(frozen=True)
class _Serving:
    """What is asked: where, and the processes at the top of the server's trees and of those in front."""

    url: str
    servers: tuple[int, ...]
    fronts: tuple[int, ...] = ()

    def seconds(self) -> tuple[float, float]:
        """Processor time of the server and of what is in front; a program may end while its time is asked for."""
        for _ in range(100):
            with contextlib.suppress(measure.ProcessEndedError):
                return self._seconds()
        return self._seconds()

    def _seconds(self) -> tuple[float, float]:
        return sum(map(measure.tree_seconds, self.servers)), sum(map(measure.tree_seconds, self.fronts))


def _asked(
    place: _Serving, fields: dict[str, str], plan: Plan, folder: Path, options: list[str]
) -> tuple[Load, float, float]:
    """What the load came to, and the processor time of the server and of what is in front."""
    del plan, folder
    options = [*options, *(word for name, value in fields.items() for word in ("-H", f"{name}: {value}"))]
    with Generator(place.url, options) as generator:
        generator.warm()
        before, front = place.seconds()
        done = parse(generator.run())
        after, front_after = place.seconds()
        return done, after - before, front_after - front


def _asked_by_wrk(
    place: _Serving, fields: dict[str, str], plan: Plan, folder: Path, options: list[str]
) -> tuple[Load, float, float]:
    """The same by wrk, which compares nothing: a response before and after, and the mean length, must do."""
    assert "--close" not in options
    address = place.url.removeprefix("http://")
    length = check_response(address, fields)
    wrk.apply(place.url, WARM_UP, fields, folder)
    before, front = place.seconds()
    done = wrk.apply(place.url, plan.seconds, fields, folder)
    after, front_after = place.seconds()
    check_response(address, fields)
    done.faults.extend(faults_of(done, length))
    return done, after - before, front_after - front


@contextmanager
def _serving(case: Case, entry: Entry, plan: Plan, folder: Path) -> Iterator[_Serving]:
    """Run the server, and in front of it what the case wants."""
    kind = servers.KINDS[entry.kind]
    if kind.is_cgi:
        with programs.running(folder, entry.kind, plan.server_core, case.app_of(entry)) as (url, pids):
            yield _Serving(url, (), pids)
        return
    is_tcp = (case.is_behind_nginx and plan.uses_tcp) or bool(case.behind_apache)
    is_unix = not is_tcp and (case.is_on_sockets or case.is_behind_nginx or case.is_behind_lighttpd)
    address = str(folder / "app.sock") if is_unix else processes.free_address()
    app = case.app_of(entry)
    place = servers.Place(entry.door, address, app, entry.threads, folder, entry.workers, case.mpm)
    _prepare(case, entry, folder)
    core = f"{plan.server_core},{plan.load_core}" if case.is_wide else plan.server_core
    with processes.Process(kind.command(place), folder, core, app) as process:
        process.wait_until(lambda: processes.listens(address), f"{entry.label} does not listen")
        if kind.is_apache or not case.front:
            if not is_unix and not case.file_size and not case.upload_size:
                process.wait_until(lambda: answers(address, body_of(app)), f"{entry.label} does not answer")
            url = f"{entry.door}+unix:{address}" if is_unix else f"{entry.door}://{address}"
            yield _Serving(url, (process.pid,))
            return
        front_core = plan.load_core if case.is_behind_nginx else core
        with frontend.running(case.front, place, front_core, kind) as (front, pid):
            what = f"{entry.label} does not answer behind {case.front}"
            process.wait_until(lambda: answers(front, body_of(app)), what)
            yield _Serving(f"http://{front}", (process.pid,), (pid,) if case.counts_front else ())


def _prepare(case: Case, entry: Entry, folder: Path) -> None:
    """What a server needs in its folder."""
    if entry.kind in {"floor", "sink"}:
        rivals.build_floor(folder, entry.door if entry.kind == "floor" else entry.kind)
    if case.file_size:
        (folder / "download").touch()
        os.truncate(folder / "download", case.file_size)


def answers(address: str, body: bytes = BODY) -> bool:
    """Whether the right response comes."""
    try:
        check_response(address, {}, body)
    except processes.ServerError:
        return False
    return True


def check_response(address: str, fields: dict[str, str], right: bytes = BODY) -> int:
    """Ask once, require status 200 and the right body, and return the length of the whole response."""
    host, _, port = address.rpartition(":")
    lines = ["GET / HTTP/1.1", f"Host: {address}", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    response = b""
    try:
        with socket.create_connection((host, int(port)), timeout=5) as peer:
            peer.sendall("\r\n".join(lines).encode("ascii"))
            while not is_whole(response) and (more := peer.recv(65536)):
                response += more
    except OSError as error:
        raise processes.ServerError(f"no response: {error}") from error
    head, _, body = response.partition(b"\r\n\r\n")
    if CHUNKED.search(head):
        body = unchunked(body)
    if head.split(b" ")[1:2] != [b"200"] or body != right:
        raise processes.ServerError(f"a wrong response: {response[:300]!r}")
    return len(response)


def is_whole(response: bytes) -> bool:
    """Whether a response with a Content-Length is complete, or a chunked one; others end with their connection."""
    head, end, body = response.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *([0-9]+)", head, re.IGNORECASE)
    if CHUNKED.search(head):
        return bool(end) and body.endswith(b"0\r\n\r\n")
    return bool(end) and length is not None and len(body) >= int(length[1])


def unchunked(body: bytes) -> bytes:
    """The content of a whole chunked body without trailers."""
    pieces = []
    while body:
        size, _, body = body.partition(b"\r\n")
        pieces.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return b"".join(pieces)


def faults_of(done: Load, length: int) -> list[str]:
    """What is wrong with the sizes of a run, where each response should have had this length."""
    if not done.requests:
        return ["no response at all"]
    each = done.bytes / done.requests
    if abs(each - length) > TOLERANCE * length:
        return [f"{each:.1f} bytes for each response instead of {length}"]
    return []


def plan_cores() -> tuple[int, int]:
    """One core for the server and another for the load, or the same where there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[1] if len(cores) > 1 else cores[0]
