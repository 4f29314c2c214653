"""FastCGI 1.0 as a web server speaks it, down to single records."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from peers.response import HEAD_END, CgiDecoder, ProtocolViolationError, Response
from peers.wire import Address, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA = range(1, 9)
GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = 9, 10, 11
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
KEEP_CONN = 1
REQUEST_COMPLETE, CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE = range(4)


@dataclass
class Record:
    """One record as the server sent it."""

    type: int
    id: int
    content: bytes


def record(kind: int, ident: int, content: bytes = b"", *, padding: int = 0, version: int = 1) -> bytes:
    """One record; padding bytes are not zero, for they mean nothing."""
    head = struct.pack("!BBHHBB", version, kind, ident, len(content), padding, 0)
    return head + content + b"\xa5" * padding


def size(n: int) -> bytes:
    """A name or value length in its shortest form."""
    return bytes([n]) if n < 128 else struct.pack("!I", n | 0x80000000)


def pairs(items: Iterable[tuple[str, str]]) -> bytes:
    """Name-value pairs."""
    out = b""
    for name, value in items:
        key, val = name.encode("latin-1"), value.encode("latin-1")
        out += size(len(key)) + size(len(val)) + key + val
    return out


def parse_pairs(data: bytes) -> dict[str, str]:
    """Pairs of a GET_VALUES_RESULT."""
    out = {}
    at = 0
    while at < len(data):
        lengths = []
        for _ in range(2):
            if data[at] < 128:
                lengths.append(data[at])
                at += 1
            else:
                lengths.append(struct.unpack_from("!I", data, at)[0] & 0x7FFFFFFF)
                at += 4
        name = data[at : at + lengths[0]]
        value = data[at + lengths[0] : at + sum(lengths)]
        if len(name) + len(value) != sum(lengths):
            raise ProtocolViolationError("a pair is cut off")
        at += sum(lengths)
        out[name.decode("latin-1")] = value.decode("latin-1")
    return out


def begin(ident: int, role: int = RESPONDER, flags: int = 0) -> bytes:
    """BEGIN_REQUEST."""
    return record(BEGIN, ident, struct.pack("!HB5x", role, flags))


def stream(kind: int, ident: int, data: bytes, piece: int = 32768, padding: int = 0) -> bytes:
    """A stream without its end, in records of at most `piece` bytes."""
    cuts = range(0, len(data), piece)
    return b"".join(record(kind, ident, data[at : at + piece], padding=padding) for at in cuts)


def params(ident: int, variables: dict[str, str], piece: int = 65535) -> bytes:
    """The whole PARAMS stream with its end."""
    return stream(PARAMS, ident, pairs(variables.items()), piece) + record(PARAMS, ident)


def head(ident: int, variables: dict[str, str], *, role: int = RESPONDER, keep: bool = False) -> bytes:
    """BEGIN_REQUEST and PARAMS: all that stands before the body."""
    return begin(ident, role, KEEP_CONN if keep else 0) + params(ident, variables)


def request(
    ident: int, variables: dict[str, str], body: bytes = b"", *, role: int = RESPONDER, keep: bool = False
) -> bytes:
    """A whole request."""
    tail = stream(STDIN, ident, body) + record(STDIN, ident)
    return head(ident, variables, role=role, keep=keep) + tail


class RecordReader:
    """Bytes to records, checking what the specification says about an application's."""

    def __init__(self) -> None:
        self._left = b""

    def feed(self, data: bytes) -> list[Record]:
        """The records that are whole now."""
        self._left += data
        out = []
        while len(self._left) >= 8:
            version, kind, ident, length, padding, reserved = struct.unpack_from("!BBHHBB", self._left)
            if version != 1 or reserved != 0:
                raise ProtocolViolationError(f"record header {self._left[:8]!r}")
            if kind not in (END, STDOUT, STDERR, GET_VALUES_RESULT, UNKNOWN_TYPE):
                raise ProtocolViolationError(f"an application may not send type {kind}")
            if (ident == 0) != (kind in (GET_VALUES_RESULT, UNKNOWN_TYPE)):
                raise ProtocolViolationError(f"type {kind} with id {ident}")
            if len(self._left) < 8 + length + padding:
                break
            content = self._left[8 : 8 + length]
            if any(self._left[8 + length : 8 + length + padding]):
                raise ProtocolViolationError("padding that is not zero leaks memory")
            out.append(Record(kind, ident, content))
            self._left = self._left[8 + length + padding :]
        return out

    @property
    def is_between_records(self) -> bool:
        """True when no record is half read."""
        return not self._left


class FcgiDecoder(CgiDecoder):
    """The records of one request id to a response."""

    def __init__(self, method: str = "GET") -> None:
        super().__init__(method)
        self._stdout_over = False

    def take(self, rec: Record) -> None:
        """One record of this request."""
        if self.done:
            raise ProtocolViolationError(f"record type {rec.type} behind END_REQUEST")
        if rec.type == STDERR:
            self.response.stderr += rec.content
        elif rec.type == STDOUT:
            self._take_stdout(rec.content)
        else:
            if len(rec.content) != 8 or any(rec.content[5:]):
                raise ProtocolViolationError(f"END_REQUEST {rec.content!r}")
            app_status, status = struct.unpack_from("!IB", rec.content)
            self.response.app_status, self.response.protocol_status = app_status, status
            self.finish("framed", status == REQUEST_COMPLETE and self._stdout_over and self.is_whole())

    def _take_stdout(self, content: bytes) -> None:
        if self._stdout_over:
            raise ProtocolViolationError("STDOUT behind its end")
        if not content:
            self._stdout_over = True
            return
        # Two reads of one head abort HAProxy 2.6.12: the head stands in one record.
        if not self.head_done and HEAD_END not in content:
            raise ProtocolViolationError(f"the head is split over records: {content[:200]!r}")
        self.feed(content)

    def end(self, how: str) -> None:
        if not self.done:
            self.finish(how, False)


class FcgiConnection:
    """A connection of a front end, on which requests may be multiplexed."""

    def __init__(self, address: Address, *, receive_buffer: int | None = None) -> None:
        self.wire = Wire(address, receive_buffer=receive_buffer)
        self._reader = RecordReader()
        self._active: dict[int, FcgiDecoder] = {}
        self.finished: dict[int, list[Response]] = {}
        self.management: list[Record] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()

    def expect(self, ident: int, method: str = "GET") -> FcgiDecoder:
        """Says that records for this id may come from now on."""
        self._active[ident] = FcgiDecoder(method)
        return self._active[ident]

    def send(self, data: bytes) -> None:
        """Sends raw bytes."""
        self.wire.send(data)

    def start(self, ident: int, variables: dict[str, str], body: bytes = b"", *, keep: bool = True) -> FcgiDecoder:
        """Sends a whole request and expects its response."""
        decoder = self.expect(ident, variables["REQUEST_METHOD"])
        self.send(request(ident, variables, body, keep=keep))
        return decoder

    def take(self, data: bytes) -> None:
        """Sorts arrived bytes."""
        for rec in self._reader.feed(data):
            if rec.id == 0:
                self.management.append(rec)
                continue
            decoder = self._active.get(rec.id)
            if decoder is None:
                raise ProtocolViolationError(f"record type {rec.type} for id {rec.id}, which is not active")
            decoder.take(rec)
            if decoder.done:
                del self._active[rec.id]
                self.finished.setdefault(rec.id, []).append(decoder.response)

    def read_until(self, ready: Callable[[], bool]) -> bool:
        """Reads until `ready`; False when the connection ended before."""
        while not ready():
            piece = self.wire.recv()
            if not piece:
                for decoder in self._active.values():
                    decoder.end(self.wire.ended or "eof")
                return False
            self.take(piece)
        return True

    def response(self, ident: int) -> Response:
        """The response for an id, as far as it comes."""
        decoder = self._active.get(ident)
        if decoder is None:
            return self.finished[ident][-1]
        self.read_until(lambda: decoder.done)
        return decoder.response

    def is_closed(self) -> bool:
        """Waits for the server's end of the connection; no record may come before."""
        rest = self.wire.recv_all()
        assert rest == b"", f"bytes at the end: {rest[:200]!r}"
        assert self._reader.is_between_records
        return True
