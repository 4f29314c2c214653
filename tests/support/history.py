"""The history check: what the clients of a run saw, what the application did, and a judge that compares both.

    history = History(tmp_path)
    with Server(HISTORY_APP, one_each(tmp_path), threads=2, env=history.env) as server:
        asked = [history.start(door, sleep=0.1) for door in server.doors]
        records = [one.finish() for one in asked]
    history.judge()

Requests go out by `ask` (the whole of one), `start` (in steps), `ask_kept` (on a connection of peers/kept.py) or
`keep_asking` (one client's life, for a thread). Whoever speaks to the server in another way makes a `record`, puts its
`target` into the request, and tells the record how that ended: `took`, `failed` or `left`.

`judge` raises a HistoryError that lists what is wrong: an answer that belongs to another request, a request that ran
twice, or without being asked, or that nobody answered; an answer without a finished run; an iterable that was not
closed once; and each failure that no cause of the test explains. A cause says which failures a fault of the run may
have, and when:

    history.judge(refused("the queue is full", 503), cut("the second SIGINT", since=pressed))

Times are those of time.monotonic(), which all processes of a machine share.
"""

from __future__ import annotations

import math
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from apps.history_app import answer
from peers.kept import Kept, keep
from support.server import APPS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from peers.door import Door, Exchange
    from peers.response import Response

HISTORY_APP = f"{APPS}/history_app.py:application"
NOBODY_LISTENS = (ConnectionRefusedError, FileNotFoundError, BlockingIOError)  # the last: a full backlog (Unix)
MOST_TOLD = 20  # violations that a HistoryError lists

LOST = "lost"  # nobody has said how it ended, or nothing came in the time that clients wait
SERVED = "served"  # its own answer, whole
REFUSED = "refused"  # a whole answer of another status than 2xx
BROKEN = "broken"  # the answer began and broke off
UNANSWERED = "unanswered"  # the connection ended before the first byte of an answer
UNSENT = "unsent"  # there was no connection, or nothing could be sent on it
LEFT = "left"  # the client went away first
WRONG = "wrong"  # a 2xx that is not the answer to this request


class HistoryError(AssertionError):
    """The run was not what it should have been."""


@dataclass
class Record:
    """One request as its client saw it."""

    ident: str
    door: str  # the protocol
    options: dict[str, str]
    body: bytes = b""
    turn: int = 0  # requests that its connection had served before
    sent: float = 0.0
    ended: float = math.inf
    outcome: str = LOST
    status: int = 0
    how: str = ""  # the end of the connection ("eof", "reset", "framed"), or the error

    @property
    def target(self) -> str:
        """What the request must ask for."""
        return "/run?" + urlencode({"id": self.ident} | self.options)

    def took(self, response: Response) -> None:
        """The client read a response, as far as it came."""
        self.status, self.how = response.status, response.ended
        if not response.status:
            self._end(UNANSWERED)
        elif not response.complete:
            self._end(BROKEN)
        elif not 200 <= response.status < 300:
            self._end(REFUSED)
        else:
            expected = b"".join(answer(self.ident, self.body, int(self.options.get("size", 0))))
            is_own = response.body == expected and response.header("X-Run") == self.ident
            self._end(SERVED if is_own else WRONG)

    def failed(self, error: OSError) -> None:
        """The client could not connect, or not send, or waited in vain."""
        self.how = type(error).__name__
        if not isinstance(error, TimeoutError):
            self._end(UNSENT if isinstance(error, NOBODY_LISTENS) else UNANSWERED)

    def left(self) -> None:
        """The client closed before the answer was there."""
        self._end(LEFT)

    def _end(self, outcome: str) -> None:
        assert self.outcome == LOST, f"{self} has ended already"
        self.outcome, self.ended = outcome, time.monotonic()

    def __str__(self) -> str:
        took = f"{self.ended - self.sent:.3f} s" if self.ended < math.inf else "?"
        place = f"{self.door}, request {self.turn + 1} of its connection, sent at {self.sent:.3f}, took {took}"
        return f"{self.ident} ({place}): {self.outcome} {self.status or ''} {self.how}".rstrip()


@dataclass
class Run:
    """What the application noted of one id: when, for each note of the same kind."""

    begin: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)
    close: list[float] = field(default_factory=list)
    raised: list[float] = field(default_factory=list)
    pids: set[int] = field(default_factory=set)


def pids_of(runs: dict[str, Run]) -> set[int]:
    """The processes that have run something."""
    return {pid for run in runs.values() for pid in run.pids}


@dataclass(frozen=True)
class Cause:
    """A fault of the run: which failures it explains."""

    name: str
    outcomes: frozenset[str]
    statuses: frozenset[int] = frozenset()  # of refusals
    may_run: bool = False  # the application may have been called
    may_stay_open: bool = False  # ... and not have come to its end
    since: float = -math.inf  # the request had not ended before
    until: float = math.inf  # it was sent before
    only: Callable[[Record, Run], bool] = lambda _record, _run: True
    at_least: int = 0
    at_most: float = math.inf

    def explains(self, record: Record, run: Run) -> bool:
        """Whether this failure is one that the fault makes."""
        if record.outcome not in self.outcomes or (record.outcome == REFUSED and record.status not in self.statuses):
            return False
        in_time = record.ended >= self.since and record.sent <= self.until
        return in_time and (self.may_run or not run.begin) and self.only(record, run)

    def may_leave_open(self, record: Record, run: Run) -> bool:
        """Whether it may have come between the last byte of this whole answer and the end of its run."""
        in_time = record.ended >= self.since and record.sent <= self.until
        return self.may_stay_open and in_time and record.outcome == SERVED and self.only(record, run)


def refused(name: str, *statuses: int, **more: object) -> Cause:
    """Whole answers with these statuses; unless `may_run` says so, to requests that never reached the application."""
    return Cause(name, frozenset([REFUSED]), frozenset(statuses), **more)  # type: ignore[arg-type]


def cut(name: str, **more: object) -> Cause:
    """Connections that ended under a request, whether it ran or not; with `may_stay_open` also under its run."""
    return Cause(name, frozenset([BROKEN, UNANSWERED]), **({"may_run": True} | more))  # type: ignore[arg-type]


def crossed(name: str = "the close of an idle connection crossed the request", **more: object) -> Cause:
    """A kept connection was closed as its next request was on the way: it did not run, and its client may ask again."""

    def again(record: Record, _run: Run) -> bool:
        return record.turn > 0

    return Cause(name, frozenset([UNANSWERED]), **({"only": again} | more))  # type: ignore[arg-type]


def not_listening(name: str, **more: object) -> Cause:
    """Connections that were refused."""
    return Cause(name, frozenset([UNSENT]), **more)  # type: ignore[arg-type]


def left(name: str, *, within: float = math.inf, **more: object) -> Cause:
    """Clients that went away. No run may begin later than `within` seconds behind that."""

    def in_time(record: Record, run: Run) -> bool:
        return all(t <= record.ended + within for t in run.begin)

    return Cause(name, frozenset([LEFT]), **({"may_run": True, "only": in_time} | more))  # type: ignore[arg-type]


def killed(name: str, pid: int, **more: object) -> Cause:
    """Requests that a process had when it was killed: begun there and never ended."""

    def there(_record: Record, run: Run) -> bool:
        return run.pids == {pid} and not run.close

    return cut(name, **({"may_stay_open": True, "only": there} | more))


@dataclass
class Verdict:
    """What became of the requests of a run that was in order."""

    records: list[Record]
    runs: dict[str, Run]
    failures: dict[str, list[Record]]  # by the name of their cause

    @property
    def served(self) -> int:
        """How many got their answer."""
        return sum(record.outcome == SERVED for record in self.records)


class Asked:
    """A request in steps."""

    def __init__(self, record: Record, exchange: Exchange | None) -> None:
        self.record = record
        self._exchange = exchange

    @property
    def exchange(self) -> Exchange:
        """For bodies, and for what is read before the end."""
        assert self._exchange is not None, f"{self.record} was never sent"
        return self._exchange

    def finish(self) -> Record:
        """Reads the answer, as far as it comes."""
        if self._exchange is not None:
            try:
                self.record.took(self._exchange.finish())
            except TimeoutError as error:
                self.record.failed(error)
        return self.record

    def leave(self) -> Record:
        """Goes away."""
        self.exchange.wire.close()
        self.record.left()
        return self.record


class History:
    """All requests of one run; clients may be threads."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"history-{uuid.uuid4().hex[:8]}"
        self.path.touch()
        self.env = {"HISTORY": str(self.path)}
        self.records: list[Record] = []
        self._lock = threading.Lock()

    def record(self, door: str, body: bytes = b"", *, turn: int = 0, **options: object) -> Record:
        """A request that is sent now, or will be soon: the options of tests/apps/history_app.py are its query."""
        told = {name: str(value) for name, value in options.items()}
        with self._lock:
            ident = f"{len(self.records)}-{uuid.uuid4().hex[:12]}"
            made = Record(ident, door, told, body, turn, sent=time.monotonic())
            self.records.append(made)
        return made

    def start(self, door: Door, body: bytes = b"", **options: object) -> Asked:
        """Sends a request on a connection of its own, and does not wait."""
        made = self.record(door.name, body, **options)
        try:
            exchange = door.start("POST" if body else "GET", made.target, length=len(body))
        except OSError as error:
            made.failed(error)
            return Asked(made, None)
        if body:
            # A server that closes early may have answered: what can still be read tells.
            with suppress(BrokenPipeError, ConnectionResetError):
                exchange.send(body)
                exchange.end_body()
        return Asked(made, exchange)

    def ask(self, door: Door, body: bytes = b"", **options: object) -> Record:
        """A request on a connection of its own, and its answer."""
        return self.start(door, body, **options).finish()

    def ask_kept(self, kept: Kept, body: bytes = b"", **options: object) -> Record:
        """The next request on a kept connection, and its answer."""
        made = self.record(kept.door.name, body, turn=kept.turns, **options)
        try:
            made.took(kept.ask("POST" if body else "GET", made.target, body=body))
        except (
            BrokenPipeError
        ) as error:  # the connection's end was there before this request, of which nothing could be sent
            kept.may_reuse = False
            made.failed(ConnectionRefusedError(*error.args))
        except OSError as error:
            made.failed(error)
        return made

    def keep_asking(self, door: Door, is_over: Callable[[], bool], **options: object) -> None:
        """One client's life: request after request, on kept connections, until it is over or nobody listens.

        As every good client, it looks whether its connection has ended before it sends. It never asks twice.
        """
        while not is_over():
            try:
                kept = keep(door)
            except OSError as error:
                self.record(door.name, **options).failed(error)
                return
            with kept:
                while not is_over() and not kept.is_ended():
                    if self.ask_kept(kept, **options).outcome == UNSENT and not kept.turns:
                        return

    def runs(self) -> dict[str, Run]:
        """What the application has noted so far, by id."""
        found: dict[str, Run] = {}
        for line in self.path.read_text().splitlines():
            what, ident, when, pid = line.split()
            run = found.setdefault(ident, Run())
            getattr(run, what).append(float(when))
            run.pids.add(int(pid))
        return found

    def judge(self, *causes: Cause) -> Verdict:
        """Compares both sides, when the clients and the server are done. HistoryError: what is wrong."""
        runs = self.runs()
        known = {record.ident for record in self.records}
        wrong = [f"{ident} ran, and nobody asked for it" for ident in runs if ident not in known]
        failures: dict[str, list[Record]] = {cause.name: [] for cause in causes}
        for record in self.records:
            run = runs.get(record.ident, Run())
            cause = _cause_of(record, run, causes, failures)
            if cause:
                failures[cause.name].append(record)
            may_stay_open = any(one.may_leave_open(record, run) for one in causes) if not cause else cause.may_stay_open
            wrong += [f"{record}: {text}" for text in _faults(record, run, cause, may_stay_open)]
        for cause in causes:
            if len(failures[cause.name]) < cause.at_least:
                wrong.append(f"{cause.name}: {len(failures[cause.name])} failures of at least {cause.at_least}")
        if wrong:
            more = f"\n... and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
            told = "\n".join(wrong[:MOST_TOLD])
            raise HistoryError(f"{len(wrong)} violations in {len(self.records)} requests:\n{told}{more}")
        return Verdict(self.records, runs, failures)


def _cause_of(record: Record, run: Run, causes: tuple[Cause, ...], failures: dict[str, list[Record]]) -> Cause | None:
    """The first cause that explains this failure and is not used up."""
    for cause in causes:
        if len(failures[cause.name]) < cause.at_most and cause.explains(record, run):
            return cause
    return None


def _faults(record: Record, run: Run, cause: Cause | None, may_stay_open: bool) -> list[str]:
    """What is wrong with one request."""
    faults = []
    if record.outcome == LOST:
        faults.append("it was lost: nobody knows how it ended")
    elif record.outcome == WRONG:
        faults.append("the answer is not its own")
    elif record.outcome != SERVED and not cause:
        faults.append("no cause explains this failure" + (", and it ran" if run.begin else ""))
    if len(run.begin) > 1:
        faults.append(f"it ran {len(run.begin)} times")
    if record.outcome == SERVED and not (run.begin and (run.end or may_stay_open)):
        faults.append("it was served without a finished run")
    if any(not record.sent <= begin for begin in run.begin):
        faults.append("it ran before it was sent")
    if any(begin > record.ended for begin in run.begin) and record.outcome == SERVED:
        faults.append("it ran behind its answer")
    closed = len(run.close) + len(run.raised)
    if closed > len(run.begin) or (closed < len(run.begin) and not may_stay_open):
        faults.append(f"{len(run.begin)} runs, and {closed} were closed")
    return faults
