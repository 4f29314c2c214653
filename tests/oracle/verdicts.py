"""What our codec, llhttp and h11 make of the same bytes, in one form, and how two of these differ."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h11

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Message:
    """A complete request."""

    method: bytes
    target: bytes
    minor: int
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(frozen=True)
class Verdict:
    """The complete requests, and how the input ended: ok, cut, closed or bad:WHY."""

    messages: tuple[Message, ...]
    end: str

    @property
    def refuses(self) -> bool:
        """The parser refused the bytes behind the messages."""
        return self.end.startswith("bad:")


# --- parsers in C (verdict.h) ---


def _fields(text: str) -> tuple[tuple[bytes, bytes], ...]:
    pairs = (item.split(":") for item in text.removesuffix(";").split(",") if item)
    return tuple((bytes.fromhex(name).lower(), bytes.fromhex(value).strip(b" \t")) for name, value in pairs)


def _heads(words: Sequence[str]) -> Iterator[tuple[list[str], bool]]:
    """The words of each message, and whether it is complete."""
    at = 0
    while at < len(words) and words[at] == "M":
        complete = at + 6 < len(words) and words[at + 6] == "C"
        yield list(words[at + 1 : at + 6]), complete
        at += 7 if complete else 6


def parse_line(line: str) -> Verdict:
    """A line of a driver."""
    head, _, why = line.partition(" bad:")
    words = head.split()
    end = f"bad:{why}" if why else words.pop()
    messages = []
    for (method, target, minor, fields, body), complete in _heads(words):
        if complete:
            messages.append(
                Message(
                    bytes.fromhex(method),
                    bytes.fromhex(target),
                    min(int(minor), 1),
                    _fields(fields),
                    bytes.fromhex(body.removeprefix("=")),
                )
            )
    return Verdict(tuple(messages), end)


def run_driver(driver: Path, inputs: Sequence[bytes]) -> list[Verdict]:
    """The verdicts of a C driver."""
    data = b"".join(len(item).to_bytes(4, "big") + item for item in inputs)
    ran = subprocess.run([driver], input=data, capture_output=True, check=True)
    lines = [line for line in ran.stdout.decode("ascii").splitlines() if line.strip()]
    assert len(lines) == len(inputs)
    return [parse_line(line) for line in lines]


# --- h11 ---


def _h11_finish(connection: h11.Connection) -> None:
    """Answers the request, so that the next one may come (with 404, which accepts neither CONNECT nor Upgrade)."""
    connection.send(h11.Response(status_code=404, headers=[("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())


def _h11_messages(connection: h11.Connection, messages: list[Message]) -> str:
    request: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            request, body = event, b""
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            fields = tuple((bytes(name), bytes(value)) for name, value in request.headers)
            minor = 0 if request.http_version == b"1.0" else 1
            messages.append(Message(bytes(request.method), bytes(request.target), minor, fields, body))
            _h11_finish(connection)
            if connection.our_state is h11.MUST_CLOSE:
                return "closed"
            connection.start_next_cycle()
        else:
            idle = connection.their_state is h11.IDLE and not connection.trailing_data[0]
            return "ok" if idle else "cut"


def run_h11(data: bytes) -> Verdict:
    """The verdict of h11 as a server."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 16)
    messages: list[Message] = []
    try:
        if data:  # nothing at all would mean the end of the input
            connection.receive_data(data)
        end = _h11_messages(connection, messages)
    except h11.RemoteProtocolError as error:
        end = f"bad:{error}"
    return Verdict(tuple(messages), end)


# --- differences ---


def _why(verdict: Verdict) -> str:
    """The reason of a refusal without the bytes that it quotes."""
    why = verdict.end.removeprefix("bad:").partition(":")[0]
    return re.sub(r"b?(['\"]).*\1|\(.*|\d+", "...", why).strip()


def _message_difference(ours: Message, theirs: Message) -> str:
    if ours.fields != theirs.fields and ours.target[:1] not in {b"/", b"*"}:
        ours_rest = [field for field in ours.fields if field[0] != b"host"]
        theirs_rest = [field for field in theirs.fields if field[0] != b"host"]
        return "the Host of an absolute-form target" if ours_rest == theirs_rest else "other fields"
    for name in ("method", "target", "minor", "fields", "body"):
        if getattr(ours, name) != getattr(theirs, name):
            return f"another {name}"
    return ""


def difference(ours: Verdict, theirs: Verdict) -> str:
    """The class of the first difference, or nothing.

    What is compared is complete requests, up to where one of the two closes, and whether what follows is refused.
    """
    for mine, other in zip(ours.messages, theirs.messages, strict=False):
        if kind := _message_difference(mine, other):
            return kind
    common = min(len(ours.messages), len(theirs.messages))
    if len(ours.messages) == common and ours.end == "closed":
        return ""
    if len(theirs.messages) == common and theirs.end == "closed":
        return "they close first"
    if len(ours.messages) == common and ours.refuses:
        if len(theirs.messages) == common and (theirs.refuses or theirs.end == "cut"):
            return "" if theirs.refuses else "we refuse earlier"
        return f"we refuse: {ours.end.removeprefix('bad:')}"
    if len(theirs.messages) == common and theirs.refuses:
        waiting = len(ours.messages) == common and ours.end == "cut"
        return "they refuse earlier" if waiting else f"they refuse: {_why(theirs)}"
    if len(ours.messages) != len(theirs.messages):
        return "another number of requests"
    return "" if ours.end == theirs.end else f"another end: {ours.end}, {theirs.end}"
