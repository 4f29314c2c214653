"""An application that waits 0.5 ms, and 5 ms in one of ten requests, as for a database with a slow query."""

import itertools
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

BODY = b"Hello, World!"
NUMBERS = itertools.count()


def application(environ: "dict[str, Any]", start_response: "Callable[..., Any]") -> "Iterable[bytes]":
    """Wait with the GIL released, then answer."""
    del environ
    time.sleep(0.005 if next(NUMBERS) % 10 == 9 else 0.0005)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))])
    return [BODY]
