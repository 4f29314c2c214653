"""What a setting is: a name, a kind with its unit, a default and a text.

A kind turns text into a value and back, and knows the bounds. It says what it needs in half a sentence that is put
behind the place where the text stood: "--threads needs a whole number from 1 to 512".
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

Value = int | str


class Kind:
    """How one kind of value is written. The base takes any text."""

    metavar = "TEXT"
    alone: str | None = None  # the text that an option without a value stands for; None: it needs one

    def parse(self, text: str) -> Value:
        """Return the value, or raise ValueError with what is needed."""
        return text

    def text_of(self, value: object) -> str:
        """Return the text for a value of a file or of a keyword argument, which has a type already."""
        if isinstance(value, str):
            return value
        raise ValueError("needs a string")

    def native(self, value: Value) -> int | float | str:
        """Return the value as a file would have it: what `text_of` takes."""
        return value

    def show(self, value: Value) -> str:
        """Return the text that `parse` would take."""
        return str(value)


class Word(Kind):
    """Text that is not empty, shown in help by its own word."""

    def __init__(self, metavar: str, *, empty: str = "") -> None:
        self.metavar = metavar
        self.empty = empty

    def parse(self, text: str) -> Value:
        """Take any text but the empty one."""
        if not text:
            raise ValueError("needs a value that is not empty")
        return text

    def show(self, value: Value) -> str:
        """Say in words what the empty default stands for."""
        return str(value) or self.empty


class Scaled(Kind):
    """A number within bounds, with suffixes that multiply it."""

    noun = "a number"
    suffixes: Mapping[str, int] = {"": 1}
    per_unit = 1  # what the plain number 1 is multiplied with
    rounds_down = False  # what is left of a finer unit than there is: dropped, or an error

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.high = high

    def parse(self, text: str) -> Value:
        """Take digits, at most one point where the unit is finer, and a suffix."""
        value = self._scaled(text.strip())
        if value is None or not self.low <= value <= self.high:
            raise ValueError(f"needs {self.noun} from {self.show(self.low)} to {self.show(self.high)}")
        return value

    def text_of(self, value: object) -> str:
        """Take a number, or a string with a suffix."""
        if isinstance(value, float):
            return f"{value:.6f}".rstrip("0").rstrip(".")
        if isinstance(value, int | str) and not isinstance(value, bool):
            return str(value)
        raise ValueError(f"needs {self.noun}: a number or a string")

    def native(self, value: Value) -> int | float | str:
        """Whole numbers where that is exact."""
        whole, rest = divmod(int(value), self.per_unit)
        return int(value) / self.per_unit if rest else whole

    def _scaled(self, text: str) -> int | None:
        cut = len(text)
        while cut and text[cut - 1] not in "0123456789.":
            cut -= 1
        scale = self.suffixes.get(text[cut:].strip().lower())
        whole, point, part = text[:cut].partition(".")
        digits = whole + part
        if scale is None or not (digits.isascii() and digits.isdigit()) or not whole or (point and not part):
            return None
        if len(digits) > 18:
            return None
        product = int(digits) * scale
        divisor = 10 ** len(part)
        is_whole = product % divisor == 0 or (self.rounds_down and scale > 1)
        return product // divisor if is_whole else None


class Count(Scaled):
    """A whole number."""

    metavar = "N"
    noun = "a whole number"

    def __init__(self, low: int, high: int, *, word: str = "") -> None:
        super().__init__(low, high)
        self.word = word  # stands for 0, which is out of the bounds

    def parse(self, text: str) -> Value:
        """Take digits, or the word."""
        return 0 if self.word and text == self.word else super().parse(text)

    def text_of(self, value: object) -> str:
        """Take a whole number, or the word."""
        if (isinstance(value, int) and not isinstance(value, bool)) or (self.word and value == self.word):
            return str(value)
        raise ValueError(f"needs {self.noun}")

    def native(self, value: Value) -> int | float | str:
        """The number itself, or the word."""
        return self.word if self.word and value == 0 else value

    def show(self, value: Value) -> str:
        """Plain digits, or the word."""
        return str(self.native(value))


class Size(Scaled):
    """Bytes: `65536`, `64K`, `64KiB`, `1G`, and `1.3G`, which is rounded down to whole bytes."""

    metavar = "SIZE"
    noun = "a size"
    rounds_down = True
    suffixes = {  # noqa: RUF012 - never changed
        suffix: 1024**power
        for power, letter in enumerate(("", "k", "m", "g", "t"))
        for suffix in ((letter, letter + "b", letter + "ib") if letter else ("", "b"))
    }

    def show(self, value: Value) -> str:
        """Use the largest unit that divides the value."""
        rest = int(value)
        for unit in ("bytes", "KiB", "MiB", "GiB"):
            if rest == 0 or rest % 1024:
                return f"{rest} {unit}"
            rest //= 1024
        return f"{rest} TiB"


class Seconds(Scaled):
    """A time, kept in milliseconds: `10`, `0.5`, `500ms`, `2m`."""

    metavar = "SECONDS"
    noun = "a time"
    per_unit = 1000
    suffixes = {"": 1000, "s": 1000, "ms": 1, "m": 60_000, "min": 60_000, "h": 3_600_000}  # noqa: RUF012

    def show(self, value: Value) -> str:
        """Write seconds, or milliseconds below one second."""
        value = int(value)
        if value % 1000 and value < 1000:
            return f"{value} ms"
        return f"{value / 1000:g} s"


class Choice(Kind):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.metavar = "|".join(words)

    def parse(self, text: str) -> Value:
        """Take one of the words."""
        if text not in self.words:
            raise ValueError(f"needs one of {', '.join(self.words)}")
        return text


class Flag(Kind):
    """Yes or no, kept as 1 or 0."""

    metavar = "0|1"
    alone = "1"
    words: Mapping[str, int] = {"1": 1, "yes": 1, "on": 1, "true": 1, "0": 0, "no": 0, "off": 0, "false": 0}

    def parse(self, text: str) -> Value:
        """Take 1, yes, on, true and their opposites."""
        value = self.words.get(text.lower())
        if value is None:
            raise ValueError("needs 1 or 0")
        return value

    def show(self, value: Value) -> str:
        """Say on or off."""
        return "on" if value else "off"

    def text_of(self, value: object) -> str:
        """Take a boolean."""
        if isinstance(value, bool):
            return "1" if value else "0"
        raise ValueError("needs true or false")

    def native(self, value: Value) -> int | float | str:
        """A boolean."""
        return bool(value)


class Mode(Kind):
    """The permissions of a file, in octal."""

    metavar = "0660"

    def parse(self, text: str) -> Value:
        """Take up to four octal digits."""
        if not (1 <= len(text) <= 4 and set(text) <= set("01234567")) or int(text, 8) > 0o777:
            raise ValueError("needs permissions in octal, such as 0660")
        return int(text, 8)

    def native(self, value: Value) -> int | float | str:
        """A string, since TOML would take 0660 for a mistake."""
        return self.show(value)

    def show(self, value: Value) -> str:
        """Four octal digits."""
        return f"{value:04o}"


class Setting:
    """One row of the catalog; `name` gives the option, the variable and the key of a file.

    `also` holds further spellings of the option. A spelling with a text is an option without a value that stands for
    that text, `{"--no-access-log": "off"}`; one with None is another name of the option, `{"--call": None}`.
    A setting that is `part_of` another one is a way to write it: `--port` is part of `bind`. What is `secret` is
    never shown. What is not `reloadable` is used by the supervisor at the start, and then kept. `only_outside` says
    that it cannot stand in the configuration file.
    """

    __slots__ = (
        "also",
        "default",
        "group",
        "kind",
        "name",
        "only_outside",
        "part_of",
        "reloadable",
        "repeat",
        "secret",
        "short",
        "text",
    )

    def __init__(  # noqa: PLR0913 - a row of a table has as many columns as it has
        self,
        name: str,
        kind: Kind,
        default: Value | tuple[str, ...],
        text: str,
        *,
        group: str,
        short: str = "",
        also: Mapping[str, str | None] | None = None,
        repeat: bool = False,
        reloadable: bool = True,
        part_of: str = "",
        secret: bool = False,
        only_outside: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.default = default
        self.text = text
        self.group = group
        self.short = short
        self.also = also or {}
        self.repeat = repeat
        self.reloadable = reloadable
        self.part_of = part_of
        self.secret = secret
        self.only_outside = only_outside

    @property
    def option(self) -> str:
        """The long option on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "POLYDOOR_" + self.name.upper()

    @property
    def key(self) -> str:
        """The key in a file, which may also be written with underscores."""
        return self.name.replace("_", "-")

    def show_default(self) -> str:
        """The default as a person writes it."""
        if isinstance(self.default, tuple):
            return " ".join(self.default)
        return self.kind.show(self.default) if self.default != "" or isinstance(self.kind, Word) else ""
