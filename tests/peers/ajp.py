"""AJP13 as a web server speaks it (tomcat.apache.org/connectors-doc/ajp/ajpv13a.html)."""

from __future__ import annotations

from dataclasses import dataclass, field

from peers.response import Decoder, ProtocolViolationError, split_fields

Headers = list[tuple[str, str]]

FORWARD_REQUEST, SEND_BODY_CHUNK, SEND_HEADERS, END_RESPONSE, GET_BODY_CHUNK = 2, 3, 4, 5, 6
SHUTDOWN, CPONG, CPING = 7, 9, 10
PACKET = 8192
DATA_MOST = PACKET - 6

_METHODS = """
    OPTIONS GET HEAD POST PUT DELETE TRACE PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK ACL REPORT VERSION-CONTROL
    CHECKIN CHECKOUT UNCHECKOUT SEARCH MKWORKSPACE UPDATE LABEL MERGE BASELINE-CONTROL MKACTIVITY
"""
_HEADERS = """
    accept accept-charset accept-encoding accept-language authorization connection content-type content-length cookie
    cookie2 host pragma referer user-agent
"""
_ANSWER_HEADERS = """
    Content-Type Content-Language Content-Length Date Last-Modified Location Set-Cookie Set-Cookie2 Servlet-Engine
    Status WWW-Authenticate
"""
METHODS = {name: code for code, name in enumerate(_METHODS.split(), 1)}
HEADERS = {name: 0xA000 + code for code, name in enumerate(_HEADERS.split(), 1)}
ANSWER_HEADERS = _ANSWER_HEADERS.split()
ATTRIBUTES = {
    "context": 1, "servlet_path": 2, "remote_user": 3, "auth_type": 4, "query_string": 5, "jvm_route": 6,
    "ssl_cert": 7, "ssl_cipher": 8, "ssl_session": 9, "secret": 12, "stored_method": 13,
}  # fmt: skip


def packet(payload: bytes) -> bytes:
    """A packet from the web server."""
    return b"\x12\x34" + len(payload).to_bytes(2, "big") + payload


def string(text: str | None) -> bytes:
    """A string; None is the null string."""
    if text is None:
        return b"\xff\xff"
    data = text.encode("latin-1")
    return len(data).to_bytes(2, "big") + data + b"\0"


def data_packet(data: bytes) -> bytes:
    """A piece of a body; an empty one ends a body of unknown length, as mod_proxy_ajp does it."""
    return packet(len(data).to_bytes(2, "big") + data)


def ping() -> bytes:
    """CPING."""
    return packet(bytes([CPING]))


PONG = b"AB\x00\x01\x09"


@dataclass
class Forward:
    """A FORWARD_REQUEST in the making."""

    method: str = "GET"
    uri: str = "/"
    headers: Headers = field(default_factory=list)
    protocol: str | None = "HTTP/1.1"
    remote_addr: str | None = "127.0.0.1"
    remote_host: str | None = None
    server: tuple[str | None, int] = ("127.0.0.1", 80)
    ssl: bool = False
    attributes: list[tuple[str, str]] = field(default_factory=list)  # by the names of ATTRIBUTES
    request_attributes: list[tuple[str, str]] = field(default_factory=list)
    raw_attributes: bytes = b""

    def encode(self) -> bytes:
        """The packet."""
        code = METHODS.get(self.method, 0xFF)
        name, port = self.server
        strings = (self.protocol, self.uri, self.remote_addr, self.remote_host, name)
        parts = [bytes([FORWARD_REQUEST, code]), *map(string, strings)]
        parts += [port.to_bytes(2, "big"), bytes([self.ssl]), len(self.headers).to_bytes(2, "big")]
        for key, value in self.headers:
            known = HEADERS.get(key.lower())
            parts += [known.to_bytes(2, "big") if known else string(key), string(value)]
        attributes = list(self.attributes)
        if code == 0xFF:
            attributes.append(("stored_method", self.method))
        parts += [bytes([ATTRIBUTES[key]]) + string(value) for key, value in attributes]
        parts += [b"\x0a" + string(key) + string(value) for key, value in self.request_attributes]
        return packet(b"".join([*parts, self.raw_attributes, b"\xff"]))


class Reader:
    """What is left of one packet; nothing may be left when it is read."""

    def __init__(self, payload: bytes) -> None:
        self.rest = payload

    def take(self, size: int) -> bytes:
        """The next bytes, which must be there."""
        if len(self.rest) < size:
            raise ProtocolViolationError("a packet is cut off")
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    def number(self) -> int:
        """Two bytes."""
        return int.from_bytes(self.take(2), "big")

    def string(self) -> bytes:
        """A string that is not null, with its NUL."""
        data = self.take(self.number())
        if self.take(1) != b"\0":
            raise ProtocolViolationError("a string without its NUL")
        return data

    def end(self) -> None:
        """There must be nothing more."""
        if self.rest:
            raise ProtocolViolationError(f"bytes at the end of a packet: {self.rest!r}")


class AjpDecoder(Decoder):
    """Packets of a container, as strictly as mod_proxy_ajp and mod_jk together read them."""

    def __init__(self, method: str = "GET", packet_size: int = PACKET) -> None:
        super().__init__(method)
        self._packet_size = packet_size
        self._buffer = b""
        self.asked: list[int] = []  # GET_BODY_CHUNK that wait for their data
        self.flushes = 0
        self.largest = 0  # packet so far
        self.first_header_coded: bool | None = None
        self.reuse: bool | None = None  # of END_RESPONSE

    def feed(self, data: bytes) -> None:
        self.seen += len(data)
        self._buffer += data
        while len(self._buffer) >= 4:
            if self._buffer[:2] != b"AB":
                raise ProtocolViolationError(f"not a packet of a container: {self._buffer[:20]!r}")
            size = 4 + int.from_bytes(self._buffer[2:4], "big")
            if size > self._packet_size:
                raise ProtocolViolationError(f"a packet of {size} bytes")
            if len(self._buffer) < size:
                return
            payload, self._buffer = self._buffer[4:size], self._buffer[size:]
            self.largest = max(self.largest, size)
            self._take(payload)

    def _take(self, payload: bytes) -> None:
        if self.done:
            raise ProtocolViolationError("a packet behind END_RESPONSE")
        reader = Reader(payload)
        code = reader.take(1)[0]
        if code == SEND_HEADERS and not self.head_done:
            self._take_head(reader)
        elif code == SEND_BODY_CHUNK and self.head_done:
            self._take_chunk(reader)
        elif code == GET_BODY_CHUNK:
            self._take_question(reader)
        elif code == END_RESPONSE and self.head_done:
            self.reuse = {0: False, 1: True}[reader.take(1)[0]]
            self.finish("framed", self.has_all_announced())
        else:
            raise ProtocolViolationError(f"a packet of code {code} here")
        reader.end()

    def _take_head(self, reader: Reader) -> None:
        self.response.status = reader.number()
        self.response.reason = reader.string().decode("latin-1")
        lines = []
        for _ in range(reader.number()):
            coded = reader.rest[:1] == b"\xa0"
            if self.first_header_coded is None:
                self.first_header_coded = coded
            name = ANSWER_HEADERS[reader.number() - 0xA001].encode() if coded else reader.string()
            if name.decode("latin-1").title() in ANSWER_HEADERS and not coded:
                raise ProtocolViolationError(f"{name!r} has a code")
            lines.append(name + b": " + reader.string())
        self.response.headers = split_fields(lines)
        if not 200 <= self.response.status <= 999:
            raise ProtocolViolationError(f"status {self.response.status}")
        self.end_gateway_head()

    def _take_chunk(self, reader: Reader) -> None:
        data = reader.string()  # mod_proxy_ajp refuses a chunk without the 00 behind it
        self.flushes += not data
        self.add_body(data)

    def _take_question(self, reader: Reader) -> None:
        if self.asked:
            raise ProtocolViolationError("a second GET_BODY_CHUNK before the first one was answered")
        wanted = reader.number()
        if not 0 < wanted <= self._packet_size - 6:
            raise ProtocolViolationError(f"GET_BODY_CHUNK of {wanted} bytes")
        self.asked.append(wanted)

    def end(self, how: str) -> None:
        self.finish(how, False)
