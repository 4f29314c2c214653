"""Applications that return every kind of iterable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import journal
from routing import TEXT, argument, reply, route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from routing import Environ, StartResponse


class Closing:
    """An iterable that notes each close()."""

    def __init__(self, key: str, items: Iterable[Any]) -> None:
        self._key = key
        self._items = items

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def close(self) -> None:
        journal.note(self._key, "closed")


class Watched:
    """An iterable that notes each attribute that is asked of it."""

    def __init__(self, key: str) -> None:
        object.__setattr__(self, "key", key)

    def __getattribute__(self, name: str) -> Any:
        journal.note(object.__getattribute__(self, "key"), name)
        return object.__getattribute__(self, name)

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"wat", b"ched"])


class Unsized:
    """An iterable whose len() does not work."""

    def __len__(self) -> int:
        raise TypeError("no length")

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"un", b"sized"])


class OldStyle:
    """Iterable by __getitem__ alone."""

    def __getitem__(self, index: int) -> bytes:
        return [b"ol", b"d"][index]


def _generator(*items: bytes) -> Iterator[bytes]:
    yield from items


KINDS: dict[str, Callable[[], Any]] = {
    "generator": lambda: _generator(b"gener", b"ator"),
    "empty-list": list,
    "empty-generator": _generator,
    "empty-bytes": lambda: [b""],
    "list": lambda: [b"li", b"st"],
    "tuple": lambda: (b"tu", b"ple"),
    "iterator": lambda: iter([b"iter", b"ator"]),
    "set": lambda: {b"set"},
    "dict": lambda: {b"dict": None},
    "map": lambda: map(bytes.upper, [b"m", b"ap"]),
    "custom": lambda: Closing("unused", [b"cus", b"tom"]),
    "getitem": OldStyle,
    "unsized": Unsized,
}


@route
def kind(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The body as the named kind of iterable; `status` is another one than 200, `write` an empty block before it."""
    write = start_response(argument(environ, "status", "200 OK"), TEXT)
    if argument(environ, "write") == "empty":
        write(b"")
    body: Iterable[bytes] = KINDS[argument(environ, "kind")]()
    return body


@route
def watched(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A body that notes what the server asks of it."""
    start_response("200 OK", TEXT)
    return Watched(argument(environ, "key"))


@route
def bytewise(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """All byte values, and every line end, in pieces that cut them."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [bytes(range(256)), b"\r", b"\n\n\r", b"\r\n" * 1000, bytes(range(255, -1, -1)) * 300]


@route
def gated(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Three blocks, each behind a gate that the client opens when it has seen the one before."""
    key = argument(environ, "key")
    start_response("200 OK", TEXT)

    def blocks() -> Iterator[bytes]:
        yield b"first "
        for name, block in (("a", b"second "), ("b", b"third")):
            if not journal.pass_gate(f"{key}-{name}"):
                journal.note(key, f"nobody opened {name}")
                return
            yield block

    return Closing(key, blocks())


@route
def endless(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A body that has no end; close() is noted."""
    key = argument(environ, "key")
    length = argument(environ, "length")
    start_response("200 OK", [*TEXT, *([("Content-Length", length)] if length else [])])

    def blocks() -> Iterator[bytes]:
        while True:
            yield b"x" * 4096

    return Closing(key, blocks())


@route
def closing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Notes close(); ends as `how` says: well, raise-first, raise-later, silent (no start_response)."""
    how = argument(environ, "how", "well")
    status = argument(environ, "status", "200 OK")

    def blocks() -> Iterator[bytes]:
        if how == "raise-first":
            raise RuntimeError("raised before the first block")
        if how != "silent":
            yield b"block"
        if how == "raise-later":
            raise RuntimeError("raised behind the first block")

    if how != "silent":
        start_response(status, TEXT)
    return Closing(argument(environ, "key"), blocks())


@route
def bad_close(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A body whose close() raises."""

    class Raising(Closing):
        def close(self) -> None:
            super().close()
            raise RuntimeError("raised by close")

    start_response("200 OK", [*TEXT, ("Content-Length", "5")])
    return Raising(argument(environ, "key"), [b"whole"])


@route
def not_bytes(environ: Environ, start_response: StartResponse) -> Iterable[Any]:
    """Yields something that is not bytes, first or behind a good block."""
    wrong: dict[str, Any] = {"str": "text", "none": None, "int": 65, "list": [b"a"], "empty-str": ""}
    first = argument(environ, "first") == "yes"
    start_response("200 OK", TEXT)
    item = wrong[argument(environ, "item")]
    return Closing(argument(environ, "key"), [item] if first else [b"good", item])


@route
def late(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Calls start_response only when the first block is asked for."""
    start_response("202 Late", [*TEXT, ("X-Late", "yes")])
    yield b"late"


@route
def returns_none(environ: Environ, start_response: StartResponse) -> Any:
    """Returns no iterable at all."""
    start_response("200 OK", TEXT)


@route
def method(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Gives the request method."""
    return reply(start_response, environ["REQUEST_METHOD"])
