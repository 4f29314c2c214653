"""What each kind of value is, for JSON Schema and for the reference. Only loaded to write these.

A kind that is not in a table here is described as the nearest of its parents.
"""

from __future__ import annotations

from polydoor.settings.option import Choice, Count, Flag, Kind, Mode, Scaled, Word
from polydoor.settings.words import Assignment, UrlPath, Variable, Workers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from polydoor.settings.option import Setting

Schema = dict[str, object]


def schema_of(setting: Setting) -> Schema:
    """What JSON Schema says of the value in a file."""
    schema = _schema_of(setting.kind)
    if setting.repeat:
        return {"anyOf": [schema, {"type": "array", "items": schema, "minItems": int(setting.name == "bind")}]}
    return schema


def describe(kind: Kind) -> str:
    """Say in a few words what a value is."""
    if isinstance(kind, Scaled):
        word = f", or `{kind.word}`" if isinstance(kind, Count) and kind.word else ""
        return f"{kind.noun} from {kind.show(kind.low)} to {kind.show(kind.high)}{word}"
    if isinstance(kind, Choice):
        return "one of " + ", ".join(f"`{word}`" for word in kind.words)
    if isinstance(kind, Flag):
        return "yes or no"
    if isinstance(kind, Mode):
        return "permissions in octal"
    if isinstance(kind, Workers):
        return "a number of workers, `MIN:MAX`, or `auto`"
    if isinstance(kind, Variable | Assignment):
        return "NAME=VALUE"
    return "text"


def _schema_of(kind: Kind) -> Schema:
    for parent in type(kind).__mro__:
        if parent in MAKERS:
            return MAKERS[parent](kind)
    raise AssertionError(f"{type(kind).__name__} is not a Kind")


def _of_word(_kind: Kind) -> Schema:
    return {"type": "string", "minLength": 1}


def _of_url_path(_kind: Kind) -> Schema:
    return {"type": "string", "maxLength": UrlPath.longest, "pattern": r"""^/[!"$&->@-~]*[!"$&-.0->@-~]$"""}


def _of_variable(_kind: Kind) -> Schema:
    return {"type": "string", "pattern": r"^(?!wsgi\.|polydoor\.|HTTP_)[A-Za-z0-9_.]*[A-Za-z0-9][A-Za-z0-9_.]*="}


def _of_assignment(_kind: Kind) -> Schema:
    return {"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_]*=[^\u0000]*$"}


def _of_scaled(kind: Kind) -> Schema:
    """A number within the bounds, or a string with a suffix."""
    assert isinstance(kind, Scaled)
    units = sorted(filter(None, kind.suffixes), key=lambda unit: (len(unit), unit))
    letters = "|".join("".join(f"[{c}{c.upper()}]" for c in unit) for unit in units)
    number = {"type": "number", "minimum": kind.native(kind.low), "maximum": kind.native(kind.high)}
    return {"anyOf": [number, {"type": "string", "pattern": rf"^ *[0-9]+(\.[0-9]+)? *({letters})? *$"}]}


def _of_count(kind: Kind) -> Schema:
    assert isinstance(kind, Count)
    number: Schema = {"type": "integer", "minimum": kind.low, "maximum": kind.high}
    return {"anyOf": [number, {"const": kind.word}]} if kind.word else number


def _of_workers(_kind: Kind) -> Schema:
    number: Schema = {"type": "integer", "minimum": 1, "maximum": Workers.most}
    return {"anyOf": [number, {"type": "string", "pattern": r"^([0-9]+(:[0-9]+)?|auto)$"}]}


def _of_choice(kind: Kind) -> Schema:
    assert isinstance(kind, Choice)
    return {"enum": list(kind.words)}


MAKERS: dict[type, Callable[[Kind], Schema]] = {
    Kind: lambda _kind: {"type": "string"},
    Word: _of_word,
    UrlPath: _of_url_path,
    Variable: _of_variable,
    Assignment: _of_assignment,
    Scaled: _of_scaled,
    Count: _of_count,
    Workers: _of_workers,
    Choice: _of_choice,
    Flag: lambda _kind: {"type": "boolean"},
    Mode: lambda _kind: {"type": "string", "pattern": "^[0-7]{1,3}$|^0[0-7]{3}$"},
}
