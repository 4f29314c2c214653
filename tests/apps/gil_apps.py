"""An application with a part that holds the interpreter's lock, as a careless C extension does."""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

LIBC = ctypes.PyDLL(None)  # unlike CDLL, it keeps the lock during the call
HOLD_MS = 2000
LARGE = b"x" * 10_000_000


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """`/hold?MS` sleeps with the lock; `/large` gives more than the socket takes; all else says so at once."""
    body = b"here"
    if environ["PATH_INFO"] == "/hold":
        print("holding", file=sys.stderr, flush=True)
        LIBC.usleep(int(environ["QUERY_STRING"] or HOLD_MS) * 1000)
    elif environ["PATH_INFO"] == "/large":
        body = LARGE
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
