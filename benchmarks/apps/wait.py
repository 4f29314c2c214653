"""An application that waits half a millisecond, as for a database, and needs no processor meanwhile."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from hello import BODY, FIELDS

WAIT = 0.0005


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:  # noqa: ARG001
    """Wait with the GIL released, then answer."""
    time.sleep(WAIT)
    start_response("200 OK", list(FIELDS))
    return [BODY]
