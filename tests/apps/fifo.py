"""Requests that a test holds in the application by a FIFO, and a file of calls.

GET /hold?id=ID&fifo=PATH waits until the FIFO at PATH is opened for writing and closed again; GET /quick?id=ID does not
wait. CALLS in the environment names the file to which each call appends its id.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    query = parse_qs(environ["QUERY_STRING"])
    ident = query["id"][0]
    with Path(os.environ["CALLS"]).open("a") as calls:
        calls.write(ident + "\n")
    if "fifo" in query:
        Path(query["fifo"][0]).read_bytes()
    body = f"served {ident}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
