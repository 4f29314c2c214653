"""Applications that read wsgi.input and write wsgi.errors."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import journal
from routing import TEXT, argument, reply, route

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routing import Environ, StartResponse


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(item) for item in value]
    return value.decode("latin-1") if type(value) is bytes else f"<{type(value).__name__}>"


def _step(stream: Any, operation: str, arguments: list[Any]) -> Any:
    if operation == "iterate":
        return list(stream)
    if operation == "next":
        return next(stream, b"<end>")
    return getattr(stream, operation)(*arguments)


@route
def operate(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Runs the operations of X-Operations, such as [["read", 3], ["readline"]], on wsgi.input."""
    stream = environ["wsgi.input"]
    steps = json.loads(environ["HTTP_X_OPERATIONS"])
    return reply(start_response, [_text(_step(stream, step[0], step[1:])) for step in steps])


@route
def absorb(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Notes what read() gives until the end, or which exception it raises."""
    key = argument(environ, "key")
    size = int(argument(environ, "size", "65536"))
    stream = environ["wsgi.input"]
    journal.note(key, "called")
    total = 0
    try:
        while data := stream.read(size):
            total += len(data)
            journal.note(key + "-progress", total)
    except Exception as error:
        journal.note(key, [total, isinstance(error, OSError), type(error).__name__])
        raise
    journal.note(key, [total, None, None])
    return reply(start_response, total)


@route
def digest(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Size and SHA-256 of the body, read in pieces."""
    stream = environ["wsgi.input"]
    total, sha = 0, hashlib.sha256()
    while data := stream.read(65536):
        total += len(data)
        sha.update(data)
    return reply(start_response, [total, sha.hexdigest(), environ.get("CONTENT_LENGTH")])


@route
def mirror(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The body, sent back."""
    start_response("200 OK", TEXT)
    return [environ["wsgi.input"].read()]


@route
def ignore(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answers without reading the body."""
    journal.note(argument(environ, "key"), "called")
    return reply(start_response, "ignored")


@route
def close_input(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Reads a little and closes wsgi.input, as some middleware does."""
    stream = environ["wsgi.input"]
    first = stream.read(3).decode("latin-1")
    close = getattr(stream, "close", None)
    if close is not None:
        close()
    return reply(start_response, first)


@route
def complain(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes to wsgi.errors in each way."""
    key = argument(environ, "key")
    errors = environ["wsgi.errors"]
    errors.write(f"{key}-one\n")
    errors.writelines([f"{key}-two\n", f"{key}-", "three\n"])
    flushed = errors.flush()
    return reply(start_response, flushed)


@route
def complain_in_pieces(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes lines to wsgi.errors that it passes on before they end, and does not end the last one."""
    key = argument(environ, "key")
    errors = environ["wsgi.errors"]
    errors.write(f"{key} one")
    errors.flush()
    errors.write(", two")
    errors.flush()
    errors.write(", three\n")
    errors.writelines([f"{key} ", "four"])
    if argument(environ, "flush"):
        errors.flush()
        raise LookupError(key)
    return reply(start_response, None)


@route
def complain_oddly(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes text to wsgi.errors that few encodings take."""
    key = argument(environ, "key")
    errors = environ["wsgi.errors"]
    for text in ("\u00e9\u20ac\U0001f600", "\ud800", "nul\0esc\x1b[31m", "x" * 100_000):
        errors.write(f"{key} {text}\n")
    errors.write(f"{key} last\n")
    errors.flush()
    return reply(start_response, "written")


@route
def complain_between(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Writes much to wsgi.errors, control characters among it, before each block of its body."""
    key = argument(environ, "key")
    errors = environ["wsgi.errors"]
    start_response("200 OK", TEXT)
    for number in range(20):
        errors.write(f"{key} {number} \0\x01\x1b[31m\x9b\r" + "x" * 50_000 + "\n")
        yield b"block %d " % number
