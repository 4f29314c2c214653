"""`polydoor APP` and `polydoor run APP`: serve an application."""

from __future__ import annotations

import os
import sys

from polydoor import __version__
from polydoor.cli.arguments import parse_arguments
from polydoor.errors import ConfigError
from polydoor.settings.show import entry, options_help
from polydoor.settings.sources import gather

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from polydoor.cli.arguments import Arguments
    from polydoor.worker.apploader import LoadedApp

USAGE = "usage: polydoor APP [-b ADDRESS]... [-t N] [options]"
WIDEST = 100

EXAMPLES = """
Examples:
  polydoor shop:app                                       HTTP on 127.0.0.1:8000
  polydoor shop:app -b fastcgi+unix:/run/shop.sock        behind a web server
  polydoor shop:app -b :8000 -b scgi://127.0.0.1:4000     two doors at once

Behind an address, after a question mark and joined by &:
  mount=/shop        the app lives below this path
  allow=10.0.0.0/8   peers that may connect; may stand several times
  mode=0660          permissions of a Unix socket
  profile=nginx      whose variables to expect: generic, apache, nginx, lighttpd, haproxy, caddy
  trust-remote-user=1, stream=1, half-close=serve, and protocol=fastcgi for fd://N

Every option is also a variable: --idle-timeout is POLYDOOR_IDLE_TIMEOUT. The command line wins.
Sizes: 65536, 64K, 1G. Times: 10, 0.5, 500ms, 2m.
Exit status: 0 ok, 2 usage or configuration, 3 cannot boot, 4 no such application in the module."""


def run(argv: list[str]) -> int:
    """Serve until a signal ends it."""
    arguments = parse_arguments(argv)
    if arguments.help:
        sys.stdout.write(help_text(help_width()))
        return 0
    if arguments.version:
        sys.stdout.write(version_text())
        return 0
    if len(arguments.words) > 1:
        first, second = arguments.words[:2]
        raise ConfigError(f"one application is served, but there are two: {first} and {second}")
    return serve_arguments(arguments)


def serve_arguments(arguments: Arguments, given: Callable[[], LoadedApp] | None = None) -> int:
    """Serve the application that the arguments name, or the one that `given` returns."""
    options = dict(arguments.options)
    if arguments.words:
        options["app"] = arguments.words
    settings = gather(os.environ, options)
    if not settings.text("app") and given is None:
        raise ConfigError(f"which application?\n{USAGE}")

    from polydoor.worker.serve import say, serve  # only now: help and errors need no engine

    for text in settings.warnings:
        say(*f"warning: {text}".split("\n"))
    return serve(settings, given)


def help_text(width: int) -> str:
    """The whole help."""
    lines = [USAGE, "", "Serves a WSGI application over HTTP/1.1, FastCGI and SCGI.", ""]
    lines += entry("  APP", "module, module:attr, module:factory(), path/file.py or path/file.py:attr", width)
    lines += options_help(width)
    lines += ["", "Others:"]
    lines += entry("  -h, --help", "Show this and end.", width)
    lines += entry("  -V, --version", "Show the version and end.", width)
    return "\n".join(lines) + "\n" + EXAMPLES + "\n"


def version_text() -> str:
    """Version, interpreter and whether it has a global lock."""
    implementation = sys.implementation.name.replace("cpython", "CPython")
    python = ".".join(str(part) for part in sys.version_info[:3])
    enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    return f"polydoor {__version__} ({implementation} {python}, GIL {'on' if enabled else 'off'})\n"


def help_width() -> int:
    """As wide as the terminal, within reason."""
    try:
        return max(60, min(WIDEST, os.get_terminal_size(sys.stdout.fileno()).columns))
    except (OSError, ValueError):
        return WIDEST
