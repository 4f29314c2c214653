"""What the commands have in common: their row in the table, and how they come to their settings."""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.cli.arguments import parse_arguments
from polydoor.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.cli.arguments import Arguments
    from polydoor.settings.load import Settings
    from polydoor.settings.option import Setting, Value


class Command:
    """One command: how it is called, what it does, and its options that are no settings."""

    __slots__ = ("has_settings", "more", "own", "text", "usage")

    def __init__(
        self, usage: str, text: str, *, more: str = "", own: tuple[Setting, ...] = (), has_settings: bool = True
    ) -> None:
        self.usage = usage
        self.text = text
        self.more = more
        self.own = own
        self.has_settings = has_settings

    def parse(self, argv: list[str], *, is_cgi: bool = False) -> Arguments | None:
        """Read the command line; None if it only asked for help or for the version, which is then printed."""
        has_settings = self.has_settings or not self.own
        arguments = parse_arguments(argv, self.own, settings=has_settings, is_cgi=is_cgi)
        if arguments.help or arguments.version:
            from polydoor.cli import help as texts
            from polydoor.cli.output import put

            put(self.help(texts.terminal_width()) if arguments.help else texts.version_text())
            return None
        return arguments

    def help(self, width: int) -> str:
        """What `--help` prints."""
        from polydoor.cli.help import command_help

        return command_help(self, width)

    def own_values(self, arguments: Arguments) -> dict[str, Value | tuple[Value, ...]]:
        """The options that are no settings, checked, each by its name."""
        from polydoor.settings.load import Entry

        values: dict[str, Value | tuple[Value, ...]] = {row.name: row.default for row in self.own}
        for row in self.own:
            if row.name in arguments.options:
                values[row.name] = Entry(row, row.option, texts=arguments.options[row.name]).parse()
        return values

    def settings(self, arguments: Arguments, *, needs_app: bool = True) -> Settings:
        """All settings of all sources. The process is prepared as they say."""
        from polydoor.settings.sources import gather

        if len(arguments.words) > 1:
            first, second = arguments.words[:2]
            text = f"one application is served, but there are two: {first} and {second}{_meant(first)}"
            raise ConfigError(text, code=codes.WHICH_APP)
        mine = {row.name for row in self.own}
        options = {name: texts for name, texts in arguments.options.items() if name not in mine}
        if arguments.words:
            options["app"] = arguments.words
        settings = gather(os.environ, options)
        if needs_app and not settings.text("app"):
            raise ConfigError(f"no application is named\nusage: {self.usage}", code=codes.WHICH_APP)
        return settings


def _meant(word: str) -> str:
    """A hint, if the first word looks like a command."""
    from polydoor.cli.main import COMMANDS
    from polydoor.settings.suggest import hint

    return f"\nA command stands before all options: polydoor {word} ..." if word in COMMANDS else hint(word, COMMANDS)
