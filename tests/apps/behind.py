"""The conformance application for tests behind front ends: the root of its mount tells the environ, too."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

import conformance
import journal
from routing import ROUTES, TEXT, argument, route

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from routing import Environ, StartResponse


if "JOURNAL" in os.environ:  # of another process, as this one may serve one request only
    host, port = os.environ["JOURNAL"].split(":")
    journal.remote = (host, int(port))


class PlantedError(Exception):
    """An error that a test put there."""


@route
def break_off(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Fails behind its first block, once the test says that its client has seen that."""
    length = [("Content-Length", "1000")] if argument(environ, "length") else []
    start_response("200 OK", [*TEXT, *length])
    yield b"some of it"  # of a first block under 8 bytes nginx waits for more, with fastcgi_keep_conn and buffering
    journal.pass_gate(argument(environ, "key"))
    raise PlantedError("planted")


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Dispatches as the conformance application does."""
    if environ["PATH_INFO"] in ("", "/"):
        return ROUTES["echo"](environ, start_response)
    return conformance.application(environ, start_response)
