"""What applications note and wait for; shared by all requests of one server process."""

from __future__ import annotations

import threading
from typing import Any

WAIT = 15.0

_changed = threading.Condition()
_notes: dict[str, list[Any]] = {}
_gates: dict[str, threading.Event] = {}


def note(key: str, value: Any = None) -> None:
    """Appends a JSON-able value under a key."""
    with _changed:
        _notes.setdefault(key, []).append(value)
        _changed.notify_all()


def notes(key: str, count: int = 0, timeout: float = WAIT) -> list[Any]:
    """The values under a key, once there are `count`, or what is there when patience ends."""
    with _changed:
        _changed.wait_for(lambda: len(_notes.get(key, ())) >= count, timeout)
        return list(_notes.get(key, ()))


def _gate(name: str) -> threading.Event:
    with _changed:
        return _gates.setdefault(name, threading.Event())


def open_gate(name: str) -> None:
    """Lets everyone through who waits at this gate, now and later."""
    _gate(name).set()


def pass_gate(name: str) -> bool:
    """Waits for the gate; False when nobody opened it."""
    return _gate(name).wait(WAIT)
