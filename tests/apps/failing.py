"""Fails in ways that a page with the traceback must survive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HOSTILE = "<script>alert('x')</script>&\"\ud800\x1b[31m"


class Unprintable:
    """Whose repr() is an error of its own."""

    def __repr__(self) -> str:
        raise RuntimeError(HOSTILE)


class Leaving:
    """Whose repr() and str() want the process to end."""

    def __repr__(self) -> str:
        raise SystemExit(HOSTILE)


class SilentError(Exception):
    """Whose text is an error of its own."""

    def __str__(self) -> str:
        raise RuntimeError(HOSTILE)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    environ["shop.thing"] = Unprintable()
    environ["shop.API_KEY"] = environ.get("HTTP_X_API_TOKEN")
    if path in ("/leaving", "/no-page"):
        environ["shop.leaving"] = Leaving()
        if path == "/no-page":
            environ["polydoor.request_id"] = Leaving()
        raise ValueError(HOSTILE)
    if path == "/hostile":
        raise ValueError(HOSTILE)
    if path == "/silent":
        raise SilentError
    if path == "/library":
        import json

        json.loads("{<b>")
    if path == "/chain":
        try:
            raise KeyError("<first>")
        except KeyError as error:
            raise LookupError("second") from error
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "9")])
    if path == "/started":
        raise ValueError(HOSTILE)
    if path == "/late":

        def body() -> Iterable[bytes]:
            yield b"some"
            raise ValueError(HOSTILE)

        return body()
    return [b"all right"]
