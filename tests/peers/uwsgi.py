"""The uwsgi protocol as a web server speaks it (uwsgi-docs, Protocol)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def block(variables: Iterable[tuple[str, str]]) -> bytes:
    """Names and values, each behind its size."""
    parts = (part.encode("latin-1") for pair in variables for part in pair)
    return b"".join(struct.pack("<H", len(part)) + part for part in parts)


def packet(content: bytes, modifier1: int = 0, modifier2: int = 0) -> bytes:
    """A packet with this block."""
    return struct.pack("<BHB", modifier1, len(content), modifier2) + content


def head(variables: dict[str, str]) -> bytes:
    """A request as nginx sends it: CONTENT_LENGTH is there, empty without a body."""
    return packet(block({"CONTENT_LENGTH": "", **variables}.items()))
