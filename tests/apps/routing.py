"""A table of small applications by name, and the helpers that they share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Environ = dict[str, Any]
    StartResponse = Callable[..., Any]
    App = Callable[[Environ, StartResponse], Iterable[bytes]]

TEXT = [("Content-Type", "text/plain")]

ROUTES: dict[str, App] = {}


def route(function: App) -> App:
    """Registers an application under its name."""
    ROUTES[function.__name__] = function
    return function


def argument(environ: Environ, name: str, default: str = "") -> str:
    """A parameter of the query string."""
    return parse_qs(environ["QUERY_STRING"]).get(name, [default])[0]


def reply(start_response: StartResponse, value: Any) -> list[bytes]:
    """A JSON response."""
    body = json.dumps(value).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
