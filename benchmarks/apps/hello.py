"""The smallest honest application: one status, two fields, one block."""

from __future__ import annotations

TYPE_CHECKING = False  # typing would be most of the memory that the application takes
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

BODY = b"Hello, World!"
FIELDS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:  # noqa: ARG001
    """Answer every request alike."""
    start_response("200 OK", list(FIELDS))
    return [BODY]
