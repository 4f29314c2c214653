"""The volume of long tests: SCALE in percent of the full one, 1 in `make test`, 100 in `make soak`."""

from __future__ import annotations

import os

SCALE = int(os.environ.get("SCALE") or 1)


def scaled(small: int, full: int) -> int:
    """`full` at SCALE 100, less below, never less than `small`."""
    return min(full, max(small, full * SCALE // 100))
