"""One knob for all volumes: POLYDOOR_SCALE, 1 in `make test`, larger in `make soak`."""

from __future__ import annotations

import os

SCALE = float(os.environ.get("POLYDOOR_SCALE", "1"))


def scaled(small: int, full: int) -> int:
    """`small` at scale 1, growing with the scale up to `full`."""
    return min(full, int(small * SCALE))
