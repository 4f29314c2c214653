"""Applications that wait for descriptors with x-wsgiorg.fdevent, and those that see to it that they may go on."""

from __future__ import annotations

import contextlib
import contextvars
import os
import select
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

import journal
from routing import ROUTES, TEXT, argument, reply, route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from routing import App, Environ, StartResponse

KEYS = ("x-wsgiorg.fdevent.readable", "x-wsgiorg.fdevent.writable", "x-wsgiorg.fdevent.timeout")
READABLE, WRITABLE, TIMEOUT = KEYS
INPUT_READY = "polydoor.input_ready"
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="nothing")
_pairs: dict[str, tuple[socket.socket, socket.socket]] = {}
_lock = threading.Lock()


def pair(key: str) -> tuple[socket.socket, socket.socket]:
    """The two ends that this key stands for: the first one is waited for."""
    with _lock:
        if key not in _pairs:
            near, far = socket.socketpair()
            near.setblocking(False)
            far.setblocking(False)
            _pairs[key] = near, far
        return _pairs[key]


def fill(sock: socket.socket) -> None:
    """Sends until no more is taken."""
    try:
        while True:
            sock.send(b"x" * 65536)
    except BlockingIOError:
        pass


# --- what the tests ask besides -------------------------------------------------------------------------------------


@route
def notes(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """What was noted under `key`, once there are `count` notes."""
    return reply(start_response, journal.notes(argument(environ, "key"), int(argument(environ, "count", "0"))))


@route
def gate(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Opens a gate."""
    journal.open_gate(argument(environ, "key"))
    return reply(start_response, None)


@route
def poke(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The waiting end has something to read."""
    pair(argument(environ, "key"))[1].send(b"!")
    return reply(start_response, None)


@route
def drain(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The waiting end may write again."""
    far = pair(argument(environ, "key"))[1]
    try:
        while far.recv(1 << 20):
            pass
    except BlockingIOError:
        pass
    return reply(start_response, None)


@route
def shut(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The waiting end is closed; with `reuse` its number is another file's at once."""
    near = pair(argument(environ, "key"))[0]
    if argument(environ, "reuse"):
        reading, writing = os.pipe()
        os.dup2(reading, near.fileno())
        journal.note(argument(environ, "key"), "reused")
        _kept.append((reading, writing))
    else:
        near.close()
    return reply(start_response, None)


_kept: list[Any] = []


# --- applications that wait -----------------------------------------------------------------------------------------


class Closing:
    """Passes an iterable through, and notes each close()."""

    def __init__(self, key: str, blocks: Iterator[bytes]) -> None:
        self._key = key
        self._blocks = blocks

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def close(self) -> None:
        self._blocks.close()  # type: ignore[attr-defined]
        journal.note(self._key, "closed")


class Fileno:
    """An object that has a descriptor, and nothing else."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        return self._fd


def waiting(app: Callable[..., Iterator[bytes]]) -> App:
    """Registers a generator that gets `key` besides; "waiting" is noted before it begins, its end by close()."""

    def started(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        key = argument(environ, "key")
        return Closing(key, app(environ, start_response, key))

    ROUTES[app.__name__] = started
    return started


@route
def keys(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The types of the three, and the truth of the last one."""
    return reply(start_response, [callable(environ[READABLE]), callable(environ[WRITABLE]), bool(environ[TIMEOUT])])


@route
def refused(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Which exceptions come of calls that are wrong; none of them leaves anything behind."""

    def error(*args: Any, **kwargs: Any) -> str:
        try:
            environ[READABLE](*args, **kwargs)
        except Exception as caught:
            return type(caught).__name__
        return "nothing"

    wrong = [
        error(),
        error(fd=0),
        error(0, timeout=1.0),
        error(0, 1.0, 2),
        error("0"),
        error(None),
        error(-1),
        error(0, -0.1),
        error(0, float("nan")),
        error(0, "1"),
    ]
    return reply(start_response, wrong)


@waiting
def once(environ: Environ, start_response: StartResponse, key: str) -> Iterator[bytes]:
    """One wait as the query string says; the response tells its result, and how long it took."""
    near = pair(key)[0]
    way = environ[argument(environ, "way", READABLE)]
    what = {"int": near.fileno(), "socket": near, "object": Fileno(near.fileno())}[argument(environ, "kind", "int")]
    if argument(environ, "full"):
        fill(near)
    before = time.monotonic()
    journal.note(key, "waiting")
    timeout = argument(environ, "timeout")
    result = way(what) if not timeout else way(what, None if timeout == "None" else float(timeout))
    yield result
    took = time.monotonic() - before
    yield from reply(start_response, {"result": repr(result), "timeout": bool(environ[TIMEOUT]), "took": took})


@waiting
def odd(environ: Environ, start_response: StartResponse, key: str) -> Iterator[bytes]:
    """What select() finds ready at once: a plain file, and a number that no descriptor has."""
    closed = os.dup(0)
    os.close(closed)
    seen = []
    with open(__file__) as source:
        for what in (source, closed, 1 << 30):
            yield environ[READABLE](what)
            seen.append(bool(environ[TIMEOUT]))
            yield environ[WRITABLE](what, 60)
            seen.append(bool(environ[TIMEOUT]))
    yield from reply(start_response, seen)


@waiting
def nested(environ: Environ, start_response: StartResponse, key: str) -> Iterator[bytes]:
    """Waits for an epoll set within sets; as many in all as `count` says."""
    with contextlib.ExitStack() as stack:
        what: Any = pair(key)[0]
        for _ in range(int(argument(environ, "count"))):
            poll = stack.enter_context(select.epoll())
            poll.register(what, select.EPOLLIN)
            what = poll
        journal.note(key, "waiting")
        yield environ[READABLE](what, 60)
        yield from reply(start_response, [bool(environ[TIMEOUT]), len(what.poll(0))])


@waiting
def often(environ: Environ, start_response: StartResponse, key: str) -> Iterator[bytes]:
    """Reads four bytes, waiting for each, while the head is not out, and the other four while it is."""
    near = pair(key)[0]
    got = b""
    for i in range(8):
        if i == 4:
            start_response("202 Accepted", TEXT)
            yield b"head "
        journal.note(key, "waiting")
        yield environ[READABLE](near)
        got += near.recv(1)
    yield got


@waiting
def late(environ: Environ, start_response: StartResponse, key: str) -> Iterator[bytes]:
    """Replaces its head behind a wait: so the empty string has not sent it."""
    start_response("200 OK", TEXT)
    yield b""
    yield environ[READABLE](pair(key)[0], 0)
    try:
        raise LookupError("too slow")
    except LookupError:
        start_response("504 Gateway Timeout", TEXT, sys.exc_info())
    yield b"" + (b"late" if environ[TIMEOUT] else b"early")


@waiting
def twice(environ: Environ, start_response: StartResponse, key: str) -> Iterator[bytes]:
    environ[READABLE](pair(key)[0], 60)
    yield environ[READABLE](pair(key)[0], 60)


@waiting
def full(environ: Environ, start_response: StartResponse, key: str) -> Iterator[bytes]:
    start_response("200 OK", TEXT)
    environ[READABLE](pair(key)[0], 60)
    yield b"not empty"


@waiting
def kept(environ: Environ, start_response: StartResponse, key: str) -> Iterator[bytes]:
    start_response("200 OK", TEXT)
    yield b""
    environ[READABLE](pair(key)[0], 60)


@waiting
def fails(environ: Environ, start_response: StartResponse, key: str) -> Iterator[bytes]:
    """Fails behind a wait, with or without a block before."""
    if argument(environ, "begun"):
        start_response("200 OK", TEXT)
        yield b"begun"
    yield environ[READABLE](pair(key)[0])
    raise LookupError("behind a wait")


@waiting
def forever(environ: Environ, start_response: StartResponse, key: str) -> Iterator[bytes]:
    """Waits until somebody ends it; says what it sees then."""
    if argument(environ, "begun"):
        start_response("200 OK", TEXT)
        yield b"begun"
    journal.note(key, "waiting")
    try:
        yield environ[READABLE](pair(key)[0])
        journal.note(key, "resumed")
    except GeneratorExit:
        journal.note(key, "exit")
        environ["wsgi.errors"].write(f"closed {key}\n")
        journal.note(key, bool(environ["polydoor.client_gone"]()))
        raise


@waiting
def shared(environ: Environ, start_response: StartResponse, key: str) -> Iterator[bytes]:
    """Waits for the one descriptor that all requests of this kind share; `key` only notes the end."""
    start_response("200 OK", TEXT)
    yield environ[READABLE](pair("shared")[0])
    yield b"resumed"


@route
def hold(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Keeps its thread until the gate is open."""
    journal.note(argument(environ, "key"), "holding")
    return reply(start_response, journal.pass_gate(argument(environ, "key")))


@waiting
def context(environ: Environ, start_response: StartResponse, key: str) -> Iterator[bytes]:
    """One thread, one context: a token set before the waits can be given back behind them."""
    token = variable.set(key)
    threads = {threading.get_ident()}
    for _ in range(3):
        journal.note(key, "waiting")
        yield environ[READABLE](pair(key)[0])
        pair(key)[0].recv(1)
        threads.add(threading.get_ident())
    seen = variable.get()
    variable.reset(token)
    yield from reply(start_response, [seen == key, len(threads), variable.get()])


@route
def bare(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """What a request finds that sets nothing itself."""
    return reply(start_response, variable.get())


@route
def listed(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The call stands in the application itself, and the result is a list."""
    start_response("200 OK", TEXT)
    return [environ[READABLE](pair(argument(environ, "key"))[0], 0.01), b"listed ", b"blocks"]


@route
def wrapped(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Calls, and then gives a file instead of the empty string."""
    start_response("200 OK", TEXT)
    environ[READABLE](pair(argument(environ, "key"))[0], 60)
    source = open(__file__, "rb")  # noqa: SIM115 - the server closes it
    blocks: Iterable[bytes] = environ["wsgi.file_wrapper"](source)
    return blocks


# --- the request's own body -----------------------------------------------------------------------------------------


@waiting
def upload(environ: Environ, start_response: StartResponse, key: str) -> Iterator[bytes]:
    """Takes its body as it comes. With `first` it waits for something else before; `timeout` is that of each wait."""
    if argument(environ, "first"):
        journal.note(key, "first")
        yield environ[READABLE](pair(key)[0])
    timeout = argument(environ, "timeout")
    got = []
    while not got or got[-1]:
        journal.note(key, "waiting")
        yield environ[INPUT_READY](float(timeout)) if timeout else environ[INPUT_READY]()
        if environ[TIMEOUT]:
            journal.note(key, "late")
            continue
        try:
            got.append(environ["wsgi.input"].read1())
        except OSError:
            journal.note(key, "broken")
            raise
    yield from reply(start_response, b"".join(got).decode())


@waiting
def lines(environ: Environ, start_response: StartResponse, key: str) -> Iterator[bytes]:
    """What readline() has taken behind the line is there, as long as it has not been read."""
    stream = environ["wsgi.input"]
    yield environ[INPUT_READY]()
    seen = [stream.readline()]
    for size in (2, 0, -1):
        yield environ[INPUT_READY](0)
        assert not environ[TIMEOUT]
        seen.append(stream.read1(size))
    journal.note(key, [part.decode() for part in seen])
    while seen[-1]:
        yield environ[INPUT_READY]()
        seen.append(stream.read1(5))
    yield from reply(start_response, b"".join(seen).decode())


class Late:
    """One block, and a close() that calls `call`."""

    def __init__(self, block: bytes, call: Callable[[], None]) -> None:
        self._block = block
        self.close = call

    def __iter__(self) -> Iterator[bytes]:
        yield self._block


@route
def elsewhere(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A call from a thread of the application, and one by close(), are refused."""
    key = argument(environ, "key")
    errors = []

    def call() -> None:
        try:
            environ[READABLE](0)
        except RuntimeError as error:
            errors.append(str(error))
            journal.note(key, str(error))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    return Late(reply(start_response, errors)[0], call)


# --- middleware -----------------------------------------------------------------------------------------------------


def copying(app: App, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Gives a copy of the environ on, and each block, the empty ones too."""
    blocks = app(dict(environ), start_response)
    try:
        yield from (block.upper() for block in blocks)
    finally:
        blocks.close()  # type: ignore[attr-defined]


def collecting(app: App, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Collects the blocks, as no middleware may (PEP 3333, "Middleware Handling of Block Boundaries")."""
    return [b"".join(app(environ, start_response))]


def dropping(app: App, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Leaves empty blocks out."""
    return filter(None, app(environ, start_response))


MIDDLEWARE: dict[str, Callable[..., Iterable[bytes]]] = {
    "copying": copying,
    "collecting": collecting,
    "dropping": dropping,
}


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The first segment of the path names the application, `through` the middleware."""
    app = ROUTES[environ["PATH_INFO"].split("/")[1]]
    through = argument(environ, "through")
    if through:
        return MIDDLEWARE[through](app, environ, start_response)
    return app(environ, start_response)
