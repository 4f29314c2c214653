"""Large bodies whose every byte is looked at, for uploads and downloads that may be gigabytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from support.memory import peak_rss_kib, reset_peak, rss_kib
from support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SIZE = scaled(32 << 20, 1 << 30)
SMALL = 3 << 20
PIECE = 1 << 18
GROWTH_KIB = 2048


def pieces(size: int) -> Iterator[bytes]:
    """No two of them are alike, so that one too few, too many or in the wrong place is seen."""
    for at in range(0, size, PIECE):
        yield (at.to_bytes(8, "big") * (PIECE // 8))[: size - at]


def digest_of(size: int) -> str:
    """The SHA-256 of so many bytes of them."""
    sha = hashlib.sha256()
    for piece in pieces(size):
        sha.update(piece)
    return sha.hexdigest()


def put_files(folder: Path) -> None:
    """The files `small` and `large`, as tests/apps/volume_app.py gives them out."""
    for name, size in (("small", SMALL), ("large", SIZE)):
        with (folder / name).open("wb") as file:
            file.writelines(pieces(size))


def without_growing(pid: int, work: Callable[[], object]) -> object:
    """What `work` returns, in which the peak of a process may be a little above what it had."""
    before = rss_kib(pid)
    reset_peak(pid)
    found = work()
    grown = peak_rss_kib(pid) - before
    print(f"process {pid} grew by {grown} KiB")
    assert grown <= GROWTH_KIB
    return found
