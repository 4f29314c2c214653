"""The settings as `config show` prints them: every value with its origin, secrets masked; and as JSON Schema."""

from __future__ import annotations

import json

from polydoor._version import __version__
from polydoor.settings.catalog import SETTINGS
from polydoor.settings.describe import schema_of
from polydoor.settings.listener import MASK, mask_address
from polydoor.settings.option import Size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.settings.load import Settings
    from polydoor.settings.option import Setting

    Native = int | float | str | list[str]


def as_toml(settings: Settings) -> str:
    """Every setting with its origin, in a form that can be read again as polydoor.toml.

    A line that could not be read again, or would not mean the same, is a comment.
    """
    lines = ["# Every setting as it applies, with its origin behind it."]
    group = ""
    for row in SETTINGS:
        if row.part_of:
            continue
        if row.group != group:
            group = row.group
            lines += ["", f"# {group}"]
        value = shown(settings, row)
        is_masked = _is_masked(settings, row)
        mark = "# " if row.only_outside or is_masked or value == "" else ""
        origin = settings.origin(row.name) + ("; masked" if is_masked else "")
        if value == "" and row.show_default():
            origin += f": {row.show_default()}"
        lines.append(f"{mark}{row.key} = {_toml_value(row, value)}  # {_comment(origin)}")
    lines += ["", *(f"# warning: {_comment(line)}" for text in settings.warnings for line in text.split("\n"))]
    return "\n".join(lines).rstrip("\n") + "\n"


def as_json(settings: Settings) -> str:
    """The same for programs: times in seconds, sizes in bytes."""
    rows = {
        row.key: {"value": shown(settings, row), "origin": settings.origin(row.name)}
        for row in SETTINGS
        if not row.part_of
    }
    return json.dumps({"version": __version__, "settings": rows, "warnings": settings.warnings}, indent=2) + "\n"


def shown(settings: Settings, row: Setting) -> Native:
    """The value as a file would have it, without what nobody should see."""
    value = settings.value(row.name)
    if isinstance(value, tuple):
        return [_mask(row, text) for text in value]
    if isinstance(value, str) and value == row.default:
        return value
    native = row.kind.native(value)
    return _mask(row, native) if isinstance(native, str) else native


def schema() -> str:
    """JSON Schema of the configuration file."""
    properties: dict[str, object] = {}
    for row in SETTINGS:
        if row.only_outside:
            continue
        text: dict[str, object] = {"description": row.text}
        if row.default not in ("", ()):
            default = row.default
            text["default"] = list(default) if isinstance(default, tuple) else row.kind.native(default)
        properties[row.key] = text | schema_of(row)
        if row.key != row.name:
            properties[row.name] = {"$ref": f"#/properties/{row.key}"}
    together = [{"not": {"required": [row.part_of, row.key]}} for row in SETTINGS if row.part_of]
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "polydoor.toml",
        "description": f"The configuration file of Polydoor {__version__}, or [tool.polydoor] in pyproject.toml.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "allOf": together,
    }
    return json.dumps(document, indent=2) + "\n"


def _mask(row: Setting, text: str) -> str:
    if row.secret:
        name, equals, _ = text.partition("=")
        return f"{name}={MASK}" if equals else MASK
    return mask_address(text) if row.name == "bind" else text


def _is_masked(settings: Settings, row: Setting) -> bool:
    """Whether something of the value is not shown."""
    value = settings.value(row.name)
    texts = value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
    return any(text and _mask(row, text) != text for text in texts)


def _toml_value(row: Setting, value: Native) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_toml_string(item) for item in value)}]"
    if isinstance(row.kind, Size) and isinstance(value, int) and value >= 1024 and value % 1024 == 0:
        return _toml_string(row.kind.show(value))
    return _toml_string(value) if isinstance(value, str) else str(value)


def _toml_string(text: str) -> str:
    """A basic string. JSON escapes the same, but for DEL, and bytes that are not UTF-8 have no place in TOML."""
    return json.dumps(_plain(text), ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """Text on one line."""
    return "".join(char if char.isprintable() else "?" for char in _plain(text))


def _plain(text: str) -> str:
    """Text that can be written as UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
