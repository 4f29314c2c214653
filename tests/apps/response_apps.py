"""Applications that use start_response and write() in every way, well and badly."""

from __future__ import annotations

import contextlib
import gc
import json
import sys
import threading
import traceback
import weakref
from typing import TYPE_CHECKING, Any

import journal
from iterable_apps import Closing
from routing import TEXT, argument, reply, route

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from routing import Environ, StartResponse


class PlantedError(Exception):
    """An error that a test put there."""


@route
def respond(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with the status, headers and body blocks that X-Response (JSON) asks for."""
    plan = json.loads(environ["HTTP_X_RESPONSE"])
    headers = [(name, value) for name, value in plan.get("headers", TEXT)]
    start_response(plan.get("status", "200 OK"), headers)
    return [block.encode("latin-1") for block in plan.get("body", ["body"])]


@route
def wide(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with a header field of `size` bytes."""
    start_response("200 OK", [("X-Wide", "x" * int(argument(environ, "size")))])
    return [b"body"]


BAD: dict[str, tuple[Any, Any]] = {
    "status-no-space": ("200", []),
    "status-two-digits": ("20 OK", []),
    "status-four-digits": ("2000 OK", []),
    "status-letters": ("OK 200", []),
    "status-empty": ("", []),
    "status-leading-space": (" 200 OK", []),
    "status-crlf": ("200 OK\r\n", []),
    "status-split": ("200 OK\r\nX-Injected: yes", []),
    "status-lf": ("200 OK\nX-Injected: yes", []),
    "status-nul": ("200 O\0K", []),
    "status-bytes": (b"200 OK", []),
    "status-int": (200, []),
    "status-1xx": ("100 Continue", []),
    "status-0xx": ("099 Odd", []),
    "status-other-digits": ("\u00b200 OK", []),
    "status-wide": ("200 \u20ac", []),
    "headers-tuple": ("200 OK", (("X-A", "b"),)),
    "headers-dict": ("200 OK", {"X-A": "b"}),
    "headers-none": ("200 OK", None),
    "headers-generator": ("200 OK", iter([("X-A", "b")])),
    "header-list-pair": ("200 OK", [["X-A", "b"]]),
    "header-triple": ("200 OK", [("X-A", "b", "c")]),
    "header-single": ("200 OK", [("X-A",)]),
    "header-str": ("200 OK", ["X-A: b"]),
    "name-bytes": ("200 OK", [(b"X-A", "b")]),
    "name-empty": ("200 OK", [("", "b")]),
    "name-colon": ("200 OK", [("X-A:", "b")]),
    "name-space": ("200 OK", [("X A", "b")]),
    "name-crlf": ("200 OK", [("X-A\r\nX-Injected", "b")]),
    "name-nul": ("200 OK", [("X-A\0", "b")]),
    "name-latin1": ("200 OK", [("X-\u00e9", "b")]),
    "name-wide": ("200 OK", [("X-\u20ac", "b")]),
    "name-status": ("200 OK", [("Status", "404 Not Found")]),
    "value-bytes": ("200 OK", [("X-A", b"b")]),
    "value-int": ("200 OK", [("Content-Length", 5)]),
    "value-none": ("200 OK", [("X-A", None)]),
    "value-crlf": ("200 OK", [("X-A", "b\r\nX-Injected: yes")]),
    "value-lf": ("200 OK", [("X-A", "b\nX-Injected: yes")]),
    "value-cr": ("200 OK", [("X-A", "b\rX-Injected: yes")]),
    "value-fold": ("200 OK", [("X-A", "b\r\n folded")]),
    "value-nul": ("200 OK", [("X-A", "b\0c")]),
    "value-escape": ("200 OK", [("X-A", "b\x1b[0m")]),
    "value-delete": ("200 OK", [("X-A", "b\x7f")]),
    "value-wide": ("200 OK", [("X-A", "\u20ac")]),
    "length-sign": ("200 OK", [("Content-Length", "+5")]),
    "length-word": ("200 OK", [("Content-Length", "five")]),
    "length-negative": ("200 OK", [("Content-Length", "-1")]),
    "length-twice": ("200 OK", [("Content-Length", "5"), ("content-length", "5")]),
}


@route
def bad_start(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Calls start_response with one thing wrong and notes what that raises."""
    status, headers = BAD[argument(environ, "case")]
    key = argument(environ, "key")
    try:
        start_response(status, headers)
    except Exception as error:
        journal.note(key, type(error).__name__)
        raise
    journal.note(key, None)
    return [b"accepted"]


@route
def hop(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Sets a header that belongs to the connection and notes what that raises."""
    key = argument(environ, "key")
    try:
        start_response("200 OK", [*TEXT, (argument(environ, "name"), argument(environ, "value"))])
    except Exception as error:
        journal.note(key, type(error).__name__)
        raise
    journal.note(key, None)
    return [b"accepted"]


@route
def start_signature(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Passes exc_info=None as the third argument."""
    write = start_response("200 OK", list(TEXT), None)
    return [f"{callable(write)}".encode()]


@route
def mutated_list(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Changes its header list behind start_response; what was passed counts or what stands, but whole."""
    headers = [*TEXT, ("X-A", "one")]
    start_response("200 OK", headers)
    headers.append(("X-B", "evil\r\nX-Injected: yes"))
    return [b"body"]


@route
def writes(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Uses write(), then returns blocks too."""
    write = start_response("200 OK", TEXT)
    journal.note(argument(environ, "key"), repr(write(b"one ")))
    write(b"")
    write(b"two ")
    return [b"three ", b"four"]


@route
def write_gated(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """What was written must be with the client before write() is followed by anything."""
    key = argument(environ, "key")
    write = start_response("200 OK", TEXT)
    write(b"written ")
    journal.note(key, journal.pass_gate(key))
    return [b"returned"]


@route
def write_wrong(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Gives write() something that is not bytes."""
    write = start_response("200 OK", TEXT)
    try:
        write("text")
    except Exception as error:
        journal.note(argument(environ, "key"), type(error).__name__)
        raise
    return []


@route
def write_late(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Keeps write() and uses it when its request is over."""
    key = argument(environ, "key")
    write = start_response("200 OK", [*TEXT, ("Content-Length", "4")])

    class Body(Closing):
        def close(self) -> None:
            try:
                write(b"behind the end")
                write(b"behind the end")
            except Exception as error:
                journal.note(key, type(error).__name__)
            else:
                journal.note(key, None)

    return Body(key, [b"body"])


@route
def write_surplus(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes past its own Content-Length."""
    key = argument(environ, "key")
    write = start_response("200 OK", [*TEXT, ("Content-Length", "5")])
    try:
        write(b"1234")
        write(b"5678")
        write(b"9")
    except Exception as error:
        journal.note(key, type(error).__name__)
        raise
    journal.note(key, None)
    return []


@route
def twice(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Calls start_response again without exc_info; `first` says whether the first call is a bad one."""
    key = argument(environ, "key")
    if argument(environ, "first") == "bad":
        try:
            start_response("200 OK\r\n", TEXT)
        except Exception as error:
            journal.note(key, type(error).__name__)
    else:
        start_response("200 OK", TEXT)
    try:
        start_response("201 Created", TEXT)
    except Exception as error:
        journal.note(key, type(error).__name__)
        raise
    journal.note(key, None)
    return [b"accepted"]


@route
def replace(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Replaces status and headers with exc_info behind empty blocks."""
    start_response("200 OK", [*TEXT, ("X-First", "yes"), ("Content-Length", "1000")])
    yield b""
    yield b""
    try:
        raise PlantedError("planted")
    except PlantedError:
        start_response("503 Replaced", [*TEXT, ("X-Second", "yes")], sys.exc_info())
    yield b"replaced"


@route
def too_late(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Asks to replace the head when it is out; notes what start_response raises and its traceback."""
    key = argument(environ, "key")
    start_response("200 OK", TEXT)
    yield b"out"
    try:
        planted_deep_down()
    except PlantedError as planted:
        try:
            start_response("503 Replaced", TEXT, sys.exc_info())
        except BaseException as error:
            frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
            journal.note(key, [error is planted, "planted_deep_down" in frames])
            raise
    journal.note(key, None)


@route
def odd_exc_info(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Gives a second start_response what sys.exc_info() never gives, before or behind the head."""
    start_response("200 OK", TEXT)
    yield b"out" if argument(environ, "when") == "late" else b""
    try:
        start_response("503 Replaced", TEXT, eval(argument(environ, "given")))
    except Exception as error:
        journal.note(argument(environ, "key"), type(error).__name__)
        raise
    yield b"replaced"


@route
def subclass(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Blocks whose type is made from bytes, and says that they are longer."""

    class Block(bytes):
        def __len__(self) -> int:
            return 1_000_000

    write = start_response("200 OK", TEXT)
    write(Block(b"one "))
    yield Block(b"two")


@route
def subclass_alone(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """One such block, from which the length of the response is taken."""

    class Block(bytes):
        def __len__(self) -> int:
            return 1_000_000

    start_response("200 OK", TEXT)
    return [Block(b"three")]


@route
def outlived(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Ends while another thread has the server show a bad header; the gate is opened during the next request."""
    key = argument(environ, "key")
    seen = threading.Event()

    class Odd:
        def __repr__(self) -> str:
            seen.set()
            journal.pass_gate(key)
            return "odd"

    def late() -> None:
        with contextlib.suppress(Exception):
            start_response("200 OK", [("X-A", "b"), Odd()], (ValueError, ValueError(), None))  # type: ignore[list-item]
        journal.note(key, "shown")

    start_response("200 OK", TEXT)
    threading.Thread(target=late, daemon=True).start()
    seen.wait()
    return [b"ended"]


@route
def opens_gate(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Begins its response, then lets what waits at the gate go on before it ends."""
    key = argument(environ, "key")
    start_response("200 OK", TEXT)
    journal.open_gate(key)
    journal.notes(key, 1)
    return [b"its own"]


def planted_deep_down() -> None:
    """A frame that the traceback must show."""
    raise PlantedError("planted")


_kept: dict[str, weakref.ref[PlantedError]] = {}


@route
def drop_error(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Replaces its head with exc_info, keeping only a weak reference to the exception."""
    start_response("200 OK", TEXT)
    try:
        planted_deep_down()
    except PlantedError as error:
        _kept[argument(environ, "key")] = weakref.ref(error)
        start_response("500 Planted", TEXT, sys.exc_info())
    return [b"dropped"]


@route
def dropped(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Whether the exception of drop_error is gone."""
    gc.collect()
    return reply(start_response, _kept[argument(environ, "key")]() is None)


@route
def empty_items(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Blocks with empty ones between."""
    start_response("200 OK", TEXT)
    yield from (b"", b"a", b"", b"", b"b", b"")


@route
def lengthy(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Announces `length` bytes and yields `count` times `size` ones."""
    start_response("200 OK", [*TEXT, ("Content-Length", argument(environ, "length"))])
    for _ in range(int(argument(environ, "count", "1"))):
        yield b"x" * int(argument(environ, "size"))


@route
def sized(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A generator of `count` blocks of `size` bytes, without a length."""
    size, count = int(argument(environ, "size")), int(argument(environ, "count", "1"))
    start_response("200 OK", TEXT)
    return (bytes([number % 256]) * size for number in range(count))


@route
def no_type(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Headers as the application has set them, Date and Server included."""
    headers = [("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Server", "planted")] if environ["QUERY_STRING"] else []
    start_response("200 OK", [*TEXT, *headers])
    return [b"body"]


ERRORS: dict[str, type[BaseException]] = {
    "error": PlantedError,
    "system-exit": SystemExit,
    "keyboard-interrupt": KeyboardInterrupt,
    "generator-exit": GeneratorExit,
    "stop-iteration": StopIteration,
    "memory": MemoryError,
}


@route
def crash(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Raises at the place `where`: call, started, first, later, later-length."""
    where = argument(environ, "where")
    error = ERRORS[argument(environ, "error", "error")](argument(environ, "key"))
    if where == "call":
        raise error
    length = [("Content-Length", "1000")] if where == "later-length" else []
    start_response("200 OK", [*TEXT, *length])
    if where == "started":
        raise error

    class Body:
        def __init__(self) -> None:
            self.count = 0

        def __iter__(self) -> Body:
            return self

        def __next__(self) -> bytes:
            self.count += 1
            if where == "first" or self.count > 1:
                raise error
            return b"partial"

    return Body()


@route
def ranges(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Whole content whatever the conditional headers say, and those headers."""
    seen = [environ.get(key) for key in ("HTTP_RANGE", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")]
    body = json.dumps(seen).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("ETag", '"tag"')])
    return [body]


@route
def guarded(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """For who knows the password of basic authentication (RFC 7617) alone; everybody may ask for the methods."""
    if environ["REQUEST_METHOD"] == "OPTIONS":
        start_response("200 OK", [("Allow", "GET, HEAD, OPTIONS"), ("Content-Length", "0")])
        return []
    if environ.get("HTTP_AUTHORIZATION") != "Basic bWU6b3Blbg==":  # me:open
        start_response("401 Unauthorized", [*TEXT, ("WWW-Authenticate", "Basic realm=shop")])
        return [b"who are you?\n"]
    start_response("200 OK", TEXT)
    return [b"me is let in\n"]
