"""An application that gives the file `download` of the working directory to wsgi.file_wrapper."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


def application(environ: "dict[str, Any]", start_response: "Callable[..., Any]") -> "Iterable[bytes]":
    """Answer every request alike."""
    file = open("download", "rb")  # noqa: SIM115 - the server closes it
    length = str(os.fstat(file.fileno()).st_size)
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", length)])
    found: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
    return found
