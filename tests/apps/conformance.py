"""All conformance applications behind one callable: the first path segment names the one to run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

import environ_apps  # noqa: F401
import file_apps  # noqa: F401
import iterable_apps  # noqa: F401
import journal
import response_apps  # noqa: F401
import stream_apps  # noqa: F401
import thread_apps  # noqa: F401
from routing import ROUTES, argument, reply, route

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routing import Environ, StartResponse


@route
def notes(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """What was noted under `key`, once there are `count` notes."""
    count = int(argument(environ, "count", "0"))
    return reply(start_response, journal.notes(argument(environ, "key"), count))


@route
def note(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Notes the body under `key`, for another process."""
    journal.note(argument(environ, "key"), json.loads(environ["wsgi.input"].read()))
    return reply(start_response, None)


@route
def passing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Waits at a gate, for another process."""
    return reply(start_response, journal.pass_gate(argument(environ, "key")))


@route
def gate(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Opens a gate."""
    journal.open_gate(argument(environ, "key"))
    return reply(start_response, None)


@route
def gil(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Whether this process has a GIL now; builds before 3.13 always have."""
    return reply(start_response, getattr(sys, "_is_gil_enabled", lambda: True)())


def application(*args: Any, **kwargs: Any) -> Iterable[bytes]:
    """Dispatches; takes whatever the server passes, so that P01 can count it."""
    environ, start_response = args[:2]
    name = environ["PATH_INFO"].split("/")[1]
    if name == "arguments":
        return reply(start_response, [len(args), sorted(kwargs)])
    if name not in ROUTES:
        start_response("404 Not Found", [("Content-Length", "0")])
        return []
    return ROUTES[name](environ, start_response)
