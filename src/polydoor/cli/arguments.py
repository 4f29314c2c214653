"""Reads a command line by the settings table.

argparse would need every option a second time, prints its whole usage on an error, and costs 1.6 MiB in a process
that goes on to serve. Options may stand before and behind the application; abbreviations are not guessed. A flag
stands alone, so that the word behind it may be the application; its value can only be written as `--flag=0`.
"""

from __future__ import annotations

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.settings.catalog import SETTINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polydoor.settings.option import Setting

HELP = ("-h", "--help")
VERSION = ("-V", "--version")


def spellings(rows: Iterable[Setting]) -> dict[str, tuple[Setting, str | None]]:
    """Each spelling with its setting and, where it takes no value, the text that it stands for."""
    return {
        spelling: (row, text)
        for row in rows
        for spelling, text in {row.option: None, row.short or row.option: None, **row.also}.items()
    }


OPTIONS = spellings(row for row in SETTINGS if row.name != "app")


class Arguments:
    """What stood on a command line, not yet checked."""

    __slots__ = ("help", "options", "version", "words")

    def __init__(self) -> None:
        self.options: dict[str, list[str]] = {}
        self.words: list[str] = []
        self.help = False
        self.version = False


def parse_arguments(
    argv: list[str], own: Iterable[Setting] = (), *, settings: bool = True, is_cgi: bool = False
) -> Arguments:
    """Sort `argv` into options and words. `own` are options of one command that are no settings.

    As CGI nothing behind the first word is read: it may be the client's.
    """
    found = Arguments()
    table = {**OPTIONS, **spellings(own)} if own else OPTIONS
    if not settings:
        table = spellings(own)
    rest = iter(argv)
    for word in rest:
        if is_cgi and found.words:
            break
        if word == "--":
            found.words.extend(list(rest)[: 1 if is_cgi else None])
        elif word in HELP:
            found.help = True
        elif word in VERSION:
            found.version = True
        elif word.startswith("-") and word != "-":
            setting, option, value = _split_option(word, table)
            if value is None:
                value = setting.kind.alone or next(rest, None)
            if value is None:
                raise ConfigError(f"{option} needs a value: {option} {setting.kind.metavar}", code=codes.NO_VALUE)
            found.options.setdefault(setting.name, []).append(value)
        else:
            found.words.append(word)
    return found


def _split_option(word: str, table: Mapping[str, tuple[Setting, str | None]]) -> tuple[Setting, str, str | None]:
    """The setting, the option as written, and the value if the word itself says it."""
    if word.startswith("--"):
        option, equals, value = word.partition("=")
        inline = value if equals else None
    else:
        option, inline = word[:2], word[2:].removeprefix("=") or None
    if option not in table:
        from polydoor.settings.foreign import explain

        known = [*(name for name in table if name.startswith("--")), *HELP, *VERSION]
        raise ConfigError(f"unknown option {option}{explain(option, known)}", code=codes.UNKNOWN_OPTION)
    setting, fixed = table[option]
    if fixed is not None and inline is not None:
        text = f"{option} takes no value\nWrite {option}, or {setting.option}={inline}."
        raise ConfigError(text, code=codes.BAD_VALUE)
    return setting, option, inline if fixed is None else fixed
