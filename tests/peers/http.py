"""HTTP/1.1 as a client speaks it: requests as bytes, a strict response decoder."""

from __future__ import annotations

import re
from typing import Self

from peers.response import (
    HEAD_END,
    Decoder,
    ProtocolViolationError,
    Response,
    is_bodiless,
    length_of,
    split_fields,
)
from peers.wire import Address, Wire

Headers = list[tuple[str, str]]


def head(method: str, target: str, headers: Headers, *, version: str = "HTTP/1.1", host: str | None = "a") -> bytes:
    """A request head; `host` is left out when None or when a header brings it."""
    lines = [f"{method} {target} {version}"]
    if host is not None and not any(name.lower() == "host" for name, _ in headers):
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk; empty data is the last chunk with its end."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def chunked(data: bytes, size: int = 65536) -> bytes:
    """A whole body in the chunked coding."""
    pieces = [chunk(data[at : at + size]) for at in range(0, len(data), size)]
    return b"".join([*pieces, chunk(b"")])


class HttpDecoder(Decoder):
    """One response on a connection; bytes behind it are left in `rest`."""

    def __init__(self, method: str = "GET") -> None:
        super().__init__(method)
        self._left = b""
        self.rest = b""
        self._chunk: int | None = None  # bytes still missing of the present chunk
        self._is_chunked = False
        self._length: int | None = None

    def feed(self, data: bytes) -> None:
        self.seen += len(data)
        self._left += data
        while not self.head_done:
            parsed, end, rest = self._left.partition(HEAD_END)
            if not end:
                return
            self._left = rest
            self._parse_head(parsed)
        self._take_body()
        if self.done:
            self.rest, self._left = self.rest + self._left, b""

    def _parse_head(self, data: bytes) -> None:
        lines = data.split(b"\r\n")
        if any(b"\n" in line or b"\r" in line for line in lines):
            raise ProtocolViolationError(f"bare CR or LF in the head: {data!r}")
        match = re.fullmatch(rb"(HTTP/1\.[01]) ([1-9]\d\d) ([^\x00-\x08\x0a-\x1f\x7f]*)", lines[0])
        if match is None:
            raise ProtocolViolationError(f"not a status line: {lines[0]!r}")
        status = int(match[2])
        headers = split_fields(lines[1:])
        if 100 <= status < 200 and status != 101:
            if length_of(headers) is not None:
                raise ProtocolViolationError(f"Content-Length in a {status}")
            self.response.interim.append((status, headers))
            return
        self.response.version = match[1].decode()
        self.response.status = status
        self.response.reason = match[3].decode("latin-1")
        self.response.headers = headers
        self._check_framing()
        self.head_done = True

    def _check_framing(self) -> None:
        response = self.response
        self._length = length_of(response.headers)
        coding = response.header("Transfer-Encoding")
        if coding is not None and coding != "chunked":
            raise ProtocolViolationError(f"Transfer-Encoding: {coding}")
        if coding is not None and self._length is not None:
            raise ProtocolViolationError("Content-Length and Transfer-Encoding")
        if response.status == 204 and (self._length is not None or coding is not None):
            raise ProtocolViolationError("204 with a framing header")
        self._is_chunked = coding is not None

    def _take_body(self) -> None:
        if is_bodiless(self.response.status, self.method):
            self.finish("framed", True)
        elif self._is_chunked:
            self._take_chunks()
        elif self._length is not None:
            missing = self._length - len(self.response.body)
            self.response.body += self._left[:missing]
            self._left = self._left[missing:]
            if len(self.response.body) == self._length:
                self.finish("framed", True)
        else:
            self.response.body += self._left
            self._left = b""

    def _take_chunks(self) -> None:
        while not self.done:
            if self._chunk is None:
                line, end, rest = self._left.partition(b"\r\n")
                if not end:
                    return
                if not re.fullmatch(rb"[0-9a-fA-F]{1,16}", line):
                    raise ProtocolViolationError(f"not a chunk size: {line!r}")
                self._chunk, self._left = int(line, 16), rest
            if len(self._left) < self._chunk + 2:
                return
            data, end = self._left[: self._chunk], self._left[self._chunk : self._chunk + 2]
            if end != b"\r\n":
                raise ProtocolViolationError(f"a chunk ends in {end!r}")
            self.response.body += data
            self.response.chunks.append(self._chunk)
            self._left = self._left[self._chunk + 2 :]
            if self._chunk == 0:
                self.finish("framed", True)
            self._chunk = None

    def end(self, how: str) -> None:
        if self.done:
            return
        until_close = self.head_done and not self._is_chunked and self._length is None
        says_close = (self.response.header("Connection") or "").lower() == "close"
        if until_close and not says_close and self.response.version == "HTTP/1.1":
            raise ProtocolViolationError("a body until close without Connection: close")
        self.finish(how, how == "eof" and until_close)


class HttpConnection:
    """A client connection on which requests can follow each other or be pipelined."""

    def __init__(self, address: Address, *, receive_buffer: int | None = None) -> None:
        self.wire = Wire(address, receive_buffer=receive_buffer)
        self._left = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()

    def send(self, data: bytes) -> None:
        """Sends raw bytes."""
        self.wire.send(data)

    def read(self, method: str = "GET") -> Response:
        """Reads the next response, as far as it comes."""
        decoder = HttpDecoder(method)
        if self._left:
            decoder.feed(self._left)
            self._left = b""
        while not decoder.done:
            piece = self.wire.recv()
            if piece:
                decoder.feed(piece)
            else:
                decoder.end(self.wire.ended or "eof")
        self._left = decoder.rest
        return decoder.response

    def ask(self, method: str, target: str, headers: Headers | None = None, body: bytes = b"") -> Response:
        """One request and its response; the connection stays open."""
        fields = list(headers or [])
        if body:
            fields.append(("Content-Length", str(len(body))))
        self.send(head(method, target, fields) + body)
        return self.read(method)

    def is_closed(self) -> bool:
        """Waits for the server's end of the connection; no byte may come before."""
        rest = self._left + self.wire.recv_all()
        assert rest == b"", f"bytes behind the last response: {rest[:200]!r}"
        return True
