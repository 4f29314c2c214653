"""A program that serves requests which end about when their time limit does, and notes where each interruption came.

`python interrupted.py -b URL -t N` with LIMIT_MS in the environment. A guest does not end when a request was
interrupted, so that one process can be interrupted thousands of times.
"""

from __future__ import annotations

import json
import os
import random
import select
import sys
import threading
import time
from typing import TYPE_CHECKING

import polydoor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

LIMIT_S = int(os.environ["LIMIT_MS"]) / 1000
hits: list[tuple[str, str]] = []  # request id, and where
swallowed: list[None] = []
PIPE = os.pipe()


def work(seconds: float) -> None:
    """Run Python for about so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(50))


class Noted:
    """Notes the interruption of what runs inside, and lets it pass."""

    def __init__(self, ident: str, where: str) -> None:
        self.note = (ident, where)

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is polydoor.RequestTimeout:
            hits.append(self.note)


def near() -> float:
    """A time about that of the limit."""
    return LIMIT_S * random.uniform(0.5, 1.3)


class Slow:
    """A response whose blocks, or whose close(), take long."""

    def __init__(self, ident: str, where: str) -> None:
        self.ident = ident
        self.where = where

    def __iter__(self) -> Iterator[bytes]:
        for block in (b"one ", b"two"):
            with Noted(self.ident, "next"):
                if self.where == "next":
                    work(near())
            yield block

    def close(self) -> None:
        """Close."""
        with Noted(self.ident, "close"):
            if self.where == "close":
                work(near())


def swallow() -> None:
    """What is swallowed is gone."""
    try:
        work(near())
    except BaseException:
        swallowed.append(None)


def feed() -> None:
    """Let somebody who waits go on, now and then."""
    while True:
        time.sleep(near())
        if not select.select([PIPE[0]], [], [], 0)[0]:
            os.write(PIPE[1], b"x")


def from_c() -> Iterable[bytes]:
    """A response without a line of Python: an interruption that comes meanwhile does not arrive before its end."""
    return map(os.read, [PIPE[0]], [1])


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Take about as long as is allowed, at the place that the query names."""
    ident = environ["polydoor.request_id"]
    where = environ["QUERY_STRING"]
    if environ["PATH_INFO"] == "/count":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(len(hits) + len(swallowed)).encode()]
    if environ["PATH_INFO"] == "/report":
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"hits": hits, "swallowed": len(swallowed)}).encode()]
    with Noted(ident, "call"):
        if where == "call":
            work(near())
        elif where == "write":
            write = start_response("200 OK", [("Content-Type", "text/plain"), ("X-Id", ident)])
            end = time.monotonic() + near()
            while time.monotonic() < end:
                write(b"x" * 10)
                environ["wsgi.errors"].write("")
            work(near())
            return []
        elif where == "swallow":
            swallow()
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Id", ident)])
    return from_c() if where == "c" else Slow(ident, where)


if __name__ == "__main__":
    _, _, url, _, threads = sys.argv
    threading.Thread(target=feed, daemon=True).start()
    polydoor.serve(application, url, int(threads), banner=True, request_timeout=LIMIT_S)
