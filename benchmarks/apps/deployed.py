"""An application that takes 1 s to import, works for 10 ms and says which deployment it is: for reload.py."""

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

with open(os.environ["DEPLOYMENT"], "rb") as file:
    BODY = file.read()
time.sleep(1.0)


def application(environ: "dict[str, Any]", start_response: "Callable[..., Any]") -> "Iterable[bytes]":
    """Wait, then answer."""
    del environ
    time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))])
    return [BODY]
