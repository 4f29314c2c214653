"""An application that computes for some milliseconds in Python and waits for nothing."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

ROUNDS = 20_000


def application(environ: "dict[str, Any]", start_response: "Callable[..., Any]") -> "Iterable[bytes]":
    """Answer every request alike."""
    del environ
    value = 1
    for _ in range(ROUNDS):
        value = (value * 1_103_515_245 + 12_345) % 2_147_483_648
    body = b"%d\n" % value
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
