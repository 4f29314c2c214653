"""What an application can see of the process that serves it, and do to it; for a process for each request."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Environ = dict[str, Any]


def process(environ: Environ, start_response: Any) -> Iterable[bytes]:
    """What is left of the request in the process itself."""
    print("printed by the application")
    os.write(1, b"written to descriptor 1\n")
    environ["wsgi.errors"].write("written to wsgi.errors\n")
    seen = {
        "stdin": os.read(0, 10).decode() if not stat.S_ISSOCK(os.fstat(0).st_mode) else None,
        "body": environ["wsgi.input"].read().decode(),
        "argv": sys.argv[1:],
        "main": threading.current_thread() is threading.main_thread(),
        "process": dict(os.environ),
        "environ": {name: value for name, value in environ.items() if isinstance(value, str | bool)},
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(seen).encode()]


def child(environ: Environ, start_response: Any) -> Iterable[bytes]:
    """Leaves a process behind that holds whatever it inherits; its number is the response."""
    quiet = subprocess.DEVNULL
    left = subprocess.Popen(["sleep", "60"], stdin=quiet, stdout=quiet, stderr=quiet, close_fds=False)
    start_response("200 OK", [("Content-Type", "text/plain")])
    left.returncode = 0  # nobody waits for it here
    return [str(left.pid).encode()]


def endless(environ: Environ, start_response: Any) -> Iterator[bytes]:
    """Blocks until the client has gone: it asks, or its iterator is closed because a write failed."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        yield b"begun"
        while not environ["polydoor.client_gone"]():
            yield b"x" * 4096
    finally:
        print("the client has gone", file=sys.stderr)


def broken(environ: Environ, start_response: Any) -> Iterator[bytes]:
    """Fails in the middle."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"begun"
    raise RuntimeError("planted secret")


def failing(environ: Environ, start_response: Any) -> Iterable[bytes]:
    """Fails before anything is sent."""
    raise RuntimeError("planted secret")


def reader(environ: Environ, start_response: Any) -> Iterable[bytes]:
    """Says what read() raised."""
    try:
        body = environ["wsgi.input"].read()
    except OSError as error:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{type(error).__name__}: {error}".encode()]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"read %d" % len(body)]


def application(environ: Environ, start_response: Any) -> Iterable[bytes]:
    """Dispatches by the first segment behind the mount."""
    name = environ["PATH_INFO"].split("/")[1]
    if name not in {"process", "child", "endless", "broken", "failing", "reader"}:
        name = "process"
    found: Any = globals()[name]
    result: Iterable[bytes] = found(environ, start_response)
    return result
