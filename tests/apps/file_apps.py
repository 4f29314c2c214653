"""Applications that return wsgi.file_wrapper over every kind of file."""

from __future__ import annotations

import io
import json
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import journal
from iterable_apps import Closing
from routing import TEXT, argument, reply, route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from routing import Environ, StartResponse

CONTENT = bytes(range(256)) * 1024  # 256 KiB


class NotedFile:
    """A file-like object that notes close(); not a real file."""

    def __init__(self, key: str, data: bytes = CONTENT) -> None:
        self._key = key
        self._file = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def close(self) -> None:
        journal.note(self._key, "closed")


class RealFile(io.FileIO):
    """A real file that notes close()."""

    def __init__(self, key: str, descriptor: int) -> None:
        super().__init__(descriptor, "r+")
        self._key = key

    def close(self) -> None:
        if not self.closed:
            journal.note(self._key, "closed")
        super().close()


class OnlyRead:
    """Nothing but read()."""

    def __init__(self) -> None:
        self.read = io.BytesIO(CONTENT).read


class BadFileno(io.BytesIO):
    """fileno() raises."""

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


class WrongFileno(io.BytesIO):
    """fileno() is not a descriptor."""

    def fileno(self) -> Any:
        return "seven"


def _temporary(key: str, data: bytes = CONTENT) -> RealFile:
    descriptor, name = tempfile.mkstemp()
    Path(name).unlink()
    file = RealFile(key, descriptor)
    file.write(data)
    file.seek(0)
    return file


def _offset(key: str) -> RealFile:
    file = _temporary(key)
    file.seek(1000)
    return file


def _buffered(_key: str) -> Any:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
    file.write(CONTENT)
    file.seek(0)
    file.read(1000)  # the buffer has read ahead: the descriptor stands further
    return file


def _pipe(_key: str) -> Any:
    reader, writer = os.pipe()

    def fill() -> None:
        with os.fdopen(writer, "wb") as sink:
            sink.write(CONTENT)

    threading.Thread(target=fill, daemon=True).start()
    return os.fdopen(reader, "rb")


def _text(_key: str) -> Any:
    file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - the server closes it
    file.write("text, not bytes")
    file.seek(0)
    return file


KINDS: dict[str, Callable[[str], Any]] = {
    "real": _temporary,
    "noted": NotedFile,
    "only-read": lambda _key: OnlyRead(),
    "bytesio": lambda _key: io.BytesIO(CONTENT),
    "bad-fileno": lambda _key: BadFileno(CONTENT),
    "wrong-fileno": lambda _key: WrongFileno(CONTENT),
    "offset": _offset,
    "buffered": _buffered,
    "pipe": _pipe,
    "text": _text,
    "empty": lambda key: _temporary(key, b""),
}


@route
def file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A wrapped file of the named kind; `length` announces one."""
    length = argument(environ, "length")
    source = KINDS[argument(environ, "kind", "real")](argument(environ, "key"))
    headers = [("Content-Type", "application/octet-stream")]
    if length:
        headers.append(("Content-Length", length))
    start_response(argument(environ, "status", "200 OK"), headers)
    wrapper = environ["wsgi.file_wrapper"]
    size = argument(environ, "block")
    wrapped: Iterable[bytes] = wrapper(source, int(size)) if size else wrapper(source)
    return wrapped


@route
def file_unused(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Wraps a file, then returns something else."""
    wrapped = environ["wsgi.file_wrapper"](_temporary(argument(environ, "key")))
    start_response("200 OK", TEXT)
    shape = [str(hasattr(wrapped, name)).encode() for name in ("__iter__", "close")]
    wrapped.close()
    return [b"other ", *shape]


@route
def file_iterated(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A middleware that goes through the wrapped file and changes it."""
    wrapped = environ["wsgi.file_wrapper"](NotedFile(argument(environ, "key"), b"some text"), 4)
    start_response("200 OK", TEXT)
    upper = [block.upper() for block in wrapped]
    journal.note(argument(environ, "key") + "-blocks", [block.decode() for block in upper])
    return Closing("unused", upper) if not hasattr(wrapped, "close") else _Chain(wrapped, upper)


class _Chain:
    """Blocks, and the close() of the iterable that they came from (PEP 3333, middleware)."""

    def __init__(self, inner: Any, blocks: list[bytes]) -> None:
        self._inner = inner
        self._blocks = blocks

    def __iter__(self) -> Any:
        return iter(self._blocks)

    def close(self) -> None:
        self._inner.close()


@route
def file_growing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The file grows between the announcement of its size and its sending."""
    source = _temporary(argument(environ, "key"))
    start_response("200 OK", [*TEXT, ("Content-Length", str(len(CONTENT)))])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](source)
    source.seek(0, os.SEEK_END)
    source.write(b"surplus" * 1000)
    source.seek(0)
    return wrapped


@route
def file_shrinking(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The file is shorter than announced when it is sent."""
    source = _temporary(argument(environ, "key"))
    start_response("200 OK", [*TEXT, ("Content-Length", str(len(CONTENT)))])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](source)
    source.truncate(1000)
    return wrapped


@route
def file_large(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A sparse file of `size` bytes."""
    descriptor, name = tempfile.mkstemp()
    Path(name).unlink()
    size = int(argument(environ, "size"))
    os.truncate(descriptor, size)
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(size))])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](RealFile(argument(environ, "key"), descriptor))
    return wrapped


@route
def file_replaced(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes first, then returns a wrapped file."""
    write = start_response("200 OK", TEXT)
    write(b"before ")
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](_temporary(argument(environ, "key"), b"the file"))
    return wrapped


@route
def file_behind_write(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes first, then returns a wrapped file that the server could send by itself."""
    length = argument(environ, "length")
    write = start_response("200 OK", [*TEXT, ("Content-Length", length)] if length else TEXT)
    write(b"before ")
    source = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
    source.write(b"the file")
    source.seek(0)
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](source)
    return wrapped


@route
def file_size(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """How large the content of the other applications here is."""
    return reply(start_response, len(CONTENT))


@route
def stored_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A file of a folder, opened by name, with these further fields; close() is noted."""
    path, key = argument(environ, "path"), argument(environ, "key")
    how = argument(environ, "how")
    source: Any = Path(path).open("rb")  # noqa: SIM115 - the server closes it
    if how == "descriptor":
        source = os.fdopen(os.open(path, os.O_RDONLY), "rb")
    elif how == "deleted":
        Path(path).unlink()
    elif how == "replaced":
        other = Path(f"{path}.new")
        other.write_bytes(b"another one")
        other.rename(path)
    elif how == "offset":
        source.seek(1)
    elif how == "subclass":
        source = RealFile(key, os.open(path, os.O_RDWR))
    closes = source.close

    def close() -> None:
        journal.note(key, "closed")
        closes()

    if how != "subclass":
        source.close = close  # as Django has it
    fields = [tuple(pair) for pair in json.loads(argument(environ, "fields", "[]"))]
    write = start_response(argument(environ, "status", "200 OK"), [("Content-Type", "application/x-stored"), *fields])
    if how == "written":
        write(b"before ")
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](source)
    return wrapped
