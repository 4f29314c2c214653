"""The bridge between the native core and WSGI applications; the only user of `core/`."""

from polydoor.bridge._engine import LOOP, Client, Engine, end_child

__all__ = ["LOOP", "Client", "Engine", "end_child"]
