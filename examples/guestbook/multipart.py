"""Just enough of multipart/form-data (RFC 7578) for one file of a form."""

from __future__ import annotations

import re
from typing import NamedTuple

BOUNDARY = re.compile(r'multipart/form-data;.*\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
PARAMETER = re.compile(r';\s*(name|filename)="([^"\r\n]*)"', re.IGNORECASE)


class Upload(NamedTuple):
    """A file as the browser sent it."""

    name: str
    data: bytes


def parse_multipart(body: bytes, content_type: str, field: str) -> Upload | None:
    """Return the file of the form field `field`, or None if there is none."""
    found = BOUNDARY.match(content_type)
    if not found:
        return None
    mark = b"\r\n--" + (found[1] or found[2]).encode("latin-1")
    for part in (b"\r\n" + body).split(mark)[1:-1]:
        head, blank, data = part.partition(b"\r\n\r\n")
        lines = head.decode("utf-8", "replace").split("\r\n")
        disposition = next((line for line in lines if line.lower().startswith("content-disposition:")), "")
        parameters = {key.lower(): value for key, value in PARAMETER.findall(disposition)}
        if blank and parameters.get("name") == field and "filename" in parameters:
            return Upload(parameters["filename"], data)
    return None
