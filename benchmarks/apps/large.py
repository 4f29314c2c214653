"""An application that answers with 1 MB from memory."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

BODY = bytes(range(250)) * 4000


def application(environ: "dict[str, Any]", start_response: "Callable[..., Any]") -> "Iterable[bytes]":
    """Answer every request alike."""
    del environ
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(BODY)))])
    return [BODY]
