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
        parsed: list[Value] = []
        for text in texts if setting.repeat else texts[-1:]:
            try:
                parsed.append(setting.kind.parse(text))
            except ValueError as error:
                raise ConfigError(f"{origin} {error}, not {text!r}") from None
        self._values[setting.name] = tuple(map(str, parsed)) if setting.repeat else parsed[0]
        self._origins[setting.name] = origin

    def put_native(self, setting: Setting, value: object, origin: str) -> None:
        """Replace one value by one that has a type already, as in a file or a keyword argument."""
        several = value if setting.repeat and isinstance(value, list | tuple) else [value]
        try:
            texts = [setting.kind.text_of(item) for item in several]
        except ValueError as error:
            raise ConfigError(f"{origin} {error}, not {value!r}") from None
        self.put(setting, texts, origin)

    def origin(self, name: str) -> str:
        """Where the value comes from: `default`, an option or a variable."""
        return self._origins[name]

    def number(self, name: str) -> int:
        """The value of a setting that is a number."""
        value = self._values[name]
        assert isinstance(value, int)
        return value

    def app(self) -> str:
        """Which application, as module:attr; a factory is written with parentheses."""
        text = self.text("app")
        is_factory = self.flag("factory") and ":" in text and not text.endswith((":", "()"))
        return text + "()" if is_factory else text

    def text(self, name: str) -> str:
        """The value of a setting that is a text."""
        value = self._values[name]
        assert isinstance(value, str)
        return value

    def flag(self, name: str) -> bool:
        """The value of a setting that is yes or no."""
        return bool(self.number(name))

    def listeners(self) -> list[ListenerSpec]:
        """The addresses, read."""
        addresses = self._values["bind"]
        assert isinstance(addresses, tuple)
        return [parse_listener(text) for text in addresses]

    def environ(self) -> dict[str, str]:
        """The variables that the operator adds to each environ."""
        pairs = self._values["wsgi_environ"]
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


def from_keywords(**values: object) -> Settings:
    """Make settings of Python values: numbers, booleans, strings, and lists of strings where a setting repeats.

    The names are those of the settings. Neither the environment nor a file is looked at.
    """
    settings = Settings()
    for name, value in values.items():
        setting = BY_NAME.get(name)
        if setting is None:
            raise ConfigError(f"unknown setting {name}{hint(name, BY_NAME)}")
        settings.put_native(setting, value, name)
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
    if not settings.listeners():
        raise ConfigError(f"{settings.origin('bind')} names no address\nLeave it out for http://127.0.0.1:8000.")
    if settings.flag("factory") and settings.text("app") and ":" not in settings.text("app"):
        raise ConfigError(
            f"{settings.origin('factory')} needs the name of the factory behind {settings.text('app')}\n"
            f"Write it like {settings.text('app')}:create_app."
        )
    if settings.number("workers") != 1:
        raise ConfigError(
            f"{settings.origin('workers')} can only be 1: this version serves with one process.\n"
            "Use --threads to work on several requests at once."
        )
    if settings.number("target_limit") > settings.number("head_limit"):
        raise ConfigError("the target limit is larger than the head limit, which includes it")
