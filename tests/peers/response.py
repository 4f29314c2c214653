"""One response type for all protocols, and the strict decoders that fill it.

A decoder is fed bytes and told how the connection ended. What a front end
would refuse or misread is a ProtocolViolationError here, so that a test never
passes on a response that a real client would not have understood.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
HEAD_END = b"\r\n\r\n"


class ProtocolViolationError(AssertionError):
    """The server sent bytes that the protocol does not allow."""


@dataclass
class Response:
    """What a client got: as much as came, and whether it was the whole."""

    status: int = 0
    reason: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    complete: bool = False
    ended: str = "open"  # "framed", "eof", "reset" or "open"
    version: str = ""  # HTTP only
    interim: list[tuple[int, list[tuple[str, str]]]] = field(default_factory=list)
    chunks: list[int] = field(default_factory=list)  # HTTP chunked: sizes, the final 0 included
    stderr: bytes = b""  # FastCGI only
    app_status: int = 0  # FastCGI only
    protocol_status: int | None = None  # FastCGI only; None: no END_REQUEST

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The value of a header that may stand at most once."""
        values = self.all(name)
        if len(values) > 1:
            raise ProtocolViolationError(f"{name} stands {len(values)} times: {values}")
        return values[0] if values else None

    def json(self) -> Any:
        """The body of a successful whole response as JSON."""
        assert (self.status, self.complete) == (200, True), self.summary()
        return json.loads(self.body)

    def summary(self) -> str:
        """One line for failure messages."""
        return (
            f"{self.status} {self.reason} complete={self.complete} ended={self.ended} "
            f"headers={self.headers} body={self.body[:200]!r}"
        )


def split_fields(lines: list[bytes]) -> list[tuple[str, str]]:
    """Header lines to (name, value), refusing what is not a clean field."""
    fields = []
    for line in lines:
        name, colon, value = line.partition(b":")
        text = name.decode("latin-1")
        if not colon or not TOKEN.match(text):
            raise ProtocolViolationError(f"not a header field: {line!r}")
        if re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", value):
            raise ProtocolViolationError(f"control character in {line!r}")
        fields.append((text, value.strip(b" \t").decode("latin-1")))
    return fields


def length_of(headers: list[tuple[str, str]]) -> int | None:
    """Content-Length, which must be one plain number when it is there."""
    values = [value for name, value in headers if name.lower() == "content-length"]
    if not values:
        return None
    if len(values) > 1 or not values[0].isdecimal():
        raise ProtocolViolationError(f"Content-Length: {values}")
    return int(values[0])


def is_bodiless(status: int, method: str) -> bool:
    """True for responses that never carry a body (RFC 9110 section 6.4.1)."""
    return method == "HEAD" or status in (204, 304) or 100 <= status < 200


class Decoder:
    """Bytes in, Response out. Subclasses know one protocol's framing."""

    def __init__(self, method: str = "GET") -> None:
        self.method = method
        self.response = Response()
        self.head_done = False
        self.done = False
        self.seen = 0  # bytes fed

    def feed(self, data: bytes) -> None:
        """Takes the next bytes from the server."""
        raise NotImplementedError

    def end(self, how: str) -> None:
        """The connection ended: "eof" or "reset"."""
        raise NotImplementedError

    def end_gateway_head(self) -> None:
        """The head of a response for a front end is there: it says nothing about a connection."""
        for name in ("Transfer-Encoding", "Connection", "Keep-Alive"):
            if self.response.all(name):
                raise ProtocolViolationError(f"{name} in a response for a front end")
        length_of(self.response.headers)
        self.head_done = True

    def add_body(self, data: bytes) -> None:
        """More of the body, which has its place and is not too long."""
        self.response.body += data
        if data and is_bodiless(self.response.status, self.method):
            raise ProtocolViolationError(f"a body where none may be: {data[:80]!r}")
        length = length_of(self.response.headers)
        if length is not None and len(self.response.body) > length:
            raise ProtocolViolationError(f"{len(self.response.body)} bytes of {length}")

    def has_all_announced(self) -> bool:
        """No announced byte of the body is missing."""
        length = length_of(self.response.headers)
        return length is None or is_bodiless(self.response.status, self.method) or len(self.response.body) == length

    def finish(self, how: str, complete: bool) -> None:
        """The response is over."""
        self.done = True
        self.response.ended = how
        self.response.complete = complete


class CgiDecoder(Decoder):
    """A CGI-style response that ends with the connection (SCGI)."""

    first_line = re.compile(rb"Status: ([1-9]\d\d) ([^\x00-\x1f\x7f]*)")

    def __init__(self, method: str = "GET") -> None:
        super().__init__(method)
        self._head = b""

    def feed(self, data: bytes) -> None:
        self.seen += len(data)
        if self.head_done:
            self.add_body(data)
            return
        self._head += data
        head, end, rest = self._head.partition(HEAD_END)
        if end:
            self._parse_head(head)
            self.add_body(rest)

    def _parse_head(self, head: bytes) -> None:
        lines = head.split(b"\r\n")
        if any(b"\n" in line or b"\r" in line for line in lines):
            raise ProtocolViolationError(f"bare CR or LF in the head: {head!r}")
        match = self.first_line.fullmatch(lines[0])
        if match is None:
            raise ProtocolViolationError(f"the first line is no status: {lines[0]!r}")
        self.response.status = int(match[1])
        self.response.reason = match[2].decode("latin-1")
        self.response.headers = split_fields(lines[1:])
        if any(name.lower() == "status" for name, _ in self.response.headers):
            raise ProtocolViolationError("two Status lines")
        if self.response.status < 200:
            raise ProtocolViolationError("a 1xx status as the final one")
        self.end_gateway_head()

    def is_whole(self) -> bool:
        """True when the head came and no announced byte is missing."""
        return self.head_done and self.has_all_announced()

    def end(self, how: str) -> None:
        self.finish(how, how == "eof" and self.is_whole())


class UwsgiDecoder(CgiDecoder):
    """The same with the status line of HTTP (uwsgi)."""

    first_line = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d) ([^\x00-\x1f\x7f]*)")
