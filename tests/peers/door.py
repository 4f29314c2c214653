"""A door is one listener of the server; the same request can go through each.

`Door.request` asks for a whole response; `Door.start` gives an `Exchange`, a
request in steps, for tests about streams, breaks and timing.
"""

from __future__ import annotations

import select
import socket
import time
from typing import TYPE_CHECKING, Self

from peers import ajp, cgi, cgivars, fastcgi, http, scgi, uwsgi
from peers.response import CgiDecoder, Decoder, Response, UwsgiDecoder
from peers.wire import Address, Wire

if TYPE_CHECKING:
    from collections.abc import Callable

Headers = list[tuple[str, str]]


class Exchange:
    """One request on a connection of its own, in steps."""

    def __init__(self, wire: Wire | cgi.CgiWire, decoder: Decoder) -> None:
        self.wire = wire
        self.decoder = decoder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()

    @property
    def response(self) -> Response:
        """What has come so far."""
        return self.decoder.response

    def framed(self, data: bytes) -> bytes:
        """Body bytes as they stand on the wire."""
        return data

    def tail(self) -> bytes:
        """What ends the body on the wire."""
        return b""

    def take(self, data: bytes) -> None:
        """Arrived bytes to the decoder."""
        self.decoder.feed(data)

    def send(self, data: bytes) -> None:
        """A piece of the body."""
        self.wire.send(self.framed(data))

    def end_body(self) -> None:
        """The end of the body, in order."""
        self.wire.send(self.tail())

    def wait(self, ready: Callable[[], bool]) -> bool:
        """Reads until `ready`; False when the response ended before."""
        while not ready():
            if self.decoder.done:
                return False
            piece = self.wire.recv()
            if piece:
                self.take(piece)
            else:
                self.decoder.end(self.wire.ended or "eof")
        return True

    def wait_body(self, data: bytes) -> bool:
        """Reads until the body so far is `data`, or ends otherwise."""
        return self.wait(lambda: self.response.body == data)

    def is_answered(self, seconds: float) -> bool:
        """Whether the answer begins within this time."""
        return bool(select.select([self.wire.sock], [], [], seconds)[0])

    def finish(self) -> Response:
        """Reads the rest of the response, as far as it comes, and closes."""
        self.wait(lambda: self.decoder.done)
        self.wire.close()
        return self.response


class HttpExchange(Exchange):
    """A request over HTTP/1.1."""

    def __init__(self, wire: Wire, method: str, unknown: bool) -> None:
        super().__init__(wire, http.HttpDecoder(method))
        self._unknown = unknown

    def framed(self, data: bytes) -> bytes:
        return http.chunk(data) if self._unknown and data else data

    def tail(self) -> bytes:
        return http.chunk(b"") if self._unknown else b""


class FcgiExchange(Exchange):
    """A request over FastCGI with one request id."""

    def __init__(self, wire: Wire, method: str, ident: int = 1) -> None:
        decoder = fastcgi.FcgiDecoder(method)
        super().__init__(wire, decoder)
        self._fcgi = decoder
        self._ident = ident
        self._reader = fastcgi.RecordReader()

    def framed(self, data: bytes) -> bytes:
        return fastcgi.stream(fastcgi.STDIN, self._ident, data, padding=3)

    def tail(self) -> bytes:
        return fastcgi.record(fastcgi.STDIN, self._ident)

    def take(self, data: bytes) -> None:
        for rec in self._reader.feed(data):
            assert rec.id == self._ident, rec
            self._fcgi.take(rec)


class AjpExchange(Exchange):
    """A request over AJP13: of a body of known length the first packet goes unasked, every other one is asked for."""

    def __init__(self, wire: Wire, method: str, length: int | None) -> None:
        decoder = ajp.AjpDecoder(method)
        super().__init__(wire, decoder)
        self._ajp = decoder
        self._unknown = length is None
        if length:
            decoder.asked.append(ajp.DATA_MOST)

    @property
    def reuse(self) -> bool | None:
        """What END_RESPONSE has said of the connection."""
        return self._ajp.reuse

    def is_answered(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not self._ajp.head_done and super().is_answered(max(0, end - time.monotonic())):
            piece = self.wire.recv()  # a question, or the answer
            if not piece:
                return True
            self.take(piece)
        return self._ajp.head_done

    def _answer(self, data: bytes) -> bytes:
        """Sends a piece that was asked for; what is left of `data`, nothing when the server has closed."""
        most = self._ajp.asked.pop()
        try:
            self.wire.send(ajp.data_packet(data[:most]))
        except (ConnectionResetError, BrokenPipeError):
            return b""  # it has answered before it read everything, or broken off: what came before tells
        return data[most:]

    def send(self, data: bytes) -> None:
        while data and self.wait(lambda: bool(self._ajp.asked)):
            data = self._answer(data)

    def end_body(self) -> None:
        if self._unknown and self.wait(lambda: bool(self._ajp.asked)):
            self._answer(b"")


class Door:
    """One listener of a running server."""

    name = ""
    knows_unknown_length = True  # the protocol can carry a body of unknown length

    def __init__(self, address: Address, server: tuple[str, int] = ("127.0.0.1", 80)) -> None:
        self.address = address
        self.server = server  # host and port that the client has asked for

    def __repr__(self) -> str:
        return f"<{self.name} {self.address}>"

    def is_open(self) -> bool:
        """Whether somebody listens. The path of a Unix socket is there a moment earlier, and may be there later."""
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        with socket.socket(family) as probe:
            return probe.connect_ex(self.address) == 0

    def head(self, method: str, target: str, headers: Headers, length: int | None) -> bytes:
        """The request up to its body."""
        raise NotImplementedError

    def exchange(self, method: str, length: int | None) -> Exchange:
        """A fresh connection."""
        raise NotImplementedError

    def start(
        self, method: str = "GET", target: str = "/", headers: Headers | None = None, *, length: int | None = 0
    ) -> Exchange:
        """Sends the head only. `length` None: a body whose length is not announced."""
        opened = self.exchange(method, length)
        try:
            opened.wire.send(self.head(method, target, list(headers or []), length))
            if length == 0:
                opened.end_body()
        except BaseException:
            opened.wire.close()
            raise
        return opened

    def request(
        self,
        method: str = "GET",
        target: str = "/",
        headers: Headers | None = None,
        body: bytes = b"",
        *,
        unknown: bool = False,
    ) -> Response:
        """One request from first byte to last, and its response as far as it comes."""
        length = None if unknown else len(body)
        with self.exchange(method, length) as opened:
            data = self.head(method, target, list(headers or []), length)
            data += opened.framed(body) + opened.tail()

            def take(piece: bytes) -> bool:
                opened.take(piece)
                return opened.decoder.done

            opened.wire.pump(data, take)
            if not opened.decoder.done:
                opened.decoder.end(opened.wire.ended or "eof")
            return opened.response


class HttpDoor(Door):
    """HTTP/1.1 straight to the server."""

    name = "http"
    source = ""  # the client's own address, where a test is about it

    def head(self, method: str, target: str, headers: Headers, length: int | None) -> bytes:
        fields = list(headers)
        if length is None:
            fields.append(("Transfer-Encoding", "chunked"))
        elif length > 0 or method in ("POST", "PUT"):
            fields.append(("Content-Length", str(length)))
        return http.head(method, target, fields, host=f"{self.server[0]}:{self.server[1]}")

    def exchange(self, method: str, length: int | None) -> Exchange:
        return HttpExchange(Wire(self.address, source=self.source), method, length is None)


class AjpDoor(Door):
    """AJP13, one request on a connection."""

    name = "ajp"
    secret = ""

    def forward(self, method: str, target: str, headers: Headers, length: int | None) -> ajp.Forward:
        """What the web server would send for this request."""
        path, question, query = target.partition("?")
        fields = [("Host", f"{self.server[0]}:{self.server[1]}"), *headers]
        if any(name.lower() == "host" for name, _ in headers):
            fields = fields[1:]
        if length is None:
            fields.append(("Transfer-Encoding", "chunked"))
        elif length > 0 or method in ("POST", "PUT"):
            fields.append(("Content-Length", str(length)))
        return ajp.Forward(
            method,
            path,
            fields,
            server=self.server,
            attributes=[("secret", self.secret)] * bool(self.secret) + [("query_string", query)] * bool(question),
            request_attributes=[("AJP_REMOTE_PORT", "40000")],
        )

    def head(self, method: str, target: str, headers: Headers, length: int | None) -> bytes:
        return self.forward(method, target, headers, length).encode()

    def exchange(self, method: str, length: int | None) -> AjpExchange:
        return AjpExchange(Wire(self.address), method, length)

    def ask(self, forward: ajp.Forward) -> Response:
        """Exactly this request, without a body."""
        with self.exchange(forward.method, 0) as opened:
            opened.wire.send(forward.encode())
            return opened.finish()

    def request(
        self,
        method: str = "GET",
        target: str = "/",
        headers: Headers | None = None,
        body: bytes = b"",
        *,
        unknown: bool = False,
    ) -> Response:
        with self.start(method, target, headers, length=None if unknown else len(body)) as opened:
            opened.send(body)
            if body or unknown:
                opened.end_body()
            return opened.finish()


class GatewayDoor(Door):
    """A protocol that carries CGI-style variables."""

    def variables(
        self, method: str = "GET", target: str = "/", headers: Headers | None = None, length: int | None = 0
    ) -> dict[str, str]:
        """What the front end would send for this request."""
        return cgivars.variables(method, target, list(headers or []), length=length, server=self.server)

    def ask(self, variables: dict[str, str], body: bytes = b"") -> Response:
        """A request with exactly these variables."""
        with self.exchange(variables.get("REQUEST_METHOD", "GET"), len(body)) as opened:
            opened.wire.send(self.encode(variables) + opened.framed(body) + opened.tail())
            return opened.finish()

    def encode(self, variables: dict[str, str]) -> bytes:
        """These variables as the head of a request."""
        raise NotImplementedError

    def opened(self, method: str) -> Exchange:
        """A fresh connection."""
        raise NotImplementedError

    def exchange(self, method: str, length: int | None) -> Exchange:
        if length is None and not self.knows_unknown_length:
            raise ValueError(f"{self.name} cannot carry a body of unknown length")
        return self.opened(method)

    def head(self, method: str, target: str, headers: Headers, length: int | None) -> bytes:
        return self.encode(self.variables(method, target, headers, length))


class FcgiDoor(GatewayDoor):
    """FastCGI, one request on a connection."""

    name = "fastcgi"

    def encode(self, variables: dict[str, str]) -> bytes:
        return fastcgi.head(1, variables)

    def opened(self, method: str) -> Exchange:
        return FcgiExchange(Wire(self.address), method)


class ScgiDoor(GatewayDoor):
    """SCGI."""

    name = "scgi"
    knows_unknown_length = False

    def encode(self, variables: dict[str, str]) -> bytes:
        return scgi.head(variables)

    def opened(self, method: str) -> Exchange:
        return Exchange(Wire(self.address), CgiDecoder(method))


class UwsgiDoor(GatewayDoor):
    """The uwsgi protocol."""

    name = "uwsgi"
    knows_unknown_length = False

    def encode(self, variables: dict[str, str]) -> bytes:
        return uwsgi.head(variables)

    def opened(self, method: str) -> Exchange:
        return Exchange(Wire(self.address), UwsgiDecoder(method))


class CgiDoor(GatewayDoor):
    """A process for each request; `program` is what a web server would start."""

    name = "cgi"
    knows_unknown_length = False

    def __init__(self, program: cgi.Program, server: tuple[str, int] = ("127.0.0.1", 80)) -> None:
        super().__init__("", server)
        self._program = program

    def encode(self, variables: dict[str, str]) -> bytes:
        return cgi.environment(variables)

    def opened(self, method: str) -> Exchange:
        return Exchange(cgi.CgiWire(self._program), CgiDecoder(method))


class StubDoor(CgiDoor):
    """A process of the CGI stub for each request, which passes it on to a daemon."""

    name = "stub"


DOORS: dict[str, type[Door]] = {
    "http": HttpDoor,
    "fastcgi": FcgiDoor,
    "scgi": ScgiDoor,
    "uwsgi": UwsgiDoor,
    "ajp": AjpDoor,
}
