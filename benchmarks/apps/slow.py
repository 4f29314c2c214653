"""An application that takes its time, and notes when each call began: for overload.py."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

BODY = b"done\n"
NOTES = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """`/ID/MS` notes the id and the time, then waits for so many milliseconds."""
    _, ident, wait_ms = environ["PATH_INFO"].split("/")
    os.write(NOTES, f"{ident} {time.monotonic():.6f}\n".encode())
    time.sleep(int(wait_ms) / 1000)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))])
    return [BODY]
