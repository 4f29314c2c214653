"""The values of all settings, each with its origin, from sources that are laid over one another.

A source is a mapping from setting name to the texts that stood there; whoever reads a source (the environment here,
the command line in `cli`) has already matched its keys to names. A later source replaces a value as a whole.
"""

from __future__ import annotations

from polydoor.errors import ConfigError
from polydoor.settings.catalog import BY_NAME, SETTINGS
from polydoor.settings.listener import parse_listener
from polydoor.settings.suggest import hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from polydoor.settings.listener import ListenerSpec
    from polydoor.settings.option import Setting, Value

PREFIX = "POLYDOOR_"
FOREIGN = "POLYDOOR_TEST_"  # the test suite's own knobs
DEFAULT = "default"


class Settings:
    """What applies now. Every value has been checked."""

    __slots__ = ("_origins", "_values")

    def __init__(self) -> None:
        self._values: dict[str, Value | tuple[str, ...]] = {row.name: row.default for row in SETTINGS}
        self._origins = dict.fromkeys(self._values, DEFAULT)

    def put(self, setting: Setting, texts: list[str], origin: str) -> None:
        """Replace one value by what `origin` says."""
        try:
            if setting.repeat:
                self._values[setting.name] = tuple(str(setting.kind.parse(text)) for text in texts)
            else:
                self._values[setting.name] = setting.kind.parse(texts[-1])
        except ValueError as error:
            raise ConfigError(f"{origin} {error}, not {texts[-1]!r}") from None
        self._origins[setting.name] = origin

    def origin(self, name: str) -> str:
        """Where the value comes from: `default`, an option or a variable."""
        return self._origins[name]

    def number(self, name: str) -> int:
        """The value of a setting that is a number."""
        value = self._values[name]
        assert isinstance(value, int)
        return value

    def text(self, name: str) -> str:
        """The value of a setting that is a text."""
        value = self._values[name]
        assert isinstance(value, str)
        return value

    def listeners(self) -> list[ListenerSpec]:
        """The addresses, read."""
        addresses = self._values["bind"]
        assert isinstance(addresses, tuple)
        return [parse_listener(text) for text in addresses]

    def environ(self) -> dict[str, str]:
        """The variables that the operator adds to each environ."""
        pairs = self._values["environ"]
        assert isinstance(pairs, tuple)
        return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}

    def engine(self) -> dict[str, int | str | bool]:
        """What the engine is started with: sizes in bytes, times in milliseconds."""
        return {name: value for name, value in self._values.items() if not isinstance(value, tuple)}


def load(environ: Mapping[str, str], options: Mapping[str, list[str]]) -> Settings:
    """Lay the command line over the environment over the defaults."""
    settings = Settings()
    for variable, text in environ.items():
        if variable.startswith(PREFIX) and not variable.startswith(FOREIGN):
            setting = _by_variable(variable)
            settings.put(setting, text.replace(",", " ").split() if setting.repeat else [text], variable)
    for name, texts in options.items():
        setting = BY_NAME[name]
        settings.put(setting, texts, "APP" if name == "app" else setting.option)
    _check_together(settings)
    return settings


def _by_variable(variable: str) -> Setting:
    setting = BY_NAME.get(variable.removeprefix(PREFIX).lower())
    if setting is None or setting.variable != variable:
        known = [row.variable for row in SETTINGS]
        raise ConfigError(f"unknown variable {variable} in the environment{hint(variable, known)}")
    return setting


def _check_together(settings: Settings) -> None:
    """What no single row can say."""
    settings.listeners()
    if settings.number("workers") != 1:
        raise ConfigError(
            f"{settings.origin('workers')} can only be 1: this version serves with one process.\n"
            "Use --threads to work on several requests at once."
        )
    if settings.number("target_limit") > settings.number("head_limit"):
        raise ConfigError("the target limit is larger than the head limit, which includes it")
