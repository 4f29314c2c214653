"""What a case is: servers that get the same load, what they are compared with, and what is promised about Polydoor."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

import apache
from figures import Bound
from servers import KINDS

DOORS = {"http": "", "fastcgi": " FastCGI", "scgi": " SCGI", "uwsgi": " uwsgi", "ajp": " AJP"}
APPS = {"wait": "waits 0.5 ms", "django_hello": "Django view"}  # which stand in a table of another application


@dataclass(frozen=True)
class Entry:
    """One server in one case."""

    kind: str
    threads: int = 1
    door: str = "http"
    has_threads: bool = False  # the number stands in the name
    closes: bool = False  # it ends each connection although the protocol would keep it, so the load does
    workers: int = 0  # processes below a supervisor; 0: as the server is started without a word of them
    is_by_wrk: bool = False  # wrk asks, to check our own load generator
    app: str = ""  # another application than that of the case

    @property
    def key(self) -> str:
        """The name in the results: `polydoor-t5`, `uwsgi-scgi`."""
        door = "" if self.door == "http" else f"-{self.door}"
        workers = f"-w{self.workers}" if self.workers else ""
        threads = f"-t{self.threads}" if self.has_threads else ""
        app = f"-{self.app}" if self.app else ""
        return f"{self.kind}{door}{workers}{threads}{app}" + "-wrk" * self.is_by_wrk

    @property
    def label(self) -> str:
        """The name for people."""
        is_ours = self.kind.startswith("polydoor")
        many = f"{self.threads} thread" + "s" * (self.threads > 1)
        threads = (f" -t {self.threads}" if is_ours else f", {many}") if self.has_threads else ""
        many = "" if self.workers <= 1 else f", {self.workers} processes"
        workers = (f" -w {self.workers}" if is_ours else many) if self.workers else ""
        app = f", {APPS[self.app]}" if self.app else ""
        name = KINDS[self.kind].name + DOORS[self.door] + workers + threads + app
        return f"{name}, asked by wrk" if self.is_by_wrk else name


def others(*entries: Entry) -> tuple[Entry, ...]:
    """Rows of other applications for a table of hello world: one that waits, with five threads, and a Django view."""
    waits = (replace(entry, threads=5, has_threads=True, app="wait") for entry in entries)
    return (*waits, *(replace(entry, app="django_hello") for entry in entries))


@dataclass(frozen=True)
class Target:
    """What a ratio must be now (`must`) and in the end (`goal`); `factor` multiplies the other side."""

    entry: str
    other: str
    must: Bound | None = None
    goal: Bound | None = None
    factor: int = 1
    percentile: str = ""  # of the latency, which is then what is compared
    cost: str = ""  # processor time is compared: `own` of the server alone, `all` with what is in front of it
    is_scaling: bool = False  # the gain from `-w1` to `-w2` is compared
    is_best: bool = False  # of the rows of these two servers those are compared that answer most

    def needs(self) -> tuple[str, ...]:
        """The entries that must have been measured; of servers at their best, any of theirs."""
        if self.is_best:
            return ()
        return tuple(key for two in self.scaled() for key in two) if self.is_scaling else (self.entry, self.other)

    def scaled(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Ours and theirs, each with two processes and with one."""
        return (self.entry, self.entry.replace("-w2", "-w1")), (self.other, self.other.replace("-w2", "-w1"))


@dataclass(frozen=True)
class Case:
    """Servers that get the same load, one after the other in every round."""

    key: str
    title: str
    entries: tuple[Entry, ...]
    references: tuple[str, ...]
    targets: tuple[Target, ...]
    app: str = "hello"
    is_browser: bool = False
    is_behind_nginx: bool = False
    behind_apache: str = ""  # with this MPM, which counts as a part of the server and has its core
    children: int = 0  # processes of Apache with the prefork MPM
    is_behind_lighttpd: bool = False  # which counts in the same way
    is_on_sockets: bool = False  # asked over Unix sockets, as a front end does
    is_closing: bool = False  # the load opens a connection for each request
    is_lossy: bool = False  # requests without a right response are a figure, not a fault
    is_throughput: bool = False  # requests per second count, not processor time
    is_selected: bool = False  # it is part of what `make bench` measures in five minutes
    connections: int = 16
    count: int = 0  # so many requests instead of a time
    file_size: int = 0  # of the file `download`; only its length is compared
    upload_size: int = 0  # of the body of each request
    is_wide: bool = False  # servers have both cores
    most_rounds: int = 99  # enough for a case without targets
    aside: tuple[str, ...] = ()  # entries that the selection does without
    notes: tuple[str, ...] = field(default=())

    @property
    def front(self) -> str:
        """What is in front of the servers, if anything is."""
        behind = {
            "nginx": self.is_behind_nginx,
            "apache": bool(self.behind_apache),
            "lighttpd": self.is_behind_lighttpd,
        }
        return next((name for name, is_it in behind.items() if is_it), "")

    @property
    def mpm(self) -> apache.Mpm:
        """How Apache works, where it takes part."""
        return apache.Mpm(self.behind_apache, self.children) if self.behind_apache else apache.EVENT

    @property
    def counts_front(self) -> bool:
        """Whether the processor time of a request is that of the server and of what is in front of it."""
        return bool(self.behind_apache) or self.is_behind_lighttpd

    def app_of(self, entry: Entry) -> str:
        """The application that a server runs."""
        return entry.app or self.app

    def entry(self, key: str) -> Entry:
        """An entry by its key."""
        return next(entry for entry in self.entries if entry.key == key)

    def narrowed(self, kinds: list[str]) -> Self:
        """The same case with these servers only, and with what can still be compared."""
        return self._only(entry for entry in self.entries if entry.kind in kinds)

    def shortened(self) -> Self:
        """The same case as the selection has it."""
        return self._only(entry for entry in self.entries if entry.key not in self.aside)

    def _only(self, chosen: Iterable[Entry]) -> Self:
        entries = tuple(chosen)
        keys = {entry.key for entry in entries}
        kinds = {entry.kind for entry in entries}
        targets = tuple(
            target
            for target in self.targets
            if ({target.entry, target.other} <= kinds if target.is_best else set(target.needs()) <= keys)
        )
        references = tuple(key for key in self.references if key in keys)
        return replace(self, entries=entries, targets=targets, references=references)


def at_most(limit: float) -> Bound:
    """A ratio of costs."""
    return Bound(limit)


def at_least(limit: float) -> Bound:
    """A ratio of speeds."""
    return Bound(limit, is_least=True)
