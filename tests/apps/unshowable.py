"""Raises exceptions that do not want to be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def refuse(*_unused: object) -> Any:
    raise SystemExit


class Meta(type):
    def __getattribute__(cls, name: str) -> Any:
        raise SystemExit


class NamelessError(Exception, metaclass=Meta):
    pass


def spoiled(name: str) -> BaseException:
    kind = type("Spoiled", (BaseException,), {name: refuse if name == "__str__" else property(refuse)})
    made: BaseException = kind()
    return made


class Closing:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __iter__(self) -> Iterator[bytes]:
        yield b"hello"

    def close(self) -> None:
        raise self.error


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    what = environ["QUERY_STRING"]
    error = NamelessError() if what == "__qualname__" else spoiled(what)
    if environ["PATH_INFO"] == "/raise":
        raise error
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/bad-block":
        return ["text"]  # type: ignore[list-item]
    return Closing(error) if what else [b"hello"]
