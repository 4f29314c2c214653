"""What overload does to a server: clients that leave, too many connections, twice of what it can do. See README.md."""

import contextlib
import os
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import measure
import processes
import rounds
import servers
import tables
from swarm import Swarm

CASE = "overload"
THREADS = 2
PATIENT = 30.0
CROWD, CROWD_PATIENCE, CROWD_WORK_MS = 60, 0.5, 200
GONE = 0.1  # so long behind its client's end no call may begin
DESCRIPTORS, IDLE, IDLE_SECONDS = 40, 120, 3.0
RATE_WORK_MS, RATE_PATIENCE = 20, 2.0
WAIT_LIMIT = 1.0  # ours in these runs
SOON = 0.1  # an answer within it is normal service again
NEVER = PATIENT
OK = 200

NOT_PART = ("noise", "wrk", "nginx", "fastpysgi", "bjoern")  # facts that say nothing here

Command = Callable[[servers.Place], list[str]]


def polydoor(place: servers.Place) -> list[str]:
    """The defaults, but for a wait limit below the patience of the clients."""
    return [*servers.polydoor(place), "--queue-timeout", str(WAIT_LIMIT)]


def newest_first(place: servers.Place) -> list[str]:
    """The same, and who came last is served first."""
    return [*polydoor(place), "--queue-order", "newest-first"]


def waitress_ahead(place: servers.Place) -> list[str]:
    """With its one option against clients that have left."""
    program, *options = servers.waitress(place)
    return [program, "--channel-request-lookahead=5", *options]


def granian(place: servers.Place) -> list[str]:
    """With its log, of which lines are counted."""
    return [word for word in servers.granian(place) if word != "--no-log"]


CONTENDERS: dict[str, tuple[str, Command, tuple[str, ...]]] = {
    "polydoor": ("Polydoor", polydoor, ()),
    "polydoor-newest": ("Polydoor, newest first", newest_first, ()),
    "gunicorn": ("gunicorn gthread", servers.gunicorn, ("gunicorn",)),
    "waitress": ("waitress", servers.waitress, ("waitress",)),
    "waitress-ahead": ("waitress, lookahead 5", waitress_ahead, ("waitress",)),
    "uwsgi": ("uWSGI", servers.uwsgi, ("uwsgi", "pyuwsgi")),
    "granian": ("granian", granian, ("granian",)),
}


@dataclass(frozen=True)
class Crowd:
    """60 clients at once that leave after 0.5 s, then a new one."""

    wasted: float  # calls that began 0.1 s or more behind the end of their client
    next_start: float  # seconds until the new client's call began


@dataclass(frozen=True)
class Idle:
    """120 connections that send nothing, where there may be 40 descriptors."""

    processor: float  # share of one core
    lines: float  # of the log, each second
    back: float  # seconds from their end to the next answer


@dataclass(frozen=True)
class Rate:
    """Twice the capacity, offered at a fixed rate."""

    capacity: float  # answers a second with all threads busy
    goodput: float  # answers a second from the third second on, as a share of it
    worst: float  # the same of the worst second
    refused: float
    unanswered: float  # clients that left without an answer, as a share of all
    longest: float  # seconds until a refusal came
    normal: float  # seconds from the end of the load to an answer within 0.1 s


@dataclass(frozen=True)
class Outcome:
    """One server; None: it did not start so."""

    label: str
    crowd: Crowd | None
    idle: Idle | None
    rate: Rate | None


def run(plan: rounds.Plan, versions: dict[str, str], say: Callable[[str], None]) -> list[Outcome]:
    """All that are installed, once in each round; medians of the rounds."""
    there = {
        label: command
        for label, command, packages in CONTENDERS.values()
        if not packages or any(package in versions for package in packages)
    }
    samples: dict[str, list[tuple[Any, ...]]] = {label: [] for label in there}
    for number in range(plan.rounds):
        for label, command in there.items():
            samples[label].append(tuple(_try(part, command, plan) for part in (crowd, idle, rate)))
            say(f"{CASE} round {number + 1}  {label}: {samples[label][-1]}")
    return [Outcome(label, *map(_middle, zip(*parts, strict=True))) for label, parts in samples.items()]


def _middle(parts: tuple[Any, ...]) -> Any:
    """The median of each figure; None if the server did not start in every round."""
    if None in parts:
        return None
    rows = [asdict(part) for part in parts]
    return type(parts[0])(**{name: median(row[name] for row in rows) for name in rows[0]})


def _try(part: Callable[..., Any], command: Command, plan: rounds.Plan) -> Any:
    try:
        with tempfile.TemporaryDirectory(prefix="polydoor-bench-") as name:
            return part(command, Path(name), plan)
    except processes.ServerError:
        return None


class Served(contextlib.ExitStack):
    """A server with apps/slow.py, and what that noted."""

    def __init__(self, command: Command, folder: Path, plan: rounds.Plan, limit: list[str] | None = None) -> None:
        super().__init__()
        self.notes = folder / "notes"
        self.log = folder / "server.log"
        self.address = processes.free_address()
        os.environ["NOTES"] = str(self.notes)
        place = servers.Place("http", self.address, "slow", THREADS, folder)
        self._process = processes.Process([*(limit or []), *command(place)], folder, plan.server_core)
        self.callback(self._process.stop)
        try:
            self._process.wait_until(lambda: processes.listens(self.address), "it does not listen")
            if self.wait_for_answer(processes.START) == NEVER:
                raise processes.ServerError("it does not answer")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The top of the process tree."""
        return self._process.pid

    def calls(self) -> dict[str, float]:
        """When the call of each id began."""
        lines = (line.split() for line in self.notes.read_text(encoding="ascii").splitlines())
        return {ident: float(when) for ident, when in lines}

    def wait_for_answer(self, patience: float, within: float = 0.5) -> float:
        """Ask until an answer comes within some time; how long that took from now."""
        begin = time.monotonic()
        while time.monotonic() - begin < patience:
            probe = Swarm(self.address, within)
            visit = probe.send(0)
            visit.target = "/probe/0"
            probe.finish()
            if visit.status == OK:
                return visit.ended - begin
            time.sleep(0.01)
        return NEVER


def crowd(command: Command, folder: Path, plan: rounds.Plan) -> Crowd:
    """Clients that leave, and one that comes behind them."""
    with Served(command, folder, plan) as server:
        swarm = Swarm(server.address, PATIENT)
        for _ in range(CROWD):
            swarm.send(CROWD_WORK_MS)
        swarm.watch(time.monotonic() + CROWD_PATIENCE)
        swarm.leave()
        last = swarm.send(0)
        swarm.finish()
        swarm.watch(time.monotonic() + 2 * CROWD_WORK_MS / 1000)
        calls = server.calls()
    gone = [visit for visit in swarm.visits if visit is not last and not visit.status]
    wasted = sum(calls.get(visit.ident, 0) > visit.ended + GONE for visit in gone)
    return Crowd(wasted, calls[last.ident] - last.sent if last.ident in calls else NEVER)


def idle(command: Command, folder: Path, plan: rounds.Plan) -> Idle:
    """Connections that do nothing but be there."""
    limit = ["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"]
    with Served(command, folder, plan, limit) as server:
        host, _, port = server.address.rpartition(":")
        with contextlib.ExitStack() as stack:
            for _ in range(IDLE):
                sock = stack.enter_context(socket.socket())
                sock.setblocking(False)  # a full backlog makes them wait
                sock.connect_ex((host, int(port)))
            time.sleep(0.2)
            before, lines = measure.tree_seconds(server.pid), _lines(server.log)
            time.sleep(IDLE_SECONDS)
            spent, lines = measure.tree_seconds(server.pid) - before, _lines(server.log) - lines
        return Idle(spent / IDLE_SECONDS, lines / IDLE_SECONDS, server.wait_for_answer(PATIENT))


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def rate(command: Command, folder: Path, plan: rounds.Plan) -> Rate:
    """More than can be done, all the time."""
    seconds = max(6, round(plan.seconds * 5))
    with Served(command, folder, plan) as server:
        full = Swarm(server.address, PATIENT)
        begin = full.offer(1.5 * THREADS * 1000 / RATE_WORK_MS, 1.5, RATE_WORK_MS)
        full.finish()
        capacity = sum(begin + 0.5 <= visit.ended < begin + 1.5 for visit in full.visits if visit.status == OK)
        swarm = Swarm(server.address, RATE_PATIENCE)
        begin = swarm.offer(2 * capacity, seconds, RATE_WORK_MS)
        swarm.leave()
        normal = server.wait_for_answer(PATIENT, SOON)
    ends = [visit.ended - begin for visit in swarm.visits if visit.status == OK]
    good = [sum(second <= end < second + 1 for end in ends) / capacity for second in range(2, seconds)]
    refusals = [visit.took for visit in swarm.visits if visit.status > OK]
    unanswered = sum(not visit.status and visit.took >= RATE_PATIENCE for visit in swarm.visits)
    share = unanswered / len(swarm.visits)
    return Rate(capacity, mean(good), min(good), len(refusals), share, max(refusals, default=0.0), normal)


HEAD = (
    "server",
    "calls for clients that had left",
    "next client's call began after",
    "120 idle: CPU",
    "log lines/s",
    "back after",
    "2 × capacity: goodput",
    "in the worst second",
    "refused after at most",
    "left unanswered",
    "normal after",
)


def table(outcomes: list[Outcome]) -> list[tuple[str, ...]]:
    """A row for each server, the head first."""
    return [HEAD, *((each.label, *_crowd(each.crowd), *_idle(each.idle), *_rate(each.rate)) for each in outcomes)]


def _crowd(part: Crowd | None) -> tuple[str, str]:
    return (f"{part.wasted:.0f}", _seconds(part.next_start)) if part else ("did not start", "")


def _idle(part: Idle | None) -> tuple[str, str, str]:
    if not part:
        return ("did not start", "", "")
    return (f"{part.processor:.1%}", f"{part.lines:.1f}", _seconds(part.back))


def _rate(part: Rate | None) -> tuple[str, str, str, str, str]:
    if not part:
        return ("did not start", "", "", "", "")
    longest = _seconds(part.longest) if part.refused else "none refused"
    return (f"{part.goodput:.0%}", f"{part.worst:.0%}", longest, f"{part.unanswered:.0%}", _seconds(part.normal))


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < PATIENT else f"more than {PATIENT:.0f} s"


def document(outcomes: list[Outcome], facts: dict[str, str]) -> dict[str, Any]:
    """All of it, for results/overload.json."""
    return {"facts": facts, "servers": [asdict(outcome) for outcome in outcomes]}


def page(outcomes: list[Outcome], facts: dict[str, str]) -> str:
    """The same for people."""
    return PAGE.format(
        table=tables.markdown(table(outcomes)),
        facts=tables.markdown([("what", ""), *facts.items()]),
    )


PAGE = """# Overload, side by side

One process with two threads each, HTTP, a connection for each request. `make bench ARGS="--only overload"` repeats it;
[what it means](../../docs/guide/overload.md).

{table}

- 60 clients at once, 0.2 s of work each, leave after 0.5 s; then a new client comes. Counted are calls that began 0.1 s
  or more behind the end of their client.
- 120 connections send nothing where the server may have 40 descriptors; processor time is that of one core.
- Twice of what the server did with all threads busy is offered at a fixed rate, 20 ms of work each; clients leave after
  2 s. Goodput is what was answered to clients that still waited, from the third second on, as a share of the capacity.
- Figures are medians of the rounds, rounds interleaved. What else runs on the machine counts in the worst second.

## Machine and versions

{facts}
"""
