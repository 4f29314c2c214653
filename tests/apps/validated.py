"""A correct application behind the two public checkers; a fault of the server is an AssertionError."""

from __future__ import annotations

import hashlib
import warnings
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

from webtest import lint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

warnings.simplefilter("error")


def plain(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Reads in the ways that PEP 3333 allows and answers with what it has read."""
    stream = environ["wsgi.input"]
    left = int(environ.get("CONTENT_LENGTH") or 0)
    sha = hashlib.sha256()
    if environ["PATH_INFO"] == "/lines":
        for line in stream:
            sha.update(line)
    else:
        while left > 0:
            data = stream.read(min(left, 1000))
            left -= len(data)
            sha.update(data)
    environ["wsgi.errors"].write("checked\n")
    environ["wsgi.errors"].flush()
    body = sha.hexdigest().encode()
    headers = [("Content-Type", "text/plain")]
    if environ["PATH_INFO"] == "/write":
        start_response("200 OK", headers)(body)
        return [b""]
    if environ["PATH_INFO"] == "/length":
        headers.append(("Content-Length", str(len(body))))
    start_response("200 OK", headers)
    return [b""] if environ["REQUEST_METHOD"] == "HEAD" else [body[:10], body[10:]]


wsgiref_checked = validator(plain)
webtest_checked = lint.middleware(plain)
