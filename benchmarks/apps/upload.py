"""An application that reads all of the request's body and says how long it was."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

BLOCK = 65536


def application(environ: "dict[str, Any]", start_response: "Callable[..., Any]") -> "Iterable[bytes]":
    """Read, then answer."""
    left = int(environ.get("CONTENT_LENGTH") or 0)
    size = 0
    while left and (block := environ["wsgi.input"].read(min(BLOCK, left))):
        size += len(block)
        left -= len(block)
    body = b"%d" % size
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
