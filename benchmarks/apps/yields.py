"""An application that answers in 10 000 small pieces, each of which must be sent before the next is made."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

COUNT = 10_000
PIECE = b"0123456\n"


def application(environ: "dict[str, Any]", start_response: "Callable[..., Any]") -> "Iterable[bytes]":
    """Answer every request alike."""
    del environ
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(COUNT * len(PIECE)))])
    for _ in range(COUNT):
        yield PIECE
