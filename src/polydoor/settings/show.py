"""The settings as help text, made from the catalog."""

from __future__ import annotations

from polydoor.settings.catalog import SETTINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from polydoor.settings.option import Setting

COLUMN = 30
TIE = "\0"  # a space at which no line is broken


def wrap(text: str, width: int) -> Iterator[str]:
    """Break a text into lines; textwrap would do it too, and load `re`."""
    line = ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width:
            yield line.replace(TIE, " ")
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line.replace(TIE, " ")


def entry(left: str, text: str, width: int) -> Iterator[str]:
    """An option to the left, what it means to the right."""
    first, *rest = wrap(text, width - COLUMN)
    if len(left) + 2 > COLUMN:
        yield left
        left = ""
    yield left.ljust(COLUMN) + first
    yield from (" " * COLUMN + line for line in rest)


def options_help(width: int) -> Iterator[str]:
    """All options by group, with unit and default."""
    group = ""
    for setting in SETTINGS:
        if setting.name == "app":
            continue
        if setting.group != group:
            group = setting.group
            yield ""
            yield f"{group}:"
        yield from option_help(setting, width)


def option_help(setting: Setting, width: int) -> Iterator[str]:
    """One option with its default, if it has one."""
    default = setting.show_default()
    if default[:1].isdigit():  # a number stays with its unit
        default = default.replace(" ", TIE)
    yield from entry(_left(setting), f"{setting.text} [{default}]" if default else setting.text, width)


def _left(setting: Setting) -> str:
    value = "" if setting.kind.alone else f" {setting.kind.metavar}"
    spellings = [setting.short] if setting.short else []
    spellings += [setting.option, *(option for option, text in setting.also.items() if text is None)]
    spellings[-1] += value
    spellings += [option for option, text in setting.also.items() if text is not None]
    return f"  {', '.join(spellings)}"
