"""An application that gets stuck in every way there is."""

from __future__ import annotations

import ctypes
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

LIBC = ctypes.CDLL(None)  # lets go of the interpreter's lock during a call
LIBC_HOLDING = ctypes.PyDLL(None)  # ... and this does not
LONG_S = 600


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Get stuck as the path says; all else is answered at once."""
    way = WAYS.get(environ["PATH_INFO"])
    if way is not None:
        print("stuck in", environ["PATH_INFO"], file=sys.stderr, flush=True)
        return way(environ, start_response)
    return hello(environ, start_response)


def hello(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def loop(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Stay in Python."""
    while True:
        spin_a_little()


def spin_a_little() -> None:
    """A call, so that the stack has a changing end."""
    time.sleep(0.001)


def sleep(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Stay in one call of the standard library."""
    time.sleep(LONG_S)
    return hello(environ, start_response)


def c_call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Stay in C, without the lock."""
    LIBC.sleep(LONG_S)
    return hello(environ, start_response)


def hold(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Stay in C, with the lock."""
    LIBC_HOLDING.sleep(LONG_S)
    return hello(environ, start_response)


def stream(_environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """Stay behind the first block."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"begun\n"
    while True:
        spin_a_little()


def steady(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """Go on giving something, for longer than the limit."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    for _ in range(int(environ["QUERY_STRING"])):
        time.sleep(0.1)
        yield b"."


def swallow(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Take whatever comes for an error of one's own, twice."""
    for turn in range(3):
        try:
            loop(environ, start_response)
        except BaseException as error:
            print("swallowed", turn, type(error).__name__, file=sys.stderr, flush=True)
    return hello(environ, start_response)


def upload(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Give back what comes, however long it takes."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.input"].read()]


def nap(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Take a moment."""
    time.sleep(0.3)
    return hello(environ, start_response)


class TediousError(Exception):
    """Takes its time to say what it is."""

    def __str__(self) -> str:
        for _ in range(500):
            spin_a_little()
        return "said at last"


class Unclosable(list[bytes]):
    """A result that cannot be closed."""

    def close(self) -> None:
        """Fail, which the server tells."""
        raise TediousError


def unclosable(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Keep the server busy behind the response."""
    return Unclosable(hello(environ, start_response))


WAYS: dict[str, Callable[[dict[str, Any], Any], Iterable[bytes]]] = {
    "/loop": loop,
    "/sleep": sleep,
    "/c": c_call,
    "/hold": hold,
    "/stream": stream,
    "/steady": steady,
    "/swallow": swallow,
    "/upload": upload,
    "/nap": nap,
    "/unclosable": unclosable,
}
