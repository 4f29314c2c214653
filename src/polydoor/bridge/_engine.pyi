"""Types of the compiled bridge to the engine."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

BOARD_VERSION: int  # only programs with the same one can share a board
LOOP: str  # the back end of the event loop

def is_of_request(name: bytes) -> bool:
    """Whether a variable of a process that a web server started for one request is about the request."""

def end_child(error: BaseException | None = None) -> NoReturn:
    """End a forked child that came back from the application, with the status that `error` stands for."""

def adopt_orphans() -> bool:
    """Become the parent of each process below this one that loses its own; False where the system has no such thing."""

def end_with_parent(parent: int) -> bool:
    """Be killed when that process, our parent, ends; False: it has. 0: outlive it again."""

def give_memory_back() -> None:
    """Return to the system what loading modules has used and nothing uses any more."""

def handover_pair() -> tuple[int, int]:
    """Two ends of a new connection, between which workers pass on theirs."""

class Board:
    """What the workers of one service tell each other: a slot for each, in shared memory, and what wakes them."""

    def __init__(self, slots: int) -> None: ...
    @staticmethod
    def adopt(fd: int, wake_fds: Sequence[int]) -> Board:
        """Take over the descriptors of an earlier program; ValueError: its board is of another version."""

    @property
    def fds(self) -> tuple[int, tuple[int, ...]]:
        """The descriptor of the memory, and those that wake the workers."""

    @property
    def slots(self) -> int:
        """How many workers there can be."""

    @property
    def watcher(self) -> int | None:
        """The slot whose turn it is to watch the listeners."""

    def read(self, slot: int) -> dict[str, Any]:
        """Return what the worker of a slot told last; times are milliseconds of time.monotonic(), 0: none."""

    def beat(self, slot: int) -> None:
        """Count a beat of the worker's main thread."""

    def silence(self, slot: int) -> None:
        """Say that nothing is heard of a worker: others accept, where there are any, until Engine.beat() is called."""

    def clear(self, slot: int) -> None:
        """Take away what a worker has left that is no more, and wake the others."""

    def wake(self) -> None:
        """Let every worker look at the board."""

class Bound:
    """A listening socket that one process binds and others inherit."""

    name: str  # as a banner shows it

    @property
    def fd(self) -> int:
        """The socket; -1 when it is closed."""

    @property
    def fds(self) -> tuple[int, ...]:
        """All descriptors that a new program in this process needs for adopt()."""

    def leave(self) -> None:
        """In a forked worker: the path and its lock are the parent's affair."""

    def refuse(self) -> None:
        """Before the last worker stops: from now on nobody can connect."""

    def close(self) -> None:
        """Close the socket; the process that bound it unlinks its path first."""

    def state(self) -> tuple[int | str, ...]:
        """What adopt() needs in a new program of the same process: numbers and strings."""

    @staticmethod
    def adopt(state: Sequence[int | str]) -> Bound:
        """Take over what state() gave before this process executed another program."""

def bind(spec: Mapping[str, int | str | list[str]], backlog: int) -> Bound:
    """Open the socket of a listener; OSError holds a readable message."""

class Engine:
    """One engine: its listeners, connections and ready queue."""

    @property
    def log_fd(self) -> int:
        """Readable when take_log() has something."""

    def keep_policies(self) -> None:
        """Change the scheduling policy of no thread; before there is any."""

    @property
    def can_spill(self) -> bool:
        """False where no folder for temporary files works."""

    def __init__(self, settings: Mapping[str, int | str | bool]) -> None: ...
    def listen(self, spec: Mapping[str, int | str | list[str]]) -> str:
        """Open one listener and return its real address; OSError and ValueError hold a readable message."""

    def adopt(self, spec: Mapping[str, int | str | list[str]]) -> None:
        """Serve the one request that run_relay() will pass on, in place of listeners."""

    def join(self, board: Board, slot: int, handover_fds: tuple[int, int] = (-1, -1), worker: int = 0) -> None:
        """Become one of several workers that share listening sockets; before the first thread runs."""

    def retire(self, drain_ms: int) -> None:
        """Leave the other workers and drain: the backlog and idle connections are theirs. From any thread."""

    def run_relay(self, environment: bytes, body: int, source: int, sink: int) -> bool:
        """Be the thread that passes one request and its response on; True when all of the response was written."""

    def check_listener(self, spec: Mapping[str, int | str | list[str]]) -> None:
        """Raise what listen() would raise, as far as that can be seen without opening anything."""

    def check_access_log(self, path: str) -> None:
        """Raise OSError where open_access_log() could not open `path`; nothing is made there."""

    def take_log(self) -> bytes:
        """Return some of the messages since the last call, one a line; nothing when all are taken."""

    def say(self, text: str, goes_on: bool = False) -> None:
        """Add lines to the messages; without room they are lost and counted."""

    def stats(self) -> dict[str, int]:
        """Return the counters."""

    def run_thread(
        self,
        app: Callable[..., Any],
        extra: Mapping[str, str],
        page: Callable[[Mapping[str, Any], BaseException, bool], tuple[str, bytes]] | None = None,
    ) -> None:
        """Serve requests on this thread; returns when the engine has stopped and drained."""

    def run_relief(self) -> None:
        """Be the thread that takes the loop when every other is busy; returns when the engine has stopped."""

    def when_stuck(self, text: str, fd: int, number: int, status: int) -> None:
        """Name what run_relief() says, and how it ends the process, when beat() is not called any more."""

    def beat(self) -> None:
        """Show once a second that the interpreter works."""

    @property
    def overdue(self) -> bool:
        """Whether a request is past its time limit. To be asked when `overdue_fd` is readable."""

    @property
    def overdue_fd(self) -> int:
        """Readable when a request has passed its time limit, until `overdue` is asked for."""

    def interrupt_overdue(
        self, error: type[BaseException], look: Callable[[int], str], may_repeat: bool
    ) -> list[tuple[str, str]]:
        """Raise `error` in the threads of overdue requests; return those and what `look(ident)` gave, once each."""

    def open_access_log(self, form: str, path: str, buffer: int, exclude: tuple[str, ...]) -> None:
        """Log each request, to `path` or to standard output; OSError holds a readable message."""

    def run_access_log(self) -> None:
        """Be the thread that writes the access log; returns after close_access_log()."""

    def close_access_log(self) -> None:
        """Let run_access_log() write what waits and return, when no request is served any more."""

    def reopen_access_log(self) -> None:
        """Go on in a new file of the same name."""

    def unready(self) -> None:
        """Let health checks and responses say that the end is near; serve on. From any thread."""

    def stop(self, drain_ms: int) -> None:
        """Begin to drain; what is left after `drain_ms` is cut. From any thread."""

    def kill(self) -> None:
        """Stop at once. From any thread."""

class Client:
    """One request and its response, as bytes, without a socket.

    Answers are tuples: ("interim" or "head", status, phrase, [(name, value), ...]), ("body" or "stderr", data),
    ("demand", most bytes of the next piece of the body), ("bad", code, text) and ("end", "whole" or "closed" or
    "cut", application's status, whether bytes came behind the end).
    """

    @property
    def form(self) -> str:
        """What a request is: `http` a head, `cgi` variables alone, `ajp` both."""

    @property
    def on_demand(self) -> bool:
        """True where the body is sent in the pieces that the server demands."""

    @property
    def frame_max(self) -> int:
        """Most bytes of the body in one piece of those."""

    @property
    def sends_chunks(self) -> bool:
        """True where a body of unknown length can be sent."""

    def __init__(self, protocol: str) -> None: ...
    def head(
        self,
        method: bytes,
        target: bytes,
        headers: list[tuple[bytes, bytes]],
        variables: list[tuple[bytes, bytes]],
        attributes: list[tuple[bytes, bytes]],
        length: int | None,
        chunked: bool,
    ) -> bytes:
        """Encode a request up to its body; ValueError says why it cannot be sent."""

    def body(self, data: bytes) -> bytes:
        """Encode a piece of the body."""

    def end(self) -> bytes:
        """Encode the end of the body, also of one that is empty."""

    def feed(self, data: bytes) -> list[tuple[Any, ...]]:
        """Take bytes of the server and return what they say."""

    def eof(self, clean: bool) -> list[tuple[Any, ...]]:
        """Return what the end of the connection means; `clean` is False for a reset."""
