"""The bridge between the native core and WSGI applications; the only user of `core/`."""

from polydoor.bridge._engine import (
    LOOP,
    Board,
    Bound,
    Client,
    Engine,
    adopt_orphans,
    bind,
    end_child,
    give_memory_back,
    handover_pair,
    is_of_request,
)

__all__ = [
    "LOOP",
    "Board",
    "Bound",
    "Client",
    "Engine",
    "adopt_orphans",
    "bind",
    "end_child",
    "give_memory_back",
    "handover_pair",
    "is_of_request",
]
