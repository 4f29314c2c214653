"""Reads the configuration of the CGI stub: a file beside it, and variables that the web server sets over that."""

from __future__ import annotations

import os
import stat

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.hosting.keys import BY_KEY, BY_NAME, CONFIG, KEYS, PREFIX, REQUIRED
from polydoor.hosting.places import OTHERS
from polydoor.settings.load import Entry
from polydoor.settings.suggest import hint
from polydoor.settings.tomlfile import parse_toml, read_text
from polydoor.settings.tomllines import find_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polydoor.settings.option import Value

LARGEST = 64 * 1024  # bytes
BEFORE, BEHIND = ".ht-", ".conf"  # web servers serve no .ht*, and what is written beside the stub says so once more


class Configuration:
    """What the keys say, checked."""

    def __init__(self, path: str, entries: Mapping[str, Entry]) -> None:
        self.path = path  # the file; empty where variables say everything
        self._values: dict[str, Value | tuple[str, ...]] = {row.name: row.default for row in KEYS}
        self._values |= {name: entry.parse() for name, entry in entries.items()}
        self.said = {name: entry.said for name, entry in entries.items()}
        for name in REQUIRED:
            if name not in entries:
                where = path or f"the environment ({PREFIX}*)"
                raise ConfigError(
                    f"{where}: {BY_NAME[name].key} is missing\nWrite it as the guide on CGI-only hosting shows, or "
                    "let `polydoor cgi init` write the file.",
                    code=codes.BAD_CONFIGURATION,
                )

    def text(self, name: str) -> str:
        """The value of a key that is a text."""
        return str(self._values[name])

    def number(self, name: str) -> int:
        """The value of a key that is a number."""
        value = self._values[name]
        assert isinstance(value, int)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """The values of a key that is a list."""
        value = self._values[name]
        assert isinstance(value, tuple)
        return value


def read_configuration(path: str, environ: Mapping[str, str]) -> Configuration:
    """What the file at `path` says, and over it the variables; an empty path is no file."""
    entries = {entry.setting.name: entry for entry in (*(_of_file(path) if path else ()), *_of_environ(environ))}
    return Configuration(path, entries)


def beside(stub: str) -> str:
    """The path of the configuration of a stub."""
    folder, name = os.path.split(os.path.abspath(stub))
    return os.path.join(folder, f"{BEFORE}{name}{BEHIND}")


def _of_file(path: str) -> Iterator[Entry]:
    _check_file(path)
    text = read_text(path, "")
    lines = find_lines(text)
    for key, value in parse_toml(path, text).items():
        place = f"{path}:{lines.get((key,), 1)}"
        row = BY_KEY.get(key)
        if row is None:
            raise ConfigError(f"{place}: unknown key {key}{hint(key, BY_KEY)}", code=codes.UNKNOWN_KEY)
        if row.repeat and not isinstance(value, list):
            raise ConfigError(f'{place}: {key} needs an array of strings, as in ["-t", "2"]', code=codes.BAD_VALUE)
        yield Entry(row, place, f"{place}: {key}", native=value)


def _of_environ(environ: Mapping[str, str]) -> Iterator[Entry]:
    known = {PREFIX + row.name.upper(): row for row in KEYS if not row.repeat}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable == CONFIG:
            continue
        row = known.get(variable)
        if row is None:
            told = f"unknown variable {variable} in the environment{hint(variable, known)}"
            raise ConfigError(told, code=codes.UNKNOWN_VARIABLE)
        yield Entry(row, variable, texts=[text])


def _check_file(path: str) -> None:
    """Raise ConfigError for a file that others could have written."""
    try:
        found = os.lstat(path)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", code=codes.CANNOT_READ) from None
    if not stat.S_ISREG(found.st_mode):
        what = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "no file"
        raise ConfigError(f"{path} is {what}\nPut the file itself there.", code=codes.CANNOT_READ)
    if found.st_mode & OTHERS:
        told = f"{path} can be written by others (mode {stat.S_IMODE(found.st_mode):04o})"
        raise ConfigError(f"{told}\nTake that away: chmod go-w {path}", code=codes.CANNOT_READ)
    if found.st_size > LARGEST:
        raise ConfigError(f"{path} is larger than {LARGEST // 1024} KiB", code=codes.CANNOT_READ)
