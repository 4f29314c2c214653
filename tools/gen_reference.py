#!/usr/bin/env python3
"""Write docs/reference/settings.md and docs/reference/command-line.md from the table of settings and from the help.

tools/gen_reference.py            write both
tools/gen_reference.py --check    say which of them is out of date
"""

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import generated

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from polydoor.cli.main import COMMANDS, load_command  # noqa: E402
from polydoor.settings.catalog import SETTINGS  # noqa: E402
from polydoor.settings.describe import describe  # noqa: E402
from polydoor.settings.option import Setting  # noqa: E402

FOLDER = ROOT / "docs" / "reference"
WIDTH = 80
MADE = "<!-- Made by tools/gen_reference.py from the table of settings; do not edit. -->"

SETTINGS_HEAD = f"""{MADE}

# Settings

Each setting is an option of the command line, a variable of the environment and a key of the configuration file. An
unknown name, anywhere, is an error with a suggestion. `polydoor config show` prints what applies and where it comes
from; `polydoor check` says whether all is well.

## Where settings come from

What comes later wins, and replaces a value as a whole:

1. the defaults below;
2. the configuration file: the one that `--config` names, else `polydoor.toml` in the working directory, else the table
   `[tool.polydoor]` of `pyproject.toml` there;
3. the environment: `POLYDOOR_` and the name in capital letters. Several values of one variable stand behind each other
   with commas or spaces between them;
4. the command line.

`PORT` means `http://0.0.0.0:PORT` and `WEB_CONCURRENCY` means `workers`, but only where nothing above says anything of
addresses or workers. With `--host` alone, `PORT` gives the port. What Kubernetes sets for a service named `polydoor`,
such as `POLYDOOR_SERVICE_HOST`, is no setting and is passed over.

## The configuration file

```toml
app = "shop:app"
bind = ["http://127.0.0.1:8000", "fastcgi+unix:/run/shop.sock?mode=0660"]
threads = 8
idle-timeout = 75      # seconds; also "500ms" or "2m"
body-limit = "1 GiB"   # also a number of bytes
```

A key may have hyphens or underscores. A setting that may stand several times takes a list or a single string. Relative
paths, in the file as elsewhere, are meant from the working directory, not from the folder of the file. `chdir` of the
command line or the environment is entered before the file is looked for; `chdir` in the file, behind it.
`polydoor config schema` prints a JSON Schema that editors can check the file with.

## Variables for the application

`--env-file FILE` reads lines `NAME=VALUE` into the environment of the process before the application is loaded, and
`--env NAME=VALUE` sets one variable. What is set already, also by an earlier file, is kept by `--env-file` and
replaced by `--env`. In a file, `export` may stand before a name and a comment begins with `#`. Between double quotes
`\\n`, `\\t`, `\\"` and `\\\\` are understood, between single quotes only `\\'` and `\\\\`; either may go over several
lines. Nothing is expanded. A variable `POLYDOOR_...` among them counts as a setting.

## Values

A size is a number of bytes or has one of the suffixes K, M, G and T (powers of 1024): `65536`, `64K`, `64 KiB`. A
time is a number of seconds or has one of the suffixes ms, s, m and h: `10`, `0.5`, `500ms`, `2m`. An option that is
yes or no stands alone; `--factory=0` says no, a variable is `1` or `0`, and a key is `true` or `false`.

"Reloadable" says that a [reload](../guide/workers.md) takes over a new value.
"""

COMMANDS_HEAD = f"""{MADE}

# Command line

`polydoor APP` serves an application; other things are commands. `python -m polydoor` is the same as `polydoor`. Options
may stand before and behind the application, `--` ends them, and abbreviations are not guessed. The options are
described one by one in [Settings](settings.md).
"""


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or compare them."""
    return generated.run(Path(__file__).name, pages, arguments)


def stale() -> Iterator[str]:
    """Pages that are not what the table gives."""
    return generated.stale(Path(__file__).name, pages())


def pages() -> dict[Path, str]:
    """Both pages with their texts."""
    return {FOLDER / "settings.md": settings_page(), FOLDER / "command-line.md": commands_page()}


def settings_page() -> str:
    """One section for each group, one table for each setting."""
    parts = [SETTINGS_HEAD]
    for group, rows in groupby(SETTINGS, key=lambda row: row.group):
        parts.append(f"\n## {group}\n")
        parts += map(setting_section, rows)
    return "".join(parts)


def setting_section(row: Setting) -> str:
    """Everything about one setting."""
    default = row.show_default()
    spellings = [row.short, row.option, *(name for name, text in row.also.items() if text is None)]
    metavar = "" if row.kind.alone else f" {row.kind.metavar}"
    option = ", ".join(f"`{name}{metavar}`" for name in spellings if name)
    option += "".join(f", `{name}` for `{text}`" for name, text in row.also.items() if text is not None)
    fields = {
        "option": "the word `APP`" if row.name == "app" else option,
        "variable": f"`{row.variable}`",
        "key": "none" if row.only_outside else f"`{row.key}`",
        "value": describe(row.kind) + (", several times" if row.repeat else ""),
        "default": (f"`{default}`" if row.default not in ("", ()) else default) or "none",
        "reloadable": "yes" if row.reloadable else "no",
    }
    table = "".join(f"| {name} | {_cell(text)} |\n" for name, text in fields.items())
    return f"\n### {row.key}\n\n{_prose(row.text)}\n\n| | |\n| --- | --- |\n{table}"


def commands_page() -> str:
    """The help of each command."""
    parts = [COMMANDS_HEAD]
    for name in COMMANDS:
        for row in load_command(name).ROWS:
            title = row.usage.partition(" [")[0]
            parts.append(f"\n## {title}\n\n```text\n{row.help(WIDTH)}```\n")
    return "".join(parts)


def _prose(text: str) -> str:
    """The text with what a person types, such as options and addresses, between backticks."""
    words = []
    for word in text.split(" "):
        core = word.rstrip(".,;:")
        is_typed = core.startswith("--") or any(sign in core for sign in (":", "=", "()", ".py"))
        words.append(f"`{core}`{word[len(core) :]}" if is_typed and "`" not in word else word)
    return " ".join(words)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
