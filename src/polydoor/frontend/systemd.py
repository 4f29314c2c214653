"""What the units of systemd are filled with: unlike a web server they concern all listeners."""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.frontend.facts import SAFE_IN_SHELL, program, repeated_options
from polydoor.settings.listener import parse_listener
from polydoor.settings.sources import current_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.frontend.template import Fact
    from polydoor.settings.load import Settings


def facts(settings: Settings, name: str) -> dict[str, Fact]:
    """One socket unit for each listener, and the service that gets all of them."""
    sockets = _sockets(settings, name)
    words = [*program(), settings.app() or "APP"]
    if settings.is_said("config") and settings.text("config"):
        words += ["-c", settings.text("config")]
    for item in sockets:
        words += ["-b", item["bind"]]
    words += repeated_options(settings, "chdir")
    control = settings.text("control")
    path = os.path.abspath(control) if control else ""
    asking = [*program(), "reload", "--control", path]
    above, _, run_folder = os.path.dirname(path).rpartition("/")
    drain = -(-(settings.number("stop_delay") + settings.number("drain_timeout")) // 1000)
    return {
        "sockets": sockets,
        "title": value(settings.app() or "APP"),
        "units": " ".join(f"{item['unit']}.socket" for item in sockets),
        "command": " ".join(map(command_word, words)),
        "supervised": settings.is_supervised(),
        "control": bool(control),
        "run_folder": value(run_folder) if above == "/run" else "",
        "reload": " ".join(map(command_word, asking)) if control else "/bin/kill -HUP $MAINPID",
        "folder": value(current_folder()),
        "stop_timeout": str(drain + 10),
    }


def value(text: str) -> str:
    """A text in a line of a unit, where % begins a specifier (systemd.unit(5))."""
    return text.replace("%", "%%")


def command_word(text: str) -> str:
    """One word of a command line, where $ and escapes count within quotes, too (systemd.service(5))."""
    if text and set(text) <= SAFE_IN_SHELL:
        return value(text)
    for sign, written in (("\\", "\\\\"), ("'", "\\'"), ("$", "$$")):
        text = text.replace(sign, written)
    return f"'{value(text)}'"


def _sockets(settings: Settings, name: str) -> list[dict[str, str]]:
    items: list[dict[str, str]] = []
    for text in settings.texts("bind"):
        spec = parse_listener(text)
        if spec["kind"] == "fd":
            told = f"{text} is a socket that is passed already\nName addresses with -b; systemd is to open them."
            raise ConfigError(told, code=codes.NO_PLACE)
        protocol = str(spec["protocol"])
        same = sum(item["protocol"] == protocol for item in items)
        label = f"{protocol}-{same + 1}" if same else protocol
        host = str(spec["host"])
        stream = (
            str(spec["path"]) if spec["kind"] == "unix" else f"{f'[{host}]' if ':' in host else host}:{spec['port']}"
        )
        query = text.partition("?")[2]
        kept = "&".join(pair for pair in query.split("&") if pair and not pair.startswith("mode="))
        mode = int(str(spec["mode"]))
        items.append(
            {
                "unit": name if len(settings.texts("bind")) == 1 else f"{name}-{label}",
                "protocol": protocol,
                "label": label,
                "stream": value(stream),
                "mode": f"{mode:04o}" if spec["kind"] == "unix" else "",
                "bind": f"fd://{label}" + (f"?{kept}" if kept else ""),
            }
        )
    return items
