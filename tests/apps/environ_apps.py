"""Applications that tell what they were given."""

from __future__ import annotations

import io
import os
import socket
import stat
import sys
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

import journal
from routing import TEXT, argument, reply, route

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routing import Environ, StartResponse


def _plain(value: Any) -> Any:
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, tuple):
        return list(value)
    return f"<{type(value).__name__}>"


@route
def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The environ and the types of its values."""
    journal.note(argument(environ, "key"), "called")
    types = {key: type(value).__name__ for key, value in environ.items()}
    values = {key: _plain(value) for key, value in environ.items()}
    callables = sorted(key for key, value in environ.items() if callable(value))
    return reply(
        start_response,
        {"type": type(environ).__name__, "types": types, "environ": values, "callables": callables},
    )


@route
def mutate(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Leaves as much damage in its environ as it can."""
    before = sorted(environ)
    environ["polydoor_test.stain"] = "left here"
    environ["HTTP_STAIN"] = "left here"
    environ["wsgi.version"] = "spoilt"
    environ["REQUEST_METHOD"] = "SPOILT"
    for key in ("wsgi.input", "wsgi.errors", "SCRIPT_NAME", "SERVER_NAME", "SERVER_PORT"):
        del environ[key]
    return reply(start_response, before)


@route
def rebuild(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The URL by the algorithm of PEP 3333, "URL Reconstruction"."""
    quote = urllib.parse.quote
    url = environ["wsgi.url_scheme"] + "://"
    if environ.get("HTTP_HOST"):
        url += environ["HTTP_HOST"]
    else:
        url += environ["SERVER_NAME"]
        default = "443" if environ["wsgi.url_scheme"] == "https" else "80"
        if environ["SERVER_PORT"] != default:
            url += ":" + environ["SERVER_PORT"]
    url += quote(environ.get("SCRIPT_NAME", ""), encoding="latin-1")
    url += quote(environ.get("PATH_INFO", ""), encoding="latin-1")
    if environ.get("QUERY_STRING"):
        url += "?" + environ["QUERY_STRING"]
    return reply(start_response, url)


@route
def leaks(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Which values of the environ give hold of a socket."""
    found = [
        key
        for key, value in environ.items()
        for part in (value, *(getattr(value, name, None) for name in ("raw", "buffer", "_sock")))
        if isinstance(part, socket.socket) or (isinstance(part, io.IOBase) and _is_socket(part))
    ]
    return reply(start_response, found)


def _is_socket(file: io.IOBase) -> bool:
    try:
        descriptor = file.fileno()
    except OSError:
        return False
    return descriptor > sys.stderr.fileno() and stat.S_ISSOCK(os.fstat(descriptor).st_mode)


@route
def hints(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Sends a 103 before its response, where the server offers that."""
    send = environ.get("wsgi.early_hints")
    if send is not None:
        send([("Link", "</style.css>; rel=preload")])
    start_response("200 OK", TEXT)
    return [b"offered" if send else b"not offered"]


@route
def odd_hints(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Sends hints with one field, or none, and notes what is raised."""
    name = argument(environ, "name")
    try:
        environ["wsgi.early_hints"]([(name, "5")] if name else [])
    except Exception as error:
        journal.note(argument(environ, "key"), type(error).__name__)
    else:
        journal.note(argument(environ, "key"), None)
    start_response("200 OK", TEXT)
    return [b"done"]


@route
def gone(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Notes whether the client is there, then again when it has gone."""
    key = argument(environ, "key")
    ask = environ["polydoor.client_gone"]
    journal.note(key, ask())
    journal.pass_gate(key)
    has_gone, patience = ask(), 500
    while environ["wsgi.run_once"] and not has_gone and patience:  # as CGI, a relay has to tell it first
        time.sleep(0.01)
        has_gone, patience = ask(), patience - 1
    journal.note(key, has_gone)
    return reply(start_response, None)
