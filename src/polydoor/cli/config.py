"""`polydoor config show` and `polydoor config schema`."""

from __future__ import annotations

from polydoor import codes
from polydoor.cli.command import Command
from polydoor.cli.output import put
from polydoor.errors import ConfigError
from polydoor.settings.option import Choice, Setting
from polydoor.settings.suggest import hint

SHOW = Command(
    "polydoor config show [APP] [options]",
    "Prints every setting as it applies, with its origin: default, a line of a file, a variable or an option.",
    more="Secrets are masked. The TOML can be read again as polydoor.toml.",
    own=(Setting("format", Choice("toml", "json"), "toml", "How to print them.", group="Options"),),
)
SCHEMA = Command(
    "polydoor config schema",
    "Prints a JSON Schema of the configuration file, for editors.",
    has_settings=False,
)
ROWS = (SHOW, SCHEMA)
WORDS = ("show", "schema")


def main(argv: list[str]) -> int:
    """Do what the second word says."""
    if not argv or argv[0] not in WORDS:
        word = argv[0] if argv else ""
        if word in {"-h", "--help"}:
            from polydoor.cli.help import family_help, terminal_width

            put(family_help(ROWS, terminal_width()))
            return 0
        raise ConfigError(f"which of `config show` and `config schema`?{hint(word, WORDS) if word else ''}")
    return _show(argv[1:]) if argv[0] == "show" else _schema(argv[1:])


def _show(argv: list[str]) -> int:
    arguments = SHOW.parse(argv)
    if arguments is None:
        return 0
    form = SHOW.own[0].kind
    texts = arguments.options.get("format", ["toml"])
    try:
        wanted = form.parse(texts[-1])
    except ValueError as error:
        raise ConfigError(f"--format {error}, not {texts[-1]!r}", code=codes.BAD_VALUE) from None
    settings = SHOW.settings(arguments, needs_app=False)

    from polydoor.settings import export

    put(export.as_json(settings) if wanted == "json" else export.as_toml(settings))
    return 0


def _schema(argv: list[str]) -> int:
    arguments = SCHEMA.parse(argv)
    if arguments is not None:
        from polydoor.settings import export

        if arguments.words or arguments.options:
            raise ConfigError("the schema is the same whatever is configured\nusage: polydoor config schema")
        put(export.schema())
    return 0
