"""The conformance applications in a process of their own, whose journal is that of the server that JOURNAL names."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import journal
from conformance import application

host, _, port = os.environ["JOURNAL"].partition(":")
journal.remote = (host, int(port))

__all__ = ["application"]
