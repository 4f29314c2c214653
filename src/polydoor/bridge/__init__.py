"""The bridge between the native core and WSGI applications; the only user of `core/`."""

from polydoor.bridge._engine import LOOP, Engine

__all__ = ["LOOP", "Engine"]
