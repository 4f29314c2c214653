"""What applications note and wait for; shared by all requests of one server process.

A process that serves one request has nobody to share with: it uses the journal of the server that `remote` names.
"""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import quote

WAIT = 15.0

remote: tuple[str, int] | None = None
_changed = threading.Condition()
_notes: dict[str, list[Any]] = {}
_gates: dict[str, threading.Event] = {}


def note(key: str, value: Any = None) -> None:
    """Appends a JSON-able value under a key."""
    if remote:
        _ask(f"/note?key={quote(key, safe='')}", json.dumps(value))
        return
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
    if remote:
        return bool(_ask(f"/passing?key={quote(name, safe='')}"))
    return _gate(name).wait(WAIT)


def _ask(target: str, body: str = "") -> Any:
    """Asks the server that has the journal."""
    from http.client import HTTPConnection

    assert remote
    connection = HTTPConnection(*remote)
    connection.request("POST", target, body)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer
