"""Server-sent events and waits for the tests of many clients: /events, /say?SIZE, /wait and /."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from polydoor.asyncwsgi import EVENT_STREAM, Channel, event, event_stream, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TEXT = [("Content-Type", "text/plain")]
channel: Channel[bytes] = Channel(keep=20)
never = Channel[bytes]()
lock = threading.Lock()
open_ones = 0


@contextlib.contextmanager
def counted() -> Iterator[None]:
    """How many there are is counted."""
    global open_ones  # noqa: PLW0603
    with lock:
        open_ones += 1
    try:
        yield
    finally:
        with lock:
            open_ones -= 1


def events(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """One of many streams."""
    start_response("200 OK", EVENT_STREAM)
    with counted():
        yield from event_stream(environ, channel, alive=600)


def wait(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """Waits for what never comes."""
    with counted():
        yield from run(environ, never.subscribe().take())
    start_response("200 OK", TEXT)
    yield b"came"


def say(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A message to all, of as many bytes."""
    size = int(environ["QUERY_STRING"] or 1)
    start_response("200 OK", TEXT)
    return [str(channel.publish(event("x" * size))).encode()]


def plain(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A request that waits for nothing: how many others there are."""
    start_response("200 OK", TEXT)
    return [str(open_ones).encode()]


ROUTES = {"/events": events, "/wait": wait, "/say": say}


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    return ROUTES.get(environ["PATH_INFO"], plain)(environ, start_response)
