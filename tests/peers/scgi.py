"""SCGI as a web server speaks it (python.ca/scgi/protocol.txt)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def netstring(content: bytes) -> bytes:
    """LENGTH:CONTENT, with the comma."""
    return b"%d:%s," % (len(content), content)


def headers(variables: Iterable[tuple[str, str]]) -> bytes:
    """The NUL-terminated pairs of a header block."""
    return b"".join(name.encode("latin-1") + b"\0" + value.encode("latin-1") + b"\0" for name, value in variables)


def head(variables: dict[str, str]) -> bytes:
    """A header block: CONTENT_LENGTH first, SCGI second, the rest behind."""
    rest = {name: value for name, value in variables.items() if name != "CONTENT_LENGTH"}
    first = {"CONTENT_LENGTH": variables.get("CONTENT_LENGTH", "0"), "SCGI": "1"}
    return netstring(headers((first | rest).items()))
