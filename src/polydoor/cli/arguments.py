"""Reads a command line by the settings table.

argparse would need every option a second time, prints its whole usage on an error, and costs 1.6 MiB in a process
that goes on to serve. Options may stand before and behind the application; abbreviations are not guessed.
"""

from __future__ import annotations

from polydoor.errors import ConfigError
from polydoor.settings.catalog import BY_NAME, SETTINGS
from polydoor.settings.suggest import hint

HELP = ("-h", "--help")
VERSION = ("-V", "--version")

OPTIONS = {row.option: row for row in SETTINGS if row.name != "app"}
SHORT = {row.short: row for row in SETTINGS if row.short}


class Arguments:
    """What stood on a command line, not yet checked."""

    __slots__ = ("help", "options", "version", "words")

    def __init__(self) -> None:
        self.options: dict[str, list[str]] = {}
        self.words: list[str] = []
        self.help = False
        self.version = False


def parse_arguments(argv: list[str]) -> Arguments:
    """Sort `argv` into options and words."""
    found = Arguments()
    rest = iter(argv)
    for word in rest:
        if word == "--":
            found.words.extend(rest)
        elif word in HELP:
            found.help = True
        elif word in VERSION:
            found.version = True
        elif word.startswith("-") and word != "-":
            name, option, value = _split_option(word)
            if value is None:
                value = next(rest, None)
            if value is None:
                raise ConfigError(f"{option} needs a value: {option} {BY_NAME[name].kind.metavar}")
            found.options.setdefault(name, []).append(value)
        else:
            found.words.append(word)
    return found


def _split_option(word: str) -> tuple[str, str, str | None]:
    """The setting's name, the option as written, and the value if it is in the same word."""
    if word.startswith("--"):
        option, equals, value = word.partition("=")
        setting = OPTIONS.get(option)
        inline = value if equals else None
    else:
        option, inline = word[:2], word[2:].removeprefix("=") or None
        setting = SHORT.get(option)
    if setting is None:
        known = [*OPTIONS, *HELP, *VERSION]
        raise ConfigError(f"unknown option {option}{hint(option, known)}")
    return setting.name, option, inline
