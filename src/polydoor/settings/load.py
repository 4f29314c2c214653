"""The values of all settings, each with its origin, from layers that are laid over one another.

A layer is what one source says: the configuration file, the environment, the command line. A later layer replaces a
value as a whole. Whoever reads a source (`tomlfile`, `envfile`, the command line in `cli`) has matched its keys to
settings already; `sources` finds the files.
"""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.settings.catalog import BY_NAME, SETTINGS
from polydoor.settings.listener import parse_listener
from polydoor.settings.suggest import hint
from polydoor.settings.words import Workers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from polydoor.settings.listener import ListenerSpec
    from polydoor.settings.option import Setting, Value

PREFIX = "POLYDOOR_"
PORT = "PORT"
CONCURRENCY = "WEB_CONCURRENCY"
FOREIGN = ("POLYDOOR_TEST_", "POLYDOOR_CGI_")  # the test suite's own knobs; the keys of the CGI stub (hosting/keys.py)
DEFAULT = "default"
RECYCLED_BY = ("max_requests", "max_lifetime", "max_memory", "max_cpu")
NEED_SUPERVISOR = ("control", "reload", "touch_reload")  # what --workers 1 is meant with
OF_COMMAND = ("user", "group", "reload", "touch_reload")  # settings that come too late once the application is loaded
LOOPBACK = ("localhost", "::1")


class Entry:
    """What one place says of one setting: texts, or a value that has a type already.

    `origin` is what `config show` says of it; `said` is how a message begins that complains.
    """

    __slots__ = ("native", "origin", "said", "setting", "texts")

    def __init__(
        self, setting: Setting, origin: str, said: str = "", *, texts: list[str] | None = None, native: object = None
    ) -> None:
        self.setting = setting
        self.origin = origin
        self.said = said or origin
        self.texts = texts
        self.native = native

    def parse(self) -> Value | tuple[str, ...]:
        """Check and return the value, or raise ConfigError."""
        setting = self.setting
        texts = self._texts_of_native() if self.texts is None else self.texts
        parsed: list[Value] = []
        for text in texts if setting.repeat else texts[-1:]:
            try:
                parsed.append(setting.kind.parse(text))
                if "\0" in text:  # in a file or from Python: no path and no environ can hold it
                    raise ValueError("needs text without NUL characters")
            except ValueError as error:
                what = "" if setting.secret else f", not {text!r}"
                raise ConfigError(f"{self.said} {error}{what}", code=codes.BAD_VALUE) from None
        return tuple(map(str, parsed)) if setting.repeat else parsed[0]

    def _texts_of_native(self) -> list[str]:
        value = self.native
        several = value if self.setting.repeat and isinstance(value, list | tuple) else [value]
        try:
            return [self.setting.kind.text_of(item) for item in several]
        except ValueError as error:
            is_of_call = self.said == self.origin
            raise ConfigError(
                f"{self.said} {error}, not {repr(value) if is_of_call else in_toml(value)}", code=codes.BAD_VALUE
            ) from None


def in_toml(value: object) -> str:
    """A value of a TOML document, as one would write it there."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(in_toml, value))}]"
    if isinstance(value, dict):
        return "a table"
    return repr(value) if isinstance(value, str) else str(value)  # a date is written as TOML has it


class Settings:
    """What applies now. Every value has been checked. `warnings` holds texts that are to be said once at start."""

    __slots__ = ("_origins", "_said", "_values", "warnings")

    def __init__(self) -> None:
        self._values: dict[str, Value | tuple[str, ...]] = {row.name: row.default for row in SETTINGS}
        self._origins = dict.fromkeys(self._values, DEFAULT)
        self._said = dict(self._origins)
        self.warnings: list[str] = []

    def lay(self, entries: list[Entry]) -> None:
        """Lay one layer over what is there: a setting that is part of another one takes its place, and the reverse."""
        said = {entry.setting.name: entry for entry in entries}
        for entry in said.values():
            whole = said.get(entry.setting.part_of)
            if whole:
                raise ConfigError(
                    f"{whole.said} and {entry.said} both say where to listen\nSay all of it with {whole.said}.",
                    code=codes.CONTRADICTION,
                )
        for entry in said.values():
            for row in SETTINGS:
                if row.part_of == entry.setting.name or row.name == entry.setting.part_of:
                    self.reset(row)
        for entry in said.values():
            self.put(entry)

    def put(self, entry: Entry) -> None:
        """Replace one value."""
        name = entry.setting.name
        self._values[name] = entry.parse()
        self._origins[name] = entry.origin
        self._said[name] = entry.said

    def reset(self, setting: Setting) -> None:
        """Go back to the default."""
        self._values[setting.name] = setting.default
        self._origins[setting.name] = self._said[setting.name] = DEFAULT

    def is_said(self, name: str) -> bool:
        """Whether anybody said anything of this setting."""
        return self._origins[name] is not DEFAULT

    def said(self, name: str) -> str:
        """How a message begins that complains of this value."""
        return self._said[name]

    def origin(self, name: str) -> str:
        """Where the value comes from: `default`, a file with a line, a variable or an option."""
        return self._origins[name]

    def value(self, name: str) -> Value | tuple[str, ...]:
        """The value of any setting."""
        return self._values[name]

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

    def texts(self, name: str) -> tuple[str, ...]:
        """The values of a setting that may stand several times."""
        values = self._values[name]
        assert isinstance(values, tuple)
        return values

    def flag(self, name: str) -> bool:
        """The value of a setting that is yes or no."""
        return bool(self.number(name))

    def place(self, name: str) -> str:
        """What to put before a message about a value that stands neither on the command line nor in a call."""
        said = self._said[name]
        return "" if said in {DEFAULT, name} or said.startswith("-") else f"{said}: "

    def spelling(self, name: str, like: str) -> str:
        """How a setting is written where somebody wrote `like`: `--threads`, or `threads` in a file or a call."""
        is_option = self._said[like].rpartition(" ")[2] not in {BY_NAME[like].key, like}
        return BY_NAME[name].option if is_option else BY_NAME[name].key

    def listeners(self) -> list[ListenerSpec]:
        """The addresses, read."""
        try:
            return [parse_listener(text) for text in self.texts("bind")]
        except ConfigError as error:
            raise ConfigError(f"{self.place('bind')}{error}", code=error.code) from None

    def workers(self) -> tuple[int, int]:
        """The least and the greatest number of worker processes."""
        text = self.text("workers")
        if text == Workers.auto:
            text = str(len(os.sched_getaffinity(0)))
        low, _, high = text.partition(":")
        return int(low), int(high or low)

    def is_supervised(self) -> bool:
        """Whether a supervisor is wanted, with workers below it."""
        return self.is_said("workers") or any(map(self.value, NEED_SUPERVISOR))

    def environ(self) -> dict[str, str]:
        """The variables that the operator adds to each environ."""
        return {name: value for name, _, value in (pair.partition("=") for pair in self.texts("wsgi_environ"))}

    def engine(self) -> dict[str, int | str | bool]:
        """What the engine is started with: sizes in bytes, times in milliseconds."""
        return {name: value for name, value in self._values.items() if not isinstance(value, tuple)}


def load(
    environ: Mapping[str, str],
    options: Mapping[str, list[str]],
    *,
    file: list[Entry] | None = None,
    places: Mapping[str, str] | None = None,
) -> Settings:
    """Lay the command line over the environment over the configuration file over the defaults.

    `places` says of a variable where it was set, if that was in a file of variables or an option.
    """
    settings = Settings()
    lay_sources(settings, environ, options, file=file or [], places=places or {})
    _lay_common_variables(settings, environ, places or {})
    _join_address(settings)
    _check_together(settings)
    return settings


def lay_sources(
    settings: Settings,
    environ: Mapping[str, str],
    options: Mapping[str, list[str]],
    *,
    file: list[Entry],
    places: Mapping[str, str],
) -> None:
    """Lay the sources over `settings`, without looking at what only all of them together show."""
    settings.lay(file)
    settings.lay(_variables(environ, places))
    rows = ((BY_NAME[name], texts) for name, texts in options.items())
    settings.lay([Entry(row, "APP" if row.name == "app" else row.option, texts=texts) for row, texts in rows])


def from_keywords(**values: object) -> Settings:
    """Make settings of Python values: numbers, booleans, strings, and lists of strings where a setting repeats.

    The names are those of the settings. Neither the environment nor a file is looked at.
    """
    for name in values:
        if name not in BY_NAME:
            raise ConfigError(f"unknown setting {name}{hint(name, BY_NAME)}", code=codes.UNKNOWN_KEY)
    settings = Settings()
    settings.lay([Entry(BY_NAME[name], name, native=value) for name, value in values.items()])
    _join_address(settings)
    _check_together(settings)
    check_one_process(settings)
    return settings


def check_one_process(settings: Settings) -> None:
    """Where another program's process serves, there is no supervisor."""
    if settings.text("control"):
        raise ConfigError(
            f"{settings.said('control')} needs a supervisor, and here the process that asks is the one that serves\n"
            "Use the command `polydoor APP`, or leave it out.",
            code=codes.ONE_PROCESS,
        )
    if settings.workers() != (1, 1):
        raise ConfigError(
            f"{settings.said('workers')} can only be 1 here: the process that asks is the one that serves.\n"
            f"Use {settings.spelling('threads', 'workers')} to work on several requests at once, or the command "
            "`polydoor APP -w N`.",
            code=codes.ONE_PROCESS,
        )
    for name in OF_COMMAND:
        if settings.is_said(name):
            raise ConfigError(
                f"{settings.said(name)} has no effect here: the application is loaded already.\n"
                "Start the program as that user and restart it by yourself, or use the command `polydoor APP`.",
                code=codes.ONE_PROCESS,
            )


def _variables(environ: Mapping[str, str], places: Mapping[str, str]) -> list[Entry]:
    """What the environment says under our own names."""
    entries = []
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable.startswith(FOREIGN) or _is_of_kubernetes(variable, text):
            continue
        place = places.get(variable)
        setting = _by_variable(variable, place)
        texts = (text.replace(",", " ").split() or [""]) if setting.repeat else [text]
        entries.append(Entry(setting, place or variable, f"{place}: {variable}" if place else variable, texts=texts))
    return entries


def _by_variable(variable: str, place: str | None) -> Setting:
    setting = BY_NAME.get(variable.removeprefix(PREFIX).lower())
    if setting is None or setting.variable != variable:
        known = [row.variable for row in SETTINGS]
        where = f"{place}: unknown variable {variable}" if place else f"unknown variable {variable} in the environment"
        raise ConfigError(f"{where}{hint(variable, known)}", code=codes.UNKNOWN_VARIABLE)
    return setting


def _is_of_kubernetes(variable: str, text: str) -> bool:
    """Kubernetes tells each container of a service `polydoor` in its namespace, by variables that we did not name."""
    rest = variable.removeprefix(PREFIX)
    return rest.startswith(("SERVICE_", "PORT_")) or (rest == "PORT" and "://" in text)


def _lay_common_variables(settings: Settings, environ: Mapping[str, str], places: Mapping[str, str]) -> None:
    """PORT and WEB_CONCURRENCY, which platforms set: they count where nobody says anything else."""

    def entry(name: str, variable: str, text: str) -> Entry:
        place = places.get(variable)
        return Entry(BY_NAME[name], place or variable, f"{place}: {variable}" if place else variable, texts=[text])

    port = environ.get(PORT)
    if port and not any(settings.is_said(name) for name in ("bind", "port", "uds", "fd")):
        settings.put(entry("port", PORT, port))
        if not settings.is_said("host"):
            settings.put(entry("host", PORT, "0.0.0.0"))  # noqa: S104 - what platforms expect
    wanted = environ.get(CONCURRENCY)
    if wanted and not settings.is_said("workers"):
        settings.put(entry("workers", CONCURRENCY, wanted))


def _join_address(settings: Settings) -> None:
    """Turn what is part of an address into addresses."""
    parts = [name for name in ("host", "port", "uds", "fd") if settings.is_said(name)]
    if not parts:
        return
    addresses = []
    if "host" in parts or "port" in parts:
        host = settings.text("host") if "host" in parts else "127.0.0.1"
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        addresses.append(f"http://{host}:{settings.number('port') if 'port' in parts else 8000}")
    if "uds" in parts:
        addresses.append(f"unix:{settings.text('uds')}")
    if "fd" in parts:
        addresses.append(f"fd://{settings.number('fd')}")
    origins = dict.fromkeys(settings.origin(name) for name in parts)
    said = dict.fromkeys(settings.said(name) for name in parts)
    settings.put(Entry(BY_NAME["bind"], ", ".join(origins), " and ".join(said), texts=addresses))
    for name in parts:
        settings.reset(BY_NAME[name])


def _check_together(settings: Settings) -> None:
    """What no single row can say."""
    if not settings.listeners():
        raise ConfigError(f"{settings.said('bind')} names no address\nLeave it out for http://127.0.0.1:8000.")
    if settings.flag("factory") and settings.text("app") and ":" not in settings.text("app"):
        raise ConfigError(
            f"{settings.said('factory')} needs the name of the factory behind {settings.text('app')}\n"
            f"Write it like {settings.text('app')}:create_app.",
            code=codes.CONTRADICTION,
        )
    if settings.flag("dev"):
        _check_dev(settings)
    _check_recycling(settings)
    low, _ = settings.workers()
    if low == 0 and not settings.number("idle_stop"):
        raise ConfigError(
            f"{settings.said('workers')} lets the last worker go, but nothing says when\n"
            f"Give {settings.spelling('idle_stop', 'workers')} a time, or begin with 1:.",
            code=codes.CONTRADICTION,
        )
    if settings.number("target_limit") > settings.number("head_limit"):
        raise ConfigError("the target limit is larger than the head limit, which includes it", code=codes.CONTRADICTION)


def _check_recycling(settings: Settings) -> None:
    """Only a supervisor can replace a worker."""
    name = next((name for name in RECYCLED_BY if settings.is_said(name) and settings.number(name)), "")
    if name and not settings.is_said("workers"):
        raise ConfigError(
            f"{settings.said(name)} is for workers, and this process would serve alone\n"
            f"Give {settings.spelling('workers', name)} a number, which may be 1.",
            code=codes.CONTRADICTION,
        )


def _check_dev(settings: Settings) -> None:
    """Source code and environ are for the developer's own machine."""
    for text, spec in zip(settings.texts("bind"), settings.listeners(), strict=True):
        host = str(spec["host"])
        if spec["kind"] == "unix" or (spec["kind"] == "tcp" and (host in LOOPBACK or host.startswith("127."))):
            continue
        raise ConfigError(
            f"{settings.said('dev')} shows source code and the environ to whoever can connect, "
            f"and {text} is not sure to be on this machine alone\n"
            "Listen on 127.0.0.1 or a Unix socket, or leave it out.",
            code=codes.DEV_EXPOSED,
        )
