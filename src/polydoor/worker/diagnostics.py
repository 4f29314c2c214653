"""The diagnostic application behind `--diagnostics`: tells what arrives, and answers as `polydoor frontend test` asks.

It stands before the application and takes what lies at MOUNT/.polydoor/TOKEN/; everything else passes. The token may
stand anywhere in the path: a mount that is wrong is one of the things to find out. Only loaded where it is asked for.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time

from polydoor._version import __version__
from polydoor.settings.listener import mask_address
from polydoor.settings.secret import read_secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from polydoor.settings.load import Settings

    Environ = dict[str, Any]
    Body = Iterable[bytes]

FOLDER = "/.polydoor/"
UNLOGGED = f"*{FOLDER}*"  # paths for the access log to leave out: the token stands in them, below whichever mount
# What is told of the environ beside HTTP_*: what every request has. Others may be secrets of the operator.
TOLD = (
    *("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "CONTENT_TYPE", "CONTENT_LENGTH"),
    *("SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "SERVER_SOFTWARE", "GATEWAY_INTERFACE", "HTTPS"),
    *("REMOTE_ADDR", "REMOTE_PORT", "REMOTE_HOST", "REMOTE_USER", "AUTH_TYPE", "wsgi.url_scheme"),
)
PLAIN = ("Content-Type", "text/plain; charset=utf-8")
FRESH = ("Cache-Control", "no-store")
PIECE = 16_384
MOST_PIECES = 100  # whose times are told
MOST_STREAMS = 64
PATIENCE_S = 4.0  # of a stream for the request that lets it go on
GLANCE_S = 0.2  # how often it looks whether anybody still listens
HALF = 20_000  # bytes before a response breaks off
SHEET = 1_000  # bytes of a response with a length
LARGEST = 60_000  # bytes of header fields


class BrokenOffError(Exception):
    """A response ends in the middle because `polydoor frontend test` asked for that; nothing is wrong."""


class Diagnostics:
    """A WSGI application round another one."""

    def __init__(self, app: Callable[..., Body], token: str, facts: dict[str, object]) -> None:
        """`facts` are told with each request."""
        self._app = app
        self._token = token.encode("ascii")
        self._facts = facts
        self._streams: dict[str, threading.Event] = {}
        self._answers: dict[str, Callable[[Environ, Any], Body]] = {
            "echo": self._echo,
            "sheet": _sheet,
            "empty": _empty,
            "unchanged": _unchanged,
            "refuse": _refuse,
            "elsewhere": _elsewhere,
            "headers": _headers,
            "break": self._break,
            "stream": self._stream,
            "release": self._release,
        }

    def __call__(self, environ: Environ, start_response: Any) -> Body:
        """Answer what is meant for us; pass on the rest."""
        path = environ.get("PATH_INFO", "")
        _before, folder, rest = path.partition(FOLDER)
        token, slash, rest = rest.partition("/")
        if not folder or not hmac.compare_digest(token.encode("utf-8", "replace"), self._token):
            return self._app(environ, start_response)
        answer = self._answers.get(rest.partition("/")[0])
        if answer is None or not slash:
            return _answer(start_response, "404 Not Found", b"no such diagnosis\n")
        return answer(environ, start_response)

    def _echo(self, environ: Environ, start_response: Any) -> Body:
        """Tell what arrived."""
        told: dict[str, object] = dict(self._facts)
        told["protocol"], told["peer"] = getattr(start_response, "door", ("", ""))
        told["several_threads"] = bool(environ.get("wsgi.multithread"))
        told["several_processes"] = bool(environ.get("wsgi.multiprocess"))
        told["environ"] = {
            key: value
            for key, value in sorted(environ.items())
            if (key in TOLD or key.startswith("HTTP_")) and isinstance(value, str)
        }
        told["other_keys"] = sorted(key for key in environ if key not in TOLD and not key.startswith("HTTP_"))
        told["body"] = _read(environ["wsgi.input"])
        return _answer(start_response, "200 OK", json.dumps(told).encode("ascii"), ("Content-Type", "application/json"))

    def _stream(self, environ: Environ, start_response: Any) -> Body:
        """Three blocks; a request for `release` lets each further one go, else it goes after a while."""
        start_response("200 OK", [PLAIN, FRESH])
        return self._blocks(_Pause(environ, self._streams))

    def _blocks(self, pause: _Pause) -> Iterator[bytes]:
        with pause:
            yield b"block 1\n"
            for number in (2, 3):
                pause.wait()
                yield b"block %d\n" % number

    def _break(self, environ: Environ, start_response: Any) -> Body:
        """Begin a response and break it off when `release` is asked for, with or without its length being known."""
        length = [("Content-Length", str(2 * HALF))] if _query(environ).get("length") else []
        start_response("200 OK", [PLAIN, FRESH, *length])
        return self._half(_Pause(environ, self._streams))

    def _half(self, pause: _Pause) -> Iterator[bytes]:
        with pause:
            yield b"x" * HALF
            pause.wait()
        raise BrokenOffError("`polydoor frontend test` asked for a response that breaks off")

    def _release(self, environ: Environ, start_response: Any) -> Body:
        waiting = self._streams.get(_query(environ).get("key", ""))
        if waiting is not None:
            waiting.set()
        return _answer(start_response, "200 OK", b"released\n" if waiting else b"nobody waits\n")


class _Pause:
    """Where a response waits until another request releases it, nobody listens any more, or time is up."""

    def __init__(self, environ: Environ, streams: dict[str, threading.Event]) -> None:
        query = _query(environ)
        self._key = query.get("key", "")
        asked_s = _number(query, "wait_ms", int(PATIENCE_S * 1000)) / 1000
        self._wait = min(PATIENCE_S, asked_s)  # a thread is never held for longer, whatever is asked for
        self._has_gone: Callable[[], bool] = environ.get("polydoor.client_gone", lambda: False)
        self._streams = streams
        self._released = threading.Event()

    def __enter__(self) -> None:
        if len(self._streams) < MOST_STREAMS:
            self._streams[self._key] = self._released

    def __exit__(self, *_unused: object) -> None:
        self._streams.pop(self._key, None)

    def wait(self) -> None:
        """Wait once."""
        deadline = time.monotonic() + self._wait
        while not self._released.wait(min(GLANCE_S, max(0.0, deadline - time.monotonic()))):
            if time.monotonic() >= deadline or self._has_gone():
                break
        self._released.clear()


def wrap(app: Callable[..., Body], settings: Settings) -> Diagnostics:
    """Put the diagnostics before an application, as the settings say."""
    facts: dict[str, object] = {
        "polydoor": __version__,
        "listeners": [mask_address(text) for text in settings.texts("bind")],
        "body_limit": settings.number("body_limit"),
    }
    return Diagnostics(app, token_of(settings), facts)


def token_of(settings: Settings) -> str:
    """The token itself, wherever it stands; ConfigError if there is none that can be used."""
    return read_secret(settings.text("diagnostics"), settings.said("diagnostics"))


def warning(settings: Settings) -> list[str]:
    """What is said at start."""
    lines = ["diagnostics are on: who knows the token sees how requests arrive", "Leave it out when the test is done."]
    text = settings.text("diagnostics")
    if settings.said("diagnostics").startswith("--") and not text.startswith(("env:", "file:")):
        lines.append("Every user of this machine can see the token; env:NAME or file:PATH would hide it.")
    return lines


def _answer(start_response: Any, status: str, body: bytes, kind: tuple[str, str] = PLAIN) -> Body:
    start_response(status, [kind, ("Content-Length", str(len(body))), FRESH])
    return [body]


def _sheet(_environ: Environ, start_response: Any) -> Body:
    """A body of a known length; a HEAD request gets it, too, and the server must leave it out."""
    return _answer(start_response, "200 OK", b"x" * SHEET)


def _empty(_environ: Environ, start_response: Any) -> Body:
    start_response("204 No Content", [FRESH])
    return []


def _unchanged(_environ: Environ, start_response: Any) -> Body:
    start_response("304 Not Modified", [("ETag", '"polydoor"')])
    return []


def _refuse(_environ: Environ, start_response: Any) -> Body:
    """Answer without having read the body."""
    return _answer(start_response, "413 Content Too Large", b"refused by the diagnostics\n")


def _elsewhere(environ: Environ, start_response: Any) -> Body:
    """A redirect to a path of ours, as frameworks send it."""
    place = environ.get("REQUEST_URI", "").partition("?")[0].replace("/elsewhere", "/sheet")
    start_response("302 Found", [("Location", place), ("Content-Length", "0"), FRESH])
    return []


def _headers(environ: Environ, start_response: Any) -> Body:
    """Header fields of so many bytes, in a few cookies as large as they may be."""
    left = min(LARGEST, _number(_query(environ), "bytes", 0))
    fields = [("Content-Type", "text/plain"), ("Content-Length", "0"), FRESH]
    while left > 0:
        part = min(left, 2000)
        fields.append(("Set-Cookie", f"polydoor-{len(fields)}={'x' * part}; Max-Age=0"))
        left -= part
    start_response("200 OK", fields)
    return []


def _read(stream: Any) -> dict[str, object]:
    """The body, and when its pieces came."""
    digest = hashlib.sha256()
    total = 0
    pieces: list[tuple[int, int]] = []
    begin = time.monotonic()
    while data := stream.read(PIECE):
        digest.update(data)
        total += len(data)
        if len(pieces) < MOST_PIECES:
            pieces.append((len(data), int((time.monotonic() - begin) * 1000)))
    return {"bytes": total, "sha256": digest.hexdigest(), "pieces_ms": pieces}


def _query(environ: Environ) -> dict[str, str]:
    """Plain NAME=VALUE pairs; we are the only ones who write them."""
    pairs = (pair.partition("=") for pair in environ.get("QUERY_STRING", "").split("&"))
    return {name: value for name, _, value in pairs if name}


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else default
