"""Seeded mutations of the corpus: near misses of what the cases already show."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INPUT_MAX = 2048

# What has made two parsers disagree before.
TOKENS = (
    *(bytes([c]) for c in b'\r\n\0 \t:;,="#%/*?+-_.0129aAfFxXgZ\x0b\x0c\x1b\x7f\x85\xa0\xff'),
    *(b"\r\n", b"\n\r", b"\r\r\n", b"\r\n ", b"\r\n\t", b"\r\n\r\n", b"0\r\n\r\n", b"0x", b": ", b" :", b"chunked"),
    *(b", chunked", b"gzip, ", b"identity", b"HTTP/1.0", b"HTTP/1.1", b"HTTP/2.0", b"GET / HTTP/1.1\r\n"),
    *(b"Host: a\r\n", b"Host: b:80\r\n", b"Content-Length: 0\r\n", b"Content-Length: 3\r\n", b"X: y\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Upgrade: x\r\n"),
    *(b"Expect: 100-continue\r\n", b"http://b/", b"OPTIONS *", b"CONNECT a:1", b"POST", b"PUT", b"DELETE", b"HEAD"),
    *(b"18446744073709551616", b"9223372036854775807", b"ffffffffffffffff", b";a=b", b';a="b"', b"5\r\nabcde\r\n"),
)


def _insert(rng: random.Random, data: bytearray) -> None:
    at = rng.randint(0, len(data))
    data[at:at] = rng.choice(TOKENS)


def _overwrite(rng: random.Random, data: bytearray) -> None:
    token = rng.choice(TOKENS)
    at = rng.randint(0, len(data))
    data[at : at + len(token)] = token


def _delete(rng: random.Random, data: bytearray) -> None:
    at = rng.randint(0, len(data))
    del data[at : at + rng.choice((1, 1, 1, 2, 4, 16))]


def _flip(rng: random.Random, data: bytearray) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _repeat(rng: random.Random, data: bytearray) -> None:
    at = rng.randint(0, len(data))
    piece = bytes(data[at : at + rng.randint(1, 24)])
    data[at:at] = piece


def _repeat_line(rng: random.Random, data: bytearray) -> None:
    lines = bytes(data).split(b"\n")
    at = rng.randrange(len(lines))
    lines.insert(rng.randrange(len(lines)), lines[at])
    data[:] = b"\n".join(lines)


CHANGES = (_insert, _insert, _overwrite, _delete, _flip, _repeat, _repeat_line)


def mutations(seeds: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Inputs made of the seeds: changed in one to three places, now and then with another seed behind."""
    rng = random.Random(seed)
    small = [data for data in seeds if len(data) <= INPUT_MAX]
    for _ in range(count):
        data = bytearray(rng.choice(small))
        if rng.random() < 0.1:
            data += rng.choice(small)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            rng.choice(CHANGES)(rng, data)
        yield bytes(data)
