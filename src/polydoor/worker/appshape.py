"""What can be seen of an application without calling it."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEFAULT_ATTRIBUTES = ("application", "app")  # where it is looked for
WSGI_ARGUMENTS = 2
CO_VARARGS, CO_COROUTINE = 0x04, 0x80  # of code.co_flags; inspect has names for them and costs a megabyte


def argument_counts(function: Any) -> tuple[int, int]:
    """Return how many positional arguments a plain function or method needs and takes; else (0, many)."""
    bound = 0
    if type(function).__name__ == "method":
        function, bound = function.__func__, 1
    code = getattr(function, "__code__", None) if type(function).__name__ == "function" else None
    if code is None or hasattr(function, "__wrapped__"):
        return 0, sys.maxsize
    most = code.co_argcount - bound
    high = sys.maxsize if code.co_flags & CO_VARARGS else most
    return max(0, most - len(function.__defaults__ or ())), high


def is_coroutine(function: Any) -> bool:
    """Whether it was written with `async def`."""
    code = getattr(function, "__code__", None)
    return code is not None and bool(code.co_flags & CO_COROUTINE)


def a_kind(value: object) -> str:
    """The type of a value with its article: "a dict", "an int", "None", "a module"."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
