"""The bridge between the native core and WSGI applications; the only user of `core/`."""

from polydoor.bridge._engine import (
    BOARD_VERSION,
    LOOP,
    Board,
    Bound,
    Client,
    Engine,
    adopt_orphans,
    bind,
    end_child,
    end_with_parent,
    give_memory_back,
    handover_pair,
    is_of_request,
)

__all__ = [
    "BOARD_VERSION",
    "LOOP",
    "Board",
    "Bound",
    "Client",
    "Engine",
    "adopt_orphans",
    "bind",
    "end_child",
    "end_with_parent",
    "give_memory_back",
    "handover_pair",
    "is_of_request",
]
