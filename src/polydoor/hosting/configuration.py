"""Reads the configuration of the CGI stub: a file beside it, and variables that the web server sets over that."""

from __future__ import annotations

import errno
import os
import stat

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.hosting.keys import BY_KEY, BY_NAME, CONFIG, KEYS, PREFIX, REQUIRED
from polydoor.hosting.places import OTHERS
from polydoor.settings.load import Entry
from polydoor.settings.suggest import hint
from polydoor.settings.tomlfile import decoded, parse_toml
from polydoor.settings.tomllines import find_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polydoor.settings.option import Value

LARGEST = 64 * 1024  # bytes
FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
MARK = b"\xef\xbb\xbf"  # what some editors put before UTF-8
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
    text = decoded(path, _read(path))
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


def _read(path: str) -> bytes:
    """What a file holds, or ConfigError for one that others could have written.

    It is opened before it is looked at: what is read is what was looked at.
    """
    try:
        fd = os.open(path, FLAGS)
        with open(fd, "rb", buffering=0) as file:
            _check(path, os.fstat(fd))
            raw = bytearray()
            while block := file.read(LARGEST + 1 - len(raw)):
                raw += block
    except OSError as error:
        if error.errno == errno.ELOOP:
            told = f"{path} is a symbolic link\nPut the file itself there."
            raise ConfigError(told, code=codes.CANNOT_READ) from None
        raise ConfigError(f"cannot read {path}: {error.strerror}", code=codes.CANNOT_READ) from None
    if len(raw) > LARGEST:
        raise ConfigError(f"{path} is larger than {LARGEST // 1024} KiB", code=codes.CANNOT_READ)
    if raw.startswith(MARK):  # polydoor.toml may, but the stub reads this file as well
        told = f"{path}:1: the file begins with a byte order mark\nSave it as UTF-8 without one."
        raise ConfigError(told, code=codes.BAD_TOML)
    return bytes(raw)


def _check(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{path} is no file\nPut a file there.", code=codes.CANNOT_READ)
    if found.st_mode & OTHERS:
        told = f"{path} can be written by others (mode {stat.S_IMODE(found.st_mode):04o})"
        raise ConfigError(f"{told}\nTake that away: chmod go-w {path}", code=codes.CANNOT_READ)
