"""`Waits`: what tests ask of the applications that wait for descriptors (apps/fdevent_apps.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.waiting import eventually

if TYPE_CHECKING:
    from peers.door import Door


class Waits:
    """Talks to such an application. It blocks no thread there: that may be the one that is to go on."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def ask(self, target: str) -> Any:
        response = self._door.request("GET", target)
        assert response.status == 200, response.summary()
        return response.json()

    def poke(self, key: str) -> None:
        """Gives what waits under `key` something to read."""
        self.ask(f"/poke?key={key}")

    def notes(self, key: str, count: int) -> list[Any]:
        """What was noted under `key`, once there are `count` notes."""
        assert eventually(lambda: len(self.ask(f"/notes?key={key}")) >= count), self.ask(f"/notes?key={key}")
        noted: list[Any] = self.ask(f"/notes?key={key}")
        return noted

    def closed(self, key: str) -> list[Any]:
        """What was noted under `key`, once its close() was called."""
        assert eventually(lambda: "closed" in self.ask(f"/notes?key={key}")), self.ask(f"/notes?key={key}")
        noted: list[Any] = self.ask(f"/notes?key={key}")
        return noted
