"""What the history check asks for (tests/support/history.py): each run is noted, and each answer says whose it is.

`id` names the request. `sleep=S` waits before the answer; `fifo=PATH` waits until that FIFO is opened for writing and
closed again; `awaits=PATH` waits without a thread until that FIFO can be read (x-wsgiorg.fdevent); `size=N` makes the
answer longer, in a block of its own, and `then=S` waits before that. HISTORY in the environment names the file to which
each run appends "begin", "end" and "close", or "raised", with its time.
"""

from __future__ import annotations

import os
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def answer(ident: str, body: bytes, size: int) -> tuple[bytes, bytes]:
    """The two blocks of the answer: whose it is and what was received, then `size` bytes that nobody else gets."""
    told = f"{ident} {len(body)} {zlib.crc32(body):08x}\n".encode()
    return told, (ident.encode() * (size // len(ident) + 1))[:size]


def note(what: str, ident: str) -> None:
    """One line, written at once: the lines of several processes do not mix."""
    line = f"{what} {ident} {time.monotonic():.6f} {os.getpid()}\n"
    with open(os.environ["HISTORY"], "ab", buffering=0) as file:
        file.write(line.encode())


class Answer:
    """The iterable of one run."""

    def __init__(self, ident: str, blocks: tuple[bytes, bytes], pause: float, wait: Callable[[], bytes] | None) -> None:
        self._ident = ident
        self._blocks = blocks
        self._pause = pause
        self._wait = wait

    def __iter__(self) -> Iterator[bytes]:
        if self._wait:
            yield self._wait()
        yield self._blocks[0]
        if self._pause:
            time.sleep(self._pause)
        if self._blocks[1]:
            yield self._blocks[1]
        note("end", self._ident)

    def close(self) -> None:
        """As the server must call it, once."""
        note("close", self._ident)


def waiter(environ: dict[str, Any], path: str) -> Callable[[], bytes]:
    """The wait for this FIFO; whoever holds it keeps that open."""
    fifo = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
    return lambda: environ["x-wsgiorg.fdevent.readable"](fifo)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    query = dict(parse_qsl(environ["QUERY_STRING"]))
    ident = query["id"]
    try:
        note("begin", ident)
        body = environ["wsgi.input"].read()
        if "sleep" in query:
            time.sleep(float(query["sleep"]))
        if "fifo" in query:
            Path(query["fifo"]).read_bytes()
        blocks = answer(ident, body, int(query.get("size", 0)))
        length = sum(map(len, blocks))
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(length)), ("X-Run", ident)])
        wait = waiter(environ, query["awaits"]) if "awaits" in query else None
        return Answer(ident, blocks, float(query.get("then", 0)), wait)
    except BaseException:
        note("raised", ident)
        raise
