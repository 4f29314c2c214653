"""Finds the line on which each key of a TOML document stands; tomllib tells the lines of syntax errors only.

The document has been parsed already, so the scanner may trust its syntax.
"""

from __future__ import annotations

QUOTES = "\"'"
BRACKETS = {"[": 1, "{": 1, "]": -1, "}": -1}


def find_lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the line of each table and of each key outside inline tables, by its whole path."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    at = 0
    while at < len(text):
        char = text[at]
        if char in " \t\n":
            at += 1
            continue
        number = text.count("\n", 0, at) + 1
        if char == "#":
            at = _line_end(text, at)
        elif char == "[":
            table, at = _path(text, at + 1 + text.startswith("[[", at), "]")
            _note(lines, table, number)
            at = _line_end(text, at)
        else:
            key, at = _path(text, at, "=")
            _note(lines, table + key, number)
            at = _value_end(text, at)
    return lines


def _note(lines: dict[tuple[str, ...], int], path: tuple[str, ...], number: int) -> None:
    """Note where a path and what contains it appear first."""
    for length in range(1, len(path) + 1):
        lines.setdefault(path[:length], number)


def _path(text: str, at: int, closing: str) -> tuple[tuple[str, ...], int]:
    """Read a dotted key up to `closing`, and return it with the place behind that."""
    parts: list[str] = []
    while at < len(text) and text[at] != closing:
        if text[at] in QUOTES:
            end = _string_end(text, at)
            parts.append(text[at + 1 : end - 1])
            at = end
        elif text[at] in " \t.":
            at += 1
        else:
            start = at
            while at < len(text) and text[at] not in f" \t.{closing}{QUOTES}":
                at += 1
            parts.append(text[start:at])
    return tuple(parts), at + 1


def _value_end(text: str, at: int) -> int:
    """The end of the line on which a value ends; arrays and long strings go over several."""
    depth = 0
    while at < len(text):
        char = text[at]
        if char == "\n" and not depth:
            return at
        if char == "#":
            at = _line_end(text, at)
        elif char in QUOTES:
            at = _string_end(text, at)
        else:
            depth += BRACKETS.get(char, 0)
            at += 1
    return at


def _string_end(text: str, at: int) -> int:
    """The place behind the string that begins at `at`."""
    quote = text[at]
    mark = quote * 3 if text.startswith(quote * 3, at) else quote
    at += len(mark)
    while at < len(text) and not text.startswith(mark, at):
        at += 2 if quote == '"' and text[at] == "\\" else 1
    at += len(mark)
    while len(mark) == 3 and text.startswith(quote, at):  # up to two quotes may stand before the closing ones
        at += 1
    return at


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
