"""The same answer from every kind of callable (P03)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def _answer(name: str, start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [name.encode()]


def function(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    return _answer("function", start_response)


class Class:
    """The class is the application, its instance the iterable."""

    def __init__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> None:
        self.start_response = start_response

    def __iter__(self) -> Iterator[bytes]:
        self.start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"Class"


class Application:
    """Its instances are applications."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return _answer(self.name, start_response)

    def method(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return _answer(self.name, start_response)

    @classmethod
    def on_class(cls, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return _answer("class_method", start_response)


instance = Application("instance")
bound_method = Application("bound_method").method
class_method = Application.on_class
partial = functools.partial(lambda name, _environ, start_response: _answer(name, start_response), "partial")
