"""The listening sockets of a service: bound once, before anything is loaded, and shared by all workers."""

from __future__ import annotations

from polydoor.bridge import Bound, bind
from polydoor.worker.capacity import check_backlog
from polydoor.worker.listening import listen_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from polydoor.settings.listener import ListenerSpec
    from polydoor.settings.load import Settings
    from polydoor.worker.rights import Rights
    from polydoor.worker.systemd import Service


class Sockets:
    """They stay open as long as the supervisor lives."""

    def __init__(self, settings: Settings, service: Service | None, rights: Rights | None = None) -> None:
        self._settings = settings
        self._service = service
        self._rights = rights
        self._open: list[Bound] = []
        self.specs: list[ListenerSpec] = []  # for workers: each with its descriptor

    @property
    def names(self) -> list[str]:
        """The real addresses."""
        return [listener.name for listener in self._open]

    @property
    def fds(self) -> list[int]:
        """The descriptors."""
        return [listener.fd for listener in self._open]

    def open(self) -> None:
        """Bind and listen; raise BindError and leave nothing behind."""
        backlog = self._settings.number("backlog")
        wanted = self._service.listeners(self._settings) if self._service else self._settings.listeners()
        try:
            for spec in map(self._rights.own, wanted) if self._rights else wanted:
                listener = listen_at(spec, lambda spec: bind(spec, backlog))
                self._open.append(listener)
                self.specs.append({**spec, "kind": "fd", "fd": listener.fd, "path": ""})
        except BaseException:
            self.close()
            raise
        check_backlog(backlog)

    def adopt(self, states: list[list[Any]], specs: list[ListenerSpec]) -> None:
        """Take over what an older program in this process has bound."""
        self._open = [Bound.adopt(state) for state in states]
        self.specs = specs

    def states(self) -> list[tuple[int | str, ...]]:
        """What adopt() needs."""
        return [listener.state() for listener in self._open]

    @property
    def all_fds(self) -> list[int]:
        """The descriptors of the sockets, and of what guards their paths."""
        return [fd for listener in self._open for fd in listener.fds]

    def refuse(self) -> None:
        """Let nobody connect any more; who has is still there."""
        for listener in self._open:
            listener.refuse()

    def leave(self) -> None:
        """In a worker: the paths of Unix sockets and their locks are the supervisor's affair."""
        for listener in self._open:
            listener.leave()

    def close(self) -> None:
        """Close them, and remove the paths of Unix sockets."""
        for listener in self._open:
            listener.close()
        self._open.clear()
