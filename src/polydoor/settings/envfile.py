r"""Reads files of variables, one NAME=VALUE on each line.

    # a comment               export NAME=value  # and another one
    NAME='as it stands'       NAME="with \n, \t, \" and \\, and over
                              several lines"

Nothing is expanded: a dollar sign is a dollar sign.
"""

from __future__ import annotations

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.settings.files import read_small

ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", '"': '"', "'": "'", "\\": "\\"}


def read_variables(path: str, said: str) -> list[tuple[str, str, int]]:
    """Return name, value and line of each variable in a file; the last of several lines of one name counts."""
    try:
        raw = read_small(path)
    except OSError as error:
        raise ConfigError(f"{said}: cannot read {path}: {error.strerror}", code=codes.CANNOT_READ) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text", code=codes.BAD_ENV_FILE) from None
    found = {name: (name, value, line) for name, value, line in parse_variables(text, path)}
    return list(found.values())


def parse_variables(text: str, path: str) -> list[tuple[str, str, int]]:
    """Return name, value and line of each assignment."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = []
    at = 0
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        rest = text[at:end].strip()
        if not rest or rest.startswith("#"):
            at = end + 1
            continue
        try:
            name, start = _name(text, at, end)
            value, at = _value(text, start, end)
        except ValueError as error:
            raise ConfigError(f"{path}:{line}: {error}", code=codes.BAD_ENV_FILE) from None
        found.append((name, value, line))
    return found


def _name(text: str, at: int, end: int) -> tuple[str, int]:
    """The name, and where its value begins."""
    head, equals, _ = text[at:end].partition("=")
    name = head.strip()
    if name.startswith(("export ", "export\t")):
        name = name[len("export") :].strip()
    if not equals:
        raise ValueError("needs NAME=VALUE")
    if not (name.isascii() and name.isidentifier()):
        raise ValueError(f"{name!r} is not the name of a variable")
    return name, at + len(head) + 1


def _value(text: str, at: int, end: int) -> tuple[str, int]:
    """The value, and where the next line begins."""
    while at < end and text[at] in " \t":
        at += 1
    if text[at : at + 1] in ("'", '"'):
        value, at = _quoted(text, at)
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        rest = text[at:end].strip()
        if rest and not rest.startswith("#"):
            raise ValueError(f"there is {rest!r} behind the closing quote")
    else:
        value = text[at:end]
        for blank in (" #", "\t#"):
            value = value.partition(blank)[0]
        value = "" if value.startswith("#") and text[at - 1] in " \t" else value.strip()
    if "\0" in value:
        raise ValueError("a variable cannot hold a NUL character")
    return value, end + 1


def _quoted(text: str, at: int) -> tuple[str, int]:
    r"""What stands between quotes, and the place behind them. Single quotes know \\ and \' only."""
    quote = text[at]
    known = ESCAPES if quote == '"' else {"'": "'", "\\": "\\"}
    done = []
    at += 1
    while at < len(text) and text[at] != quote:
        if text[at] == "\\" and text[at + 1 : at + 2] in known:
            done.append(known[text[at + 1]])
            at += 2
        else:
            done.append(text[at])
            at += 1
    if at >= len(text):
        raise ValueError(f"the quote {quote} is not closed")
    return "".join(done), at + 1
