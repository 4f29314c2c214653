#!/usr/bin/env python3
"""Writes fuzz seeds made from the corpus documents: seeds.py FOLDER.

Each target gets a folder; the form of an input is told in fuzz.h and in the target's head.
"""

from __future__ import annotations

import hashlib
import re
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "fuzz")]

import handmade  # noqa: E402

from support import corpus  # noqa: E402  (the tests' reader of documents)

if TYPE_CHECKING:
    from collections.abc import Iterator

# Knobs: default limits and site; small limits, a mount, another profile; a proxy that is believed.
DEFAULT, SMALL, BEHIND = b"\0\0\1\2", b"\3\5\7\t", (b"\0\x80\1\2", b"\0\xc0\1\2")


def _http_head(data: bytes) -> bytes:
    """An HTTP head in the form of fuzz_request.c."""
    lines = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    method, _, rest = lines[0].partition(b" ")
    fields = (line.partition(b":") for line in lines[1:])
    parts = [method, rest.rpartition(b" ")[0]]
    for name, _, value in fields:
        parts += [name, value]
    return b"".join(part + b"\0" for part in parts)


def _take_length(data: bytes, at: int) -> tuple[int, int]:
    if data[at] < 0x80:
        return data[at], at + 1
    return struct.unpack_from(">I", data, at)[0] & 0x7FFFFFFF, at + 4


def _fastcgi_variables(data: bytes) -> bytes:
    """The variables of all PARAMS records of a stream, in the form of fuzz_request.c."""
    content, at = b"", 0
    while at + 8 <= len(data):
        _, kind, _, length, padding = struct.unpack_from(">BBHHB", data, at)
        content += data[at + 8 : at + 8 + length] if kind == 4 else b""
        at += 8 + length + padding
    parts, at = [], 0
    try:
        while at < len(content):
            name_size, at = _take_length(content, at)
            value_size, at = _take_length(content, at)
            parts += [content[at : at + name_size], content[at + name_size : at + name_size + value_size]]
            at += name_size + value_size
    except (IndexError, struct.error):
        pass  # a case about malformed pairs: what was read so far is a seed too
    return b"".join(part + b"\0" for part in parts)


def _uwsgi_variables(data: bytes) -> bytes:
    """The variables of a packet, in the same form."""
    block, at = data[4 : 4 + int.from_bytes(data[1:3], "little")], 0
    parts = []
    while at + 2 <= len(block):
        size = int.from_bytes(block[at : at + 2], "little")
        parts.append(block[at + 2 : at + 2 + size])
        at += 2 + size
    return b"".join(part + b"\0" for part in parts)


def _strings(data: bytes) -> bytes:
    """The printable runs of a binary input, as names and values."""
    return b"".join(run + b"\0" for run in re.findall(rb"[ -~]+", data))


def _request_seed(case: corpus.Case, knobs: bytes) -> bytes:
    if case.protocol == "http":
        return knobs + _http_head(case.data)
    if case.protocol == "cgi":
        strings = case.data.partition(b"\0\0")[0]
        return knobs[:2] + bytes([handmade.FORM_CGI | handmade.PROCESS, 0]) + strings.replace(b"=", b"\0")
    if case.protocol == "ajp":
        return knobs[:2] + bytes([handmade.FORM_AJP, len(case.data) % 7]) + _strings(case.data)
    read = {"fastcgi": _fastcgi_variables, "uwsgi": _uwsgi_variables}.get(case.protocol)
    variables = read(case.data) if read else case.data.partition(b":")[2]
    return knobs[:2] + bytes([handmade.FORM_CGI, 0]) + variables


def seeds() -> Iterator[tuple[str, bytes]]:
    """Pairs of a target's name and an input."""
    for path in corpus.documents():
        for case in corpus.read_document(path):
            if len(case.data) > 1 << 16:
                continue
            codec = corpus.REQUESTS[case.protocol]
            yield codec, DEFAULT + case.data
            yield codec, SMALL + case.data
            if case.protocol in corpus.FRONTS:
                continue
            number = list(corpus.CODECS).index(case.protocol)
            yield "engine", bytes([len(case.data) % 4 << 2, number, 0, len(case.data) % 251]) + case.data
            yield "request", _request_seed(case, DEFAULT)
            if "forwarders" in " ".join(case.words):
                yield from (("request", _request_seed(case, knobs)) for knobs in BEHIND)
            head, _, body = case.data.partition(b"\r\n\r\n")
            if case.protocol == "http" and b"chunked" in head.lower():
                yield "chunked", DEFAULT + body
    for path in corpus.documents(corpus.CLIENTS):
        for case in corpus.read_document(path):
            target = corpus.CLIENTS[case.protocol] + "_client"
            knobs = ("method=HEAD" in case.words) + 2 * ("reset=1" in case.words)
            yield target, bytes([0, knobs, 1, 2]) + case.data
            yield target, bytes([3, knobs, 7, 9]) + case.data
    yield from _handmade()


def _handmade() -> Iterator[tuple[str, bytes]]:
    for data in handmade.asked():
        yield "ask", data
    for data in handmade.requests():
        yield "request", data
    for data in handmade.responses():
        yield "response", data
        yield "ajp_response", data
    for data in handmade.wide_responses():
        yield "ajp_response", data
    for data in handmade.configurations():
        yield "stub", data


def write(folder: Path) -> dict[str, int]:
    """Writes all seeds below `folder`; returns how many each target has."""
    counts: dict[str, int] = {}
    for target, data in seeds():
        place = folder / target
        place.mkdir(parents=True, exist_ok=True)
        name = place / hashlib.sha256(data).hexdigest()[:16]
        if not name.exists():
            name.write_bytes(data)
        counts[target] = counts.get(target, 0) + 1
    return counts


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for target, count in write(Path(sys.argv[1])).items():
        print(f"{target}: {count} seeds")
