"""What the CGI stub costs behind a web server, beside a C program and a Python script that print the same page."""

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

import measure
import processes
import programs
import rounds
import tables
from figures import Bound, bound_of, figure
from generator import Generator, Load, LoadError, parse
from swarm import Swarm

CASE = "cgi"
CROWD = 500
FEW = 20
OCCUPIERS = 120  # more than threads, connections and backlog of the daemon hold
WARM_UP = "0.4"
NOT_PART = ("noise", "wrk", "nginx", "fastpysgi", "bjoern")  # facts that say nothing here
PATHS = {name: programs.PATHS[f"cgi-{name}"] for name in ("stub", "c", "python")}
NAMES = {"stub": "CGI stub and its daemon", "c": "C program", "python": "Python script"}
BUSY = 503


@dataclass(frozen=True)
class Cost:
    """One program behind the web server, asked by one client."""

    p50: float  # seconds, end to end
    cpu: float  # seconds for a request: web server, programs and daemon


@dataclass(frozen=True)
class Crowd:
    """One program asked by many clients for a page that says busy."""

    p50: float
    p99: float
    program: float  # processor seconds of the program for a request, from fork to end


@dataclass(frozen=True)
class Sample:
    """One round. The daemon has all it holds while the crowd comes."""

    stub: Cost
    c: Cost
    python: Cost
    busy: Crowd
    busy_c: Crowd
    few: Crowd  # the stub asked by as many as a web server with few processes passes on
    private: float  # KiB of a stub that waits
    forwarded: float  # processor seconds of a stub until it waits for the response, fork and exec included


@dataclass(frozen=True)
class Promise:
    """What a figure of a round must be."""

    text: str
    value: Callable[[Sample], float]
    must: Bound


PROMISES = (
    Promise("p50, stub by C program", lambda s: s.stub.p50 / s.c.p50, Bound(1.15)),
    Promise("CPU, stub by C program", lambda s: s.stub.cpu / s.c.cpu, Bound(1.15)),
    Promise("CPU, Python script by stub", lambda s: s.python.cpu / s.stub.cpu, Bound(10, is_least=True)),
    Promise("busy, p50, stub by C program", lambda s: s.busy.p50 / s.busy_c.p50, Bound(1.2)),
    Promise("busy, p99, stub by C program", lambda s: s.busy.p99 / s.busy_c.p99, Bound(1.2)),
    Promise(f"busy, p99 of {FEW} clients, ms", lambda s: s.few.p99 * 1e3, Bound(50)),
    Promise("busy, CPU of a stub, ms", lambda s: s.busy.program * 1e3, Bound(2)),
    Promise("waiting, private memory, KiB", lambda s: s.private, Bound(200)),
    Promise("CPU until the request is forwarded, ms", lambda s: s.forwarded * 1e3, Bound(1)),
)


class Hosted(contextlib.ExitStack):
    """A web server with the three programs."""

    def __init__(self, folder: Path, plan: rounds.Plan) -> None:
        super().__init__()
        self.address = processes.free_address()
        self._www = folder / "www"
        programs.set_up(folder, self._www, "lasting")
        command = programs.command(folder, self.address, "cgi", programs.CGI)
        self._process = processes.Process(command, folder, plan.server_core)
        self.callback(self._process.stop)
        self.callback(self._stop, folder)
        try:
            self._process.wait_until(lambda: processes.listens(self.address), "lighttpd does not listen")
            self._load("stub", ["-c", "1", "-n", "1"], is_counted=False)  # starts the daemon
            self._daemon = programs.daemon(folder, self._www)
        except BaseException:
            self.close()
            raise

    def _stop(self, folder: Path) -> None:
        """Ends the daemon, if it was started."""
        with contextlib.suppress(processes.ServerError):
            programs.polydoor("cgi", "stop", str(self._www), folder=folder)

    def _load(
        self, name: str, options: Sequence[str], path: str = "", *, is_counted: bool = True
    ) -> tuple[Load, float, float]:
        """What came of a load; processor time of all, and of what the web server has started."""
        with Generator(f"http://{self.address}{path or PATHS[name]}", options) as generator:
            generator.warm()
            before, children = (self._seconds(), self._children()) if is_counted else (0.0, 0.0)
            done = parse(generator.run())
            spent, children = (self._seconds() - before, self._children() - children) if is_counted else (0.0, 0.0)
        if done.faults:
            raise LoadError(f"{NAMES[name]}: {'; '.join(done.faults)}")
        return done, spent, children

    def _seconds(self) -> float:
        """Processor time of all; the last program of a load may end while its time is asked for."""
        for _ in range(100):
            with contextlib.suppress(measure.ProcessEndedError):
                return measure.tree_seconds(self._process.pid) + measure.tree_seconds(self._daemon)
        return measure.tree_seconds(self._process.pid) + measure.tree_seconds(self._daemon)

    def _children(self) -> float:
        """Processor time of programs that have ended."""
        found = measure.parse_stat(Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii"))
        return (int(found[measure.CHILDREN_USER]) + int(found[measure.CHILDREN_SYSTEM])) / measure.TICKS

    def cost(self, name: str, seconds: float) -> Cost:
        """One client."""
        done, spent, _ = self._load(name, ["-c", "1", "-d", str(seconds), "--warm-up", WARM_UP])
        return Cost(done.latency["p50"], spent / done.requests)

    def crowd(self, name: str, path: str, seconds: float, clients: int = CROWD) -> Crowd:
        """So many clients, all of which get the page that says busy."""
        options = ["-c", str(clients), "-d", str(seconds), "--warm-up", WARM_UP, "--status", str(BUSY)]
        done, _, children = self._load(name, options, path)
        return Crowd(done.latency["p50"], done.latency["p99"], children / done.requests)

    def waiting(self) -> list[int]:
        """The stubs that are there now."""
        found = []
        for pid in measure.descendants(self._process.pid, measure.parents())[1:]:
            with contextlib.suppress(OSError):  # one that has said busy may end
                if os.readlink(f"/proc/{pid}/exe") == str(self._www / "shop.cgi"):
                    found.append(pid)
        return found

    def occupy(self) -> Swarm:
        """Have the daemon hold all that it can, until no more of them is answered."""
        swarm = Swarm(self.address, processes.START * 100)
        for _ in range(OCCUPIERS):
            swarm.send(0).target = "/shop.cgi/wait"
            swarm.watch(time.monotonic() + 0.02)
        swarm.watch(time.monotonic() + 1)
        if not any(visit.status == BUSY for visit in swarm.visits):
            raise LoadError("the daemon is not full")
        return swarm


def sample(plan: rounds.Plan) -> Sample:
    """One round: first one client, then a daemon that holds all it can, and the crowd."""
    with tempfile.TemporaryDirectory(prefix="polydoor-bench-") as name, Hosted(Path(name), plan) as hosted:
        costs = {kind: hosted.cost(kind, plan.seconds) for kind in PATHS}
        swarm = hosted.occupy()
        stubs = hosted.waiting()
        private = max(map(private_kib, stubs))
        forwarded = median(map(measure.tree_seconds, stubs))
        busy_c = hosted.crowd("c", "/floor.cgi/busy", plan.seconds)
        busy = hosted.crowd("stub", "", plan.seconds)
        few = hosted.crowd("stub", "", plan.seconds, FEW)
        swarm.leave()
    return Sample(**costs, busy=busy, busy_c=busy_c, few=few, private=private, forwarded=forwarded)


def private_kib(pid: int) -> float:
    """Memory that is this process's alone."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return float(sum(int(line.split()[1]) for line in lines if line.startswith("Private")))


def run(plan: rounds.Plan, say: Callable[[str], None]) -> list[Sample]:
    """A sample for each round."""
    samples = []
    for number in range(plan.rounds):
        samples.append(sample(plan))
        say(f"{CASE} round {number + 1}  {samples[-1]}")
    return samples


def cost_table(samples: Sequence[Sample]) -> list[tuple[str, ...]]:
    """A row for each program, the head first."""
    rows: list[tuple[str, ...]] = [
        ("program", "p50", "CPU of all for a request", f"p50 of {CROWD} busy", "p99", "CPU of the program")
    ]
    for field, crowd in (("stub", "busy"), ("c", "busy_c"), ("python", "")):
        cells = [_middle(samples, field, cell.name) for cell in fields(Cost)]
        cells += [_middle(samples, crowd, cell.name) for cell in fields(Crowd)] if crowd else ["", "", ""]
        rows.append((NAMES[field], *cells))
    return rows


def _middle(samples: Sequence[Sample], part: str, name: str) -> str:
    return f"{median(getattr(getattr(each, part), name) for each in samples) * 1e3:.2f} ms"


def promise_table(samples: Sequence[Sample]) -> list[tuple[str, ...]]:
    """A row for each promise, the head first."""
    rows: list[tuple[str, ...]] = [("figure", "median", "lowest", "highest", "must", "met")]
    for promise in PROMISES:
        values = [promise.value(each) for each in samples]
        found = figure(values)
        verdict = promise.must.verdict(found.middle, bound_of(values, is_least=promise.must.is_least))
        numbers = (f"{value:.2f}" for value in (found.middle, found.lowest, found.highest))
        rows.append((promise.text, *numbers, str(promise.must), verdict))
    return rows


def document(samples: Sequence[Sample], facts: dict[str, str]) -> dict[str, Any]:
    """All of it, for results/cgi.json."""
    return {"facts": facts, "rounds": [asdict(each) for each in samples]}


def page(samples: Sequence[Sample], facts: dict[str, str]) -> str:
    """The same for people."""
    return PAGE.format(
        costs=tables.markdown(cost_table(samples)),
        promises=tables.markdown(promise_table(samples)),
        facts=tables.markdown([("what", ""), *facts.items()]),
    )


PAGE = """# The CGI stub, side by side

Debian's lighttpd with mod_cgi starts a program for each request. `make bench ARGS="--only cgi"` repeats it;
[what the stub is](../../docs/guide/cgi-only-hosting.md).

{costs}

{promises}

- One client asks again and again: the stub before its daemon, a C program without shared libraries, and a Python script
  that imports nothing but `sys`, all with the same page. Processor time is that of lighttpd, programs and daemon.
- Then the daemon holds all it can hold of requests that get no answer, and {crowd} clients ask again and again: each
  gets the page that says busy, from the stub and, in the same way, from the C program. So do {few} clients.
- Processor time of a program counts from the web server's fork.
- Figures are medians of the rounds.

## Machine and versions

{facts}
""".replace("{crowd}", str(CROWD)).replace("{few}", str(FEW))
