"""What `-v` shows: the records, heads and netstrings that go over the wire, one a line, in the direction of `>` or `<`.

This reads the bytes by itself, and forgivingly: it must also show what the codec refuses.
"""

from __future__ import annotations

import struct

from polydoor.failures import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHOWN = 200  # characters of one line
HEAD_END = (b"\r\n\r\n", b"\n\n")
HEADER = 8  # bytes of a FastCGI record header
BEGIN, END, PARAMS, STDOUT = 1, 3, 4, 6
TYPES = {
    1: "BEGIN_REQUEST",
    2: "ABORT_REQUEST",
    3: "END_REQUEST",
    4: "PARAMS",
    5: "STDIN",
    6: "STDOUT",
    7: "STDERR",
    8: "DATA",
    9: "GET_VALUES",
    10: "GET_VALUES_RESULT",
    11: "UNKNOWN_TYPE",
}
ROLES = {1: "responder", 2: "authorizer", 3: "filter"}
AJP_HEADER = 4
AJP_REQUEST = 0x1234
AJP_CHUNK, AJP_HEADERS, AJP_GET = 3, 4, 6
AJP_CODES = {
    2: "FORWARD_REQUEST",
    3: "SEND_BODY_CHUNK",
    4: "SEND_HEADERS",
    5: "END_RESPONSE",
    6: "GET_BODY_CHUNK",
    9: "CPONG",
}
STATUSES = {0: "complete", 1: "cannot multiplex", 2: "overloaded", 3: "unknown role"}


class Trace:
    """Both directions of one connection; what is readable goes to `say`."""

    def __init__(self, protocol: str, say: Callable[[str], None]) -> None:
        self._say = say
        self._sides = {">": _side(protocol, sent=True), "<": _side(protocol, sent=False)}

    def __call__(self, mark: str, data: bytes) -> None:
        """Show bytes that went out, `>`, or came in, `<`."""
        for line in self._sides[mark].feed(data):
            self._say(f"{mark} {shown(line)}".rstrip())

    def end(self) -> None:
        """Show what has come and is no whole record or head."""
        for mark, side in self._sides.items():
            if side.left:
                # Of what was sent, a secret may stand in it.
                content = f": {shown(repr(side.left)[1:])}" if mark == "<" else ""
                self._say(f"{mark} {len(side.left)} bytes that are no whole {side.unit}{content}")


def shown(text: str) -> str:
    """A line that does no harm to a terminal and is not too long."""
    line = clean(text).replace("\n", "\\n").replace("\t", " ")
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}... ({len(line)} characters)"


class Side:
    """One direction: `left` is what is not yet shown, `unit` what it must become."""

    unit = "head"

    def __init__(self) -> None:
        self.left = b""

    def feed(self, data: bytes) -> Iterator[str]:
        """Lines for what is whole now."""
        raise NotImplementedError


def _side(protocol: str, *, sent: bool) -> Side:
    if protocol in {"fastcgi", "ajp"}:
        return Records() if protocol == "fastcgi" else Packets()
    if not sent:
        return Head()
    return Netstring() if protocol == "scgi" else Packet() if protocol == "uwsgi" else Head()


class Head(Side):
    """A head in lines, then a body."""

    def __init__(self) -> None:
        super().__init__()
        self._in_body = False

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines of the head, and how long each piece of the body is."""
        self.left += data
        while not self._in_body:
            ends = [at + len(mark) for mark in HEAD_END if (at := self.left.find(mark)) >= 0]
            if not ends:
                return
            head, self.left = self.left[: min(ends)], self.left[min(ends) :]
            yield from head.decode("latin-1").splitlines()
            # Behind an interim response stands another head.
            self._in_body = not (head.startswith(b"HTTP/1.") and head[9:10] == b"1")
        if self.left:
            yield f"{len(self.left)} bytes of the body"
            self.left = b""


class Variables(Side):
    """The variables of a request in one piece, then its body."""

    def __init__(self) -> None:
        super().__init__()
        self._in_body = False

    def feed(self, data: bytes) -> Iterator[str]:
        """The variables, and how long each piece of the body is."""
        if self._in_body:
            yield f"{len(data)} bytes of the body"
            return
        self.left += data
        found = self.take()
        if found is None:
            return
        title, words, body = found
        self.left = b""
        self._in_body = True
        yield title
        yield from (f"  {name}={value}" for name, value in zip(words[::2], words[1::2], strict=False))
        if body:
            yield from self.feed(body)

    def take(self) -> tuple[str, list[str], bytes] | None:
        """What the piece is, its names and values in turn, and what stands behind it; None: it is not all there."""
        raise NotImplementedError


class Netstring(Variables):
    """SCGI."""

    unit = "netstring"

    def take(self) -> tuple[str, list[str], bytes] | None:
        """A netstring of strings that end in NUL."""
        size, colon, rest = self.left.partition(b":")
        if not colon or len(rest) <= int(size):
            return None
        words = rest[: int(size)].decode("utf-8", "replace").split("\0")[:-1]
        return f"netstring, {int(size)} bytes", words, rest[int(size) + 1 :]


class Packet(Variables):
    """The uwsgi protocol."""

    unit = "packet"

    def take(self) -> tuple[str, list[str], bytes] | None:
        """Four bytes, then a block of strings with their sizes before them."""
        first, size, second = struct.unpack_from("<BHB", self.left.ljust(4, b"\0"))
        if len(self.left) < 4 + size:
            return None
        title = f"packet, modifiers {first} and {second}, {size} bytes"
        return title, list(_sized(self.left[4 : 4 + size])), self.left[4 + size :]


def _sized(block: bytes) -> Iterator[str]:
    """The strings of a uwsgi block."""
    while block:
        end = 2 + int.from_bytes(block[:2], "little")
        yield block[2:end].decode("utf-8", "replace")
        block = block[end:]


class Packets(Side):
    """AJP13, in both directions. The secret that may stand in a request is not shown: only what a packet is."""

    unit = "packet"

    def feed(self, data: bytes) -> Iterator[str]:
        """A line for each packet."""
        self.left += data
        while len(self.left) >= AJP_HEADER:
            magic, size = struct.unpack_from("!HH", self.left)
            payload = self.left[AJP_HEADER : AJP_HEADER + size]
            if len(payload) < size:
                return
            self.left = self.left[AJP_HEADER + size :]
            if magic == AJP_REQUEST and payload[:1] != b"\2":
                yield f"data, {max(size - 2, 0)} bytes of the body"
            else:
                code = payload[0] if payload else 0
                yield f"{AJP_CODES.get(code, f'code {code}')}, {size} bytes{_ajp_told(code, payload)}"


def _ajp_told(code: int, payload: bytes) -> str:
    """What the shorter packets say."""
    if code in {AJP_CHUNK, AJP_GET, AJP_HEADERS} and len(payload) > 2:
        number = int.from_bytes(payload[1:3], "big")
        return {AJP_CHUNK: f": {number} of the body", AJP_GET: f": up to {number}"}.get(code, f": status {number}")
    return ""


class Records(Side):
    """FastCGI."""

    unit = "record"

    def __init__(self) -> None:
        super().__init__()
        self._params = b""
        self._output = b""
        self._in_body = False

    def feed(self, data: bytes) -> Iterator[str]:
        """A line for each record, with what is in it."""
        self.left += data
        while len(self.left) >= HEADER:
            _, kind, ident, length, padding = struct.unpack_from("!BBHHB", self.left)
            if len(self.left) < HEADER + length + padding:
                return
            content = self.left[HEADER : HEADER + length]
            self.left = self.left[HEADER + length + padding :]
            yield f"{TYPES.get(kind, f'type {kind}')} id {ident}, {length} bytes{_told(kind, content)}"
            if kind == PARAMS:
                self._params += content
                if not content:
                    yield from (f"  {name}={value}" for name, value in _pairs(self._params))
            elif kind == STDOUT:
                yield from self._head_lines(content)

    def _head_lines(self, content: bytes) -> Iterator[str]:
        """The lines of the response head, when it is whole."""
        if self._in_body:
            return
        self._output += content
        ends = [at for mark in HEAD_END if (at := self._output.find(mark)) >= 0]
        if ends:
            self._in_body = True
            yield from (f"  {line}" for line in self._output[: min(ends)].decode("latin-1").splitlines())


def _told(kind: int, content: bytes) -> str:
    """What BEGIN_REQUEST and END_REQUEST say."""
    if len(content) != HEADER:
        return ""
    if kind == BEGIN:
        role, flags = struct.unpack_from("!HB", content)
        return f": {ROLES.get(role, f'role {role}')}, {'keeps' if flags & 1 else 'closes'} the connection"
    if kind == END:
        app, status = struct.unpack_from("!IB", content)
        return f": {STATUSES.get(status, f'status {status}')}, application status {app}"
    return ""


def _pairs(data: bytes) -> Iterator[tuple[str, str]]:
    """The name-value pairs, as far as they can be read: a server should send none, and may send anything."""
    at = 0
    while at < len(data):
        sizes = []
        for _ in range(2):
            long = data[at : at + 1] > b"\x7f"  # FastCGI section 3.4
            size = data[at : at + (4 if long else 1)]
            sizes.append(int.from_bytes(size, "big") & (0x7FFFFFFF if long else 0x7F))
            at += len(size)
        name = data[at : at + sizes[0]].decode("utf-8", "replace")
        yield name, data[at + sizes[0] : at + sum(sizes)].decode("utf-8", "replace")
        at += sum(sizes)
