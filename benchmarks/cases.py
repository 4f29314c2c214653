"""What is measured: each case with its servers, what they are compared with, and what is promised about Polydoor."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

from figures import Bound
from servers import CALL, KINDS


@dataclass(frozen=True)
class Entry:
    """One server in one case."""

    kind: str
    threads: int = 1
    door: str = "http"
    has_threads: bool = False  # the number stands in the name
    closes: bool = False  # it ends each connection although the protocol would keep it, so the load does
    is_by_wrk: bool = False  # wrk asks, to check our own load generator

    @property
    def key(self) -> str:
        """The name in the results: `polydoor-t5`, `uwsgi-scgi`."""
        door = "" if self.door == "http" else f"-{self.door}"
        return f"{self.kind}{door}" + (f"-t{self.threads}" if self.has_threads else "") + "-wrk" * self.is_by_wrk

    @property
    def label(self) -> str:
        """The name for people."""
        doors = {"http": "", "fastcgi": " FastCGI", "scgi": " SCGI", "uwsgi": " uwsgi", "ajp": " AJP"}
        suffix = {"polydoor": f" -t {self.threads}"}.get(self.kind, f", {self.threads} threads")
        name = KINDS[self.kind].name + doors[self.door] + (suffix if self.has_threads else "")
        return f"{name}, asked by wrk" if self.is_by_wrk else name


@dataclass(frozen=True)
class Target:
    """What a ratio must be now (`must`) and in the end (`goal`); `factor` multiplies the other side."""

    entry: str
    other: str
    must: Bound | None = None
    goal: Bound | None = None
    factor: int = 1


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
    is_on_sockets: bool = False  # asked over Unix sockets, as a front end does
    is_throughput: bool = False  # requests per second count, not processor time
    is_selected: bool = False  # it is part of what `make bench` measures in five minutes
    aside: tuple[str, ...] = ()  # entries that the selection does without
    notes: tuple[str, ...] = field(default=())

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
        targets = tuple(target for target in self.targets if {target.entry, target.other} <= keys)
        references = tuple(key for key in self.references if key in keys)
        return replace(self, entries=entries, targets=targets, references=references)


def at_most(limit: float) -> Bound:
    """A ratio of costs."""
    return Bound(limit)


def at_least(limit: float) -> Bound:
    """A ratio of speeds."""
    return Bound(limit, is_least=True)


DIRECT = (
    Entry("polydoor", 1, has_threads=True),
    Entry("polydoor", 5, has_threads=True),
    Entry("fastpysgi"),
    Entry("bjoern"),
    Entry("granian"),
    Entry("uwsgi"),
    Entry("waitress"),
    Entry("gunicorn"),
    Entry("gunicorn-sync", closes=True),
    Entry("cheroot"),
    Entry("mod_wsgi"),
    Entry("mod_wsgi-daemon"),
    Entry("floor"),
)
LESS = ("gunicorn-sync", "cheroot", "mod_wsgi", "mod_wsgi-daemon")  # what the selection does without
UWSGI_CLOSES = "uWSGI's http-socket closes the connection after each response; so the load opens one per request there."
ONE_THREAD = (
    "One application thread in every server, but for Polydoor -t 5 and mod_wsgi embedded, which has Apache's 25."
)
LOG = "Polydoor writes its access log, as it is shipped, but where the table says otherwise; the others write none."
NO_SERVER = "The application alone is called in a loop: what every server of Python pays, and none can save."
FLUP = (
    "flup has as many threads as it wants. Its FastCGI is asked with a connection per request: on kept ones "
    "it left requests unanswered."
)
PHP = "php-fpm has 32 processes and answers without any Python: a yardstick."
BY_WRK = "The row that wrk asked checks our load generator: the server must cost the same."

CASES = (
    Case(
        key="hello",
        title="HTTP/1.1 keep-alive, hello world",
        entries=(
            *DIRECT,
            Entry(CALL),
            Entry("polydoor-quiet"),
            Entry("polydoor", 1, has_threads=True, is_by_wrk=True),
        ),
        references=("fastpysgi", "uwsgi", "floor"),
        targets=(
            Target("polydoor-t1", "fastpysgi", at_most(1.15), at_most(0.95)),
            Target("polydoor-t5", "fastpysgi", at_most(1.15), at_most(0.95)),
            Target("polydoor-t1", "floor", goal=at_most(1.40)),
            Target("polydoor-t5", "floor", goal=at_most(1.40)),
        ),
        is_selected=True,
        aside=("polydoor-quiet", "polydoor-t1-wrk", *LESS),
        notes=(ONE_THREAD, UWSGI_CLOSES, LOG, NO_SERVER, BY_WRK),
    ),
    Case(
        key="headers",
        title="HTTP/1.1 keep-alive, hello world, 20 header fields as from a browser",
        entries=DIRECT,
        references=("fastpysgi", "uwsgi", "floor"),
        targets=(
            Target("polydoor-t1", "fastpysgi", goal=at_most(0.80)),
            Target("polydoor-t5", "fastpysgi", goal=at_most(0.80)),
            Target("polydoor-t1", "floor", goal=at_most(1.85)),
            Target("polydoor-t5", "floor", goal=at_most(1.85)),
        ),
        is_browser=True,
        notes=(ONE_THREAD, UWSGI_CLOSES),
    ),
    Case(
        key="fastcgi",
        title="FastCGI behind nginx with fastcgi_keep_conn, hello world",
        entries=(
            Entry("polydoor", door="fastcgi"),
            Entry("uwsgi", door="fastcgi"),
            Entry("php-fpm", door="fastcgi"),
            Entry("polydoor"),
            Entry("floor", door="fastcgi"),
        ),
        references=("uwsgi-fastcgi", "polydoor", "floor-fastcgi"),
        targets=(
            Target("polydoor-fastcgi", "uwsgi-fastcgi", at_most(0.45), at_most(0.35)),
            Target("polydoor-fastcgi", "polydoor", goal=at_most(1.15)),
        ),
        is_behind_nginx=True,
        is_selected=True,
        aside=("php-fpm-fastcgi",),
        notes=("uWSGI closes the connection after each response although nginx asks to keep it.", PHP),
    ),
    Case(
        key="scgi",
        title="SCGI behind nginx, a connection per request, hello world",
        entries=(
            Entry("polydoor", door="scgi"),
            Entry("polydoor-quiet", door="scgi"),
            Entry("uwsgi", door="scgi"),
            Entry("flup", door="scgi"),
            Entry("floor", door="scgi"),
        ),
        references=("uwsgi-scgi", "floor-scgi"),
        targets=(
            Target("polydoor-scgi", "uwsgi-scgi", at_most(1.00), at_most(0.95)),
            Target("polydoor-scgi", "floor-scgi", goal=at_most(1.20)),
        ),
        is_behind_nginx=True,
        is_selected=True,
        aside=("polydoor-quiet-scgi", "flup-scgi"),
    ),
    Case(
        key="uwsgi",
        title="uwsgi behind nginx, a connection per request, hello world",
        entries=(
            Entry("polydoor", door="uwsgi"),
            Entry("uwsgi", door="uwsgi"),
            Entry("gunicorn", door="uwsgi"),
            Entry("floor", door="uwsgi"),
        ),
        references=("uwsgi-uwsgi", "floor-uwsgi"),
        targets=(
            Target("polydoor-uwsgi", "uwsgi-uwsgi", goal=at_most(0.95)),
            Target("polydoor-uwsgi", "floor-uwsgi", goal=at_most(1.20)),
        ),
        is_behind_nginx=True,
    ),
    Case(
        key="doors",
        title="Every protocol without a front end, hello world",
        entries=(
            Entry("polydoor"),
            Entry("polydoor", door="fastcgi"),
            Entry("polydoor", door="ajp"),
            Entry("polydoor", door="scgi"),
            Entry("polydoor", door="uwsgi"),
            Entry("uwsgi", door="fastcgi", closes=True),
            Entry("uwsgi", door="scgi"),
            Entry("uwsgi", door="uwsgi"),
            Entry("gunicorn", door="uwsgi"),
            Entry("flup", door="fastcgi", closes=True),
            Entry("flup", door="scgi"),
            *(Entry("floor", door=door) for door in ("http", "fastcgi", "ajp", "scgi", "uwsgi")),
        ),
        references=("polydoor", "uwsgi-scgi"),
        targets=(Target("polydoor-ajp", "polydoor", goal=at_most(1.40)),),
        is_on_sockets=True,
        notes=(
            "HTTP, FastCGI and AJP keep their connections but for uWSGI's; SCGI and uwsgi open one per request.",
            FLUP,
        ),
    ),
    Case(
        key="wait",
        title="An application that waits 0.5 ms, HTTP/1.1 keep-alive",
        entries=(
            Entry("polydoor", 1, has_threads=True),
            Entry("polydoor", 5, has_threads=True),
            Entry("granian", 5, has_threads=True),
            Entry("uwsgi", 5, has_threads=True),
            Entry("waitress", 5, has_threads=True),
            Entry("gunicorn", 5, has_threads=True),
            Entry("cheroot", 5, has_threads=True),
            Entry("mod_wsgi-daemon", 5, has_threads=True),
        ),
        references=("polydoor-t1", "gunicorn-t5"),
        targets=(
            Target("polydoor-t5", "polydoor-t1", at_least(0.85), factor=5),
            Target("polydoor-t5", "gunicorn-t5", at_least(1.00)),
            Target("polydoor-t5", "granian-t5", goal=at_least(1.00)),
            Target("polydoor-t5", "uwsgi-t5", goal=at_least(1.00)),
            Target("polydoor-t5", "waitress-t5", goal=at_least(1.00)),
        ),
        app="wait",
        is_throughput=True,
        is_selected=True,
        aside=tuple(f"{kind}-t5" for kind in LESS if kind in {"cheroot", "mod_wsgi-daemon"}),
        notes=(UWSGI_CLOSES,),
    ),
)
