"""Connections that a client or a front end keeps for one request after the other, the same for every protocol."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Self

from peers import fastcgi, http
from peers.door import AjpDoor, AjpExchange, Door, FcgiDoor
from peers.wire import Wire

if TYPE_CHECKING:
    from peers.response import Response

Headers = list[tuple[str, str]]


class Kept:
    """A connection of its own for each request: what a protocol that keeps none does, and what the others share."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.turns = 0  # requests that were answered here
        self.may_reuse = True
        self._wire: Wire | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(
        self, method: str = "GET", target: str = "/", headers: Headers | None = None, body: bytes = b""
    ) -> Response:
        """The next request and its response, as far as that comes. OSError: it could not be sent."""
        response = self._ask(method, target, list(headers or []), body)
        self.turns += response.complete
        self.may_reuse &= response.complete
        return response

    def _ask(self, method: str, target: str, headers: Headers, body: bytes) -> Response:
        self.may_reuse = False
        return self.door.request(method, target, headers, body)

    def is_ended(self) -> bool:
        """Whether the server has closed it, or will: what every client looks at before it sends."""
        return not self.may_reuse or (self._wire is not None and bool(select.select([self._wire.sock], [], [], 0)[0]))

    def close(self) -> None:
        """Closes our side."""
        if self._wire is not None:
            self._wire.close()


class KeptHttp(Kept):
    """HTTP/1.1: kept until a response says Connection: close."""

    def __init__(self, door: Door) -> None:
        super().__init__(door)
        self._connection = http.HttpConnection(door.address)
        self._wire = self._connection.wire

    def _ask(self, method: str, target: str, headers: Headers, body: bytes) -> Response:
        response = self._connection.ask(method, target, headers, body)
        self.may_reuse = (response.header("Connection") or "").lower() != "close"
        return response


class KeptFcgi(Kept):
    """FastCGI with FCGI_KEEP_CONN: kept until the server closes."""

    def __init__(self, door: Door) -> None:
        super().__init__(door)
        self._connection = fastcgi.FcgiConnection(door.address)
        self._wire = self._connection.wire

    def _ask(self, method: str, target: str, headers: Headers, body: bytes) -> Response:
        assert isinstance(self.door, FcgiDoor)
        self._connection.start(1, self.door.variables(method, target, headers, len(body)), body)
        return self._connection.response(1)


class KeptAjp(Kept):
    """AJP13: kept until END_RESPONSE says otherwise."""

    def __init__(self, door: Door) -> None:
        super().__init__(door)
        self._wire = Wire(door.address)

    def _ask(self, method: str, target: str, headers: Headers, body: bytes) -> Response:
        assert isinstance(self.door, AjpDoor)
        assert self._wire is not None
        exchange = AjpExchange(self._wire, method, len(body))
        self._wire.send(self.door.head(method, target, headers, len(body)))
        if body:
            exchange.send(body)
        exchange.wait(lambda: exchange.decoder.done)
        self.may_reuse = bool(exchange.reuse)
        return exchange.response


KEPT: dict[str, type[Kept]] = {"http": KeptHttp, "fastcgi": KeptFcgi, "ajp": KeptAjp}


def keep(door: Door) -> Kept:
    """A connection to this door, kept if its protocol keeps connections. OSError: nobody listens."""
    return KEPT.get(door.name, Kept)(door)
