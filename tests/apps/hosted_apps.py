"""Applications for the daemon of the CGI stub."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    Environ = dict[str, Any]

started = threading.Thread.start
REFUSED = "polydoor-app-2"


def start(thread: threading.Thread) -> None:
    """What a system says whose limit of processes is reached."""
    if thread.name == REFUSED:
        raise RuntimeError("can't start new thread")
    started(thread)


if os.environ.get("SHOP_FEW_THREADS"):
    threading.Thread.start = start  # type: ignore[method-assign]


def fork(environ: Environ) -> bytes:
    """A child that outlives the daemon; its number, once it has come back from fork()."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, b"x")
        while True:
            signal.pause()  # until it is killed
    os.read(read, 1)
    return str(child).encode()


def wait(environ: Environ) -> bytes:
    """What comes out of the named pipe that the query names."""
    with open(environ["QUERY_STRING"], "rb") as fifo:
        return fifo.read()


def write(environ: Environ) -> bytes:
    """Writes a lot."""
    os.write(1, b"x" * 5000 + b"\n")
    return b"written"


def application(environ: Environ, start_response: Any) -> Iterable[bytes]:
    """Dispatches by the path."""
    found = {"/fork": fork, "/wait": wait, "/write": write}.get(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [found(environ) if found else str(os.getpid()).encode()]
