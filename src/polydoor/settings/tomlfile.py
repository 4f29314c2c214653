"""Reads the configuration file. Only loaded where there is one: tomllib brings `re` and `datetime`."""

from __future__ import annotations

import os
import tomllib

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.settings.catalog import SETTINGS
from polydoor.settings.files import read_small
from polydoor.settings.foreign import explain
from polydoor.settings.load import Entry
from polydoor.settings.tomllines import find_lines

PROJECT = "pyproject.toml"
TABLE = ("tool", "polydoor")
BY_KEY = {row.key: row for row in SETTINGS if not row.only_outside}


def read_file(path: str, said: str) -> list[Entry]:
    """Return what the file says, or raise ConfigError with file and line. `said` names who asked for this file."""
    text = read_text(path, said)
    document = parse_toml(path, text)
    table: tuple[str, ...] = TABLE if os.path.basename(path) == PROJECT else ()
    if table:
        tool = document.get("tool")
        found = tool.get("polydoor") if isinstance(tool, dict) else None
        if found is None and not said:
            return []
        if not isinstance(found, dict):
            raise ConfigError(f"{path} has no table [tool.polydoor]", code=codes.CANNOT_READ)
        document = found
    return _entries(path, document, table, find_lines(text))


def read_text(path: str, said: str) -> str:
    """The text of a file, or ConfigError, which begins with `said`."""
    try:
        raw = read_small(path)
    except OSError as error:
        who = f"{said}: " if said else ""
        is_dangling = os.path.islink(path) and not os.path.exists(path)
        target = f"\nIt is a symbolic link to {os.readlink(path)}." if is_dangling else ""
        raise ConfigError(f"{who}cannot read {path}: {error.strerror}{target}", code=codes.CANNOT_READ) from None
    return decoded(path, raw)


def decoded(path: str, raw: bytes) -> str:
    """The text that bytes of the file at `path` mean, or ConfigError with the line."""
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text, which TOML needs", code=codes.BAD_TOML) from None


def parse_toml(path: str, text: str) -> dict[str, object]:
    """What a text says, or ConfigError with the line; `path` is where it stood."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # "Invalid value (at line 3, column 5)" or "... (at end of document)"
        what, _, place = str(error).rpartition(" (at ")
        words = place.rstrip(")").replace(",", "").split()
        if words[:1] == ["line"]:
            line, column = words[1], f" in column {words[3]}"
        else:
            line, column = str(text.rstrip("\n").count("\n") + 1), " at the end"
        told = f"{path}:{line}: bad TOML{column}: {what or error}\n{_quoted(text, int(line))}"
        raise ConfigError(told, code=codes.BAD_TOML) from None


def _quoted(text: str, number: int) -> str:
    """The line itself, so that the reader need not open the file."""
    lines = text.split("\n")
    shown = lines[number - 1].strip() if number <= len(lines) else ""
    return "".join(char if char.isprintable() else "?" for char in shown[:100])


def _entries(
    path: str, document: dict[str, object], table: tuple[str, ...], lines: dict[tuple[str, ...], int]
) -> list[Entry]:
    entries = []
    seen: dict[str, str] = {}
    for key, value in document.items():
        line = next((lines[prefix] for prefix in _prefixes((*table, key)) if prefix in lines), 1)
        setting = BY_KEY.get(key.replace("_", "-"))
        if setting is None:
            raise ConfigError(f"{path}:{line}: unknown key {key}{_advice(key, path)}", code=codes.UNKNOWN_KEY)
        if setting.name in seen:
            told = f"{path}:{line}: {seen[setting.name]} and {key} are the same key\nKeep one of them."
            raise ConfigError(told, code=codes.CONTRADICTION)
        seen[setting.name] = key
        entries.append(Entry(setting, f"{path}:{line}", f"{path}:{line}: {key}", native=value))
    return entries


def _advice(key: str, path: str) -> str:
    if key == "config":
        return "\nA configuration file cannot name another one."
    if key == "tool":
        return f"\nThe keys stand at the top of {os.path.basename(path)}; [tool.polydoor] is for {PROJECT}."
    return explain(key, BY_KEY).replace("--", "")


def _prefixes(path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The path itself and what contains it, the longest first."""
    return [path[:length] for length in range(len(path), 0, -1)]
